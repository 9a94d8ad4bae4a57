/** `outcry up --processes`: every component, and real NATS servers, as processes of this machine. */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { decideRuntime, removeLeftovers } from '../../cell-rep/assemble.js';
import type { AskedRuntime, RuntimeChoice } from '../../cell-rep/assemble.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Member } from '../../common/runtime/group.js';
import { createGroup } from '../../common/runtime/group.js';
import { runUntilSignal } from '../../common/runtime/signals.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { privateDir } from '../all-in-one/data-dir.js';
import { chooseOwnPorts, choosePort } from '../all-in-one/ports.js';
import { apiUrl, closeTour, createShowcase, openTour, routerUrl } from '../all-in-one/show.js';
import type { Tour } from '../all-in-one/tour.js';
import { withDataDir } from '../all-in-one/with-data-dir.js';
import type { Context } from '../context.js';
import { localCellId } from '../deploy/local-cells.js';
import { createApiClient } from '../http/api-client.js';
import type { ApiClient } from '../http/api-client.js';
import { plural } from '../output.js';
import { cellsOf } from '../http/apps.js';
import { clearCells } from './clear-cells.js';
import { createPidFile, stopLeftovers } from './leftovers.js';
import type { PidFile } from './leftovers.js';
import { programsOf, writeLocalDeployment } from './local-deployment.js';
import type { LocalDeployment, LocalMesos, LocalPorts } from './local-deployment.js';
import { createSupervisor } from './supervisor.js';
import type { Supervisor } from './supervisor.js';

export interface ProcessesOptions {
  readonly dataDir: string;
  readonly once: boolean;
  readonly cells: number;
  readonly natsServers: number;
  /** of a simulated Mesos; 0 = there is none */
  readonly mesosAgents: number;
  readonly runtime: AskedRuntime;
  readonly apiPort: number | undefined;
  readonly routerPort: number | undefined;
}

/** below the data directory */
const DIR = 'processes';
const LONGEST_SOCKET = `/${DIR}/control/run/auctioneer-admin.sock`;
/** ms for a busy machine to bring all up */
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

interface ChosenPorts {
  readonly ports: LocalPorts;
  readonly mesos: LocalMesos | undefined;
}

const choosePorts = async (options: ProcessesOptions): Promise<ChosenPorts> => {
  const { routerPort, apiPort, natsServers, mesosAgents: agents } = options;
  const { router, api } = await chooseOwnPorts({ router: routerPort, api: apiPort });
  const taken = [router, api];
  const choose = async (preferred: number, what: string): Promise<number> => {
    const port = await choosePort({ asked: undefined, preferred, taken, what });
    taken.push(port);
    return port;
  };
  const nats = [];
  for (let at = 0; at < natsServers; at += 1) {
    const server = 'NATS server';
    nats.push({ client: await choose(4222 + at, server), route: await choose(6222 + at, server) });
  }
  const mesos = agents > 0 && {
    agents,
    master: await choose(5050, 'simulated Mesos master'),
    enrolment: await choose(9019, 'bridge to Mesos'),
  };
  return { ports: { router, api, nats }, mesos: mesos || undefined };
};

