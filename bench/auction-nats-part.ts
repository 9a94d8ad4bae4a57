/** One process of the bench of the auction over NATS: some of its cells, the BBS, or the auctioneer; see auction-nats.ts. */
import { join } from 'node:path';
import { assembleAuctioneer } from '../auctioneer/assemble.js';
import { auctioneerConfig } from '../auctioneer/config.js';
import { assembleBbs } from '../bbs/assemble.js';
import { bbsConfig } from '../bbs/config.js';
import { lrpRequests } from '../bbs/controllers/auction-requests.js';
import { createBbsClient } from '../bbs/index.js';
import { buildCellState, buildPresence } from '../cell-rep/core/cell-state.js';
import type { CellFacts } from '../cell-rep/core/cell-state.js';
import { createLedger } from '../cell-rep/core/ledger.js';
import { createAnnouncer } from '../cell-rep/handlers/announcer.js';
import { createBusWorkSource } from '../cell-rep/handlers/bus-work-source.js';
import { createPresence } from '../cell-rep/presence/presence.js';
import { silentLogger } from '../common/adapters/capture-logger.js';
import { createNatsBus } from '../common/adapters/nats-bus.js';
import { createPrometheusMetrics } from '../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import type { Ack, LrpStart } from '../common/model/auction.js';
import type { BbsError } from '../common/model/bbs-error.js';
import { err } from '../common/model/result.js';
import { createGroup } from '../common/runtime/group.js';
import { createSqliteEngine } from '../common/store/sqlite-engine.js';
import { encode, toJson } from '../common/wire/codec.js';
import { SUBJECTS } from '../common/wire/subjects.js';
import { must } from '../test/support/bbs.js';
import { eventually } from '../test/support/eventually.js';

/** What a part is told at its start. */
export interface PartOrder {
  role: 'cells' | 'bbs' | 'auctioneer';
  servers: string;
  credentials: { user: string; password: string };
  /** where the BBS keeps its rows and listens */
  dir: string;
  /** of the cells: the first, and how many */
  first: number;
  count: number;
}

export type PartRequest =
  /** asks for a batch of so many instances */
  | { do: 'batch'; round: number; instances: number }
  /** asks for single instances, so many a second */
  | { do: 'stream'; perSecond: number; seconds: number }
  /** what was placed last is gone */
  | { do: 'release' };

export type PartReport =
  | { say: 'ready' }
  /** a batch is being asked for, at this time */
  | { say: 'asked'; at: number }
  /** of those of a stream, ms at which each was asked for */
  | { say: 'streamed'; asked: number[] }
  /** instances that the ledgers here hold beyond the first, and when the latest was booked */
  | { say: 'held'; count: number; at: number; single: [number, number][] };

const clock = createSystemClock();
const random = createSystemRandom();
const LRPS_PER_CELL = 50;
const TAKEN: Ack = { accepted: true, reason: '' };
const FOREVER_MS = 3_600_000;

/** ms, the same in all processes of the machine */
const now = (): number => performance.timeOrigin + performance.now();
const report = (message: PartReport): void => void process.send?.(message);

const busOf = ({ servers, credentials }: PartOrder, name: string) =>
  createNatsBus({ servers, name, credentials, logger: silentLogger });
type NatsBus = ReturnType<typeof busOf>;

const factsOf = (number: number): CellFacts => {
  const cellId = `cell-${String(number).padStart(5, '0')}`;
  return {
    cellId,
    cellIndex: number,
    repUrl: `https://${cellId}.cell.service.internal:1801`,
    address: 'http://127.0.0.1:1800',
    incarnation: random.uuid(),
    total: { memoryMb: 65_536, diskMb: 1_048_576 + number, containers: 250, cpuMilli: 0 },
    zone: `z${(number % 3) + 1}`,
    rootfsProviders: {
      preloaded: { type: 'fixed_set', set: ['cflinuxfs3', 'cflinuxfs4'] },
      docker: { type: 'arbitrary' },
    },
    volumeDrivers: [],
    placementTags: [],
    optionalPlacementTags: [],
    annotations: {},
    proxyMemoryMb: 0,
  };
};

const REQUEST = { domain: 'cf-apps', maxPids: 1024, cpuMilli: 0, rootfs: 'preloaded:cflinuxfs4' };
const CONSTRAINTS = { placementTags: [], volumeDrivers: [] };

