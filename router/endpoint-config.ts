import { DURATION, toMs } from '../common/runtime/config.js';
import type { ConfigSchema, ReportProblem } from '../common/runtime/config.js';
import type { IdleRules } from './proxy/idle-limit.js';
import type { DialRules } from './proxy/dial.js';

type Duration = string | number;

/** What can be said of how endpoints are treated; names as gorouter's. */
export interface EndpointUserConfig {
  endpoint_timeout: Duration;
  http1_endpoint_timeout?: Duration;
  http2_endpoint_timeout?: Duration;
  endpoint_dial_timeout: Duration;
  websocket_dial_timeout?: Duration;
  tls_handshake_timeout: Duration;
  ca_certs?: string;
  skip_ssl_validation: boolean;
  disable_keep_alives: boolean;
  max_idle_conns: number;
  max_idle_conns_per_host: number;
  enable_http2: boolean;
  max_response_header_bytes: number;
  max_response_headers: number;
  backends: {
    max_attempts: number;
    max_conns: number;
    failure_mark: Duration;
    idle_timeout: Duration;
    cert_chain?: string;
    private_key?: string;
  };
}

/** How endpoints are treated. Durations in ms. */
export interface EndpointRules {
  /** endpoints tried for one request */
  readonly maxAttempts: number;
  /** requests whose answer is due, per endpoint; 0 = no limit */
  readonly maxConnections: number;
  /** how long requests avoid an endpoint that failed */
  readonly failureMarkMs: number;
  readonly dialTimeoutMs: number;
  /** the same for requests that want to switch protocols */
  readonly upgradeDialTimeoutMs: number;
  /** for an endpoint's whole answer, upgrades excepted */
  readonly timeoutMs: number;
  /** the same for endpoints that speak HTTP/2 */
  readonly http2TimeoutMs: number;
  /** how long an idle connection is kept */
  readonly idleMs: number;
  /** how many idle connections are kept */
  readonly idle: IdleRules;
  /** connections serve more than one request */
  readonly keepAlive: boolean;
  /** endpoints that ask for it are spoken to in HTTP/2 */
  readonly http2: boolean;
  /** bytes of an answer's headers */
  readonly maxHeaderBytes: number;
  /** lines of them; 0 = no limit */
  readonly maxHeaderLines: number;
  readonly dial: DialRules;
}

const text = { type: 'string', minLength: 1 } as const;
const flag = (description: string) => ({ type: 'boolean', description }) as const;
const whole = (minimum: number, description: string) => ({ type: 'integer', minimum, description }) as const;
const duration = (description: string) => ({ ...DURATION, description }) as const;

export const ENDPOINT_SCHEMA: Readonly<Record<keyof EndpointUserConfig, ConfigSchema>> = {
  endpoint_timeout: duration("for an endpoint's whole answer, upgrades excepted"),
  http1_endpoint_timeout: duration('the same for endpoints that speak HTTP/1.1 alone; as those when absent'),
  http2_endpoint_timeout: duration('the same for endpoints that speak HTTP/2; as those when absent'),
  endpoint_dial_timeout: duration('for the connection to an endpoint'),
  websocket_dial_timeout: duration(
    'the same for requests that want to switch protocols; as for others when absent',
  ),
  tls_handshake_timeout: duration('for the TLS handshake with an endpoint'),
  ca_certs: { ...text, description: "authorities of endpoints with TLS, PEM; the system's when absent" },
  skip_ssl_validation: flag('take any certificate of an endpoint: for trials only'),
  disable_keep_alives: flag('open a connection for every request to an endpoint'),
  max_idle_conns: whole(0, 'idle connections of HTTP/1.1 that are kept to all endpoints; 0 = no limit'),
  max_idle_conns_per_host: whole(0, 'the same to one endpoint; 0 = no limit'),
  enable_http2: flag('speak HTTP/2, to clients over TLS and to endpoints that registered for it'),
  max_response_header_bytes: {
    type: 'integer',
    minimum: 1024,
    maximum: 10_485_760,
    description: 'answers with larger headers fail',
  },
  max_response_headers: whole(0, 'answers with more header lines fail; 0 = no limit'),
  backends: {
    type: 'object',
    additionalProperties: false,
    description: 'how endpoints are treated',
    properties: {
      max_attempts: whole(1, 'endpoints tried for one request'),
      max_conns: whole(0, 'requests whose answer is due, per endpoint; 0 = no limit'),
      failure_mark: duration('how long requests avoid an endpoint that failed'),
      idle_timeout: duration('how long an idle connection to an endpoint is kept'),
      cert_chain: { ...text, description: 'certificate that endpoints with TLS are shown, PEM' },
      private_key: { ...text, description: 'its key, PEM' },
    },
  },
};