const tokenOf = (dir: string): string | undefined => {
  try {
    return readFileSync(join(dir, 'control', 'data', 'api', 'api-token'), 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** What is not there yet; '' = nothing: the API answers and every cell has told its state. */
const missing = async (client: ApiClient, cells: readonly string[]): Promise<string> => {
  try {
    const known = (await cellsOf(client)).filter(({ state }) => state !== null).map((cell) => cell.cell_id);
    return cells.filter((id) => !known.includes(id)).join(', ');
  } catch (error) {
    return `the API (${(error as Error).message})`;
  }
};

interface Ready {
  readonly client: ApiClient;
  readonly token: string;
}

/**
 * Waits until work can be given; START_TIMED_OUT, naming what is missing, when that takes too long. Undefined: nobody
 * waits any more.
 */
const awaitReady = async (
  context: Context,
  { dir, ports, cells }: LocalDeployment,
  isOver: () => boolean,
): Promise<Ready | undefined> => {
  const until = context.elapsed() + READY_TIMEOUT_MS;
  let lacks = 'the API';
  let token: string | undefined;
  let client: ApiClient | undefined;
  while (!isOver() && context.elapsed() < until) {
    token ??= tokenOf(dir);
    if (token !== undefined) {
      client ??= createApiClient({ url: apiUrl(ports.api), token, router: routerUrl(ports.router) });
      lacks = await missing(client, cells);
      if (lacks === '') return { client, token };
    }
    await context.sleep(POLL_MS);
  }
  await client?.close();
  if (isOver()) return undefined;
  throw new OutcryError('START_TIMED_OUT', {
    lacks,
    seconds: READY_TIMEOUT_MS / 1000,
    dir: join(dir, 'logs'),
  });
};

/** Why there are other cells than one might expect. */
const caveatOf = ({ mesos }: LocalDeployment): string =>
  mesos === undefined
    ? ''
    : `cells come and go on ${plural(mesos.agents, 'Mesos agent')} as work needs them: ` +
      "see 'npx outcry cells' and 'npx outcry mesos offers'";

interface ShowingAround {
  readonly context: Context;
  /** which runtime, and why */
  readonly runtime: string;
  readonly dataDir: string;
  readonly deployment: LocalDeployment;
  show(tour: Tour): void;
  /** it has not become ready */
  fail(error: unknown): void;
}

/**
 * The last member: waits until all is ready, tells the command line where it is, and shows that it works. It has started
 * before that, so that a signal meanwhile takes effect.
 */
const showingAround = (options: ShowingAround): Member => {
  const { context, dataDir, deployment } = options;
  let client: ApiClient | undefined;
  let stopping = false;
  let waiting: Promise<void> = Promise.resolve();
  const begin = async (): Promise<void> => {
    const ready = await awaitReady(context, deployment, () => stopping);
    if (!ready) return;
    client = ready.client;
    const { runtime } = options;
    const routerPort = deployment.ports.router;
    const caveat = caveatOf(deployment);
    options.show(openTour({ ...ready, context, dataDir, routerPort, runtime, caveat }));
  };
  return {
    name: 'tour',
    start: () => void (waiting = begin().catch(options.fail)),
    async stop() {
      stopping = true;
      await waiting;
      await closeTour(dataDir, client);
    },
  };
};

const report = (context: Context, programs: readonly { name: string }[], supervisor: Supervisor): void => {
  for (const { name } of programs) context.note(`${name.padEnd(12)} process ${supervisor.pid(name) ?? '–'}`);
};

/** NATS_SERVER_MISSING when there is none to start. */
const checkNatsServer = ({ env }: Context): void => {
  const dirs = (env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
  if (!dirs.some((dir) => existsSync(join(dir, 'nats-server')))) throw new OutcryError('NATS_SERVER_MISSING');
};

/** Leftovers end first of all: they have the ports that are chosen next. */
const prepare = async (
  context: Context,
  options: ProcessesOptions,
  { dir, pids, clock }: { dir: string; pids: PidFile; clock: Clock },
): Promise<{ deployment: LocalDeployment; choice: RuntimeChoice }> => {
  await stopLeftovers({ pids, clock });
  const cells = Array.from({ length: options.cells }, (_, index) => localCellId(index));
  const { ports, mesos } = await choosePorts(options);
  const choice = await decideRuntime({ asked: options.runtime, env: context.env, clock });
  const deployment: LocalDeployment = { dir, ports, cells, runtime: choice, mesos };
  await writeLocalDeployment(deployment);
  return { deployment, choice };
};

const run = async (context: Context, options: ProcessesOptions, dataDir: string): Promise<number> => {
  const began = context.elapsed();
  checkNatsServer(context);
  const dir = privateDir(dataDir, DIR);
  const clock = createSystemClock();
  const pids = createPidFile(join(privateDir(dir, 'run'), 'pids.json'));
  const { deployment, choice } = await prepare(context, options, { dir, pids, clock });
  const programs = programsOf(deployment);
  const supervisor = createSupervisor({ programs, clock, pids, note: context.note });
  const left = { choice, clock, logger: silentLogger };
  const clear = async (cells: readonly string[]): Promise<void> => {
    const remove = (where: { dataDir: string; cellIds: readonly string[] }) =>
      removeLeftovers({ ...left, ...where });
    for (const line of await clearCells({ dir, cells, remove })) context.note(line);
  };
  const processes: Member = {
    name: 'processes',
    async start() {
      await clear(deployment.cells);
      supervisor.start();
      report(context, programs, supervisor);
      context.note(`logs         ${join(dir, 'logs')}`);
    },
    stop: supervisor.stop,
  };
  const { finished, show, fail } = createShowcase({ once: options.once, began });
  const around = { context, runtime: choice.says, dataDir, deployment, show, fail };
  const group = createGroup([processes, showingAround(around)], silentLogger);
  try {
    const end = await runUntilSignal(group, { logger: silentLogger, until: finished });
    context.note('stopped');
    return end === 'done' || !options.once ? 0 : 130;
  } finally {
    // nobody comes back to a temporary place
    if (options.once) await clear([]);
  }
};

/** Runs all components as processes under a supervisor until a signal, or, with `once`, until all has been shown. */
export const runProcesses = (context: Context, options: ProcessesOptions): Promise<number> => {
  process.umask(0o077);
  const held = {
    dataDir: options.dataDir,
    once: options.once,
    command: 'outcry up --processes',
    longestSocket: LONGEST_SOCKET,
  };
  return withDataDir(context, held, (dataDir) => run(context, options, dataDir));
};
