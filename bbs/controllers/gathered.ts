import type { Cancel, Clock } from '../../common/ports/clock.js';

export interface Gathered {
  stop(): void;
  /** false when a run is awaited already that comes no later */
  trigger(delayMs?: number): boolean;
}

export interface Timing {
  delayMs: number;
  /** from the beginning of one run to that of the next, at least */
  intervalMs: number;
  /** rests after a run for so many times as long as it took: the more there is to do, the less often */
  rest: number;
}

/** Gathers causes for `delayMs` and then runs once; one run at a time, as often as the timing allows. */
export const createGathered = (clock: Clock, run: () => Promise<void>, timing: Timing): Gathered => {
  let cancel: Cancel = () => undefined;
  /** ms, monotonic; Infinity = while one runs */
  let notBefore = -Infinity;
  /** ms, monotonic, of the run that is awaited */
  let dueAt = Infinity;

  const plan = (at: number): void => {
    cancel();
    dueAt = at;
    const startsAt = Math.max(at, notBefore);
    if (startsAt < Infinity) cancel = clock.after(Math.max(0, startsAt - clock.monotonic()), begin);
  };

  const begin = (): void => {
    dueAt = Infinity;
    notBefore = Infinity;
    const from = clock.monotonic();
    void run().finally(() => {
      const now = clock.monotonic();
      notBefore = Math.max(from + timing.intervalMs, now + timing.rest * (now - from));
      if (dueAt < Infinity) plan(dueAt);
    });
  };

  return {
    stop() {
      cancel();
      dueAt = Infinity;
    },
    trigger(delayMs = timing.delayMs) {
      const at = clock.monotonic() + delayMs;
      if (at >= dueAt) return false;
      plan(at);
      return true;
    },
  };
};
