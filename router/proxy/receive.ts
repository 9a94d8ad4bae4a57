import {
  BAD_REQUEST,
  EMPTY_HOST,
  HEADERS_TOO_LARGE,
  UNSUPPORTED_ENCODING,
  healthReply,
} from '../core/replies.js';
import type { RouterReply } from '../core/replies.js';
import { isIdempotent } from '../core/failures.js';
import { readInstanceChoice } from '../core/instance-choice.js';
import type { RoutePool } from '../core/pool.js';
import { forwardedHeaders, headerValue } from '../core/request-headers.js';
import type { RequestFacts } from '../core/request-headers.js';
import { passedAnnouncement } from '../core/request-trailers.js';
import type { ServiceHeaders } from '../core/route-service.js';
import { hostWithoutPort } from '../core/route-key.js';
import { readStickyRequest } from '../core/sticky-session.js';
import { traceRequest } from '../core/tracing.js';
import type { Trace } from '../core/tracing.js';
import type { ProxyContext } from './context.js';
import type { Exchange, Incoming, RequestHead } from './exchange.js';
import { createRequestBody } from './request-body.js';
import { emptyReply, findPool, unroutedReply } from './route.js';
import type { Destination } from './route.js';
import type { ServiceStep } from './route-services.js';

/** Either the exchange and who serves it, or the router's own answer. */
export type Received =
  | { readonly exchange: Exchange; readonly pool: RoutePool }
  | { readonly reply: RouterReply; readonly requestId: string };

type ClientLimits = ProxyContext['config']['clients'];

interface Target {
  readonly host: string;
  readonly path: string;
}

const setHost = (headers: string[], host: string): void => {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (at === -1) headers.push('Host', host);
  else headers[at + 1] = host;
};

