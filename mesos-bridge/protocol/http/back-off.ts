import type { Random } from '../../../common/ports/random.js';

export interface BackOff {
  /** ms before the next attempt */
  next(): number;
  /** the next one is the first again */
  reset(): void;
}

export interface BackOffOptions {
  random: Random;
  /** ms of the first wait at most; doubled each time */
  firstMs: number;
  /** ms at most */
  maxMs: number;
}

/** Waits that double, each a random part of between a half and the whole, so that many do not come at once. */
export const createBackOff = ({ random, firstMs, maxMs }: BackOffOptions): BackOff => {
  let limit = firstMs;
  return {
    next() {
      const ms = limit * (0.5 + random.fraction() / 2);
      limit = Math.min(maxMs, limit * 2);
      return ms;
    },
    reset() {
      limit = firstMs;
    },
  };
};
