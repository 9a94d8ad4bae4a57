import { narrowPool } from '../core/instance-choice.js';
import type { InstanceChoice } from '../core/instance-choice.js';
import type { RoutePool } from '../core/pool.js';
import { noEndpoints, unknownRoute } from '../core/replies.js';
import type { RouterReply } from '../core/replies.js';
import type { ProxyContext } from './context.js';

/** What decides which route a request takes. */
export interface Destination {
  /** `Host` as the client wrote it */
  readonly host: string;
  /** path and query as the client wrote them */
  readonly target: string;
  /** undefined when any endpoint of the route will do */
  readonly instances: InstanceChoice | undefined;
}

/** The endpoints that may serve; undefined when there is no such route, or no such instance. */
export const findPool = (
  { table, random }: ProxyContext,
  { host, target, instances }: Destination,
): RoutePool | undefined => {
  const pool = table.lookup(host, target);
  if (!pool || !instances) return pool;
  const narrowed = narrowPool(pool, instances);
  // every request narrows anew: without chance all of them would begin with the same endpoint
  if (narrowed) narrowed.cursor = Math.floor(random.fraction() * narrowed.entries.length);
  return narrowed;
};

/** What a request gets that has no route. */
export const unroutedReply = ({ host, instances }: Destination): RouterReply =>
  instances ? instances.unknown(host) : unknownRoute(host);

/** What a request gets whose route has nobody. */
export const emptyReply = ({ config }: ProxyContext, { host }: Destination): RouterReply =>
  config.table.emptyPool503 ? noEndpoints(host) : unknownRoute(host);
