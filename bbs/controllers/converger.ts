import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { Attention } from './attention.js';
import { createAttention } from './attention.js';
import { createConvergence } from './convergence.js';
import type { ConvergenceOptions } from './convergence.js';
import { createGathered } from './gathered.js';
import { createPasses } from './passes.js';

export interface ConvergerOptions extends Omit<ConvergenceOptions, 'attention'> {
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface Converger extends Pick<Attention, 'follow'> {
  start(): void;
  stop(): Promise<void>;
  /** a desired index has no row: soon, together with others */
  soon(processGuid: string, index: number): void;
  /** what is on these cells, at once */
  cells(cellIds: readonly string[]): void;
  tasksOf(cellIds: readonly string[]): void;
  /** room appeared: asks again, soon, and not more often than the interval */
  reauctionSoon(): void;
  /** nobody heard a request: asks again, after longer and longer */
  reauctionLater(): void;
  heard(): void;
}

const FIRST_RETRY_MS = 250;
/** Longest that work waits once an auctioneer is there again; short beside the lease that it had to wait for. */
const LONGEST_RETRY_MS = 5_000;

/** Processes of the start that are looked at as a whole between two rests: some ms. */
const LATER_AT_ONCE = 40;
/** A rest is so many times as long as the look, or the round of asking again, before it, and no shorter than so many ms. */
const REST = 4;
const LEAST_REST_MS = 5;

/** Work under way, so that stopping waits for it; none begins once stopped. */
const createRuns = (logger: Logger) => {
  const running = new Set<Promise<void>>();
  let stopped = true;
  return {
    stopped: () => stopped,
    begin(): void {
      stopped = false;
    },
    launch(work: () => Promise<unknown>): Promise<void> {
      if (stopped) return Promise.resolve();
      const run: Promise<void> = work()
        .catch((error: unknown) => logger.error('convergence.failed', { error }))
        .then(() => void running.delete(run));
      running.add(run);
      return run;
    },
    async end(): Promise<void> {
      stopped = true;
      await Promise.all(running);
    },
  };
};

/** When convergence runs: every interval, once right after becoming active, and for single slots as causes appear. */
export const createConverger = (options: ConvergerOptions): Converger => {
  const { clock, logger, config } = options;
  const attention = createAttention();
  const convergence = createConvergence({ ...options, attention });
  const runs = createRuns(logger);
  const passes = createPasses({ ...options, attention, convergence, stopped: runs.stopped });
  const due = createAttention();
  let cancelTimer: Cancel = () => undefined;
  let cancelLater: Cancel = () => undefined;
  let retryMs = FIRST_RETRY_MS;

  const failed = (error: unknown): void => logger.error('convergence.failed', { error });

  const waitThenPass = (): void => {
    if (runs.stopped()) return;
    cancelTimer = clock.after(config.convergeIntervalMs, () =>
      runs.launch(() => passes.all(config.staleUnclaimedMs).catch(failed).then(waitThenPass)),
    );
  };

  /** What seemed to be settled at the start is looked at as a whole by and by: most of the time is left to others. */
  const lookAt = async (guids: readonly string[]): Promise<void> => {
    const from = clock.monotonic();
    await passes.slots(guids.slice(0, LATER_AT_ONCE).map((processGuid) => ({ processGuid })));
    lookLater(guids.slice(LATER_AT_ONCE), clock.monotonic() - from);
  };

  const lookLater = (guids: readonly string[], tookMs: number): void => {
    if (runs.stopped() || guids.length === 0) return;
    cancelLater = clock.after(LEAST_REST_MS + REST * tookMs, () => runs.launch(() => lookAt(guids)));
  };

  const firstPass = async (): Promise<void> => {
    let later: readonly string[] = [];
    await passes.first((guids) => (later = guids)).catch(failed);
    lookLater(later, 0);
    waitThenPass();
  };

  const takeDue = () => {
    const works = [...due.works()];
    works.forEach(due.unmark);
    return works;
  };

  const dueSlots = createGathered(clock, async () => void runs.launch(() => passes.slots(takeDue())), {
    delayMs: config.soonMs,
    intervalMs: 0,
    rest: 0,
  });
  const reauction = createGathered(clock, () => runs.launch(passes.reauction), {
    delayMs: config.soonMs,
    intervalMs: config.reauctionIntervalMs,
    rest: REST,
  });

  return {
    follow: attention.follow,
    start() {
      runs.begin();
      runs.launch(firstPass);
    },
    async stop() {
      cancelTimer();
      cancelLater();
      dueSlots.stop();
      reauction.stop();
      await runs.end();
    },
    soon(processGuid, index) {
      due.mark({ processGuid, indices: [index] });
      if (!runs.stopped()) dueSlots.trigger();
    },
    cells: (cellIds) => runs.launch(() => passes.slots(convergence.on(cellIds))),
    tasksOf: (cellIds) => runs.launch(() => passes.tasks(convergence.tasksOn(cellIds))),
    reauctionSoon() {
      if (!runs.stopped()) reauction.trigger();
    },
    reauctionLater() {
      if (runs.stopped() || !reauction.trigger(retryMs)) return;
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS, config.convergeIntervalMs);
    },
    heard() {
      retryMs = FIRST_RETRY_MS;
    },
  };
};
