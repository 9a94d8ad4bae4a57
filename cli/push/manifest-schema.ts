/** The keys of a manifest and what each takes. Cloud Foundry's, plus `cpu-milli`. */
export type ValueKind =
  'text' | 'textOrNull' | 'count' | 'size' | 'flag' | 'texts' | 'map' | 'rate' | 'objects' | 'object' | 'any';

const PROCESS_KEYS: Record<string, ValueKind> = {
  command: 'textOrNull',
  instances: 'count',
  memory: 'size',
  disk_quota: 'size',
  'disk-quota': 'size',
  'cpu-milli': 'count',
  'log-rate-limit-per-second': 'rate',
  'health-check-type': 'text',
  'health-check-http-endpoint': 'text',
  'health-check-invocation-timeout': 'count',
  'health-check-interval': 'count',
  timeout: 'count',
  'readiness-health-check-type': 'text',
  'readiness-health-check-http-endpoint': 'text',
  'readiness-health-check-invocation-timeout': 'count',
  'readiness-health-check-interval': 'count',
};

export const PROCESS_SCHEMA: Record<string, ValueKind> = { type: 'text', ...PROCESS_KEYS };

export const ROUTE_SCHEMA: Record<string, ValueKind> = { route: 'text', protocol: 'text', options: 'object' };

export const APP_SCHEMA: Record<string, ValueKind> = {
  name: 'text',
  path: 'text',
  buildpack: 'text',
  buildpacks: 'texts',
  docker: 'object',
  lifecycle: 'text',
  stack: 'text',
  env: 'map',
  routes: 'objects',
  'no-route': 'flag',
  'random-route': 'flag',
  'default-route': 'flag',
  services: 'any',
  sidecars: 'objects',
  processes: 'objects',
  metadata: 'object',
  features: 'object',
  ...PROCESS_KEYS,
};

export const EXPECTED: Record<ValueKind, string> = {
  text: 'a text',
  textOrNull: 'a text',
  count: 'a whole number, 0 or more',
  size: 'a size with its unit, such as 64M or 1G',
  flag: 'true or false',
  texts: 'a list of texts',
  map: 'a map of names to texts or numbers',
  rate: 'a size such as 16K, or -1',
  objects: 'a list of maps',
  object: 'a map',
  any: 'any value',
};

const SIZE = /^\d+(\.\d+)?\s*(B|K|KB|M|MB|G|GB|T|TB)$/i;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): boolean => typeof value === 'string';

const CHECKS: Record<ValueKind, (value: unknown) => boolean> = {
  text: isText,
  textOrNull: (value) => value === null || isText(value),
  count: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0,
  size: (value) => typeof value === 'string' && SIZE.test(value),
  flag: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every(isText),
  map: (value) =>
    isMap(value) && Object.values(value).every((one) => ['string', 'number', 'boolean'].includes(typeof one)),
  rate: (value) =>
    value === -1 || value === 0 || value === '-1' || (typeof value === 'string' && SIZE.test(value)),
  objects: (value) => Array.isArray(value) && value.every(isMap),
  object: isMap,
  any: () => true,
};

export const isOfKind = (kind: ValueKind, value: unknown): boolean => CHECKS[kind](value);
