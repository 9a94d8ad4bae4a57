import type { Cancel, Clock } from '../../common/ports/clock.js';

/** Has something ended after a time, unless it is cancelled; `now` is the monotonic clock's. */
export type Deadlines = (now: number, expire: () => void) => Cancel;

interface Deadline {
  /** ms, monotonic */
  readonly at: number;
  readonly expire: () => void;
}

/** Deadlines of one length, in ms: they are due in the order in which they began, so that one timer serves them all. */
export const createDeadlines = (clock: Pick<Clock, 'after' | 'monotonic'>, ms: number): Deadlines => {
  const waiting = new Set<Deadline>();
  let armed = false;

  const arm = (after: number): void => {
    armed = true;
    clock.after(after, expireDue);
  };

  const expireDue = (): void => {
    armed = false;
    const now = clock.monotonic();
    for (const deadline of waiting) {
      // timers count whole ms, and may be that much early by this clock
      if (deadline.at - now >= 1) return arm(deadline.at - now);
      waiting.delete(deadline);
      deadline.expire();
    }
  };

  return (now, expire) => {
    const deadline = { at: now + ms, expire };
    waiting.add(deadline);
    if (!armed) arm(ms);
    return () => void waiting.delete(deadline);
  };
};
