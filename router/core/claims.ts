import type { Endpoint } from './endpoint.js';
import type { RoutePool } from './pool.js';
import type { RouteKey } from './route-key.js';

/** A registration for a route that somebody else serves. */
export interface Claim {
  readonly key: RouteKey;
  /** who has it, and who claims it: see `ownerOf` */
  readonly owner: string;
  readonly claimant: string;
}

/** Whose an endpoint is, as far as a registration says: its application, else the component that registers it. */
export const ownerOf = ({ app, tags }: Endpoint): string => app || tags['component'] || '';

/** Whether the endpoint would join those of another owner. The first in a pool came first. */
export const claimOn = (pool: RoutePool, endpoint: Endpoint): Claim | undefined => {
  const [first] = pool.entries;
  if (!first) return undefined;
  const [owner, claimant] = [ownerOf(first.endpoint), ownerOf(endpoint)];
  return owner === claimant ? undefined : { key: pool.key, owner, claimant };
};
