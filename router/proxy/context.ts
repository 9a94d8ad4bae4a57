import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { RouterConfig } from '../config.js';
import type { BalancingRules } from '../core/balancing.js';
import type { ErrorPage } from '../core/error-page.js';
import type { RequestReader } from '../core/request-headers.js';
import type { ResponseWriter } from '../core/response-headers.js';
import type { RouteTable } from '../core/route-table.js';
import type { AccessLog } from '../access-log/access-log.js';
import type { TrafficMetrics } from '../metrics.js';
import type { RouterCounters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import type { RouteServices } from './route-services.js';
import type { Upstreams } from './upstreams.js';

/** What the parts of the proxy share. */
export interface ProxyContext {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly table: RouteTable;
  readonly balancing: BalancingRules;
  readonly readRequest: RequestReader;
  readonly responses: ResponseWriter;
  /** for the router's own answers; undefined: they are lines of text */
  readonly errorPage: ErrorPage | undefined;
  readonly upstreams: Upstreams;
  /** to route services that have no route here */
  readonly serviceUpstreams: Upstreams;
  readonly services: RouteServices;
  /** of whole attempts */
  readonly deadlines: { readonly http1: Deadlines; readonly http2: Deadlines };
  readonly counters: RouterCounters;
  readonly accessLog: Pick<AccessLog, 'ended'>;
  /** what load balancers' probes are told */
  readonly isHealthy: () => boolean;
  readonly metrics: TrafficMetrics;
}
