import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';

/** Longest delay of a Node timer; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

const wait = (ms: number, task: () => void, keepAlive: boolean): Cancel => {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const slice = Math.min(left, LONGEST_MS);
    timer = setTimeout(() => (left > slice ? arm(left - slice) : task()), slice);
    if (!keepAlive) timer.unref();
  };
  arm(ms);
  return () => clearTimeout(timer);
};

/**
 * Wraps a repeated task so that a run is skipped while the one before is pending. A task that throws or
 * rejects is a defect: `onFailure` hears of it, else it surfaces as an unhandled rejection. It does not stop the
 * repetition by itself.
 */
export const withoutOverlap = (
  task: () => void | Promise<void>,
  onFailure?: (error: unknown) => void,
): (() => void) => {
  let running = false;
  const run = async (): Promise<void> => {
    running = true;
    try {
      await task();
    } finally {
      running = false;
    }
  };
  return () => {
    if (running) return;
    const done = run();
    if (onFailure) done.catch(onFailure);
  };
};

/**
 * The machine's clocks. `after` and `every` never keep the process alive on their own; `sleep` does,
 * because somebody waits for it. With a logger, a repeated task that fails is logged and repeated all the same;
 * without one its failure ends the process.
 */
export const createSystemClock = ({ logger }: { logger?: Logger } = {}): Clock => ({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, task) => wait(ms, task, false),
  every(ms, task) {
    const onFailure = logger && ((error: unknown) => logger.error('repeated-task-failed', { error }));
    const timer = setInterval(withoutOverlap(task, onFailure), Math.min(ms, LONGEST_MS)).unref();
    return () => clearInterval(timer);
  },
  // a timer of 0 ms takes one, which is long for whoever only lets others have their turn
  sleep: (ms) => new Promise((resolve) => void (ms > 0 ? wait(ms, resolve, true) : setImmediate(resolve))),
});
