import { join } from 'node:path';
import { assembleApi } from '../../api/assemble.js';
import { apiConfig } from '../../api/config.js';
import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { type BbsClient, createBbsClient } from '../../bbs/index.js';
import {
  type AskedRuntime,
  type RuntimeChoice,
  assembleCellRep,
  capacityPerCell,
  chooseRuntime,
  decideRuntime,
  createDownloader,
  createUploader,
  removeContainerRoot,
  removeLeftovers,
} from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { openLogFile } from '../../common/adapters/log-file.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPinoLogger } from '../../common/adapters/pino-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { BLOB_HOST } from '../../common/model/well-known.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { type Config, configError } from '../../common/runtime/config.js';
import { type Member, closingMember, createGroup } from '../../common/runtime/group.js';
import { runUntilSignal } from '../../common/runtime/signals.js';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';
import { assembleRouter } from '../../router/assemble.js';
import { routerConfig } from '../../router/config.js';
import type { Context } from '../context.js';
import { LOCAL_REGISTRIES, hostPortsShare, localCellId, localZone } from '../deploy/local-cells.js';
import { type ApiClient, createApiClient } from '../http/api-client.js';
import { privateDir } from './data-dir.js';
import { chooseOwnPorts } from './ports.js';
import { apiUrl, closeTour, createShowcase, openTour, routerUrl } from './show.js';
import type { Tour } from './tour.js';
import { withDataDir } from './with-data-dir.js';

export interface UpOptions {
  dataDir: string;
  once: boolean;
  cells: number;
  runtime: AskedRuntime;
  apiPort: number | undefined;
  routerPort: number | undefined;
}

/** What every component is given. */
interface Ground {
  clock: Clock;
  random: Random;
  logger: Logger;
  bus: Bus;
  dataDir: string;
  choice: RuntimeChoice;
}

interface Ports {
  api: number;
  router: number;
}

const LOG_FILE_BYTES = 16 * 1024 * 1024;

const compiled = <C>(config: Config<C>, raw: unknown): C => {
  const result = config.parse(raw, 'npm start');
  if (!result.ok) throw configError(result.error);
  return result.value;
};

/** `index` counts from 0; cells of one machine share its memory, disk and ports equally. */
const assembleCell = async (
  ground: Ground & { bbs: BbsClient; blobSocket: string },
  { index, cells }: { index: number; cells: number },
) => {
  const { choice, dataDir } = ground;
  const cellId = localCellId(index);
  const capacity = capacityPerCell({ cells, dir: dataDir, inOwnCgroup: choice.kind === 'process' });
  const stateDir = privateDir(dataDir, join('reps', cellId));
  const hosts = { [BLOB_HOST]: { socketPath: ground.blobSocket } };
  const downloader = createDownloader({ ...ground, cacheDir: privateDir(stateDir, 'downloads'), hosts });
  const uploader = createUploader({ ...ground, hosts });
  const config = compiled(cellRepConfig, {
    cell_id: cellId,
    cell_index: index,
    zone: localZone(index),
    memory: `${capacity.memoryMb}M`,
    disk: `${capacity.diskMb}M`,
    data_dir: stateDir,
    on_stop: 'stop-containers',
    runtime: choice.kind,
    ...(choice.kind === 'docker' && {
      docker: { engine: choice.where, stacks: choice.stacks, registries: LOCAL_REGISTRIES },
    }),
    host_ports: hostPortsShare(index, cells),
  });
  const { runtime, root } = await chooseRuntime({ ...ground, cellId, config: config.runtime });
  const { members, done } = assembleCellRep({ ...ground, config, runtime, downloader, uploader });
  return { members, done, runtime, root };
};

/** All components, ready to be started in order. */
const assembleSystem = async (
  ground: Ground,
  options: { cells: number; ports: Ports; onLost(what: string, reason: string): void },
) => {
  const { bus, clock, logger, dataDir } = ground;
  const bbsSocket = join(dataDir, 'bbs.sock');
  const blobSocket = join(dataDir, 'blobs.sock');
  const engine = createSqliteEngine({ dir: privateDir(dataDir, 'db') });
  const bbs = createBbsClient({ endpoint: { socketPath: bbsSocket }, clock, logger });
  const board = assembleBbs({
    ...ground,
    engine,
    onLost: (reason) => options.onLost('the bulletin board', reason),
    // whoever held a lease lived in this process, and the data directory's lock says that it has ended
    config: compiled(bbsConfig, { listen: { socket: bbsSocket }, forget_leases_on_start: true }),
  });
  const router = assembleRouter({
    ...ground,
    config: compiled(routerConfig, { port: options.ports.router }),
  });
  const auctioneer = assembleAuctioneer({ ...ground, bbs, config: compiled(auctioneerConfig, {}) });
  const cells = await Promise.all(
    Array.from({ length: options.cells }, (_, index) =>
      assembleCell({ ...ground, bbs, blobSocket }, { index, cells: options.cells }),
    ),
  );
  const api = assembleApi({
    ...ground,
    bbs,
    engine,
    onLost: (reason) => options.onLost('the API', reason),
    config: compiled(apiConfig, {
      listen: { port: options.ports.api },
      data_dir: dataDir,
      token_file: join(dataDir, 'token'),
      blob_listen: { socket: blobSocket },
    }),
  });
  return {
    roots: cells.flatMap(({ root }) => root ?? []),
    caveat: cells[0]?.runtime.caveat ?? '',
    token: api.token,
    members: [
      closingMember('bus', bus),
      ...board.members,
      closingMember('bbs-client', bbs),
      ...router.members,
      ...auctioneer.members,
      ...together('cells', { parts: cells, logger }),
      ...api.members,
    ],
  };
};

