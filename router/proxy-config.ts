import type { ConfigSchema } from '../common/runtime/config.js';
import type { ClientCertMode, RequestRules } from './core/request-headers.js';
import type { ResponseRules } from './core/response-headers.js';
import type { Sharding, ShardingMode } from './core/sharding.js';

/** What can be said of how requests are carried; names as gorouter's. */
export interface ProxyUserConfig {
  balancing_algorithm: 'round-robin' | 'least-connection';
  balancing_algorithm_az_preference: 'none' | 'locally-optimistic';
  zone: string;
  empty_pool_response_code_503: boolean;
  isolation_segments: string[];
  routing_table_sharding_mode: ShardingMode;
  sticky_session_cookie_names: string[];
  secure_cookies: boolean;
  sticky_sessions_for_auth_negotiate: boolean;
  force_forwarded_proto_https: boolean;
  sanitize_forwarded_proto: boolean;
  forwarded_client_cert: ClientCertMode;
  hop_by_hop_headers_to_filter: string[];
  trace_key: string;
  tracing: { enable_zipkin: boolean; enable_w3c: boolean; w3c_tenant_id: string };
  http_rewrite: {
    responses: {
      add_headers_if_not_present: { name: string; value: string }[];
      remove_headers: { name: string }[];
    };
  };
}

export interface BalancingConfig {
  readonly algorithm: 'round-robin' | 'least-connection';
  /** availability zone whose endpoints come first; undefined when all are alike */
  readonly preferredZone: string | undefined;
}

export const flag = (description: string) => ({ type: 'boolean', description }) as const;
export const choice = (values: readonly string[], description: string) =>
  ({ type: 'string', enum: values, description }) as const;
export const texts = (description: string) =>
  ({ type: 'array', items: { type: 'string', minLength: 1 }, description }) as const;
export const anyText = (description: string) => ({ type: 'string', description }) as const;

const section = (description: string, properties: Readonly<Record<string, ConfigSchema>>) =>
  ({ type: 'object', additionalProperties: false, description, properties }) as const;

const HEADER_NAME = {
  type: 'string',
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
  description: 'of the header',
} as const;
const HEADER_VALUE = {
  type: 'string',
  pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$',
  description: 'that it gets',
} as const;

const headerList = (description: string, properties: Readonly<Record<string, ConfigSchema>>) =>
  ({
    type: 'array',
    description,
    items: { type: 'object', additionalProperties: false, required: Object.keys(properties), properties },
  }) as const;

const tracing = section('trace headers that requests to endpoints get', {
  enable_zipkin: flag('set b3, X-B3-TraceId and X-B3-SpanId where a client set none'),
  enable_w3c: flag('set traceparent and tracestate'),
  w3c_tenant_id: anyText("set before the router's entry in tracestate"),
});

const httpRewrite = section('what is done with the headers of answers', {
  responses: section('answers of endpoints and of the router itself', {
    add_headers_if_not_present: headerList('headers that every answer has', {
      name: HEADER_NAME,
      value: HEADER_VALUE,
    }),
    remove_headers: headerList('headers that no answer has', { name: HEADER_NAME }),
  }),
});

export const proxySchema: Readonly<Record<keyof ProxyUserConfig, ConfigSchema>> = {
  balancing_algorithm: choice(
    ['round-robin', 'least-connection'],
    'how endpoints are chosen where a route has no wish of its own',
  ),
  balancing_algorithm_az_preference: choice(
    ['none', 'locally-optimistic'],
    "whether first attempts go to endpoints in the router's zone, when there are any",
  ),
  zone: anyText('availability zone of this router'),
  empty_pool_response_code_503: flag('a route kept without endpoints answers 503 instead of 404'),
  isolation_segments: texts('isolation segments that this router serves'),
  routing_table_sharding_mode: choice(
    ['all', 'segments', 'shared-and-segments'],
    'which registrations count: all, those of its isolation segments, or those and the ones without any',
  ),
  sticky_session_cookie_names: texts(
    'cookies of applications whose requests stay with the instance that set them, with or without __Host-',
  ),
  secure_cookies: flag("mark the router's session cookie Secure even where the application's is not"),
  sticky_sessions_for_auth_negotiate: flag('keep Negotiate authentication with one instance'),
  force_forwarded_proto_https: flag('tell endpoints that every request came over https'),
  sanitize_forwarded_proto: flag('set X-Forwarded-Proto by the connection, whatever the client says'),
  forwarded_client_cert: choice(
    ['always_forward', 'forward', 'sanitize_set'],
    "X-Forwarded-Client-Cert: passed on, passed on from clients with a certificate, or set from the client's certificate",
  ),
  hop_by_hop_headers_to_filter: texts(
    'headers that clients cannot make the router drop by listing them in Connection',
  ),
  trace_key: anyText('value of X-Vcap-Trace with which a client is told who served it; none when empty'),
  tracing,
  http_rewrite: httpRewrite,
};

export const PROXY_DEFAULTS: ProxyUserConfig = {
  balancing_algorithm: 'round-robin',
  balancing_algorithm_az_preference: 'none',
  zone: '',
  empty_pool_response_code_503: true,
  isolation_segments: [],
  routing_table_sharding_mode: 'all',
  sticky_session_cookie_names: ['JSESSIONID'],
  secure_cookies: false,
  sticky_sessions_for_auth_negotiate: false,
  force_forwarded_proto_https: false,
  sanitize_forwarded_proto: false,
  forwarded_client_cert: 'always_forward',
  hop_by_hop_headers_to_filter: [
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'B3',
    'X-B3',
    'X-B3-SpanID',
    'X-B3-TraceID',
    'X-Request-Start',
    'X-Forwarded-Client-Cert',
  ],
  trace_key: '22',
  tracing: { enable_zipkin: false, enable_w3c: false, w3c_tenant_id: '' },
  http_rewrite: { responses: { add_headers_if_not_present: [], remove_headers: [] } },
};

export const compileBalancing = (full: ProxyUserConfig): BalancingConfig => ({
  algorithm: full.balancing_algorithm,
  preferredZone:
    full.balancing_algorithm_az_preference === 'locally-optimistic' && full.zone !== ''
      ? full.zone
      : undefined,
});

export const compileSharding = (full: ProxyUserConfig): Sharding => ({
  mode: full.routing_table_sharding_mode,
  segments: full.isolation_segments,
});

const forwardedProto = (full: ProxyUserConfig): RequestRules['forwardedProto'] => {
  if (full.force_forwarded_proto_https) return 'https';
  return full.sanitize_forwarded_proto ? 'sanitized' : 'kept';
};

export const compileRequests = (full: ProxyUserConfig): RequestRules => ({
  notDroppable: full.hop_by_hop_headers_to_filter.map((name) => name.toLowerCase()),
  forwardedProto: forwardedProto(full),
  clientCert: full.forwarded_client_cert,
  tracing: {
    zipkin: full.tracing.enable_zipkin,
    w3c: full.tracing.enable_w3c,
    w3cKey: full.tracing.w3c_tenant_id === '' ? 'gorouter' : `${full.tracing.w3c_tenant_id}@gorouter`,
  },
});

export const compileResponses = (full: ProxyUserConfig): ResponseRules => ({
  removed: full.http_rewrite.responses.remove_headers.map(({ name }) => name.toLowerCase()),
  addedIfAbsent: full.http_rewrite.responses.add_headers_if_not_present,
  sticky: {
    cookieNames: new Set(full.sticky_session_cookie_names.flatMap((name) => [name, `__Host-${name}`])),
    secureCookies: full.secure_cookies,
    negotiate: full.sticky_sessions_for_auth_negotiate,
  },
});
