import type { Endpoint } from './endpoint.js';
import type { ServiceHeaders } from './route-service.js';
import { TRACE_HEADERS } from './tracing.js';
import type { Trace, TraceFacts, TracingRules } from './tracing.js';

/** Names and values in turn, as they came: nothing is merged, sorted or decoded. */
export type RawHeaders = readonly string[];

/** What becomes of `X-Forwarded-Client-Cert`. */
export type ClientCertMode = 'always_forward' | 'forward' | 'sanitize_set';

/** What is done with requests' headers; decided by configuration. */
export interface RequestRules {
  /** names in lower case that a client cannot make the router drop by listing them in `Connection` */
  readonly notDroppable: readonly string[];
  /** `X-Forwarded-Proto`: a client's own counts, the connection decides, or always https */
  readonly forwardedProto: 'kept' | 'sanitized' | 'https';
  readonly clientCert: ClientCertMode;
  readonly tracing: TracingRules;
}

/** What the router needs to know of a request's headers. Absent ones are ''. */
export interface RequestFacts {
  host: string;
  hostCount: number;
  hasContentLength: boolean;
  /** bytes; NaN when it is no number */
  contentLength: number;
  transferEncoding: string;
  upgrade: string;
  userAgent: string;
  expectsContinue: boolean;
  hasIdempotencyKey: boolean;
  /** the first of each; who is to serve the request */
  appInstance: string;
  processInstance: string;
  cookie: string;
  authorization: string;
  /** asks for headers that tell who served it */
  traceKey: string;
  /** names that `Connection` lists, lower case */
  connection: string[];
  /** what route services sign; set apart from what passes */
  serviceSignature: string;
  serviceMetadata: string;
  serviceUrl: string;
  /** names that follow the body, as the client announces them */
  trailer: string;
  /** the client can read trailers */
  acceptsTrailers: boolean;
  forwardedFor: string;
  forwardedProto: string;
  /** as they came */
  clientCerts: string[] | undefined;
  trace: TraceFacts | undefined;
  hasRequestStart: boolean;
  /** what goes on to the endpoint as it is */
  passed: string[];
}

type Reader = (facts: RequestFacts, value: string) => void;

/** A header that means something here. */
interface Meaning {
  readonly read: Reader;
  /** it goes on to the endpoint as it is */
  readonly passes: boolean;
}

const drops = (read: Reader = () => undefined): Meaning => ({ read, passes: false });
const passes = (read: Reader): Meaning => ({ read, passes: true });

const listed = (value: string): string[] =>
  value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');

const MEANINGS: readonly (readonly [string, Meaning])[] = [
  ['connection', drops((facts, value) => void facts.connection.push(...listed(value)))],
  ['keep-alive', drops()],
  ['proxy-connection', drops()],
  ['proxy-authenticate', drops()],
  ['proxy-authorization', drops()],
  ['te', drops((facts, value) => void (facts.acceptsTrailers ||= listed(value).includes('trailers')))],
  ['trailer', drops((facts, value) => void (facts.trailer += facts.trailer === '' ? value : `, ${value}`))],
  ['http2-settings', drops()],
  ['upgrade', drops((facts, value) => void (facts.upgrade = value))],
  ['transfer-encoding', drops((facts, value) => void (facts.transferEncoding += value.trim().toLowerCase()))],
  ['expect', drops((facts, value) => void (facts.expectsContinue = value.toLowerCase() === '100-continue'))],
  [
    'x-forwarded-for',
    drops((facts, value) => void (facts.forwardedFor += facts.forwardedFor === '' ? value : `, ${value}`)),
  ],
  ['x-forwarded-proto', drops((facts, value) => void (facts.forwardedProto ||= value))],
  ['x-vcap-request-id', drops()],
  ['x-cf-applicationid', drops()],
  ['x-cf-instanceid', drops()],
  ['x-cf-instanceindex', drops()],
  ['x-cf-app-instance', drops((facts, value) => void (facts.appInstance ||= value))],
  ['x-cf-proxy-signature', drops((facts, value) => void (facts.serviceSignature ||= value))],
  ['x-cf-proxy-metadata', drops((facts, value) => void (facts.serviceMetadata ||= value))],
  ['x-cf-forwarded-url', drops((facts, value) => void (facts.serviceUrl ||= value))],
  ['x-cf-process-instance', passes((facts, value) => void (facts.processInstance ||= value))],
  ['cookie', passes((facts, value) => void (facts.cookie += facts.cookie === '' ? value : `; ${value}`))],
  ['authorization', passes((facts, value) => void (facts.authorization ||= value))],
  ['x-vcap-trace', passes((facts, value) => void (facts.traceKey ||= value))],
  [
    'host',
    passes((facts, value) => {
      facts.host = value;
      facts.hostCount += 1;
    }),
  ],
  [
    'content-length',
    passes((facts, value) => {
      facts.contentLength = facts.hasContentLength || !/^\d+$/.test(value) ? Number.NaN : Number(value);
      facts.hasContentLength = true;
    }),
  ],
  ['user-agent', passes((facts, value) => void (facts.userAgent = value))],
  ['idempotency-key', passes((facts) => void (facts.hasIdempotencyKey = true))],
  ['x-idempotency-key', passes((facts) => void (facts.hasIdempotencyKey = true))],
  ['x-request-start', passes((facts) => void (facts.hasRequestStart = true))],
];

