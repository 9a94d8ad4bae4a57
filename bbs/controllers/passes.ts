import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { BbsConfig } from '../config.js';
import type { BbsMetrics } from '../metrics.js';
import type { BbsStore } from '../store/schema.js';
import type { Attention, Work } from './attention.js';
import { NOTHING_FOUND, sumFound } from './convergence.js';
import type { Convergence, Found } from './convergence.js';

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
    committed.desired_lrps.get(processGuid)?.instances ?? 0;

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

/** Passes over any number of slots or tasks, a slice per commit. */
export const createPasses = (options: PassesOptions) => {
  const { store, attention, convergence, clock, random, logger, config, metrics, stopped } = options;
  const { committed } = store;
  const slices = createSlices(options);

  /** Runs slice by slice, and lets requests have their turn in between; false when it was ended. */
  const inSlices = async <T>(
    slices: Iterable<T[]>,
    run: (slice: T[]) => Promise<unknown>,
  ): Promise<boolean> => {
    let first = true;
    for (const slice of slices) {
      // a slice without changes commits within this turn
      if (!first) await clock.sleep(0);
      if (stopped()) return false;
      first = false;
      await run(slice);
    }
    return true;
  };

  const taskSlices = (guids: readonly string[]) => sliced(guids, () => 1, config.sliceRows);

  /** Resolves with what was found wrong; undefined when the pass was ended. */
  const slots = async (traceId: string, works: Iterable<Work>, staleMs: number) => {
    let found: Found = NOTHING_FOUND;
    const isDone = await inSlices(slices(works), async (slice) => {
      found = sumFound(found, await convergence.slots(traceId, slice, staleMs));
    });
    return isDone ? found : undefined;
  };

  const tasks = (traceId: string, guids: readonly string[]): Promise<boolean> =>
    inSlices(taskSlices(guids), (slice) => convergence.tasks(traceId, slice));

  return {
    slots: (works: Iterable<Work>) => slots(random.uuid(), works, config.staleUnclaimedMs),
    tasks: (guids: readonly string[]) => tasks(random.uuid(), guids),
    /** asks again for all that has no place */
    async reauction(): Promise<void> {
      const traceId = random.uuid();
      await inSlices(slices(convergence.unplaced()), (slice) => convergence.reauction(traceId, slice));
      const guids = convergence.unplacedTasks();
      await inSlices(taskSlices(guids), (slice) => convergence.reauctionTasks(traceId, slice));
    },
    /** of what the store held when it was opened nothing is known to be settled */
    async markAll(): Promise<void> {
      const every = config.sliceRows * 4;
      const { desired_lrps, actual_lrps, tasks: allTasks } = committed;
      const processes = (guids: Iterable<string>) =>
        inSlices(
          sliced(guids, () => 1, every),
          async (slice) => {
            for (const processGuid of slice) attention.mark({ processGuid });
          },
        );
      await processes(desired_lrps.keys());
      await processes(actual_lrps.indexed('process'));
      for (const guid of allTasks.keys()) attention.markTask(guid);
    },
    async all(staleMs: number): Promise<void> {
      const traceId = random.uuid();
      const from = clock.monotonic();
      logger.info('convergence.starting', { traceId });
      await convergence.domains(traceId);
      const allSlots = async (): Promise<void> => {
        const found = await slots(traceId, attention.works(), staleMs);
        if (found) metrics.convergedLrps(found, clock.monotonic() - from);
      };
      const allTasks = async (): Promise<void> => {
        if (await tasks(traceId, attention.tasks())) metrics.convergedTasks(clock.monotonic() - from);
      };
      await Promise.all([allSlots(), allTasks()]);
      logger.info('convergence.complete', { traceId, duration_ms: Math.round(clock.monotonic() - from) });
    },
  };
};
