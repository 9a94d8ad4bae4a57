import type { Endpoint } from './endpoint.js';
import type { MaglevTable } from './maglev.js';
import type { RouteKey } from './route-key.js';

/** Requests under way to one upstream whose response headers are still due; shared by all its routes. */
export interface Load {
  inFlight: number;
}

/** An endpoint within a route. */
export interface PoolEntry {
  readonly endpoint: Endpoint;
  readonly load: Load;
  /** ms, monotonic */
  refreshedAt: number;
  /** ms, monotonic; set while requests avoid it */
  failedAt: number | undefined;
  /**
   * False once it was unregistered, replaced or pruned. No request may be written to it from then on, not
   * even one that had chosen it before (design §8.8): its port may already serve somebody else.
   */
  live: boolean;
}

/** How a pool's requests are spread; `hash` only where a route asks for it. */
export type Algorithm = 'round-robin' | 'least-connection' | 'hash';

/** How the endpoints of one route are chosen, where it has a wish. */
export interface PoolBalancing {
  /** undefined for the router's own */
  readonly algorithm: Algorithm | undefined;
  /** lower case; '' unless the algorithm is `hash` */
  readonly hashHeader: string;
  /** see `Endpoint.hashBalance` */
  readonly hashBalance: number;
}

/** All endpoints of a route. */
export interface RoutePool {
  readonly key: RouteKey;
  readonly entries: PoolEntry[];
  /** where the next round of round robin begins */
  cursor: number;
  /** ms, monotonic; when the last endpoint went */
  emptySince: number | undefined;
  /** of the endpoint that changed last */
  routeServiceUrl: string;
  /** of the endpoint that changed last */
  balancing: PoolBalancing;
  /** made when a request first needs it; gone when the entries change */
  maglev: MaglevTable<PoolEntry> | undefined;
}

export const ROUTERS_OWN: PoolBalancing = { algorithm: undefined, hashHeader: '', hashBalance: 0 };

export const createPool = (key: RouteKey, cursor: number): RoutePool => ({
  key,
  entries: [],
  cursor,
  emptySince: undefined,
  routeServiceUrl: '',
  balancing: ROUTERS_OWN,
  maglev: undefined,
});

/** What a registration wants of its pool; undefined when it is nothing that the router knows: that changes nothing. */
const wantedBalancing = (endpoint: Endpoint): PoolBalancing | undefined => {
  const { loadBalancing, hashHeader, hashBalance } = endpoint;
  if (loadBalancing === '') return ROUTERS_OWN;
  if (loadBalancing === 'round-robin' || loadBalancing === 'least-connection') {
    return { algorithm: loadBalancing, hashHeader: '', hashBalance: 0 };
  }
  if (loadBalancing !== 'hash' || hashHeader === '') return undefined;
  return { algorithm: 'hash', hashHeader, hashBalance };
};

/** Puts an entry in at `index`; what it says of the route as a whole counts from now on. */
export const putAt = (pool: RoutePool, index: number, entry: PoolEntry): void => {
  pool.entries[index] = entry;
  pool.emptySince = undefined;
  pool.routeServiceUrl = entry.endpoint.routeServiceUrl;
  pool.balancing = wantedBalancing(entry.endpoint) ?? pool.balancing;
  pool.maglev = undefined;
};

/** Takes out the entry at `index`, keeping everybody else's turn. */
export const removeAt = (pool: RoutePool, index: number): void => {
  const [entry] = pool.entries.splice(index, 1);
  if (entry) entry.live = false;
  if (index < pool.cursor) pool.cursor -= 1;
  pool.maglev = undefined;
};
