import { Ajv } from 'ajv';
import type { ErrorObject } from 'ajv';
import { err, ok } from '../common/model/result.js';
import type { Result } from '../common/model/result.js';

/** What may be written. Every field may be left out. */
export interface RouterOptions {
  /** address to listen on; default 127.0.0.1 */
  host?: string;
  /** 0 takes a free one; default 8080 */
  port?: number;
  /** first part of the router's id on the bus; default 0 */
  index?: number;
  /** addresses that the start message tells registrars; default the listening address */
  advertisedHosts?: string[];
  /** s between registrations that registrars are asked for; default 20, as gorouter's release */
  registerIntervalSeconds?: number;
  /** s without registration after which an endpoint is stale; default 120 */
  staleThresholdSeconds?: number;
  /** s between prunings; default 30 */
  pruneIntervalSeconds?: number;
  /** s to collect routes before the listener opens; default 0 (gorouter's release: 20) */
  startDelaySeconds?: number;
  /** s for which a route without endpoints answers 503 instead of 404; default 0 */
  emptyPoolSeconds?: number;
  /** endpoints tried for one request; default 3 */
  maxAttempts?: number;
  /** requests in flight per endpoint, 0 for no limit; default 500 */
  maxConnectionsPerEndpoint?: number;
  /** s for which requests avoid an endpoint that failed; default 30 */
  failureMarkSeconds?: number;
  /** s until a connection to an endpoint must stand; default 5 */
  dialTimeoutSeconds?: number;
  /** s for an endpoint's whole answer, upgrades excepted; default 900 */
  endpointTimeoutSeconds?: number;
  /** s that an idle connection to an endpoint is kept; default 90 */
  endpointIdleSeconds?: number;
  /** s that an idle connection of a client is kept; default 900 */
  clientIdleSeconds?: number;
  /** s within which a client must have sent its request's head; default 60 */
  readHeaderSeconds?: number;
  /** bytes of a request's head; default 65,536 */
  maxRequestHeaderBytes?: number;
  /** s that requests under way get at stop; default 5 */
  stopGraceSeconds?: number;
  /** `User-Agent` of load balancers' probes; default HTTP-Monitor/1.1 */
  healthCheckUserAgent?: string;
  /** PEM: authorities for the certificates of TLS endpoints; the system's when absent */
  endpointAuthorities?: string;
}

/** What the router reads: nothing optional, durations in ms. */
export interface RouterConfig {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registrar: {
    readonly index: number;
    readonly hosts: readonly string[];
    readonly registerIntervalSeconds: number;
    readonly staleThresholdSeconds: number;
  };
  readonly table: { readonly pruneIntervalMs: number; readonly emptyPoolMs: number };
  readonly endpoints: {
    readonly maxAttempts: number;
    readonly maxConnections: number;
    readonly failureMarkMs: number;
    readonly dialTimeoutMs: number;
    readonly timeoutMs: number;
    readonly idleMs: number;
    readonly authorities: string | undefined;
  };
  readonly clients: {
    readonly idleMs: number;
    readonly readHeaderMs: number;
    readonly maxHeaderBytes: number;
    readonly healthCheckUserAgent: string;
  };
  readonly startDelayMs: number;
  readonly stopGraceMs: number;
}

export interface ConfigProblem {
  /** name of the option; '' for the whole */
  readonly field: string;
  readonly reason: string;
}

const whole = (minimum: number, fallback: number, maximum = 1_000_000_000) => ({
  type: 'integer',
  minimum,
  maximum,
  default: fallback,
});

const seconds = (fallback: number, exclusiveMinimum?: number) => ({
  type: 'number',
  // a timer of Node's holds no more ms
  maximum: 2_147_483,
  ...(exclusiveMinimum === undefined ? { minimum: 0 } : { exclusiveMinimum }),
  default: fallback,
});

const text = (fallback: string) => ({ type: 'string', minLength: 1, default: fallback });

