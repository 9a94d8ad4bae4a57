import type { PoolEntry, RoutePool } from './pool.js';

export interface BalancingRules {
  /** ms, monotonic */
  readonly now: number;
  /** requests in flight per endpoint beyond which it is passed over; 0 is no limit */
  readonly maxConnections: number;
  /** ms for which a failure mark holds */
  readonly failureMarkMs: number;
}

export type Choice =
  | { readonly ok: true; readonly entry: PoolEntry }
  | { readonly ok: false; readonly reason: 'empty' | 'overloaded' };

const isOverloaded = (entry: PoolEntry, rules: BalancingRules): boolean =>
  rules.maxConnections > 0 && entry.load.inFlight >= rules.maxConnections;

const isFailed = (entry: PoolEntry, rules: BalancingRules): boolean => {
  if (entry.failedAt === undefined) return false;
  if (rules.now - entry.failedAt > rules.failureMarkMs) entry.failedAt = undefined;
  return entry.failedAt !== undefined;
};

const nextInTurn = (pool: RoutePool, eligible: (entry: PoolEntry) => boolean): PoolEntry | undefined => {
  const size = pool.entries.length;
  for (let step = 0; step < size; step += 1) {
    const index = (pool.cursor + step) % size;
    const entry = pool.entries[index];
    if (entry && eligible(entry)) {
      pool.cursor = index + 1;
      return entry;
    }
  }
  return undefined;
};

/**
 * Round robin over the pool. Overloaded endpoints are passed over, and so are those marked failed, unless all
 * that could serve are: then the marks are cleared and the turn goes on.
 */
export const chooseEndpoint = (pool: RoutePool, rules: BalancingRules): Choice => {
  if (pool.entries.length === 0) return { ok: false, reason: 'empty' };
  const free = (entry: PoolEntry): boolean => !isOverloaded(entry, rules);
  const healthy = nextInTurn(pool, (entry) => free(entry) && !isFailed(entry, rules));
  if (healthy) return { ok: true, entry: healthy };
  const entry = nextInTurn(pool, free);
  if (!entry) return { ok: false, reason: 'overloaded' };
  for (const marked of pool.entries) marked.failedAt = undefined;
  return { ok: true, entry };
};
