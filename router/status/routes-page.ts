import type { ServerResponse } from 'node:http';
import type { Clock } from '../../common/ports/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import type { RoutePool } from '../core/pool.js';
import { formatRouteKey } from '../core/route-key.js';

const endpointShown = (endpoint: Endpoint): object => ({
  address: endpoint.address,
  availability_zone: endpoint.availabilityZone,
  protocol: endpoint.protocol,
  tls: endpoint.tls,
  ttl: endpoint.staleMs / 1000,
  ...(endpoint.routeServiceUrl && { route_service_url: endpoint.routeServiceUrl }),
  tags: Object.keys(endpoint.tags).length === 0 ? null : endpoint.tags,
  ...(endpoint.isolationSegment && { isolation_segment: endpoint.isolationSegment }),
  ...(endpoint.instanceId && { private_instance_id: endpoint.instanceId }),
  ...(endpoint.certName && { server_cert_domain_san: endpoint.certName }),
  ...(endpoint.loadBalancing && { load_balancing_algorithm: endpoint.loadBalancing }),
  ...(endpoint.hashHeader && { hash_header: endpoint.hashHeader }),
  ...(endpoint.hashBalance > 0 && { hash_balance: endpoint.hashBalance }),
});

const entryOf = (pool: RoutePool): string =>
  `${JSON.stringify(formatRouteKey(pool.key))}:${JSON.stringify(pool.entries.map(({ endpoint }) => endpointShown(endpoint)))}`;

/** … or gone. */
const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });

/** routes between two turns of the event loop: requests go on while a large table is shown */
const AT_A_TIME = 200;

/** The whole table as one JSON object, piece by piece; routes that change meanwhile are shown as they are found. */
export const writeRoutes = async (
  response: ServerResponse,
  pools: Iterable<RoutePool>,
  clock: Clock,
): Promise<void> => {
  let [text, count] = ['{', 0];
  for (const pool of pools) {
    text += (count > 0 ? ',' : '') + entryOf(pool);
    count += 1;
    if (count % AT_A_TIME > 0) continue;
    if (response.destroyed) return;
    if (!response.write(text)) await drained(response);
    else await clock.sleep(0);
    text = '';
  }
  response.end(`${text}}`);
};
