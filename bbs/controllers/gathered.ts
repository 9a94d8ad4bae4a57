import type { Cancel, Clock } from '../../common/ports/clock.js';

export interface Gathered {
  stop(): void;
  /** false when a run is awaited already that comes no later */
  trigger(delayMs?: number): boolean;
}

/** Gathers causes for `delayMs` and then runs once; not sooner than `intervalMs` after the last run. */
export const createGathered = (
  clock: Clock,
  run: () => void,
  timing: { delayMs: number; intervalMs: number },
): Gathered => {
  let cancel: Cancel = () => undefined;
  let lastRun = -Infinity;
  /** monotonic ms of the run that is awaited */
  let dueAt = Infinity;

  return {
    stop() {
      cancel();
      dueAt = Infinity;
    },
    trigger(delayMs = timing.delayMs) {
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
