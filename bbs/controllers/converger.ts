import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { BbsConfig } from '../config.js';
import { discrepanciesOf } from '../core/census.js';
import type { Discrepancies } from '../core/census.js';
import { convergeProcess, reauctionProcess } from '../core/convergence.js';
import type { World } from '../core/convergence.js';
import { decided } from '../core/decision.js';
import type { Context, Decided, Decision } from '../core/decision.js';
import { isFresh, pruneDomains } from '../core/domains.js';
import { convergeTask, reauctionTask } from '../core/tasks.js';
import type { BbsMetrics } from '../metrics.js';
import { WAITING } from '../store/schema.js';
import type { BbsStore, PendingTables } from '../store/schema.js';
import type { Presence } from './presence.js';
import { processAt, values } from './rows.js';
import type { Transactions } from './transactions.js';

export interface ConvergerOptions {
  store: BbsStore;
  transactions: Transactions;
  presence: Presence;
  clock: Clock;
  random: Random;
  logger: Logger;
  config: BbsConfig;
  metrics: BbsMetrics;
}

const NS_PER_MS = 1e6;

const merged = <T>(value: T, decisions: readonly Decision[]): Decided<T> =>
  decided(value, {
    changes: decisions.flatMap((one) => one.changes),
    events: decisions.flatMap((one) => one.events),
    effects: decisions.flatMap((one) => one.effects),
  });

const NONE: Discrepancies = { missing: 0, extra: 0 };

const sum = (a: Discrepancies, b: Discrepancies): Discrepancies => ({
  missing: a.missing + b.missing,
  extra: a.extra + b.extra,
});

const isRemoval = ({ changes }: Decision): boolean => changes.some((change) => 'remove' in change);

/** The single steps of convergence; each is one commit. */
export const createConvergence = (options: ConvergerOptions) => {
  const { store, transactions, presence, config, metrics } = options;
  const { committed } = store;

  const world = (tables: PendingTables, ctx: Context, staleMs: number): World => ({
    now: ctx.now,
    gone: presence.gone,
    present: presence.present,
    fresh: (domain) => isFresh(tables.domains.get(domain), ctx.steadyNow),
    stale: staleMs * NS_PER_MS,
  });

  const taskWorld = (ctx: Context) => ({
    now: ctx.now,
    lost: presence.lost,
    kick: config.kickTaskMs * NS_PER_MS,
    expireCompleted: config.expireCompletedTaskMs * NS_PER_MS,
    expirePending: config.expirePendingTaskMs * NS_PER_MS,
  });

  return {
    /** every process that is desired or has rows */
    processGuids(): string[] {
      const guids = new Set<string>(committed.actual_lrps.indexed('process'));
      for (const guid of committed.desired_lrps.keys()) guids.add(guid);
      return [...guids];
    },
    taskGuids: (): string[] => [...committed.tasks.keys()],
    /** how much work a process is in a slice */
    weight: (guid: string): number => 1 + (committed.desired_lrps.get(guid)?.instances ?? 0),
    processesOn: (cellIds: readonly string[]): string[] => [
      ...new Set(
        cellIds.flatMap((cell) =>
          [...committed.actual_lrps.byIndex('cell', cell)].map((row) => row.processGuid),
        ),
      ),
    ],
    tasksOn: (cellIds: readonly string[]): string[] =>
      cellIds.flatMap((cell) => [...committed.tasks.byIndex('cell', cell)].map((task) => task.taskGuid)),

    domains: (traceId: string) =>
      transactions.run('converge-domains', traceId, (tables, ctx) =>
        decided(undefined, { changes: pruneDomains(values(tables.domains), ctx.steadyNow) }),
      ),
    /** resolves with what was found wrong; nothing when it could not be mended */
    async processes(traceId: string, guids: readonly string[], staleMs: number): Promise<Discrepancies> {
      const result = await transactions.run('converge-lrps', traceId, (tables, ctx) => {
        const around = world(tables, ctx, staleMs);
        const all = guids.map((guid) => processAt(tables, guid));
        const found = all.map((process) => discrepanciesOf(process, around.fresh)).reduce(sum, NONE);
        return merged(
          found,
          all.map((process) => convergeProcess(process, around, ctx)),
        );
      });
      return result.ok ? result.value : NONE;
    },
    async tasks(traceId: string, guids: readonly string[]): Promise<void> {
      const result = await transactions.run('converge-tasks', traceId, (tables, ctx) => {
        const around = taskWorld(ctx);
        const converge = (guid: string): Decision | [] => {
          const task = tables.tasks.get(guid);
          return (task && convergeTask(task, around, ctx)) ?? [];
        };
        const moved = guids.flatMap(converge);
        const pruned = moved.filter(isRemoval).length;
        return merged({ pruned, kicked: moved.length - pruned }, moved);
      });
      if (result.ok) metrics.tasksConverged(result.value);
    },
    /** asks again for all that has no place; costs no task a retry */
    reauction: (traceId: string) =>
      transactions.run('reauction', traceId, (tables) => {
        const rows = [...tables.actual_lrps.byIndex('unplaced', WAITING)];
        const guids = new Set(rows.map((row) => row.processGuid));
        const tasks = [...tables.tasks.byIndex('unplaced', WAITING)].map(reauctionTask);
        const processes = [...guids].map((guid) => reauctionProcess(processAt(tables, guid)));
        return merged(undefined, [...processes, ...tasks]);
      }),
  };
};

