import type { RouteRegistration } from '../../common/model/routing.js';
import { err, ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import type { Endpoint } from './endpoint.js';
import { parseRouteKey } from './route-key.js';
import type { RouteKey } from './route-key.js';

/** Why a registration is dropped whole. */
export interface RegistrationProblem {
  readonly field: string;
  readonly reason: string;
}

/** A registration as the table takes it. */
export interface RouteChange {
  readonly endpoint: Endpoint;
  readonly keys: readonly RouteKey[];
  /** ns since the Unix epoch: when what is registered came to be; undefined where nobody said */
  readonly updatedAtNs: number | undefined;
}

type Check = (value: unknown) => string | undefined;

const isText: Check = (value) => (typeof value === 'string' ? undefined : 'must be a string');

const isPort: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535
    ? undefined
    : 'must be an integer from 0 to 65535';

const isInteger: Check = (value) => (Number.isSafeInteger(value) ? undefined : 'must be an integer');

// ns since the epoch are beyond the safe integers
const isNumber: Check = (value) => (typeof value === 'number' ? undefined : 'must be a number');

const isTexts: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? undefined
    : 'must be an array of strings';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isTextMap: Check = (value) =>
  isObject(value) && Object.values(value).every((item) => typeof item === 'string')
    ? undefined
    : 'must be an object of strings';

const isOptions: Check = (value) => (isObject(value) ? undefined : 'must be an object');

/** The port that counts comes from `tls_port` when that is not 0. */
const FIELDS: Readonly<Record<keyof RouteRegistration, Check>> = {
  host: isText,
  port: isPort,
  tls_port: isPort,
  uris: isTexts,
  app: isText,
  tags: isTextMap,
  private_instance_id: isText,
  private_instance_index: isText,
  server_cert_domain_san: isText,
  stale_threshold_in_seconds: isInteger,
  isolation_segment: isText,
  protocol: isText,
  route_service_url: isText,
  availability_zone: isText,
  endpoint_updated_at_ns: isNumber,
  options: isOptions,
};

const OPTION_FIELDS: Readonly<Record<keyof NonNullable<RouteRegistration['options']>, Check>> = {
  loadbalancing: isText,
  hash_header: isText,
  hash_balance: isNumber,
};

const checkFields = (
  message: Record<string, unknown>,
  fields: Readonly<Record<string, Check>>,
  prefix = '',
): RegistrationProblem | undefined => {
  for (const [field, check] of Object.entries(fields)) {
    const value = message[field];
    // null is how some registrars say "none"
    const reason = value === undefined || value === null ? undefined : check(value);
    if (reason) return { field: prefix + field, reason };
  }
  return undefined;
};

// it becomes part of a URL: a name, an IPv4 or an IPv6 address and nothing else
const isHostName = (host: string): boolean => /^[a-z0-9._-]+$|^\[?[0-9a-f:.]+\]?$/i.test(host);

// they become values of headers
const TOLD_TO_ENDPOINTS = ['app', 'private_instance_id', 'private_instance_index'] as const;
const isPrintable = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

const checkValues = (message: RouteRegistration): RegistrationProblem | undefined => {
  if (!message.host) return { field: 'host', reason: 'is missing' };
  if (!isHostName(message.host)) return { field: 'host', reason: 'must be a host name or an IP address' };
  if (!message.port && !message.tls_port) return { field: 'port', reason: 'is missing' };
  const unprintable = TOLD_TO_ENDPOINTS.find((field) => !isPrintable(message[field] ?? ''));
  if (unprintable) return { field: unprintable, reason: 'must be printable ASCII' };
  if (message.route_service_url && !message.route_service_url.startsWith('https')) {
    return { field: 'route_service_url', reason: 'must be https' };
  }
  return undefined;
};

/** Reads a registration or unregistration. A wrong type anywhere drops the whole message; unknown keys do not matter. */
export const readRegistration = (message: unknown): Result<RouteRegistration, RegistrationProblem> => {
  if (!isObject(message)) return err({ field: '', reason: 'must be a JSON object' });
  const present = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
  const problem =
    checkFields(present, FIELDS) ??
    checkFields((present['options'] ?? {}) as Record<string, unknown>, OPTION_FIELDS, 'options.');
  if (problem) return err(problem);
  const registration = { uris: [], ...present } as unknown as RouteRegistration;
  const invalid = checkValues(registration);
  return invalid ? err(invalid) : ok(registration);
};

const bracketed = (host: string): string =>
  host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;

const routeKeys = (uris: readonly string[]): RouteKey[] => {
  const keys = new Map<string, RouteKey>();
  for (const uri of uris) {
    const key = parseRouteKey(uri);
    if (key.host !== '') keys.set(key.host + key.path, key);
  }
  return [...keys.values()];
};

/** The endpoint's own threshold counts when it is shorter than the router's. Both in seconds. */
const staleSeconds = (own: number | undefined, routers: number): number =>
  own !== undefined && own > 0 && own < routers ? own : routers;

/** What a checked registration means. `staleThresholdSeconds` is the router's own, and the longest. */
export const toRouteChange = (message: RouteRegistration, staleThresholdSeconds: number): RouteChange => {
  const tls = Boolean(message.tls_port);
  const port = (tls ? message.tls_port : message.port) ?? 0;
  const host = bracketed(message.host.toLowerCase());
  return {
    endpoint: {
      address: `${host}:${port}`,
      host,
      port,
      tls,
      certName: message.server_cert_domain_san ?? '',
      app: message.app ?? '',
      instanceId: message.private_instance_id ?? '',
      instanceIndex: message.private_instance_index ?? '',
      protocol: message.protocol ?? 'http1',
      isolationSegment: message.isolation_segment ?? '',
      availabilityZone: message.availability_zone ?? '',
      routeServiceUrl: message.route_service_url ?? '',
      loadBalancing: message.options?.loadbalancing ?? '',
      hashHeader: message.options?.hash_header?.toLowerCase() ?? '',
      hashBalance: Math.max(0, message.options?.hash_balance ?? 0),
      staleMs: staleSeconds(message.stale_threshold_in_seconds, staleThresholdSeconds) * 1000,
      tags: message.tags ?? {},
    },
    keys: routeKeys(message.uris),
    updatedAtNs: message.endpoint_updated_at_ns,
  };
};
