/** The whole system as processes of its own, started and killed one by one, as `outcry up --processes` writes it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Client } from 'undici';
import { createBbsClient } from '../../bbs/index.js';
import type { BbsClient } from '../../bbs/index.js';
import { removeLeftovers } from '../../cell-rep/runtimes/leftovers.js';
import { localCellId } from '../../cli/deploy/local-cells.js';
import { programsOf, writeLocalDeployment } from '../../cli/processes/local-deployment.js';
import type { LocalDeployment } from '../../cli/processes/local-deployment.js';
import { STACK } from '../../common/model/well-known.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { Endpoint } from '../../common/runtime/endpoint.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { eventually } from './eventually.js';
import { freePorts } from './nats-server.js';
import type { Ended } from './one-process.js';

export interface ProcessesOptions {
  cells: number;
  natsServers: number;
  /** how long a cell counts as there unheard; Diego's 15 s when absent */
  presenceTtlMs?: number;
  /** absent: the process runtime */
  docker?: { socketPath: string; image: string };
  /** absent: there is no simulated Mesos */
  mesos?: { agents: number; zones?: number };
  /** put into the configurations of these */
  bbs?: Record<string, unknown>;
  auctioneer?: Record<string, unknown>;
  bridge?: Record<string, unknown>;
  cell?: Record<string, unknown>;
  /** changes what has been written, before anything starts; where the BBS is found then */
  prepare?: (dir: string) => Promise<Endpoint>;
  /** what is run for a component, in the place of its own words */
  command?: (name: string, words: readonly string[]) => readonly string[];
}

export interface ProcessSystem {
  readonly dir: string;
  /** of the control plane and the cells, without the NATS servers; in the order of starting */
  readonly components: readonly string[];
  readonly natsServers: readonly string[];
  readonly cells: readonly string[];
  readonly endpoint: { api: string; router: string };
  readonly bbs: BbsClient;
  readonly presenceTtlMs: number;
  start(name: string): void;
  /** another component beside those that have been written, configured by that file; not started yet */
  add(name: string, file: string): void;
  /** of a component that runs */
  pid(name: string): number;
  /** sends the signal and waits for the end */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** sends a signal that does not end a process */
  signal(name: string, signal: NodeJS.Signals): void;
  /** the API answers and these cells (all when absent) tell their states */
  ready(cells?: readonly string[]): Promise<void>;
  /** environment in which the command line finds it */
  env(): Record<string, string>;
  /** runs one command of the command line, which must succeed; what it printed */
  outcry(...args: string[]): Promise<string>;
  /** … and may fail */
  tryOutcry(...args: string[]): Promise<Ended>;
  /** what a component says of itself */
  health(name: string): Promise<{ healthy: boolean; reason: string }>;
  /** what a component has logged with that event */
  logged(name: string, event: string): Record<string, unknown>[];
  /** every defect that anything has logged or printed: there must be none */
  defects(): string[];
  close(): Promise<void>;
}

/** as the configurations' default */
const PRESENCE_TTL_MS = 15_000;

const OUTCRY = join(packageRoot(), 'cli/bin/outcry.mjs');

const run = (args: string[], env: Record<string, string>): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [OUTCRY, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => (output += String(bytes)));
    child.on('close', (code) => resolve({ code, output }));
  });