export const ENDPOINT_DEFAULTS: EndpointUserConfig = {
  endpoint_timeout: '900s',
  endpoint_dial_timeout: '5s',
  tls_handshake_timeout: '10s',
  skip_ssl_validation: false,
  disable_keep_alives: false,
  max_idle_conns: 100,
  max_idle_conns_per_host: 100,
  enable_http2: true,
  max_response_header_bytes: 1_048_576,
  max_response_headers: 0,
  backends: { max_attempts: 3, max_conns: 500, failure_mark: '30s', idle_timeout: '90s' },
};

const LIMITED = [
  'endpoint_timeout',
  'http1_endpoint_timeout',
  'http2_endpoint_timeout',
  'endpoint_dial_timeout',
  'websocket_dial_timeout',
  'tls_handshake_timeout',
] as const;

/** Node's timers hold no more. */
const LONGEST_MS = 2 ** 31 - 1;

const checkDurations = (full: EndpointUserConfig, report: ReportProblem): void => {
  for (const field of LIMITED) {
    const ms = toMs(full[field] ?? '1s');
    if (ms === 0) report(field, 'must be more than 0');
    if (ms > LONGEST_MS) report(field, 'must be at most 24 days');
  }
};

/** A certificate and its key, both or neither; `section` is where the configuration has them. */
export const identityOf = (
  section: string,
  { cert_chain, private_key }: { cert_chain?: string; private_key?: string },
  report: ReportProblem,
): DialRules['identity'] => {
  if (cert_chain !== undefined && private_key !== undefined) return { cert: cert_chain, key: private_key };
  if (cert_chain !== undefined) report(`${section}.private_key`, 'is needed with cert_chain');
  if (private_key !== undefined) report(`${section}.cert_chain`, 'is needed with private_key');
  return undefined;
};

export const compileEndpoints = (full: EndpointUserConfig, report: ReportProblem): EndpointRules => {
  checkDurations(full, report);
  return {
    maxAttempts: full.backends.max_attempts,
    maxConnections: full.backends.max_conns,
    failureMarkMs: toMs(full.backends.failure_mark),
    dialTimeoutMs: toMs(full.endpoint_dial_timeout),
    upgradeDialTimeoutMs: toMs(full.websocket_dial_timeout ?? full.endpoint_dial_timeout),
    timeoutMs: toMs(full.http1_endpoint_timeout ?? full.endpoint_timeout),
    http2TimeoutMs: toMs(full.http2_endpoint_timeout ?? full.endpoint_timeout),
    idleMs: toMs(full.backends.idle_timeout),
    idle: { total: full.max_idle_conns, perUpstream: full.max_idle_conns_per_host },
    keepAlive: !full.disable_keep_alives,
    http2: full.enable_http2,
    maxHeaderBytes: full.max_response_header_bytes,
    maxHeaderLines: full.max_response_headers,
    dial: {
      tlsTimeoutMs: toMs(full.tls_handshake_timeout),
      authorities: full.ca_certs,
      identity: identityOf('backends', full.backends, report),
      trustsAnybody: full.skip_ssl_validation,
    },
  };
};
