import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { BbsConfig } from '../config.js';
import type { BbsMetrics } from '../metrics.js';
import type { BbsStore } from '../store/schema.js';
import type { Attention, Work } from './attention.js';
import { NOTHING_FOUND, sumFound, TURN_MS } from './convergence.js';
import type { Convergence, Found } from './convergence.js';
import { firstLook } from './first-look.js';

export interface PassesOptions {
  store: BbsStore;
  attention: Attention;
  convergence: Convergence;
  clock: Clock;
  random: Random;
  logger: Logger;
  config: BbsConfig;
  metrics: BbsMetrics;
  /** no slice begins any more */
  stopped(): boolean;
}

/** Slices of items whose weights add up to about `limit`. */
const sliced = function* <T>(items: Iterable<T>, weight: (item: T) => number, limit: number) {
  let slice: T[] = [];
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

/** How much more is to be done for a slot that is marked by itself than for one of a process, most of which are settled. */
const SLOT = 5;

/** Work in slices that one turn can bear, which a single process may be too large for. */
const createSlices = ({
  store,
  attention,
  config,
}: Pick<PassesOptions, 'store' | 'attention' | 'config'>) => {
  const { committed } = store;
  const limit = config.sliceRows;

  const instancesOf = (processGuid: string): number =>
    Number(committed.desired_lrps.indexedUnder(processGuid, 'instances') ?? 0);

  const weight = ({ processGuid, indices }: Work): number =>
    indices ? SLOT * indices.length : 1 + instancesOf(processGuid);

  /** Every slot of a process, desired ones first; none of it is marked any more but what a slice finds open. */
  const spelledOut = function* (processGuid: string): Generator<number> {
    attention.unmark({ processGuid });
    const instances = instancesOf(processGuid);
    for (let index = 0; index < instances; index += 1) yield index;
    const rows = committed.actual_lrps.byIndex('process', processGuid);
    for (const { index } of rows) if (index >= instances) yield index;
  };

  /** A slice may not be larger than one turn can bear, which a single process may be. */
  const split = function* (works: Iterable<Work>): Generator<Work> {
    for (const work of works) {
      if (weight(work) <= limit) yield work;
      else {
        const { processGuid, indices = spelledOut(processGuid) } = work;
        for (const piece of sliced(indices, () => SLOT, limit)) yield { processGuid, indices: piece };
      }
    }
  };

  return (works: Iterable<Work>) => sliced(split(works), weight, limit);
};

/** Step by step, a turn of others after each of its own; undefined when it was ended. */
const createLook =
  ({ store, attention, clock, stopped }: PassesOptions) =>
  async (): Promise<string[] | undefined> => {
    const steps = firstLook(store.committed, attention);
    for (let since = clock.monotonic(); ;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (clock.monotonic() - since < TURN_MS) continue;
      await clock.sleep(0);
      if (stopped()) return undefined;
      since = clock.monotonic();
    }
  };

/** Runs slice by slice, and lets requests have their turn in between. */
const createInSlices =
  ({ clock, stopped }: PassesOptions) =>
  /** False when it was ended. `run` tells how much of a slice it has done: all of it when it does not say. */
  async <T>(slices: Iterable<T[]>, run: (slice: T[]) => Promise<number | void>): Promise<boolean> => {
    let first = true;
    for (const slice of slices) {
      for (let rest = slice; rest.length > 0;) {
        // a slice without changes commits within this turn
        if (!first) await clock.sleep(0);
        if (stopped()) return false;
        first = false;
        rest = rest.slice((await run(rest)) ?? rest.length);
      }
    }
    return true;
  };

/** Passes over any number of slots or tasks, a slice per commit. */
export const createPasses = (options: PassesOptions) => {
  const { attention, convergence, clock, random, logger, config, metrics } = options;
  const slices = createSlices(options);
  const inSlices = createInSlices(options);
  const look = createLook(options);

  const taskSlices = (guids: readonly string[]) => sliced(guids, () => SLOT, config.sliceRows);

  /** Resolves with what was found wrong; undefined when the pass was ended. */
  const slots = async (traceId: string, works: Iterable<Work>, staleMs: number) => {
    let found: Found = NOTHING_FOUND;
    const isDone = await inSlices(slices(works), async (slice) => {
      const looked = await convergence.slots(traceId, slice, staleMs);
      found = sumFound(found, looked.found);
      return looked.done;
    });
    return isDone ? found : undefined;
  };

  const tasks = (traceId: string, guids: readonly string[]): Promise<boolean> =>
    inSlices(taskSlices(guids), (slice) => convergence.tasks(traceId, slice));

  const pass = async (staleMs: number, prepare?: () => Promise<void>): Promise<void> => {
    const traceId = random.uuid();
    const from = clock.monotonic();
    logger.info('convergence.starting', { traceId });
    await prepare?.();
    await convergence.domains(traceId);
    convergence.onGone().forEach(attention.mark);
    const allSlots = async (): Promise<void> => {
      const found = await slots(traceId, attention.works(), staleMs);
      if (found) metrics.convergedLrps(found, clock.monotonic() - from);
    };
    const allTasks = async (): Promise<void> => {
      if (await tasks(traceId, attention.tasks())) metrics.convergedTasks(clock.monotonic() - from);
    };
    await Promise.all([allSlots(), allTasks()]);
    logger.info('convergence.complete', { traceId, duration_ms: Math.round(clock.monotonic() - from) });
  };

  return {
    slots: (works: Iterable<Work>) => slots(random.uuid(), works, config.staleUnclaimedMs),
    tasks: (guids: readonly string[]) => tasks(random.uuid(), guids),
    /** asks again for all that has no place */
    async reauction(): Promise<void> {
      const traceId = random.uuid();
      await inSlices(slices(convergence.unplaced()), async (slice) => {
        await convergence.reauction(traceId, slice);
      });
      const guids = convergence.unplacedTasks();
      await inSlices(taskSlices(guids), async (slice) => {
        await convergence.reauctionTasks(traceId, slice);
      });
    },
    /**
     * The pass over what the store held when it was opened: whatever waited then is asked for again, however long it has
     * waited. `later` is told of the processes that are to be looked at as a whole when there is time.
     */
    first: (later: (guids: readonly string[]) => void): Promise<void> =>
      pass(-1, async () => later((await look()) ?? [])),
    all: (staleMs: number): Promise<void> => pass(staleMs),
  };
};