const linesOf = (file: string): Record<string, unknown>[] => {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

/** Events that tell of a mistake of ours, whatever has been killed. */
const DEFECT =
  /denied|panic|unhandled|-threw$|handler-failed|repeated-task-failed|unreadable|(^|\.)request-failed$/;

const deploymentOf = async (dir: string, options: ProcessesOptions): Promise<LocalDeployment> => {
  const ports = await freePorts(4 + 2 * options.natsServers);
  const take = (): number => ports.pop() ?? 0;
  const ttl = options.presenceTtlMs;
  return {
    dir,
    ports: {
      api: take(),
      router: take(),
      nats: Array.from({ length: options.natsServers }, () => ({ client: take(), route: take() })),
    },
    cells: Array.from({ length: options.cells }, (_, index) => localCellId(index)),
    runtime: options.docker
      ? { kind: 'docker', where: options.docker.socketPath, stacks: { [STACK]: options.docker.image } }
      : { kind: 'process' },
    ...(options.mesos && { mesos: { ...options.mesos, master: take(), enrolment: take() } }),
    extra: {
      auctioneer: options.auctioneer ?? {},
      'mesos-bridge': options.bridge ?? {},
      bbs: { ...(ttl !== undefined && { presence_ttl: ttl }), ...options.bbs },
      cell: {
        ...(ttl !== undefined && { presence_ttl: ttl, presence_interval: Math.floor(ttl / 3) }),
        ...options.cell,
      },
    },
  };
};

/** Starts nothing yet. */
export const createProcessSystem = async (options: ProcessesOptions): Promise<ProcessSystem> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-p-'));
  const deployment = await deploymentOf(dir, options);
  await writeLocalDeployment(deployment);
  const bbsEndpoint = await options.prepare?.(dir);
  const programs = programsOf(deployment);
  const children = new Map<string, ChildProcess>();
  const said = new Map<string, string>();
  const { api, router } = deployment.ports;
  const endpoint = { api: `http://127.0.0.1:${api}`, router: `http://127.0.0.1:${router}` };
  const bbs = createBbsClient({
    endpoint: bbsEndpoint ?? { socketPath: join(dir, 'control/run/bbs.sock') },
    clock: createSystemClock(),
    logger: silentLogger,
  });

  const env = (): Record<string, string> => ({
    OUTCRY_API: endpoint.api,
    OUTCRY_TOKEN: readFileSync(join(dir, 'control/data/api/api-token'), 'utf8').trim(),
  });

  const start = (name: string): void => {
    const program = programs.find((one) => one.name === name);
    if (!program) throw new Error(`no program ${name}`);
    const own = [program.command, ...program.args];
    const [command = '', ...args] = options.command?.(name, own) ?? own;
    const child = spawn(command, args, {
      cwd: program.cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (bytes: Buffer) => said.set(name, (said.get(name) ?? '') + String(bytes)));
    children.set(name, child);
  };

  const kill = async (name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const child = children.get(name);
    children.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };

  const system: ProcessSystem = {
    dir,
    components: programs.map(({ name }) => name).filter((name) => !name.startsWith('nats-')),
    natsServers: programs.map(({ name }) => name).filter((name) => name.startsWith('nats-')),
    cells: deployment.cells,
    endpoint,
    bbs,
    presenceTtlMs: options.presenceTtlMs ?? PRESENCE_TTL_MS,
    start,
    env,
    add(name, file) {
      const component = basename(file, '.yml');
      const args = [OUTCRY, component, '--config', file];
      programs.push({
        name,
        kind: component,
        command: process.execPath,
        args,
        cwd: dirname(file),
        graceMs: 0,
        adopts: component === 'cell',
      });
    },
    kill,
    pid(name) {
      const pid = children.get(name)?.pid;
      if (pid === undefined) throw new Error(`${name} does not run`);
      return pid;
    },
    signal: (name, signal) => void children.get(name)?.kill(signal),
    ready: async (cells = deployment.cells) => {
      await eventually(
        async () => {
          const { code, output } = await system.tryOutcry('cells');
          return (
            code === 0 && !output.includes('does not answer') && cells.every((id) => output.includes(id))
          );
        },
        { timeoutMs: 60_000, what: `the API answers and ${cells.join(', ')} are there` },
      );
    },
    tryOutcry: async (...args) => run(args, env()),
    async outcry(...args) {
      const { code, output } = await run(args, env());
      if (code !== 0) throw new Error(`outcry ${args.join(' ')}: ${code}\n${output}`);
      return output;
    },
    async health(name) {
      const home = programs.find((one) => one.name === name)?.cwd ?? '';
      const socketPath = join(home, 'run', `${name}-admin.sock`);
      const asked = new Client('http://admin', { socketPath });
      try {
        const { body } = await asked.request({ path: '/health', method: 'GET' });
        return (await body.json()) as { healthy: boolean; reason: string };
      } finally {
        await asked.destroy();
      }
    },
    logged: (name, event) =>
      linesOf(join(dir, 'logs', `${name}.log`)).filter((line) => line['event'] === event),
    defects: () => [
      ...readdirSync(join(dir, 'logs'))
        .filter((file) => file.endsWith('.log') && !file.startsWith('nats-'))
        .flatMap((file) => linesOf(join(dir, 'logs', file)).map((line) => ({ file, ...line })))
        .filter((line: Record<string, unknown>) => DEFECT.test(String(line['event'])))
        .map((line) => JSON.stringify(line)),
      ...[...said]
        // which tell people what they are
        .filter(([name]) => name !== 'mesos' && !name.startsWith('nats-'))
        .map(([name, text]) => `${name} said: ${text}`),
    ],
    async close() {
      await bbs.close();
      for (const { name } of [...programs].reverse()) {
        children.get(name)?.kill('SIGCONT');
        await kill(name, 'SIGTERM');
      }
      // reps leave their containers running
      const choice = { kind: 'process', says: '' } as const;
      for (const cellId of deployment.cells) {
        const dataDir = join(dir, cellId, 'data');
        await removeLeftovers({
          dataDir,
          cellIds: [],
          choice,
          clock: createSystemClock(),
          logger: silentLogger,
        });
      }
      await rm(dir, { recursive: true, force: true });
    },
  };
  return system;
};

/** Starts everything and waits until work can be given. */
export const startProcessSystem = async (options: ProcessesOptions): Promise<ProcessSystem> => {
  const system = await createProcessSystem(options);
  try {
    for (const name of [...system.natsServers, ...system.components]) system.start(name);
    await system.ready();
    return system;
  } catch (error) {
    const defects = system.defects().join('\n');
    await system.close();
    throw new Error(`${(error as Error).message}\n${defects}`, { cause: error });
  }
};