/** Cells start and stop side by side: each takes its time to let its containers go. */
const together = (
  name: string,
  {
    parts,
    logger,
  }: { parts: readonly { members: readonly Member[]; done: Promise<void> }[]; logger: Logger },
): Member[] => {
  const groups = parts.map(({ members, done }) => {
    const group = createGroup(members, logger);
    // an evacuated cell leaves; the others stay
    void done.then(() => group.stop());
    return group;
  });
  const stop = async (): Promise<void> => {
    await Promise.all(groups.map((group) => group.stop()));
  };
  return [
    {
      name,
      async start() {
        const outcomes = await Promise.allSettled(groups.map((group) => group.start()));
        const failed = outcomes.find((outcome) => outcome.status === 'rejected');
        if (failed === undefined) return;
        await stop();
        throw failed.reason;
      },
      stop,
    },
  ];
};

interface ShowingAround {
  context: Context;
  dataDir: string;
  ports: Ports;
  system: { caveat: string; token(): string };
  runtime: string;
  show(tour: Tour): void;
}

/** The last member: tells the command line where the system is, and shows that it works. */
const showingAround = ({ context, dataDir, ports, system, runtime, show }: ShowingAround): Member => {
  let client: ApiClient | undefined;
  return {
    name: 'tour',
    start() {
      const token = system.token();
      client = createApiClient({ url: apiUrl(ports.api), token, router: routerUrl(ports.router) });
      const { caveat } = system;
      show(openTour({ context, dataDir, client, token, routerPort: ports.router, runtime, caveat }));
    },
    stop: () => closeTour(dataDir, client),
  };
};

const run = async (context: Context, options: UpOptions, dataDir: string): Promise<number> => {
  const began = context.elapsed();
  const log = openLogFile({
    path: join(privateDir(dataDir, 'logs'), 'outcry.log'),
    maxBytes: LOG_FILE_BYTES,
  });
  const logger = createPinoLogger({ level: 'info', destination: log });
  const [clock, random] = [createSystemClock({ logger }), createSystemRandom()];
  const choice = await decideRuntime({ asked: options.runtime, env: context.env, clock });
  logger.info('runtime-chosen', { runtime: choice.says });
  const left = { dataDir, choice, clock, logger };
  const cellIds = Array.from({ length: options.cells }, (_, index) => localCellId(index));
  for (const line of await removeLeftovers({ ...left, cellIds })) context.note(line);
  const bus = createMemoryBus({ clock, logger });
  const ground: Ground = { clock, random, logger, dataDir, choice, bus };
  const ports: Ports = await chooseOwnPorts({ router: options.routerPort, api: options.apiPort });
  let lost: (error: Error) => void = () => undefined;
  const untilLost = new Promise<never>((_, reject) => (lost = reject));
  const system = await assembleSystem(ground, {
    cells: options.cells,
    ports,
    onLost: (what, reason) => lost(new Error(`${what} has lost its store: ${reason}`)),
  });
  const { finished, show } = createShowcase({ once: options.once, began });
  const last = showingAround({
    context,
    dataDir,
    ports,
    system,
    runtime: choice.says,
    show,
  });
  const group = createGroup([...system.members, last], logger);
  try {
    const end = await runUntilSignal(group, { logger, until: Promise.race([finished, untilLost]) });
    context.note('stopped');
    return end === 'done' || !options.once ? 0 : 130;
  } finally {
    // nobody comes back to a temporary place
    if (options.once) for (const line of await removeLeftovers({ ...left, cellIds: [] })) context.note(line);
    await Promise.all(system.roots.map(removeContainerRoot));
    log.close();
  }
};

/** Runs the whole system in this process until a signal, or, with `once`, until it has shown that it works. */
export const runAllInOne = (context: Context, options: UpOptions): Promise<number> => {
  // databases, sockets and logs are nobody else's to read
  process.umask(0o077);
  const held = {
    dataDir: options.dataDir,
    once: options.once,
    command: 'outcry up',
    longestSocket: '/blobs.sock',
  };
  return withDataDir(context, held, (dataDir) => run(context, options, dataDir));
};
