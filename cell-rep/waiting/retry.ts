import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Random } from '../../common/ports/random.js';
import { isTransient } from '../core/life-cycle.js';
import { pause } from './pause.js';

export interface RetryOptions {
  clock: Clock;
  random: Random;
  signal: AbortSignal;
  /** ms on the monotonic clock at which to give up; absent = never */
  until?: number;
}

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** ms before the n-th repetition (from 1), with a quarter of chance so that cells do not ask in step. */
export const backOff = (attempt: number, random: Random): number =>
  Math.min(FIRST_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_MS) * (0.75 + random.fraction() / 2);

export type Retried<T> = { answer: BbsResult<T>; attempts: number } | undefined;

/** Asks until the BBS gives a definite answer; undefined when interrupted or out of time. */
export const retryUntilAnswered = async <T>(
  options: RetryOptions,
  call: () => Promise<BbsResult<T>>,
): Promise<Retried<T>> => {
  const { clock, random, signal, until } = options;
  for (let attempts = 1; !signal.aborted; attempts += 1) {
    const answer = await call();
    if (answer.ok || !isTransient(answer.error)) return { answer, attempts };
    if (until !== undefined && clock.monotonic() >= until) return undefined;
    await pause(clock, backOff(attempts, random), signal);
  }
  return undefined;
};
