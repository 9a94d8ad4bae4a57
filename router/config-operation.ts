/** Keys of the router's configuration for those who run it: what it logs and shows of itself. */
import { availableParallelism } from 'node:os';
import { DURATION, FILE_PATH, PORT, toMs } from '../common/runtime/config.js';
import type { ReportProblem } from '../common/runtime/config.js';
import type { AccessLogConfig } from './access-log/access-log.js';
import { EXTRA_FIELDS } from './core/access-line.js';
import type { ExtraField } from './core/access-line.js';
import { loggedTraceHeaders } from './core/tracing.js';
import type { TrafficMetricsRules } from './metrics.js';
import type { ProxyUserConfig } from './proxy-config.js';
import type { StatusConfig } from './status/server.js';

interface UserAccessLog {
  file?: string;
  stdout: boolean;
  app_logs: boolean;
  extra_access_log_fields: ExtraField[];
  extra_headers_to_log: string[];
  redact_query_params: 'none' | 'all' | 'hash';
  disable_log_forwarded_for: boolean;
  disable_log_source_ip: boolean;
}

interface UserStatus {
  host: string;
  port?: number;
  tls?: { port: number; cert: string; key: string };
  routes_port?: number;
  user?: string;
  pass?: string;
  credentials_file?: string;
}

type Duration = string | number;

export interface UserOperation {
  workers: number | 'auto';
  status: UserStatus;
  enable_deprecated_varz_healthz_endpoints: boolean;
  drain_wait: Duration;
  drain_timeout: Duration;
  foreign_claims: 'allow' | 'refuse';
  publish_active_apps_interval: Duration;
  per_request_metrics_reporting: boolean;
  per_app_prometheus_http_metrics_reporting: boolean;
  access_log: UserAccessLog;
}

type Tracing = ProxyUserConfig['tracing'];

/** … and what else decides of it. */
type WholeOperation = UserOperation & { readonly tracing: Tracing };

export interface OperationConfig {
  /** processes that serve requests; 1 = this one */
  readonly workers: number;
  readonly status: StatusConfig;
  readonly drain: {
    /** for load balancers to see it leave */
    readonly waitMs: number;
    /** for requests under way, after that */
    readonly timeoutMs: number;
  };
  readonly accessLog: AccessLogConfig;
  readonly metrics: TrafficMetricsRules;
  /** ms between two lists of applications that had requests; 0 = none */
  readonly activeAppsMs: number;
}

