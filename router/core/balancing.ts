import { createMaglevTable, placeOf } from './maglev.js';
import type { MaglevTable } from './maglev.js';
import type { PoolEntry, RoutePool } from './pool.js';

/** How the router chooses where routes have no wish of their own; decided by its configuration. */
export interface BalancingRules {
  /** requests in flight per endpoint beyond which it is passed over; 0 is no limit */
  readonly maxConnections: number;
  /** ms for which a failure mark holds */
  readonly failureMarkMs: number;
  readonly algorithm: 'round-robin' | 'least-connection';
  /** availability zone whose endpoints come first; undefined when all are alike */
  readonly preferredZone: string | undefined;
  /** uniform in [0, 1) */
  readonly fraction: () => number;
}

/** What one request brings to its choices, over all its attempts. */
export interface Wish {
  /** ms, monotonic */
  now: number;
  /** attempts so far */
  attempts: number;
  /** instance that served its session before; '' for any */
  instanceId: string;
  /** nobody else will do */
  mustBeThatInstance: boolean;
  /** value of a header of the request, by its name in lower case; '' when absent */
  readonly header: (name: string) => string;
  /** where the search in a hash table goes on; undefined before the first */
  place: number | undefined;
}

export type Choice =
  | { readonly ok: true; readonly entry: PoolEntry }
  | { readonly ok: false; readonly reason: 'empty' | 'overloaded' | 'instance-gone' };

const isOverloaded = (entry: PoolEntry, rules: BalancingRules): boolean =>
  rules.maxConnections > 0 && entry.load.inFlight >= rules.maxConnections;

const isFailed = (entry: PoolEntry, rules: BalancingRules, now: number): boolean => {
  if (entry.failedAt === undefined) return false;
  if (now - entry.failedAt > rules.failureMarkMs) entry.failedAt = undefined;
  return entry.failedAt !== undefined;
};

type Eligible = (entry: PoolEntry) => boolean;

