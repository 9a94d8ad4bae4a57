import type { ActualLrp, Nanoseconds } from '../../common/model/lrp.js';

const SECOND: Nanoseconds = 1e9;
/** Running longer than this, an instance starts counting its crashes anew. */
export const CRASH_RESET: Nanoseconds = 5 * 60 * SECOND;
export const IMMEDIATE_RESTARTS = 3;
export const MAX_CRASHES = 200;
const BACKOFF: Nanoseconds = 30 * SECOND;
const MAX_BACKOFF_EXPONENT = 5;
const MAX_BACKOFF: Nanoseconds = 16 * 60 * SECOND;

/** The count after one more crash. The time it ran is taken from `since`, as Diego does: any later change restarts it. */
export const nextCrashCount = (row: ActualLrp, now: Nanoseconds): number =>
  row.state === 'RUNNING' && now - row.since > CRASH_RESET ? 1 : row.crashCount + 1;

export const restartsAtOnce = (crashCount: number): boolean => crashCount < IMMEDIATE_RESTARTS;

/** ns to wait after the crash with that count: 30 s, 1, 2, 4, 8, 16 min, then 16 min. */
export const crashBackoff = (crashCount: number): Nanoseconds =>
  restartsAtOnce(crashCount)
    ? 0
    : Math.min(MAX_BACKOFF, BACKOFF * 2 ** Math.min(MAX_BACKOFF_EXPONENT, crashCount - IMMEDIATE_RESTARTS));

/** Time since then. A clock that was set back says nothing of it: it counts as long ago, so that nothing waits for the clock. */
export const timeSince = (since: Nanoseconds, now: Nanoseconds): Nanoseconds =>
  now < since ? Infinity : now - since;

/** Whether a CRASHED row may be started again now. */
export const isRestartable = (row: ActualLrp, now: Nanoseconds): boolean =>
  row.crashCount < MAX_CRASHES && timeSince(row.since, now) >= crashBackoff(row.crashCount);
