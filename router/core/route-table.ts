import { claimOn } from './claims.js';
import type { Claim } from './claims.js';
import { sameEndpoint, upstreamKey } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { createPathNode, dropPool, findNode, findPool, makeNode, poolsBelow } from './path-trie.js';
import type { PathNode } from './path-trie.js';
import { createPool, putAt, removeAt } from './pool.js';
import type { Load, PoolEntry, RoutePool } from './pool.js';
import { formatRouteKey, hostWithoutPort, nextWildcard, pathSegments, routePath } from './route-key.js';
import type { RouteKey } from './route-key.js';

export interface RouteTableOptions {
  /** uniform in [0, 1): where a new pool's round robin begins */
  readonly fraction: () => number;
  /** ms for which a route without endpoints is kept; 0 drops it at once */
  readonly emptyPoolMs: number;
  /** a route that has endpoints of one owner takes none of another */
  readonly refuseClaims?: boolean;
}

export interface TableChange {
  /** endpoints that a route got, or got with other data */
  readonly added: number;
  readonly removed: number;
  /** upstreams that no route uses any more: their connections may close */
  readonly retired: readonly string[];
  /** routes that the endpoint joined, or was to join, while they are somebody else's */
  readonly claims: readonly Claim[];
}

export interface RouteSnapshot {
  readonly route: string;
  readonly endpoints: readonly EndpointSnapshot[];
}