const runsAlready = (cell: number, at: number) => ({
  kind: 'lrp' as const,
  guid: `instance-${cell}-${at}`,
  domain: REQUEST.domain,
  logGuid: '',
  processGuid: `running-${(cell * 7 + at * 131) % 100_000}`,
  index: at,
  placementId: `old-${cell}-${at}`,
  demand: { memoryMb: 256, diskMb: 512, containers: 1, cpuMilli: 0 },
  wanted: { maxPids: 1024, rootfs: REQUEST.rootfs, ...CONSTRAINTS },
});

/** Tells the parent what was booked here, once in each turn of the event loop. */
const createTally = () => {
  let [count, at] = [0, 0];
  let single: [number, number][] = [];
  let due = false;
  const tell = (): void => {
    due = false;
    report({ say: 'held', count, at, single });
    single = [];
  };
  return {
    booked(processGuid: string): void {
      count += 1;
      at = now();
      if (processGuid.startsWith('single-')) single.push([Number(processGuid.slice(7)), at]);
      if (!due) setImmediate(tell);
      due = true;
    },
    clear(): void {
      count = 0;
    },
  };
};

/** A rep without containers: its own subscriptions, books and announcements. */
const startCell = (number: number, bus: NatsBus, tally: ReturnType<typeof createTally>) => {
  const facts = factsOf(number);
  const { cellId, incarnation } = facts;
  const mintGuid = (): string => random.uuid().slice(0, 28);
  const ledger = createLedger({ cellId, incarnation, total: facts.total, proxyMemoryMb: 0, mintGuid });
  for (let at = 0; at < LRPS_PER_CELL; at += 1) ledger.restore(runsAlready(number, at), 'running');
  const state = () =>
    buildCellState(facts, ledger, { evacuating: false, placeable: true, version: ledger.version() });
  const source = createBusWorkSource({ cellId, bus, clock, random, logger: silentLogger });
  const announcer = createAnnouncer({ clock, source, state });
  const placed: string[] = [];
  source.start({
    state,
    perform(work, receivedAt) {
      const context = { receivedAt, now: clock.monotonic(), closed: '' };
      const { outcomes, reserved } = ledger.admit(work, context);
      for (const { guid, processGuid } of reserved) {
        placed.push(guid);
        tally.booked(processGuid);
      }
      announcer.workTaken();
      return { cellId, incarnation, outcomes };
    },
    outcome: (query) => ({
      cellId,
      incarnation,
      outcomes: ledger.outcomes(query, clock.monotonic()),
      state: state(),
    }),
    stop: () => TAKEN,
    cancel: () => TAKEN,
    update: () => TAKEN,
    evacuate: () => TAKEN,
  });
  const unavailable = err<BbsError>({
    type: 'UnknownError',
    message: 'over the bus only',
    unavailable: true,
  });
  let held: () => void;
  const present = new Promise<void>((resolve) => (held = resolve));
  createPresence({
    cellId,
    owner: cellId,
    value: JSON.stringify(toJson('CellPresence', buildPresence(facts))),
    ttlMs: FOREVER_MS,
    everyMs: FOREVER_MS / 2,
    bus,
    bbs: {
      acquireLease: () => Promise.resolve(unavailable),
      releaseLease: () => Promise.resolve(unavailable),
    },
    clock,
    logger: silentLogger,
    onChange: (status) => status === 'held' && held(),
  }).start();
  return {
    present,
    release(): void {
      for (const guid of placed.splice(0)) ledger.release(guid);
      announcer.changed();
    },
  };
};

/** Presences asked for at a time: the BBS does with each what it does with any. */
const AT_A_TIME = 500;

const runCells = async (order: PartOrder): Promise<(request: PartRequest) => void> => {
  const bus = busOf(order, `cells-${order.first}`);
  await eventually(() => bus.connected(), { timeoutMs: 20_000 });
  const tally = createTally();
  const cells: ReturnType<typeof startCell>[] = [];
  for (let at = 0; at < order.count; at += AT_A_TIME) {
    for (let one = at; one < Math.min(order.count, at + AT_A_TIME); one += 1)
      cells.push(startCell(order.first + one, bus, tally));
    await Promise.all(cells.slice(at).map(({ present }) => present));
  }
  await bus.flush();
  return (request) => {
    if (request.do !== 'release') return;
    tally.clear();
    for (const cell of cells) cell.release();
  };
};