const accessLog = {
  type: 'object',
  additionalProperties: false,
  description: "one line per request, in gorouter's format",
  properties: {
    file: { ...FILE_PATH, description: 'where to; SIGHUP has it opened again' },
    stdout: { type: 'boolean', description: 'on standard output' },
    app_logs: { type: 'boolean', description: "each application's requests in its own log, as source RTR" },
    extra_access_log_fields: {
      type: 'array',
      items: { enum: EXTRA_FIELDS },
      description: `further fields: ${EXTRA_FIELDS.map((name) => `\`${name}\``).join(', ')}`,
    },
    extra_headers_to_log: {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
      description: "headers of requests, at the line's end, where `tracing` puts its own too",
    },
    redact_query_params: {
      enum: ['none', 'all', 'hash'],
      description: 'leaves queries out, or shows their SHA-1 instead',
    },
    disable_log_forwarded_for: { type: 'boolean', description: 'leaves out `X-Forwarded-For`' },
    disable_log_source_ip: { type: 'boolean', description: "leaves out the client's address" },
  },
} as const;

const foreignClaims = {
  enum: ['allow', 'refuse'],
  description:
    'what becomes of a registration for a route that another application has, or another component where none is named: both serve it, or the first alone',
} as const;

const TEXT = { type: 'string', minLength: 1 } as const;

const status = {
  type: 'object',
  additionalProperties: false,
  description: 'what load balancers and operators ask, apart from the traffic',
  properties: {
    host: { ...TEXT, description: 'address to listen at' },
    port: {
      ...PORT,
      description:
        'port of `/health` and `/is-process-alive-do-not-use-for-loadbalancing`; nobody listens when absent',
    },
    tls: {
      type: 'object',
      additionalProperties: false,
      required: ['port', 'cert', 'key'],
      description: 'the same over TLS',
      properties: {
        port: { ...PORT, description: 'its port' },
        cert: { ...FILE_PATH, description: 'PEM file: its certificate' },
        key: { ...FILE_PATH, description: 'PEM file: its private key' },
      },
    },
    routes_port: {
      ...PORT,
      description: 'port of `/routes`, on 127.0.0.1 alone; nobody listens when absent',
    },
    user: { ...TEXT, description: 'who may see `/routes`' },
    pass: { ...TEXT, description: 'the password' },
    credentials_file: {
      ...FILE_PATH,
      description: 'both, as JSON, instead; made at the first start, readable by its owner alone',
    },
  },
} as const;

const workers = {
  anyOf: [{ type: 'integer', minimum: 1, maximum: 256 }, { enum: ['auto'] }],
  description: 'processes that serve requests at one listener; `auto`: one for each core',
} as const;

export const OPERATION_SCHEMA = {
  workers,
  status,
  enable_deprecated_varz_healthz_endpoints: {
    type: 'boolean',
    description: '`/healthz`, `/varz` and `/routes` at the port of `/health` as well',
  },
  drain_wait: {
    ...DURATION,
    description: 'after SIGUSR1: how long it serves on while `/health` says 503',
  },
  drain_timeout: { ...DURATION, description: 'for requests under way, after that' },
  foreign_claims: foreignClaims,
  publish_active_apps_interval: {
    ...DURATION,
    description:
      'how often the ids of applications that had requests are told on the bus (`router.active_apps`); 0 = never',
  },
  per_request_metrics_reporting: {
    type: 'boolean',
    description: 'measure `latency`, `gorouter_time` and `route_lookup_time` of every request',
  },
  per_app_prometheus_http_metrics_reporting: {
    type: 'boolean',
    description: 'measure `http_latency_seconds`, a series for each application',
  },
  access_log: accessLog,
} as const;

export const OPERATION_DEFAULTS: UserOperation = {
  workers: 1,
  status: { host: '0.0.0.0' },
  enable_deprecated_varz_healthz_endpoints: false,
  drain_wait: '20s',
  drain_timeout: '900s',
  foreign_claims: 'allow',
  publish_active_apps_interval: '0s',
  per_request_metrics_reporting: true,
  per_app_prometheus_http_metrics_reporting: false,
  access_log: {
    stdout: false,
    app_logs: true,
    extra_access_log_fields: [],
    extra_headers_to_log: [],
    redact_query_params: 'none',
    disable_log_forwarded_for: false,
    disable_log_source_ip: false,
  },
};

/** Each once, in lower case: those that are asked for, and those of a trace. */
const loggedHeaders = (
  asked: readonly string[],
  { enable_zipkin: zipkin, enable_w3c: w3c }: Tracing,
): string[] => [
  ...new Set([...asked.map((name) => name.toLowerCase()), ...loggedTraceHeaders({ zipkin, w3c })]),
];

const compileAccessLog = ({ access_log: log, tracing }: WholeOperation): AccessLogConfig => ({
  file: log.file,
  stdout: log.stdout,
  appLogs: log.app_logs,
  extraFields: log.extra_access_log_fields,
  extraHeaders: loggedHeaders(log.extra_headers_to_log, tracing),
  redactQuery: log.redact_query_params,
  hideForwardedFor: log.disable_log_forwarded_for,
  hideSourceAddress: log.disable_log_source_ip,
});

const credentialsOf = (full: UserOperation, report: ReportProblem): StatusConfig['credentials'] => {
  const { user, pass, credentials_file: file, routes_port: routes } = full.status;
  if (file !== undefined) {
    if (user !== undefined || pass !== undefined)
      report('status', 'has a credentials_file and a user or pass: give one');
    return { file };
  }
  const isAsked = routes !== undefined || full.enable_deprecated_varz_healthz_endpoints;
  if (isAsked && (user === undefined || pass === undefined)) {
    report('status', 'needs user and pass, or a credentials_file, for /routes');
  }
  return { user: user ?? '', pass: pass ?? '' };
};

const compileStatus = (full: UserOperation, report: ReportProblem): StatusConfig => {
  const { host, port, tls, routes_port: routesPort } = full.status;
  return {
    host,
    port,
    tls: tls && { port: tls.port, files: { certFile: tls.cert, keyFile: tls.key } },
    routesPort,
    credentials: credentialsOf(full, report),
    legacyPages: full.enable_deprecated_varz_healthz_endpoints,
  };
};

export const compileOperation = (full: WholeOperation, report: ReportProblem): OperationConfig => ({
  workers: full.workers === 'auto' ? availableParallelism() : full.workers,
  status: compileStatus(full, report),
  drain: { waitMs: toMs(full.drain_wait), timeoutMs: toMs(full.drain_timeout) },
  accessLog: compileAccessLog(full),
  activeAppsMs: toMs(full.publish_active_apps_interval),
  metrics: {
    perRequest: full.per_request_metrics_reporting,
    perApp: full.per_app_prometheus_http_metrics_reporting,
  },
});