export interface Converger {
  start(): void;
  stop(): Promise<void>;
  /** a desired index has no row: soon, together with others */
  soon(processGuid: string): void;
  /** what is on these cells, at once */
  cells(cellIds: readonly string[]): void;
  tasksOf(cellIds: readonly string[]): void;
  /** room appeared: asks again, soon, and not more often than the interval */
  reauctionSoon(): void;
  /** nobody heard a request: asks again, after longer and longer */
  reauctionLater(): void;
  heard(): void;
}

/** Gathers causes for `delayMs` and then runs once; not sooner than `intervalMs` after the last run. */
const createGathered = (clock: Clock, run: () => void, timing: { delayMs: number; intervalMs: number }) => {
  let cancel: Cancel = () => undefined;
  let lastRun = -Infinity;
  /** monotonic ms of the run that is awaited */
  let dueAt = Infinity;

  const stop = (): void => {
    cancel();
    dueAt = Infinity;
  };

  return {
    stop,
    /** false when a run is awaited already that comes no later */
    trigger(delayMs = timing.delayMs): boolean {
      const now = clock.monotonic();
      const at = Math.max(now + delayMs, lastRun + timing.intervalMs);
      if (at >= dueAt) return false;
      cancel();
      dueAt = at;
      cancel = clock.after(at - now, () => {
        dueAt = Infinity;
        lastRun = clock.monotonic();
        run();
      });
      return true;
    },
  };
};

const FIRST_RETRY_MS = 250;
/** Longest that work waits once an auctioneer is there again; short beside the lease that it had to wait for. */
const LONGEST_RETRY_MS = 5_000;

/** Slices of items whose weights add up to about `limit`. */
const sliced = function* (items: readonly string[], weight: (item: string) => number, limit: number) {
  let slice: string[] = [];
  let load = 0;
  for (const item of items) {
    slice.push(item);
    load += weight(item);
    if (load < limit) continue;
    yield slice;
    slice = [];
    load = 0;
  }
  if (slice.length > 0) yield slice;
};

/** Work under way, so that stopping waits for it; none begins once stopped. */
const createWork = (logger: Logger) => {
  const running = new Set<Promise<void>>();
  let stopped = true;
  return {
    stopped: () => stopped,
    begin(): void {
      stopped = false;
    },
    launch(work: () => Promise<unknown>): void {
      if (stopped) return;
      const run: Promise<void> = work()
        .catch((error: unknown) => logger.error('convergence.failed', { error }))
        .then(() => void running.delete(run));
      running.add(run);
    },
    async end(): Promise<void> {
      stopped = true;
      await Promise.all(running);
    },
  };
};

type Work = ReturnType<typeof createWork>;
type Convergence = ReturnType<typeof createConvergence>;