const REPLACED_BY_TRACING: ReadonlySet<string> = new Set([
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'traceparent',
  'tracestate',
]);

const traceMeanings = ({ zipkin, w3c }: TracingRules): (readonly [string, Meaning])[] =>
  TRACE_HEADERS.filter((name) => (name.startsWith('trace') ? w3c : zipkin)).map((name) => {
    const read: Reader = (facts, value) => void ((facts.trace ??= {})[name] ??= value);
    return [name, REPLACED_BY_TRACING.has(name) ? drops(read) : passes(read)];
  });

const certMeaning = (mode: ClientCertMode): (readonly [string, Meaning])[] =>
  mode === 'always_forward'
    ? []
    : [['x-forwarded-client-cert', drops((facts, value) => void (facts.clientCerts ??= []).push(value))]];

const emptyFacts = (): RequestFacts => ({
  host: '',
  hostCount: 0,
  hasContentLength: false,
  contentLength: 0,
  transferEncoding: '',
  upgrade: '',
  userAgent: '',
  expectsContinue: false,
  hasIdempotencyKey: false,
  appInstance: '',
  processInstance: '',
  cookie: '',
  authorization: '',
  traceKey: '',
  connection: [],
  serviceSignature: '',
  serviceMetadata: '',
  serviceUrl: '',
  trailer: '',
  acceptsTrailers: false,
  forwardedFor: '',
  forwardedProto: '',
  clientCerts: undefined,
  trace: undefined,
  hasRequestStart: false,
  passed: [],
});

/** Listed by every client that keeps its connection, or that switches protocols; and what frames the request. */
const NEVER_DROPPED = ['close', 'keep-alive', 'upgrade', 'host', 'content-length'];

const without = (headers: RawHeaders, names: ReadonlySet<string>): string[] => {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (!names.has(name.toLowerCase())) kept.push(name, headers[at + 1] ?? '');
  }
  return kept;
};

/** Forgets what `Connection` says is for this hop only. */
const dropListed = (facts: RequestFacts, names: ReadonlySet<string>): void => {
  facts.passed = without(facts.passed, names);
  if (names.has('x-forwarded-for')) facts.forwardedFor = '';
  if (names.has('x-forwarded-proto')) facts.forwardedProto = '';
  if (names.has('x-forwarded-client-cert')) facts.clientCerts = undefined;
  for (const name of TRACE_HEADERS) if (facts.trace && names.has(name)) delete facts.trace[name];
};

/** The first header of that name (lower case); '' when there is none. */
export const headerValue = (headers: RawHeaders, name: string): string => {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() === name) return headers[at + 1] ?? '';
  }
  return '';
};

/** As they stand in a head of HTTP/1, or after a body in chunks. */
export const headerLines = (headers: RawHeaders): string => {
  let lines = '';
  for (let at = 0; at + 1 < headers.length; at += 2) lines += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return lines;
};

export type RequestReader = (raw: RawHeaders) => RequestFacts;

