/** What a registration says of one backend. Immutable: a changed registration makes a new one. */
export interface Endpoint {
  /** `host:port`, what it is identified by within a route */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** name expected in the certificate of a TLS endpoint; '' when none was given */
  readonly certName: string;
  /** application id; '' when none was given, as for the fields below */
  readonly app: string;
  readonly instanceId: string;
  readonly instanceIndex: string;
  readonly protocol: string;
  readonly isolationSegment: string;
  readonly availabilityZone: string;
  readonly routeServiceUrl: string;
  /** as registered, valid or not */
  readonly loadBalancing: string;
  /** with `hash`: the request header that decides; '' when none was given */
  readonly hashHeader: string;
  /** with `hash`: how far above the average an endpoint's requests in flight may be; 0 is no limit */
  readonly hashBalance: number;
  /** ms without a registration after which it is pruned */
  readonly staleMs: number;
  readonly tags: Readonly<Record<string, string>>;
}

const SCALARS = [
  'tls',
  'certName',
  'app',
  'instanceId',
  'instanceIndex',
  'protocol',
  'isolationSegment',
  'availabilityZone',
  'routeServiceUrl',
  'loadBalancing',
  'hashHeader',
  'hashBalance',
  'staleMs',
] as const satisfies readonly (keyof Endpoint)[];

const sameTags = (a: Endpoint['tags'], b: Endpoint['tags']): boolean => {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
};

/** Whether two registrations of one address say the same. */
export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  SCALARS.every((field) => a[field] === b[field]) && sameTags(a.tags, b.tags);

/** Endpoints with the same key may share connections: same address, same security. */
export const upstreamKey = (endpoint: Endpoint): string =>
  endpoint.tls ? `https://${endpoint.address}#${endpoint.certName}` : `http://${endpoint.address}`;
