/** Cancels what it was given for; calling it again does nothing. */
export type Cancel = () => void;

/** Time as everything here sees it: handed in, so that tests move it by hand. */
export interface Clock {
  /** ms since the Unix epoch; may jump */
  now(): number;
  /** ms on a monotonic clock; leases and durations run on this one */
  monotonic(): number;
  /** runs `task` once after `ms`; never keeps the process alive on its own */
  after(ms: number, task: () => void): Cancel;
  /** runs `task` every `ms`; a run is skipped while its promise is pending */
  every(ms: number, task: () => void | Promise<void>): Cancel;
  /** resolves after `ms`; after 0 as soon as what waits for its turn has had it */
  sleep(ms: number): Promise<void>;
}