/** JSON schema of `RouterOptions`, defaults included. */
export const ROUTER_OPTIONS_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    host: text('127.0.0.1'),
    port: whole(0, 8080, 65_535),
    index: whole(0, 0),
    advertisedHosts: { type: 'array', items: { type: 'string', minLength: 1 } },
    registerIntervalSeconds: whole(1, 20),
    staleThresholdSeconds: whole(1, 120),
    pruneIntervalSeconds: seconds(30, 0),
    startDelaySeconds: seconds(0),
    emptyPoolSeconds: seconds(0),
    maxAttempts: whole(1, 3),
    maxConnectionsPerEndpoint: whole(0, 500),
    failureMarkSeconds: seconds(30),
    dialTimeoutSeconds: seconds(5, 0),
    endpointTimeoutSeconds: seconds(900, 0),
    endpointIdleSeconds: seconds(90, 0),
    clientIdleSeconds: seconds(900, 0),
    readHeaderSeconds: seconds(60, 0),
    maxRequestHeaderBytes: whole(1024, 65_536, 1_048_576),
    stopGraceSeconds: seconds(5),
    healthCheckUserAgent: text('HTTP-Monitor/1.1'),
    endpointAuthorities: { type: 'string', minLength: 1 },
  },
} as const;

type WithDefaults = Required<Omit<RouterOptions, 'advertisedHosts' | 'endpointAuthorities'>> &
  Pick<RouterOptions, 'advertisedHosts' | 'endpointAuthorities'>;

const validate = new Ajv({ useDefaults: true, allErrors: true }).compile<WithDefaults>(ROUTER_OPTIONS_SCHEMA);

const problemOf = (error: ErrorObject): ConfigProblem => {
  const unknown = error.params['additionalProperty'] as string | undefined;
  return unknown === undefined
    ? { field: error.instancePath.slice(1), reason: error.message ?? 'is invalid' }
    : { field: unknown, reason: 'is not an option of the router' };
};

const endpointRules = (options: WithDefaults): RouterConfig['endpoints'] => ({
  maxAttempts: options.maxAttempts,
  maxConnections: options.maxConnectionsPerEndpoint,
  failureMarkMs: options.failureMarkSeconds * 1000,
  dialTimeoutMs: options.dialTimeoutSeconds * 1000,
  timeoutMs: options.endpointTimeoutSeconds * 1000,
  idleMs: options.endpointIdleSeconds * 1000,
  authorities: options.endpointAuthorities,
});

const clientRules = (options: WithDefaults): RouterConfig['clients'] => ({
  idleMs: options.clientIdleSeconds * 1000,
  readHeaderMs: options.readHeaderSeconds * 1000,
  maxHeaderBytes: options.maxRequestHeaderBytes,
  healthCheckUserAgent: options.healthCheckUserAgent,
});

const compile = (options: WithDefaults): RouterConfig => ({
  listen: { host: options.host, port: options.port },
  registrar: {
    index: options.index,
    hosts: options.advertisedHosts ?? [options.host],
    registerIntervalSeconds: options.registerIntervalSeconds,
    staleThresholdSeconds: options.staleThresholdSeconds,
  },
  table: {
    pruneIntervalMs: options.pruneIntervalSeconds * 1000,
    emptyPoolMs: options.emptyPoolSeconds * 1000,
  },
  endpoints: endpointRules(options),
  clients: clientRules(options),
  startDelayMs: options.startDelaySeconds * 1000,
  stopGraceMs: options.stopGraceSeconds * 1000,
});

/** Checks options as written, fills in what is left out, and compiles them. */
export const compileRouterConfig = (
  options: RouterOptions | Record<string, unknown> = {},
): Result<RouterConfig, ConfigProblem[]> => {
  const filled: unknown = structuredClone(options);
  return validate(filled) ? ok(compile(filled)) : err((validate.errors ?? []).map(problemOf));
};
