import type { Wanted } from './find.js';

/** Work that waits for a place. */
export interface Waiting {
  /** the slot or the task guid: the same for every attempt */
  readonly key: string;
  readonly need: Wanted;
  /** ms, monotonic: since it was first asked for */
  readonly since: number;
}

/**
 * What waits for offers. The BBS asks for it again and again while it is wanted: what it asks for no more is forgotten.
 */
export interface Demand {
  /** it found no place, once more; told as it waits now */
  waits(key: string, need: Wanted, now: number): Waiting;
  /** it has one, or is not wanted any more */
  served(key: string): void;
  /** drops what was not asked for again; true when anything was dropped */
  expire(now: number): boolean;
  size(): number;
  /** the one that waits longest */
  oldest(): Waiting | undefined;
  all(): Iterable<Waiting>;
}

/** ms without being asked for again: several rounds of the BBS's convergence. */
const FORGET_MS = 120_000;

export const createDemand = (forgetMs = FORGET_MS): Demand => {
  const waiting = new Map<string, Waiting & { asked: number }>();
  return {
    waits(key, need, now) {
      // stays where it is: the map is in the order of the first asking
      const waits = { key, need, since: waiting.get(key)?.since ?? now, asked: now };
      waiting.set(key, waits);
      return waits;
    },
    served: (key) => void waiting.delete(key),
    expire(now) {
      const before = waiting.size;
      for (const [key, { asked }] of waiting) if (now - asked >= forgetMs) waiting.delete(key);
      return waiting.size < before;
    },
    size: () => waiting.size,
    oldest: () => waiting.values().next().value,
    all: () => waiting.values(),
  };
};
