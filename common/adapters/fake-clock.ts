import type { Cancel, Clock } from '../ports/clock.js';
import { withoutOverlap } from './system-clock.js';

export interface FakeClock extends Clock {
  /** moves both clocks on by `ms`, running due timers in order and letting what they start settle in between */
  advance(ms: number): Promise<void>;
  /** the wall clock alone jumps, forwards or backwards, as NTP makes it; no timer runs */
  jump(ms: number): void;
  /** both clocks move on while this process does not run: what has become due comes late, with the next advance */
  oversleep(ms: number): void;
  /** timers that wait */
  pending(): number;
}

interface Timer {
  due: number;
  readonly task: () => void;
  /** ms; undefined runs once */
  readonly interval?: number;
}

/**
 * Turns of the event loop given to what a timer started. More than one, since a request over the
 * in-memory bus and its answer take a turn each.
 */
const TURNS = 6;

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Time that stands still until a test moves it. `startMs` is the wall clock's first reading. */
export const createFakeClock = (startMs = 1_700_000_000_000): FakeClock => {
  // insertion order breaks ties between timers due at the same time
  const timers = new Set<Timer>();
  let elapsed = 0;
  let offset = startMs;

  const add = (timer: Timer): Cancel => {
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  const nextDue = (limit: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.due <= limit && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  };

  const run = (timer: Timer): void => {
    timers.delete(timer);
    elapsed = Math.max(elapsed, timer.due);
    if (timer.interval !== undefined) {
      timer.due = elapsed + timer.interval;
      timers.add(timer);
    }
    timer.task();
  };

  const after = (ms: number, task: () => void): Cancel => add({ due: elapsed + Math.max(0, ms), task });

  return {
    // whole ms, as the machine tells them
    now: () => Math.floor(offset + elapsed),
    monotonic: () => elapsed,
    after,
    every(ms, task) {
      const interval = Math.max(1, ms);
      return add({ due: elapsed + interval, task: withoutOverlap(task), interval });
    },
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    async advance(ms) {
      const target = elapsed + ms;
      await settle();
      for (let timer = nextDue(target); timer; timer = nextDue(target)) {
        run(timer);
        await settle();
      }
      elapsed = Math.max(elapsed, target);
    },
    jump(ms) {
      offset += ms;
    },
    oversleep(ms) {
      elapsed += ms;
    },
    pending: () => timers.size,
  };
};
