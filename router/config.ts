import { DURATION, FILE_PATH, defineConfig, toMs } from '../common/runtime/config.js';
import type { ReportProblem } from '../common/runtime/config.js';
import { compileOperation, OPERATION_DEFAULTS, OPERATION_SCHEMA } from './config-operation.js';
import type { OperationConfig, UserOperation } from './config-operation.js';
import { ENDPOINT_DEFAULTS, ENDPOINT_SCHEMA, compileEndpoints } from './endpoint-config.js';
import type { EndpointRules, EndpointUserConfig } from './endpoint-config.js';
import { LISTENER_DEFAULTS, LISTENER_SCHEMA, compileListeners } from './listener-config.js';
import type { ListenerRules, ListenerUserConfig } from './listener-config.js';
import {
  ROUTE_SERVICE_DEFAULTS,
  ROUTE_SERVICE_SCHEMA,
  compileRouteServices,
} from './route-service-config.js';
import type { RouteServiceConfig, RouteServiceUserConfig } from './route-service-config.js';
import type { Sharding } from './core/sharding.js';
import type { RequestRules } from './core/request-headers.js';
import type { ResponseRules } from './core/response-headers.js';
import {
  PROXY_DEFAULTS,
  compileBalancing,
  compileRequests,
  compileResponses,
  compileSharding,
  proxySchema,
} from './proxy-config.js';
import type { BalancingConfig, ProxyUserConfig } from './proxy-config.js';

type Duration = string | number;

interface UserConfig
  extends UserOperation, ProxyUserConfig, EndpointUserConfig, ListenerUserConfig, RouteServiceUserConfig {
  index: number;
  advertised_hosts?: string[];
  registration_interval: Duration;
  droplet_stale_threshold: Duration;
  prune_stale_droplets_interval: Duration;
  empty_pool_timeout: Duration;
  start_delay: Duration;
  stop_grace: Duration;
  frontend_idle_timeout: Duration;
  read_header_timeout: Duration;
  max_request_header_bytes: number;
  max_request_headers: number;
  keep_alive_100_continue_requests: boolean;
  healthcheck_user_agent: string;
  html_error_template_file?: string;
}

/** What the router runs by. Durations in ms, unless the name says seconds. */
export interface RouterConfig extends OperationConfig {
  readonly listeners: ListenerRules;
  readonly registrar: {
    /** first part of the router's id on the bus */
    readonly index: number;
    /** addresses told to registrars */
    readonly hosts: readonly string[];
    readonly registerIntervalSeconds: number;
    /** longest time that an endpoint lives without being registered again */
    readonly staleThresholdSeconds: number;
    /** whether a route that one application has takes no endpoint of another */
    readonly refuseClaims: boolean;
  };
  readonly table: {
    readonly pruneIntervalMs: number;
    /** how long a route without endpoints answers 503 instead of 404 */
    readonly emptyPoolMs: number;
    readonly sharding: Sharding;
    /** a route kept without endpoints answers 503 instead of 404 */
    readonly emptyPool503: boolean;
  };
  readonly balancing: BalancingConfig;
  readonly requests: RequestRules;
  readonly responses: ResponseRules;
  /** value of `X-Vcap-Trace` with which a client is told who served it; '' for none */
  readonly traceKey: string;
  readonly endpoints: EndpointRules;
  readonly routeServices: RouteServiceConfig;
  readonly clients: {
    readonly idleMs: number;
    /** within which a client must have sent its request's head; 0 = no limit */
    readonly readHeaderMs: number;
    readonly maxHeaderBytes: number;
    /** lines of them; 0 = no limit */
    readonly maxHeaderLines: number;
    /** connections go on after a request that waited for `100 Continue` */
    readonly keepsContinued: boolean;
    /** `User-Agent` of load balancers' probes */
    readonly healthCheckUserAgent: string;
  };
  /** template of the router's own answers in HTML; undefined: they are lines of text */
  readonly errorPageFile: string | undefined;
  /** to collect routes before the listener opens */
  readonly startDelayMs: number;
  /** that requests under way get at stop */
  readonly stopGraceMs: number;
}

const text = { type: 'string', minLength: 1 } as const;
const whole = (minimum: number) => ({ type: 'integer', minimum }) as const;

/** Node's timers hold no more. */
const LONGEST_MS = 2 ** 31 - 1;

const MUST_LAST = [
  'registration_interval',
  'droplet_stale_threshold',
  'prune_stale_droplets_interval',
  'frontend_idle_timeout',
] as const;

const DURATIONS = [
  ...MUST_LAST,
  'empty_pool_timeout',
  'start_delay',
  'stop_grace',
  'read_header_timeout',
] as const;

const checkDurations = (full: UserConfig, report: ReportProblem): void => {
  for (const field of MUST_LAST) if (toMs(full[field]) === 0) report(field, 'must be more than 0');
  for (const field of DURATIONS) if (toMs(full[field]) > LONGEST_MS) report(field, 'must be at most 24 days');
};