/** Makes the reader of requests' headers: one pass over them, everything else decided beforehand. */
export const createRequestReader = (rules: RequestRules): RequestReader => {
  const meanings: ReadonlyMap<string, Meaning> = new Map([
    ...MEANINGS,
    ...traceMeanings(rules.tracing),
    ...certMeaning(rules.clientCert),
  ]);
  const notDroppable = new Set([...NEVER_DROPPED, ...rules.notDroppable]);
  return (raw) => {
    const facts = emptyFacts();
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at] ?? '';
      const value = raw[at + 1] ?? '';
      const meaning = meanings.get(name.toLowerCase());
      meaning?.read(facts, value);
      if (meaning?.passes !== false) facts.passed.push(name, value);
    }
    const dropped = facts.connection.filter((name) => !notDroppable.has(name));
    if (dropped.length > 0) dropListed(facts, new Set(dropped));
    return facts;
  };
};

export interface Forwarding {
  /** IP of the peer */
  readonly clientAddress: string;
  readonly secure: boolean;
  /** base64 of the client's certificate; undefined when it showed none */
  readonly clientCert: string | undefined;
  readonly trace: Trace;
  /** a route service sends it: what it says of the client stands */
  readonly fromService: boolean;
  /** and the route is that service's */
  readonly returned: boolean;
  /** for the route service that it goes to, or as they came; undefined for none */
  readonly service: ServiceHeaders | undefined;
  /** ms since the Unix epoch */
  readonly now: number;
}

const protoFor = (facts: RequestFacts, { secure, fromService }: Forwarding, rules: RequestRules): string => {
  if (fromService) return facts.forwardedProto;
  if (rules.forwardedProto === 'https') return 'https';
  if (rules.forwardedProto === 'kept' && facts.forwardedProto !== '') return facts.forwardedProto;
  return secure ? 'https' : 'http';
};

const certsFor = (
  { clientCerts = [] }: RequestFacts,
  { clientCert, fromService, returned, secure }: Forwarding,
  mode: ClientCertMode,
): readonly string[] => {
  if (returned && mode === 'forward') return [];
  if (fromService && secure) return clientCerts;
  if (clientCert === undefined) return [];
  return mode === 'sanitize_set' ? [clientCert] : clientCerts;
};

const pushService = (headers: string[], { signature, metadata, forwardedUrl }: ServiceHeaders): void => {
  if (signature !== '') headers.push('X-CF-Proxy-Signature', signature);
  if (metadata !== '') headers.push('X-CF-Proxy-Metadata', metadata);
  if (forwardedUrl !== '') headers.push('X-CF-Forwarded-Url', forwardedUrl);
};

/** The headers that go to any endpoint for this request. */
export const forwardedHeaders = (
  facts: RequestFacts,
  forwarding: Forwarding,
  rules: RequestRules,
): string[] => {
  const headers = facts.passed;
  const { clientAddress, trace } = forwarding;
  if (facts.acceptsTrailers) headers.push('TE', 'trailers');
  headers.push(
    'X-Forwarded-For',
    facts.forwardedFor === '' ? clientAddress : `${facts.forwardedFor}, ${clientAddress}`,
  );
  const proto = protoFor(facts, forwarding, rules);
  if (proto !== '') headers.push('X-Forwarded-Proto', proto);
  if (rules.clientCert !== 'always_forward') {
    for (const cert of certsFor(facts, forwarding, rules.clientCert)) {
      headers.push('X-Forwarded-Client-Cert', cert);
    }
  }
  if (!facts.hasRequestStart) headers.push('X-Request-Start', String(forwarding.now));
  headers.push('X-Vcap-Request-Id', trace.requestId);
  for (const part of trace.headers) headers.push(part);
  if (forwarding.service) pushService(headers, forwarding.service);
  return headers;
};

/** The headers for one endpoint: those of the request, and who is addressed. */
export const endpointHeaders = (headers: RawHeaders, endpoint: Endpoint): string[] => {
  const all = headers.slice();
  if (endpoint.app !== '') all.push('X-CF-ApplicationID', endpoint.app);
  all.push('X-CF-InstanceID', endpoint.instanceId === '' ? endpoint.address : endpoint.instanceId);
  if (endpoint.instanceIndex !== '') all.push('X-CF-InstanceIndex', endpoint.instanceIndex);
  return all;
};
