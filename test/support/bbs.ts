import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import type { MemoryEngine } from '../../common/store/memory-engine.js';
import type { AuctionRequest } from '../../common/model/auction.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Metrics } from '../../common/ports/metrics.js';
import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, ActualLrpInstanceKey, ActualLrpKey, DesiredLrp } from '../../common/model/lrp.js';
import type { Task, TaskDefinition } from '../../common/model/task.js';
import { decode, encode, fromJson, toJson } from '../../common/wire/codec.js';
import { bbsConfig } from '../../bbs/config.js';
import type { BbsConfig } from '../../bbs/config.js';
import { openActive } from '../../bbs/controllers/active.js';
import type { Active } from '../../bbs/controllers/active.js';
import { openBusDoor } from '../../bbs/controllers/bus-door.js';
import type { World } from '../../bbs/core/convergence.js';
import type { Context, Decided, Decision } from '../../bbs/core/decision.js';
import { newUnclaimed } from '../../bbs/core/rows.js';
import { createBbsMetrics } from '../../bbs/metrics.js';
import type { Slot } from '../../bbs/core/rows.js';

export const SECOND = 1e9;
export const NOW = 1_700_000_000 * SECOND;

export const must = <T, E>(result: { ok: true; value: T } | { ok: false; error: E }): T => {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
};

export const context = (now = NOW): Context => {
  let made = 0;
  return { now, steadyNow: now, newGuid: () => `guid-${(made += 1)}`, traceId: 'trace' };
};

export const desiredLrp = (overrides: Partial<DesiredLrp> = {}): DesiredLrp => ({
  ...must(
    fromJson('DesiredLRP', {
      process_guid: 'app',
      domain: 'apps',
      rootfs: 'preloaded:cflinuxfs4',
      instances: 1,
      memory_mb: 64,
      disk_mb: 128,
      action: { run: { path: '/bin/server', user: 'vcap' } },
      metric_tags: { source_id: { static: 'app-log' } },
    }),
  ),
  ...overrides,
});

export const taskDefinition = (overrides: Partial<TaskDefinition> = {}): TaskDefinition => ({
  ...must(
    fromJson('TaskDefinition', {
      rootfs: 'preloaded:cflinuxfs4',
      memory_mb: 64,
      action: { run: { path: '/bin/true', user: 'vcap' } },
    }),
  ),
  ...overrides,
});

export const task = (overrides: Partial<Task> = {}): Task => ({
  ...taskDefinition(),
  taskGuid: 'task',
  domain: 'tasks',
  createdAt: NOW,
  updatedAt: NOW,
  firstCompletedAt: 0,
  state: 'Pending',
  cellId: '',
  result: '',
  failed: false,
  failureReason: '',
  rejectionCount: 0,
  rejectionReason: '',
  ...overrides,
});

export const KEY: ActualLrpKey = { processGuid: 'app', index: 0, domain: 'apps' };
export const ONE: ActualLrpInstanceKey = { instanceGuid: 'one', cellId: 'cell-1' };
export const TWO: ActualLrpInstanceKey = { instanceGuid: 'two', cellId: 'cell-2' };

export const netInfo = (address = '10.0.0.1') => ({
  address,
  ports: [{ containerPort: 8080, hostPort: 61_000, containerTlsProxyPort: 0, hostTlsProxyPort: 0 }],
  instanceAddress: '10.255.0.1',
  preferredAddress: 'HOST' as const,
  instanceIpv6Address: '',
});

export const startOf = (instanceKey: ActualLrpInstanceKey, key: ActualLrpKey = KEY) => ({
  key,
  instanceKey,
  netInfo: netInfo(),
  internalRoutes: [],
  metricTags: { source_id: 'app-log' },
  routable: true,
  availabilityZone: 'z1',
});

/** An UNCLAIMED row made a minute ago, with overrides. */
export const actual = (overrides: Partial<ActualLrp> = {}): ActualLrp => ({
  ...newUnclaimed(KEY, context(NOW - 60 * SECOND)),
  ...overrides,
});

export const runningOn = (instance: ActualLrpInstanceKey, overrides: Partial<ActualLrp> = {}): ActualLrp =>
  actual({
    ...instance,
    state: 'RUNNING',
    metricTags: { source_id: 'app-log' },
    routable: true,
    ...overrides,
  });

export const slotOf = (slot: Partial<Slot>): Slot => ({
  desired: desiredLrp(),
  ordinary: undefined,
  suspect: undefined,
  evacuating: undefined,
  ...slot,
});

/** A world in which every cell of the list is there and every other is gone. */
export const worldWith = (present: readonly string[], overrides: Partial<World> = {}): World => ({
  now: NOW,
  gone: (cellId) => !present.includes(cellId),
  present: (cellId) => present.includes(cellId),
  fresh: () => true,
  stale: 30 * SECOND,
  ...overrides,
});

