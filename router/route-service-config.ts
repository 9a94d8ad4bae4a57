import { DURATION, toMs } from '../common/runtime/config.js';
import type { ConfigSchema, ReportProblem } from '../common/runtime/config.js';
import type { RouteServiceRules } from './core/route-service.js';
import { identityOf } from './endpoint-config.js';
import type { EndpointRules } from './endpoint-config.js';

/** What can be said of route services; names as gorouter's. */
export interface RouteServiceUserConfig {
  route_services_secret?: string;
  route_services_secret_decrypt_only?: string;
  route_services_timeout: string | number;
  route_services_recommend_https: boolean;
  route_services_hairpinning: boolean;
  route_services_hairpinning_allowlist: string[];
  route_services: {
    max_attempts: number;
    strict_signature_validation: boolean;
    enable_websockets: boolean;
    cert_chain?: string;
    private_key?: string;
  };
}

export interface RouteServiceConfig extends RouteServiceRules {
  /** how services outside are treated */
  readonly endpoints: EndpointRules;
}

const text = { type: 'string', minLength: 1 } as const;
const flag = (description: string) => ({ type: 'boolean', description }) as const;

export const ROUTE_SERVICE_SCHEMA: Readonly<Record<keyof RouteServiceUserConfig, ConfigSchema>> = {
  route_services_secret: {
    ...text,
    description: 'secret that requests to route services are signed with; there are none when absent',
  },
  route_services_secret_decrypt_only: { ...text, description: 'the secret before, while it is replaced' },
  route_services_timeout: { ...DURATION, description: 'how long a request may stay at a route service' },
  route_services_recommend_https: flag('route services are told to send requests back over https'),
  route_services_hairpinning: flag('route services that have a route here are reached directly'),
  route_services_hairpinning_allowlist: {
    type: 'array',
    items: { type: 'string', pattern: '^(\\*\\.)?[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$' },
    description: 'hosts, or *.DOMAIN, for which that is so; all when empty',
  },
  route_services: {
    type: 'object',
    additionalProperties: false,
    description: 'how route services are treated',
    properties: {
      max_attempts: { type: 'integer', minimum: 1, description: 'tries of one request' },
      strict_signature_validation: flag('refuse bad signatures on routes without a route service too'),
      enable_websockets: flag('let requests that switch protocols go by way of route services'),
      cert_chain: { ...text, description: 'certificate that route services are shown, PEM' },
      private_key: { ...text, description: 'its key, PEM' },
    },
  },
};

export const ROUTE_SERVICE_DEFAULTS: RouteServiceUserConfig = {
  route_services_timeout: '60s',
  route_services_recommend_https: true,
  route_services_hairpinning: false,
  route_services_hairpinning_allowlist: [],
  route_services: { max_attempts: 3, strict_signature_validation: false, enable_websockets: false },
};

export const compileRouteServices = (
  full: RouteServiceUserConfig,
  endpoints: EndpointRules,
  report: ReportProblem,
): RouteServiceConfig => {
  const { route_services_secret: secret, route_services_secret_decrypt_only: previous } = full;
  if (previous !== undefined && secret === undefined) {
    report('route_services_secret', 'is needed with route_services_secret_decrypt_only');
  }
  return {
    secrets: [secret, previous].filter((one) => one !== undefined),
    timeoutMs: toMs(full.route_services_timeout),
    recommendHttps: full.route_services_recommend_https,
    maxAttempts: full.route_services.max_attempts,
    strict: full.route_services.strict_signature_validation,
    webSockets: full.route_services.enable_websockets,
    hairpinning: full.route_services_hairpinning,
    hairpinHosts: full.route_services_hairpinning_allowlist.map((host) => host.toLowerCase()),
    endpoints: {
      ...endpoints,
      dial: { ...endpoints.dial, identity: identityOf('route_services', full.route_services, report) },
    },
  };
};