/** Passes over many rows, a slice per commit. */
const createPasses = (options: ConvergerOptions, convergence: Convergence, work: Work) => {
  const { clock, random, logger, config, metrics } = options;

  /** A slice without changes commits at once: requests must get their turn all the same. */
  const breathe = async (slice: readonly string[], all: readonly string[]): Promise<void> => {
    if (slice.length < all.length) await clock.sleep(0);
  };

  /** Resolves with what was found wrong; undefined when the pass was ended. */
  const processes = async (
    traceId: string,
    guids: readonly string[],
    staleMs: number,
  ): Promise<Discrepancies | undefined> => {
    let found = NONE;
    for (const slice of sliced(guids, convergence.weight, config.sliceRows)) {
      if (work.stopped()) return undefined;
      found = sum(found, await convergence.processes(traceId, slice, staleMs));
      await breathe(slice, guids);
    }
    return found;
  };

  const tasks = async (traceId: string, guids: readonly string[]): Promise<void> => {
    for (const slice of sliced(guids, () => 1, config.sliceRows)) {
      if (work.stopped()) return;
      await convergence.tasks(traceId, slice);
      await breathe(slice, guids);
    }
  };

  return {
    processes: (guids: readonly string[]) => processes(random.uuid(), guids, config.staleUnclaimedMs),
    tasks: (guids: readonly string[]) => tasks(random.uuid(), guids),
    async all(staleMs: number): Promise<void> {
      const traceId = random.uuid();
      const from = clock.monotonic();
      logger.info('convergence.starting', { traceId });
      await convergence.domains(traceId);
      const allProcesses = async (): Promise<void> => {
        const found = await processes(traceId, convergence.processGuids(), staleMs);
        if (found) metrics.convergedLrps(found, clock.monotonic() - from);
      };
      const allTasks = async (): Promise<void> => {
        await tasks(traceId, convergence.taskGuids());
        if (!work.stopped()) metrics.convergedTasks(clock.monotonic() - from);
      };
      await Promise.all([allProcesses(), allTasks()]);
      logger.info('convergence.complete', { traceId, duration_ms: Math.round(clock.monotonic() - from) });
    },
  };
};

/** When convergence runs: every interval, once right after becoming active, and for single processes as causes appear. */
export const createConverger = (options: ConvergerOptions): Converger => {
  const { clock, random, logger, config } = options;
  const convergence = createConvergence(options);
  const work = createWork(logger);
  const passes = createPasses(options, convergence, work);
  const due = new Set<string>();
  let cancelTimer: Cancel = () => undefined;
  let retryMs = FIRST_RETRY_MS;

  const passThenWait = async (staleMs: number): Promise<void> => {
    await passes.all(staleMs).catch((error: unknown) => logger.error('convergence.failed', { error }));
    if (work.stopped()) return;
    const next = (): void => work.launch(() => passThenWait(config.staleUnclaimedMs));
    cancelTimer = clock.after(config.convergeIntervalMs, next);
  };

  const takeDue = (): string[] => {
    const guids = [...due];
    due.clear();
    return guids;
  };

  const dueProcesses = createGathered(clock, () => work.launch(() => passes.processes(takeDue())), {
    delayMs: config.soonMs,
    intervalMs: 0,
  });
  const reauction = createGathered(clock, () => work.launch(() => convergence.reauction(random.uuid())), {
    delayMs: config.soonMs,
    intervalMs: config.reauctionIntervalMs,
  });

  return {
    start() {
      work.begin();
      // what waited when the last BBS ended is asked for again at once, however long it has waited
      work.launch(() => passThenWait(-1));
    },
    async stop() {
      cancelTimer();
      dueProcesses.stop();
      reauction.stop();
      await work.end();
    },
    soon(processGuid) {
      due.add(processGuid);
      if (!work.stopped()) dueProcesses.trigger();
    },
    cells: (cellIds) => work.launch(() => passes.processes(convergence.processesOn(cellIds))),
    tasksOf: (cellIds) => work.launch(() => passes.tasks(convergence.tasksOn(cellIds))),
    reauctionSoon() {
      if (!work.stopped()) reauction.trigger();
    },
    reauctionLater() {
      if (work.stopped() || !reauction.trigger(retryMs)) return;
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS, config.convergeIntervalMs);
    },
    heard() {
      retryMs = FIRST_RETRY_MS;
    },
  };
};