/** What a decision leaves of the actual LRPs it was made on. */
export const rowsAfter = (rows: readonly ActualLrp[], made: Decision<unknown>): ActualLrp[] => {
  const keyOf = (row: ActualLrp): string => `${row.index}/${row.presence}`;
  const table = new Map(rows.map((row) => [keyOf(row), row]));
  for (const change of made.changes) {
    if (change.table !== 'actual_lrps') continue;
    if ('put' in change) table.set(keyOf(change.put), change.put);
    else table.delete(keyOf(change.remove));
  }
  return [...table.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
};

export const kinds = (made: Decision<unknown>): string[] => made.events.map((event) => event.kind);
export const effects = (made: Decision<unknown>): string[] => made.effects.map((effect) => effect.kind);
export const errorType = (decided: Decided<unknown> | BbsResult<unknown>): string =>
  decided.ok ? 'none' : decided.error.type;

/** Indices asked for in a decision's auction requests. */
export const auctioned = (made: Decision<unknown>): number[] =>
  made.effects.flatMap((effect) =>
    effect.kind === 'auction-lrps' ? effect.start.instances.map(({ index }) => index) : [],
  );

export const presenceValue = (cellId: string): string =>
  JSON.stringify(
    toJson('CellPresence', {
      cellId,
      repAddress: '',
      zone: 'z1',
      capacity: { memoryMb: 1024, diskMb: 1024, containers: 10 },
      rootfsProviders: [],
      placementTags: [],
      optionalPlacementTags: [],
      repUrl: '',
      annotations: {},
    }),
  );

export const presenceLease = (cellId: string, owner = `rep-of-${cellId}`) => ({
  name: `cell/${cellId}`,
  owner,
  ttlMs: 15_000,
  value: presenceValue(cellId),
});

export interface TestBoard extends Active {
  clock: FakeClock;
  bus: MemoryBus;
  /** another connection to the same bus, as a component elsewhere has */
  outside: MemoryBus;
  engine: MemoryEngine;
  logger: ReturnType<typeof createCaptureLogger>;
  config: BbsConfig;
  metrics: Metrics;
  events: BbsEvent[];
  /** auction requests that an auctioneer acknowledged */
  requests: AuctionRequest[];
  /** messages to reps: `cell.<id>.<verb>` */
  toCells: string[];
  /** every cell given renews its presence once */
  renew(...cellIds: string[]): Promise<void>;
  close(): Promise<void>;
}

interface BoardOptions {
  engine?: MemoryEngine;
  clock?: FakeClock;
  config?: Record<string, unknown>;
  converge?: boolean;
  /** false: nobody takes auction requests */
  auctioneer?: boolean;
}

/** An auctioneer that takes every request. */
export const takeAuctions = (
  bus: MemoryBus,
  onRequest: (request: AuctionRequest) => void = () => undefined,
): void => {
  bus.subscribe('auction.*', (message) => {
    const request = decode('AuctionRequest', message.payload);
    if (!message.expectsReply || !request.ok) return;
    onRequest(request.value);
    message.respond(encode('AuctionAck', { accepted: 1, dropped: [] }));
  });
};

const listenAsOthers = (
  outside: MemoryBus,
  board: Pick<TestBoard, 'requests' | 'toCells'>,
  takes: boolean,
) => {
  if (takes) takeAuctions(outside, (request) => void board.requests.push(request));
  outside.subscribe('cell.>', (message) => {
    if (message.subject.endsWith('.presence')) return;
    board.toCells.push(message.subject);
    message.respond(encode('Ack', { accepted: true, reason: '' }));
  });
};

/** The board on a memory engine, a memory bus and a clock that stands still; no HTTP. */
export const openBoard = async (options: BoardOptions = {}): Promise<TestBoard> => {
  const clock = options.clock ?? createFakeClock();
  const logger = createCaptureLogger();
  const bus = createMemoryBus({ clock });
  const outside = bus.client();
  const engine = options.engine ?? createMemoryEngine();
  const config = must(bbsConfig.parse({ listen: { socket: '/unused' }, ...options.config }, 'test'));
  const base = { config, clock, random: createSeededRandom(7), logger, bus, engine };
  const metrics = createPrometheusMetrics({ logger });
  const measured = createBbsMetrics(metrics, {
    servedMs: () => 0,
    observation: () => active.observation(),
    eventWindow: () => active.hub.window,
  });
  const active: Active = await openActive({ ...base, metrics: measured, onLost: () => undefined });
  const events: BbsEvent[] = [];
  const sent = { requests: [] as AuctionRequest[], toCells: [] as string[] };
  active.hub.subscribe('outcry', (told) => told.forEach(({ event }) => events.push(event)));
  listenAsOthers(outside, sent, options.auctioneer ?? true);
  active.presence.start();
  const closeDoor = openBusDoor({
    bus,
    logger,
    board: active.board,
    onCapacity: active.converger.reauctionSoon,
  });
  if (options.converge ?? true) active.converger.start();
  await clock.advance(0);
  return {
    ...active,
    clock,
    bus,
    outside,
    engine,
    logger,
    config,
    metrics,
    events,
    ...sent,
    async renew(...cellIds) {
      for (const cellId of cellIds) must(await active.board.acquireLease(presenceLease(cellId)));
    },
    async close() {
      closeDoor();
      await active.withdraw();
      await active.store.close();
    },
  };
};