const toSeconds = (value: Duration): number => Math.max(1, Math.round(toMs(value) / 1000));

/** Names and defaults as in gorouter's release, where it has them; the delay at start is a laptop's. */
export const routerConfig = defineConfig<UserConfig, RouterConfig>({
  schema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...OPERATION_SCHEMA,
      ...proxySchema,
      ...ENDPOINT_SCHEMA,
      ...LISTENER_SCHEMA,
      ...ROUTE_SERVICE_SCHEMA,
      index: { ...whole(0), description: 'number of this router, the first part of its id on the bus' },
      advertised_hosts: {
        type: 'array',
        items: text,
        description: 'addresses told to registrars; the listening one when absent',
      },
      registration_interval: {
        ...DURATION,
        description: 'how often cells are asked to register their routes',
      },
      droplet_stale_threshold: {
        ...DURATION,
        description: 'longest time that an endpoint lives without being registered again',
      },
      prune_stale_droplets_interval: { ...DURATION, description: 'between two looks for stale endpoints' },
      empty_pool_timeout: {
        ...DURATION,
        description: 'how long a route without endpoints answers 503 instead of 404',
      },
      start_delay: { ...DURATION, description: 'for collecting routes before the listener opens' },
      stop_grace: { ...DURATION, description: 'for requests under way when the router stops' },
      frontend_idle_timeout: { ...DURATION, description: 'how long an idle connection of a client is kept' },
      read_header_timeout: { ...DURATION, description: "for a request's headers to arrive" },
      max_request_header_bytes: {
        type: 'integer',
        minimum: 1024,
        maximum: 1_048_576,
        description: 'larger request headers are refused',
      },
      max_request_headers: {
        ...whole(0),
        description: 'requests with more header lines are refused; 0 = no limit',
      },
      keep_alive_100_continue_requests: {
        type: 'boolean',
        description: 'keep connections after requests that waited for 100 Continue',
      },
      html_error_template_file: {
        ...FILE_PATH,
        description:
          'template of a page of HTML for the router\'s own answers but those for endpoints that failed: `{{ .Status }}`, `{{ .StatusText }}`, `{{ .Message }}`, `{{ .Header.Get "X-Cf-RouterError" }}`, `{{ if eq .Status 404 }}`; text when absent',
      },
      healthcheck_user_agent: {
        ...text,
        description: 'requests of this user agent are answered by the router itself',
      },
    },
  },
  defaults: {
    ...OPERATION_DEFAULTS,
    ...PROXY_DEFAULTS,
    ...ENDPOINT_DEFAULTS,
    ...LISTENER_DEFAULTS,
    ...ROUTE_SERVICE_DEFAULTS,
    index: 0,
    registration_interval: '20s',
    droplet_stale_threshold: '120s',
    prune_stale_droplets_interval: '30s',
    empty_pool_timeout: '0s',
    start_delay: '0s',
    stop_grace: '0s',
    frontend_idle_timeout: '900s',
    read_header_timeout: '60s',
    max_request_header_bytes: 1_048_576,
    max_request_headers: 0,
    keep_alive_100_continue_requests: false,
    healthcheck_user_agent: 'HTTP-Monitor/1.1',
  },
  compile(full, report) {
    checkDurations(full, report);
    const endpoints = compileEndpoints(full, report);
    return {
      ...compileOperation(full, report),
      listeners: compileListeners(full, report),
      registrar: {
        index: full.index,
        hosts: full.advertised_hosts ?? [full.host],
        registerIntervalSeconds: toSeconds(full.registration_interval),
        staleThresholdSeconds: toSeconds(full.droplet_stale_threshold),
        refuseClaims: full.foreign_claims === 'refuse',
      },
      table: {
        pruneIntervalMs: toMs(full.prune_stale_droplets_interval),
        emptyPoolMs: toMs(full.empty_pool_timeout),
        sharding: compileSharding(full),
        emptyPool503: full.empty_pool_response_code_503,
      },
      balancing: compileBalancing(full),
      requests: compileRequests(full),
      responses: compileResponses(full),
      traceKey: full.trace_key,
      endpoints,
      routeServices: compileRouteServices(full, endpoints, report),
      clients: {
        idleMs: toMs(full.frontend_idle_timeout),
        readHeaderMs: toMs(full.read_header_timeout),
        maxHeaderBytes: full.max_request_header_bytes,
        maxHeaderLines: full.max_request_headers,
        keepsContinued: full.keep_alive_100_continue_requests,
        healthCheckUserAgent: full.healthcheck_user_agent,
      },
      errorPageFile: full.html_error_template_file,
      startDelayMs: toMs(full.start_delay),
      stopGraceMs: toMs(full.stop_grace),
    };
  },
});