const MEMORY_MB = [64, 128, 256, 512, 1024];
const DISK_MB = [256, 512, 1024, 2048];
const MOST_INSTANCES = 20;

/** Applications of 1 to 20 instances, so many in all; the same in every run. */
const batchOf = (round: number, instances: number): LrpStart[] => {
  const starts: LrpStart[] = [];
  for (let left = instances, app = 0; left > 0; app += 1) {
    const count = Math.min(left, 1 + ((app * 7) % MOST_INSTANCES));
    const processGuid = `app-${round}-${app}`;
    starts.push({
      ...REQUEST,
      ...CONSTRAINTS,
      processGuid,
      memoryMb: MEMORY_MB[app % MEMORY_MB.length] ?? 0,
      diskMb: DISK_MB[app % DISK_MB.length] ?? 0,
      instances: Array.from({ length: count }, (_, index) => ({
        index,
        placementId: `${processGuid}.${index}@e.0`,
      })),
    });
    left -= count;
  }
  return starts;
};

const singleOf = (number: number): LrpStart => ({
  ...REQUEST,
  ...CONSTRAINTS,
  processGuid: `single-${number}`,
  memoryMb: MEMORY_MB[number % MEMORY_MB.length] ?? 0,
  diskMb: DISK_MB[number % DISK_MB.length] ?? 0,
  instances: [{ index: 0, placementId: `single-${number}.0@e.0` }],
});

/** Asks for what is due by now, every ms or so. */
const stream = (
  ask: (start: LrpStart) => void,
  { perSecond, seconds }: { perSecond: number; seconds: number },
) => {
  const asked: number[] = [];
  const began = now();
  const turn = (): void => {
    const due = Math.min(perSecond * seconds, ((now() - began) / 1_000) * perSecond);
    while (asked.length < due) {
      asked.push(now());
      ask(singleOf(asked.length - 1));
    }
    if (asked.length < perSecond * seconds) setTimeout(turn, 1);
    else report({ say: 'streamed', asked });
  };
  turn();
};

const runBbs = async (order: PartOrder): Promise<(request: PartRequest) => void> => {
  const bus = busOf(order, 'bbs');
  const config = must(
    bbsConfig.parse({ listen: { socket: join(order.dir, 'bbs.sock') }, presence_ttl: '1h' }, 'bench'),
  );
  const engine = createSqliteEngine({ dir: join(order.dir, 'db') });
  const { members } = assembleBbs({ config, clock, random, logger: silentLogger, bus, engine });
  await createGroup(members, silentLogger).start();
  await eventually(() => bus.connected(), { timeoutMs: 20_000 });
  const ask = (starts: readonly LrpStart[]): void => {
    for (const request of lrpRequests(random.uuid(), starts))
      void bus.request(SUBJECTS.auctionLrps, encode('AuctionRequest', request), { timeoutMs: 10_000 });
  };
  return (request) => {
    if (request.do === 'stream') stream((start) => ask([start]), request);
    if (request.do !== 'batch') return;
    const starts = batchOf(request.round, request.instances);
    report({ say: 'asked', at: now() });
    ask(starts);
  };
};

const runAuctioneer = async (order: PartOrder): Promise<(request: PartRequest) => void> => {
  const bus = busOf(order, 'auctioneer');
  await eventually(() => bus.connected(), { timeoutMs: 20_000 });
  const bbs = createBbsClient({
    endpoint: { socketPath: join(order.dir, 'bbs.sock') },
    clock,
    logger: silentLogger,
  });
  const config = must(auctioneerConfig.parse({}, 'bench'));
  const metrics = createPrometheusMetrics({ logger: silentLogger });
  const auctioneer = assembleAuctioneer({ config, clock, random, logger: silentLogger, bus, bbs, metrics });
  await createGroup(auctioneer.members, silentLogger).start();
  await eventually(() => auctioneer.health().healthy, { timeoutMs: 20_000 });
  return () => undefined;
};

const RUN = { cells: runCells, bbs: runBbs, auctioneer: runAuctioneer };

process.once('message', (order: PartOrder) => {
  void RUN[order.role](order).then((serve) => {
    process.on('message', serve);
    report({ say: 'ready' });
  });
});
process.on('disconnect', () => process.exit(0));
