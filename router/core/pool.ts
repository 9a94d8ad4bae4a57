import type { Endpoint } from './endpoint.js';
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
  /** of the endpoint that changed last; '' for the router's own */
  loadBalancing: string;
}

export const createPool = (key: RouteKey, cursor: number): RoutePool => ({
  key,
  entries: [],
  cursor,
  emptySince: undefined,
  routeServiceUrl: '',
  loadBalancing: '',
});

/** Takes out the entry at `index`, keeping everybody else's turn. */
export const removeAt = (pool: RoutePool, index: number): void => {
  const [entry] = pool.entries.splice(index, 1);
  if (entry) entry.live = false;
  if (index < pool.cursor) pool.cursor -= 1;
};