export interface EndpointSnapshot {
  readonly address: string;
  readonly tls: boolean;
  readonly app: string;
  readonly instanceId: string;
  readonly instanceIndex: string;
  /** seconds */
  readonly ttl: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** Which endpoints serve which routes. All times are ms on a monotonic clock, handed in. */
export interface RouteTable {
  /** adds the endpoint to each route, refreshes it where it is known, replaces it where its data changed */
  register(endpoint: Endpoint, keys: readonly RouteKey[], now: number): TableChange;
  /** takes the address out of each route; nothing else of the registration needs to match */
  unregister(address: string, keys: readonly RouteKey[], now: number): TableChange;
  /** by `Host` header and request target; an empty pool means that the route is known and unserved */
  lookup(host: string, target: string): RoutePool | undefined;
  /** removes an endpoint that turned out to be somebody else; its route stays, even when empty */
  evict(key: RouteKey, entry: PoolEntry, now: number): TableChange;
  /** removes what was not refreshed in time (TLS endpoints never: their certificate tells who they are) */
  prune(now: number, onGone?: (key: RouteKey, address: string) => void): TableChange;
  /** an address within exactly that route */
  entry(key: RouteKey, address: string): PoolEntry | undefined;
  /** nothing is pruned until `resume`, which makes every endpoint as new: nobody could have refreshed it */
  suspend(): void;
  resume(now: number): void;
  routeCount(): number;
  endpointCount(): number;
  /** one by one, as they are when they are asked for */
  pools(): Iterable<RoutePool>;
  snapshot(): RouteSnapshot[];
}

/** Counts the routes that use each upstream. */
const createUpstreamUse = () => {
  const uses = new Map<string, { routes: number; readonly load: Load }>();
  return {
    take(key: string): Load {
      const use = uses.get(key) ?? { routes: 0, load: { inFlight: 0 } };
      use.routes += 1;
      uses.set(key, use);
      return use.load;
    },
    /** true when that was the last route */
    drop(key: string): boolean {
      const use = uses.get(key);
      if (!use || (use.routes -= 1) > 0) return false;
      return uses.delete(key);
    },
  };
};

/** Collects what a call changed. An upstream may be dropped by one route and taken by the next. */
const createTally = () => {
  const retired = new Set<string>();
  const claims: Claim[] = [];
  let added = 0;
  let removed = 0;
  return {
    took(key: string): void {
      added += 1;
      retired.delete(key);
    },
    dropped(key: string, last: boolean): void {
      removed += 1;
      if (last) retired.add(key);
    },
    claimed: (claim: Claim): void => void claims.push(claim),
    change: (): TableChange => ({ added, removed, retired: [...retired], claims }),
  };
};

type Tally = ReturnType<typeof createTally>;

/** Hosts, each with the trie of its paths. */
const createRoutes = (fraction: () => number) => {
  const hosts = new Map<string, PathNode>();
  let count = 0;
  let wildcards = 0;

  const pool = (key: RouteKey): RoutePool => {
    let root = hosts.get(key.host);
    if (!root) {
      hosts.set(key.host, (root = createPathNode()));
      if (key.host.startsWith('*.')) wildcards += 1;
    }
    const node = makeNode(root, pathSegments(key.path));
    if (!node.pool) {
      node.pool = createPool(key, Math.floor(fraction() * 1024));
      count += 1;
    }
    return node.pool;
  };

  const find = (key: RouteKey): RoutePool | undefined => {
    const root = hosts.get(key.host);
    return root && findNode(root, pathSegments(key.path))?.pool;
  };

  const drop = ({ key }: RoutePool): void => {
    const root = hosts.get(key.host);
    if (!root) return;
    count -= 1;
    if (!dropPool(root, pathSegments(key.path))) return;
    hosts.delete(key.host);
    if (key.host.startsWith('*.')) wildcards -= 1;
  };

  const matchHost = (host: string, target: string): RoutePool | undefined => {
    const root = hosts.get(host);
    if (!root) return undefined;
    return root.children ? findPool(root, pathSegments(routePath(target))) : root.pool;
  };

  const match = (host: string, target: string): RoutePool | undefined => {
    let found = matchHost(host, target);
    for (
      let wildcard = nextWildcard(host);
      !found && wildcards > 0 && wildcard !== undefined;
      wildcard = nextWildcard(wildcard)
    ) {
      found = matchHost(wildcard, target);
    }
    return found;
  };

  function* each(): Generator<RoutePool> {
    for (const root of hosts.values()) yield* poolsBelow(root);
  }

  const all = (): RoutePool[] => [...hosts.values()].flatMap(poolsBelow);

  return { pool, find, drop, match, all, each, count: () => count };
};

type Routes = ReturnType<typeof createRoutes>;
type UpstreamUse = ReturnType<typeof createUpstreamUse>;

/** Adds to and takes from single pools. */
const createMembership = (
  routes: Routes,
  uses: UpstreamUse,
  { emptyPoolMs, refuseClaims = false }: RouteTableOptions,
) => {
  const take = (endpoint: Endpoint, tally: Tally, now: number): PoolEntry => {
    const key = upstreamKey(endpoint);
    tally.took(key);
    return { endpoint, load: uses.take(key), refreshedAt: now, failedAt: undefined, live: true };
  };

  const release = (entry: PoolEntry, tally: Tally): void => {
    entry.live = false;
    const key = upstreamKey(entry.endpoint);
    tally.dropped(key, uses.drop(key));
  };

  return {
    put(pool: RoutePool, endpoint: Endpoint, tally: Tally, now: number): void {
      const index = pool.entries.findIndex((entry) => entry.endpoint.address === endpoint.address);
      const known = pool.entries[index];
      if (known && sameEndpoint(known.endpoint, endpoint)) {
        known.refreshedAt = now;
        return;
      }
      const claim = claimOn(pool, endpoint);
      if (claim) tally.claimed(claim);
      if (claim && refuseClaims) return;
      const entry = take(endpoint, tally, now);
      if (known) release(known, tally);
      putAt(pool, known ? index : pool.entries.length, entry);
    },
    removeAt(pool: RoutePool, index: number, tally: Tally): void {
      const entry = pool.entries[index];
      if (!entry) return;
      removeAt(pool, index);
      release(entry, tally);
    },
    /** what becomes of a route whose last endpoint left in good order */
    settle(pool: RoutePool, now: number): void {
      if (pool.entries.length > 0) return;
      if (emptyPoolMs > 0) pool.emptySince ??= now;
      else routes.drop(pool);
    },
  };
};

const isStale = ({ endpoint, refreshedAt }: PoolEntry, now: number): boolean =>
  !endpoint.tls && now - refreshedAt > endpoint.staleMs;

const snapshotOf = (pool: RoutePool): RouteSnapshot => ({
  route: formatRouteKey(pool.key),
  endpoints: pool.entries.map(({ endpoint }) => ({
    address: endpoint.address,
    tls: endpoint.tls,
    app: endpoint.app,
    instanceId: endpoint.instanceId,
    instanceIndex: endpoint.instanceIndex,
    ttl: endpoint.staleMs / 1000,
    tags: endpoint.tags,
  })),
});

export const createRouteTable = (options: RouteTableOptions): RouteTable => {
  const routes = createRoutes(options.fraction);
  const membership = createMembership(routes, createUpstreamUse(), options);
  let suspended = false;

  type OnGone = (key: RouteKey, address: string) => void;

  const prunePool = (pool: RoutePool, now: number, tally: Tally, onGone: OnGone | undefined): void => {
    for (let index = pool.entries.length - 1; index >= 0; index -= 1) {
      const entry = pool.entries[index];
      if (!entry || !isStale(entry, now)) continue;
      membership.removeAt(pool, index, tally);
      onGone?.(pool.key, entry.endpoint.address);
    }
    if (pool.entries.length > 0) return;
    pool.emptySince ??= now;
    if (now - pool.emptySince >= options.emptyPoolMs) routes.drop(pool);
  };

  return {
    register(endpoint, keys, now) {
      const tally = createTally();
      for (const key of keys) membership.put(routes.pool(key), endpoint, tally, now);
      return tally.change();
    },
    unregister(address, keys, now) {
      const tally = createTally();
      for (const key of keys) {
        const pool = routes.find(key);
        const index = pool?.entries.findIndex((entry) => entry.endpoint.address === address) ?? -1;
        if (!pool || index === -1) continue;
        membership.removeAt(pool, index, tally);
        membership.settle(pool, now);
      }
      return tally.change();
    },
    lookup: (host, target) => routes.match(hostWithoutPort(host), target),
    evict(key, entry, now) {
      const tally = createTally();
      const pool = routes.find(key);
      if (!pool?.entries.includes(entry)) return tally.change();
      membership.removeAt(pool, pool.entries.indexOf(entry), tally);
      if (pool.entries.length === 0) pool.emptySince ??= now;
      return tally.change();
    },
    entry: (key, address) => routes.find(key)?.entries.find(({ endpoint }) => endpoint.address === address),
    prune(now, onGone) {
      const tally = createTally();
      if (!suspended) for (const pool of routes.all()) prunePool(pool, now, tally, onGone);
      return tally.change();
    },
    suspend() {
      suspended = true;
    },
    resume(now) {
      suspended = false;
      for (const pool of routes.all()) for (const entry of pool.entries) entry.refreshedAt = now;
    },
    routeCount: routes.count,
    pools: routes.each,
    endpointCount: () => routes.all().reduce((total, pool) => total + pool.entries.length, 0),
    snapshot: () => routes.all().map(snapshotOf),
  };
};