const nextInTurn = (pool: RoutePool, eligible: Eligible): PoolEntry | undefined => {
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

/** On first attempts the zone that comes first; retries take what there is. */
const preferredZone = (rules: BalancingRules, wish: Wish): string | undefined =>
  wish.attempts === 0 ? rules.preferredZone : undefined;

/**
 * Round robin over the pool. Overloaded endpoints are passed over, and so are those marked failed, unless all
 * that could serve are: then the marks are cleared and the turn goes on.
 */
const chooseInTurn = (pool: RoutePool, rules: BalancingRules, wish: Wish): PoolEntry | undefined => {
  const free: Eligible = (entry) => !isOverloaded(entry, rules);
  const healthy: Eligible = (entry) => free(entry) && !isFailed(entry, rules, wish.now);
  const zone = preferredZone(rules, wish);
  const near =
    zone !== undefined &&
    nextInTurn(pool, (entry) => entry.endpoint.availabilityZone === zone && healthy(entry));
  const entry = near || nextInTurn(pool, healthy);
  if (entry) return entry;
  for (const marked of pool.entries) marked.failedAt = undefined;
  return nextInTurn(pool, free);
};

/** Fewest requests in flight, chance deciding between equals; failure marks do not matter here. */
const chooseLeastBusy = (pool: RoutePool, rules: BalancingRules, wish: Wish): PoolEntry | undefined => {
  const zone = preferredZone(rules, wish);
  let best: PoolEntry | undefined;
  let near: PoolEntry | undefined;
  let equals = 0;
  let nearEquals = 0;
  for (const entry of pool.entries) {
    if (isOverloaded(entry, rules)) continue;
    const { inFlight } = entry.load;
    if (!best || inFlight < best.load.inFlight) [best, equals] = [entry, 1];
    // the n-th of n equals takes over with chance 1/n: that makes all equally likely
    else if (inFlight === best.load.inFlight && rules.fraction() * ++equals < 1) best = entry;
    if (entry.endpoint.availabilityZone !== zone) continue;
    if (!near || inFlight < near.load.inFlight) [near, nearEquals] = [entry, 1];
    else if (inFlight === near.load.inFlight && rules.fraction() * ++nearEquals < 1) near = entry;
  }
  return near ?? best;
};

const idOf = ({ endpoint }: PoolEntry): string =>
  endpoint.instanceId === '' ? endpoint.address : endpoint.instanceId;

const isImbalanced = (pool: RoutePool, entry: PoolEntry): boolean => {
  const { hashBalance } = pool.balancing;
  if (hashBalance === 0) return false;
  let total = 0;
  for (const { load } of pool.entries) total += load.inFlight;
  return total > 0 && entry.load.inFlight / (total / pool.entries.length) > hashBalance;
};

interface Seat {
  readonly entry: PoolEntry;
  readonly place: number;
}

/** The first endpoint from `place` on, all the way round, that is eligible. */
const searchFrom = (
  { places }: MaglevTable<PoolEntry>,
  start: number,
  eligible: Eligible,
): Seat | undefined => {
  const seen = new Set<PoolEntry>();
  for (let step = 0; step < places.length; step += 1) {
    const place = (start + step) % places.length;
    const entry = places[place];
    if (!entry || seen.has(entry)) continue;
    if (eligible(entry)) return { entry, place };
    seen.add(entry);
  }
  return undefined;
};

/** By the request's header: the same value meets the same endpoint; retries go on to the next one. */
const chooseByHash = (
  pool: RoutePool,
  rules: BalancingRules,
  wish: Wish,
  value: string,
): PoolEntry | undefined => {
  const table = (pool.maglev ??= createMaglevTable(pool.entries, idOf));
  const last = wish.place === undefined ? undefined : table.places[wish.place];
  const start = wish.place ?? placeOf(value);
  const another = (entry: PoolEntry): boolean => entry !== last || pool.entries.length === 1;
  const free: Eligible = (entry) => another(entry) && !isOverloaded(entry, rules);
  const seat =
    searchFrom(table, start, (entry) => free(entry) && !isImbalanced(pool, entry)) ??
    searchFrom(table, start, free);
  if (seat) wish.place = seat.place;
  return seat?.entry;
};

const chooseAny = (pool: RoutePool, rules: BalancingRules, wish: Wish): PoolEntry | undefined => {
  const algorithm = pool.balancing.algorithm ?? rules.algorithm;
  if (algorithm === 'hash') {
    const value = wish.header(pool.balancing.hashHeader);
    if (value !== '') return chooseByHash(pool, rules, wish, value);
  }
  const effective = algorithm === 'hash' ? rules.algorithm : algorithm;
  return effective === 'round-robin' ? chooseInTurn(pool, rules, wish) : chooseLeastBusy(pool, rules, wish);
};

/** The endpoint of the request's session, when it can still have it. */
const chooseSame = (pool: RoutePool, rules: BalancingRules, wish: Wish): PoolEntry | undefined => {
  if (!wish.mustBeThatInstance && wish.attempts > 0) return undefined;
  const entry = pool.entries.find(({ endpoint }) => endpoint.instanceId === wish.instanceId);
  return entry && !isOverloaded(entry, rules) ? entry : undefined;
};

/** Chooses who serves a request, or its next attempt. */
export const chooseEndpoint = (pool: RoutePool, rules: BalancingRules, wish: Wish): Choice => {
  if (wish.instanceId !== '') {
    const same = chooseSame(pool, rules, wish);
    if (same) return { ok: true, entry: same };
    if (wish.mustBeThatInstance) return { ok: false, reason: 'instance-gone' };
  }
  if (pool.entries.length === 0) return { ok: false, reason: 'empty' };
  const entry = chooseAny(pool, rules, wish);
  return entry ? { ok: true, entry } : { ok: false, reason: 'overloaded' };
};