/** Host and path; a target in absolute form brings its own host, which counts (RFC 9112 §3.2.2). */
const readTarget = (url: string, host: string): Target | undefined => {
  if (url.startsWith('/')) return { host, path: url };
  const [, authority, path] = /^https?:\/\/([^/?#@]+)((?:[/?][^#]*)?)$/i.exec(url) ?? [];
  if (authority === undefined || path === undefined) return undefined;
  return { host: authority, path: path.startsWith('/') ? path : `/${path}` };
};

/** Refuses what two readers could take for two different requests. */
const refusal = (facts: RequestFacts): RouterReply | undefined => {
  const chunked = facts.transferEncoding !== '';
  if (facts.hostCount > 1 || Number.isNaN(facts.contentLength)) return BAD_REQUEST;
  if (chunked && facts.hasContentLength) return BAD_REQUEST;
  if (chunked && facts.transferEncoding !== 'chunked') return UNSUPPORTED_ENCODING;
  return undefined;
};

const isPeerItself = (host: string, clientAddress: string): boolean => {
  const bare = hostWithoutPort(host);
  return bare === clientAddress || bare === `[${clientAddress}]`;
};

/**
 * Switching to HTTP/2 in the clear would put the client's further requests past the router, to an endpoint of
 * its choice; such a request is served without the switch.
 */
const wantedUpgrade = ({ upgrade }: Incoming): Incoming['upgrade'] =>
  upgrade && /^h2c\b/i.test(upgrade.protocol) ? undefined : upgrade;

/** Counted as gorouter does: the request line and each header with what separates them. */
const headBytes = ({ method, url, rawHeaders }: RequestHead): number => {
  let bytes = (method?.length ?? 0) + (url?.length ?? 0) + 'HTTP/1.1'.length + 4;
  for (const part of rawHeaders) bytes += part.length + 2;
  return bytes;
};

const isTooLarge = (req: RequestHead, { maxHeaderBytes, maxHeaderLines }: ClientLimits): boolean =>
  headBytes(req) >= maxHeaderBytes || (maxHeaderLines > 0 && req.rawHeaders.length / 2 > maxHeaderLines);

type Step = Exclude<ServiceStep, { kind: 'refused' }>;

/** What is known of a request once its route, and the way there, are clear. */
interface Routed {
  readonly facts: RequestFacts;
  readonly trace: Trace;
  readonly destination: Destination;
  readonly pool: RoutePool;
  readonly step: Step;
  readonly service: ServiceHeaders;
}

const hasBodyOf = (incoming: Incoming, facts: RequestFacts): boolean =>
  incoming.hasBody ?? (facts.transferEncoding !== '' || facts.contentLength > 0);

const headersFor = (context: ProxyContext, { client }: Incoming, routed: Routed): string[] => {
  const { facts, step, trace, service } = routed;
  const returned = step.kind === 'endpoints' && step.returned;
  if (step.kind === 'service') setHost(facts.passed, step.host);
  const forwarding = {
    clientAddress: client.address,
    secure: client.secure,
    clientCert: client.certificate,
    trace,
    now: context.clock.now(),
    returned,
    fromService: returned || (service.signature !== '' && context.services.isFromService(service)),
    service: step.kind === 'service' ? step.headers : returned ? undefined : service,
  };
  return forwardedHeaders(facts, forwarding, context.config.requests);
};

const announceTrailers = (headers: string[], { trailer }: RequestFacts): void => {
  const names = passedAnnouncement(trailer);
  if (names !== '') headers.push('Trailer', names);
};

const NOT_STICKY = { instanceId: '', mustBeThatInstance: false };

const toExchange = (context: ProxyContext, incoming: Incoming, routed: Routed): Exchange => {
  const { facts, trace, step, pool } = routed;
  const { config, clock } = context;
  const hasBody = hasBodyOf(incoming, facts);
  const headers = headersFor(context, incoming, routed);
  if (hasBody && facts.trailer !== '') announceTrailers(headers, facts);
  const toService = step.kind === 'service';
  incoming.record.headers = headers;
  return {
    req: incoming.req,
    res: incoming.res,
    source: incoming.source,
    trailing: incoming.trailing,
    record: incoming.record,
    client: incoming.client,
    hasBody,
    upgrade: wantedUpgrade(incoming),
    facts,
    host: toService ? step.host : routed.destination.host,
    target: toService ? step.target : routed.destination.target,
    instances: toService ? undefined : routed.destination.instances,
    service: toService ? (step.outside ? step.pool : 'inside') : undefined,
    requestId: trace.requestId,
    trace,
    routePath: pool.key.path,
    headers,
    body: hasBody ? createRequestBody(incoming.source, incoming.record) : undefined,
    idempotent: isIdempotent({
      method: incoming.req.method ?? 'GET',
      hasBody,
      hasIdempotencyKey: facts.hasIdempotencyKey,
    }),
    wish: {
      now: clock.monotonic(),
      attempts: 0,
      ...(toService ? NOT_STICKY : readStickyRequest(facts, config.responses.sticky)),
      header: (name) => headerValue(headers, name),
      place: undefined,
    },
    abort: undefined,
  };
};

const findPoolTimed = (context: ProxyContext, destination: Destination): RoutePool | undefined => {
  const { clock, metrics } = context;
  if (!metrics.lookedUp) return findPool(context, destination);
  const began = clock.monotonic();
  const pool = findPool(context, destination);
  metrics.lookedUp(clock.monotonic() - began);
  return pool;
};

/** Reads a request up to the choice of its route. */
export const receive = (context: ProxyContext, incoming: Incoming): Received => {
  const { req, client, record } = incoming;
  const { config, random } = context;
  const facts = context.readRequest(req.rawHeaders);
  record.host = facts.host;
  if (facts.userAgent === config.clients.healthCheckUserAgent) {
    return { reply: healthReply(context.isHealthy()), requestId: '' };
  }
  const trace = traceRequest(facts.trace, config.requests.tracing, random);
  const { requestId } = trace;
  record.requestId = requestId;
  const target = readTarget(req.url ?? '', facts.host);
  const refused = target ? refusal(facts) : BAD_REQUEST;
  if (refused || !target) return { reply: refused ?? BAD_REQUEST, requestId };
  const { host, path } = target;
  record.host = host;

  if (host !== facts.host) setHost(facts.passed, host);
  if (host === '' || isPeerItself(host, client.address)) return { reply: EMPTY_HOST, requestId };
  const wanted = readInstanceChoice(facts.appInstance, facts.processInstance);
  if (wanted && 'reply' in wanted) return { reply: wanted.reply, requestId };
  const destination = { host, target: path, instances: wanted?.choice };
  const pool = findPoolTimed(context, destination);
  if (!pool) return { reply: unroutedReply(destination), requestId };
  if (pool.entries.length === 0) return { reply: emptyReply(context, destination), requestId };
  if (isTooLarge(req, config.clients)) return { reply: HEADERS_TOO_LARGE, requestId };
  // Node stops reading HTTP at the head of an upgrade: its body would be taken for the new protocol
  if (incoming.upgrade && hasBodyOf(incoming, facts)) return { reply: BAD_REQUEST, requestId };

  const service = {
    signature: facts.serviceSignature,
    metadata: facts.serviceMetadata,
    forwardedUrl: facts.serviceUrl,
  };
  const step = context.services.step(pool, destination, service, wantedUpgrade(incoming) !== undefined);
  if (step.kind === 'refused') return { reply: step.reply, requestId };
  return {
    pool: step.kind === 'service' ? step.pool : pool,
    exchange: toExchange(context, incoming, { facts, trace, destination, pool, step, service }),
  };
};
