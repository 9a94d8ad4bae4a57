import type { Endpoint } from './endpoint.js';

/** Names and values in turn, as they came: nothing is merged, sorted or decoded. */
export type RawHeaders = readonly string[];

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
  /** names that `Connection` lists, lower case */
  connection: string[];
  forwardedFor: string;
  hasForwardedProto: boolean;
  hasRequestStart: boolean;
  /** what goes on to the endpoint as it is */
  passed: string[];
}

type Reader = (facts: RequestFacts, value: string) => void;

const drop: Reader = () => undefined;

const listed = (value: string): string[] =>
  value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');

/** Headers that mean something here; what is not marked with `KEPT` does not go on as it is. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['connection', (facts, value) => void facts.connection.push(...listed(value))],
  ['keep-alive', drop],
  ['proxy-connection', drop],
  ['proxy-authenticate', drop],
  ['proxy-authorization', drop],
  ['te', drop],
  ['trailer', drop],
  ['http2-settings', drop],
  ['upgrade', (facts, value) => void (facts.upgrade = value)],
  ['transfer-encoding', (facts, value) => void (facts.transferEncoding += value.trim().toLowerCase())],
  ['expect', (facts, value) => void (facts.expectsContinue = value.toLowerCase() === '100-continue')],
  [
    'x-forwarded-for',
    (facts, value) => void (facts.forwardedFor += facts.forwardedFor === '' ? value : `, ${value}`),
  ],
  ['x-vcap-request-id', drop],
  ['x-cf-applicationid', drop],
  ['x-cf-instanceid', drop],
  ['x-cf-instanceindex', drop],
  ['x-cf-app-instance', (facts, value) => void (facts.appInstance ||= value)],
]);

const KEPT: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'host',
    (facts, value) => {
      facts.host = value;
      facts.hostCount += 1;
    },
  ],
  [
    'content-length',
    (facts, value) => {
      facts.contentLength = facts.hasContentLength || !/^\d+$/.test(value) ? Number.NaN : Number(value);
      facts.hasContentLength = true;
    },
  ],
  ['user-agent', (facts, value) => void (facts.userAgent = value)],
  ['x-cf-process-instance', (facts, value) => void (facts.processInstance ||= value)],
  ['idempotency-key', (facts) => void (facts.hasIdempotencyKey = true)],
  ['x-idempotency-key', (facts) => void (facts.hasIdempotencyKey = true)],
  ['x-forwarded-proto', (facts) => void (facts.hasForwardedProto = true)],
  ['x-request-start', (facts) => void (facts.hasRequestStart = true)],
]);

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
  connection: [],
  forwardedFor: '',
  hasForwardedProto: false,
  hasRequestStart: false,
  passed: [],
});

/**
 * Headers that a client cannot make the router drop by listing them in `Connection`: the default of
 * gorouter's `hop_by_hop_headers_to_filter`, and those that frame the request.
 */
const NOT_DROPPABLE = new Set([
  'close',
  'keep-alive',
  'upgrade',
  'host',
  'content-length',
  'x-forwarded-for',
  'x-forwarded-proto',
  'b3',
  'x-b3',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-request-start',
  'x-forwarded-client-cert',
]);

const without = (headers: RawHeaders, names: ReadonlySet<string>): string[] => {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (!names.has(name.toLowerCase())) kept.push(name, headers[at + 1] ?? '');
  }
  return kept;
};

/** The first header of that name (lower case); '' when there is none. */
export const headerValue = (headers: RawHeaders, name: string): string => {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() === name) return headers[at + 1] ?? '';
  }
  return '';
};

/** Reads a request's headers in one pass. */
export const readRequestHeaders = (raw: RawHeaders): RequestFacts => {
  const facts = emptyFacts();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    const lower = name.toLowerCase();
    const reader = READERS.get(lower);
    if (reader) {
      reader(facts, value);
      continue;
    }
    KEPT.get(lower)?.(facts, value);
    facts.passed.push(name, value);
  }
  const dropped = facts.connection.filter((name) => !NOT_DROPPABLE.has(name));
  if (dropped.length > 0) facts.passed = without(facts.passed, new Set(dropped));
  return facts;
};

export interface Forwarding {
  /** IP of the peer */
  readonly clientAddress: string;
  readonly secure: boolean;
  readonly requestId: string;
  /** ms since the Unix epoch */
  readonly now: number;
}

/** The headers that go to any endpoint for this request. */
export const forwardedHeaders = (facts: RequestFacts, forwarding: Forwarding): string[] => {
  const headers = facts.passed;
  const { clientAddress } = forwarding;
  headers.push(
    'X-Forwarded-For',
    facts.forwardedFor === '' ? clientAddress : `${facts.forwardedFor}, ${clientAddress}`,
  );
  if (!facts.hasForwardedProto) headers.push('X-Forwarded-Proto', forwarding.secure ? 'https' : 'http');
  if (!facts.hasRequestStart) headers.push('X-Request-Start', String(forwarding.now));
  headers.push('X-Vcap-Request-Id', forwarding.requestId);
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
