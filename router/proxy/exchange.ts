import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import type { RawHeaders, RequestFacts } from '../core/request-headers.js';
import type { AccessRecord } from '../core/access-line.js';
import type { RoutePool } from '../core/pool.js';
import type { ErrorPage } from '../core/error-page.js';
import type { RouterReply } from '../core/replies.js';
import type { Wish } from '../core/balancing.js';
import type { ResponseWriter } from '../core/response-headers.js';
import type { Client } from './client.js';
import type { Destination } from './route.js';
import type { Trace } from '../core/tracing.js';

/** A client that wants to switch protocols. */
export interface UpgradeRequest {
  readonly protocol: string;
  readonly socket: Socket;
  /** what the client sent after its request's head */
  readonly head: Buffer;
  /** takes the socket away from the response */
  readonly release: () => void;
}

/** A request's first part, whatever the version of HTTP. */
export type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders'>;

/** The answer to a client, whatever the version of HTTP: what node:http has for HTTP/1.1. */
export interface ClientResponse {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  /** whether the connection goes on after it */
  shouldKeepAlive: boolean;
  writeContinue(): void;
  /** an answer before the answer, 102 to 199; clients that know none of them get none */
  writeInterim(status: number, headers: readonly string[]): void;
  writeHead(status: number, statusText: string, headers: string[]): unknown;
  flushHeaders(): void;
  /** false when it is to wait for `drain` */
  write(chunk: Buffer): boolean;
  addTrailers(pairs: readonly [string, string][]): void;
  end(body?: string): unknown;
  /** breaks off, so that the client sees that something is missing */
  destroy(): unknown;
  once(event: 'close' | 'drain', listener: () => void): unknown;
}

/** A request as the server hands it over. */
export interface Incoming {
  readonly req: RequestHead;
  readonly res: ClientResponse;
  /** its body comes from here */
  readonly source: Readable;
  /** has what follows the body, once that has ended */
  readonly trailing: { readonly rawTrailers: RawHeaders };
  /** undefined where only the headers tell */
  readonly hasBody: boolean | undefined;
  readonly client: Client;
  readonly upgrade: UpgradeRequest | undefined;
  /** for the access log */
  readonly record: AccessRecord;
}

/** A request on its way, until its answer is through. */
export interface Exchange extends Incoming, Destination {
  readonly facts: RequestFacts;
  /** a route service that it goes to: outside, as the one member of a pool, or by its route here */
  readonly service: RoutePool | 'inside' | undefined;
  readonly requestId: string;
  readonly trace: Trace;
  /** context path of the route */
  readonly routePath: string;
  /** what goes to any endpoint */
  readonly headers: RawHeaders;
  readonly body: Readable | undefined;
  readonly idempotent: boolean;
  /** who should serve it */
  readonly wish: Wish;
  /** ends the attempt under way */
  abort: ((reason: Error) => void) | undefined;
}

/** All but those of its body. */
const replyHeaders = (reply: RouterReply, requestId: string): string[] => {
  const headers: string[] = [];
  if (reply.cacheControl !== undefined) headers.push('Cache-Control', reply.cacheControl);
  if (reply.expires !== undefined) headers.push('Expires', reply.expires);
  if (reply.routerError !== undefined) headers.push('X-Cf-RouterError', reply.routerError);
  if (requestId !== '') headers.push('X-Vcap-Request-Id', requestId);
  return headers;
};

interface ReplyRules {
  readonly responses: ResponseWriter;
  /** undefined: lines of text */
  readonly errorPage: ErrorPage | undefined;
}

/** The reply as HTML where it may be that. */
const pageOf = (
  { status, message }: RouterReply,
  headers: readonly string[],
  errorPage: ErrorPage | undefined,
): string | undefined =>
  message === undefined
    ? undefined
    : errorPage?.({ status, statusText: STATUS_CODES[status] ?? '', message, headers });

/** Answers in the router's own name. */
export const sendReply = (
  { responses, errorPage }: ReplyRules,
  { res, record }: Pick<Incoming, 'res' | 'record'>,
  reply: RouterReply,
  requestId: string,
): void => {
  if (res.destroyed || res.headersSent) return;
  record.status = reply.status;
  record.routerError = reply.routerError ?? '';
  if (reply.closes) res.shouldKeepAlive = false;
  const headers = replyHeaders(reply, requestId);
  const page = pageOf(reply, headers, errorPage);
  const body = page ?? reply.body;
  const bytes = Buffer.byteLength(body);
  if (record.method !== 'HEAD') record.bodyBytes = bytes;
  if (bytes > 0) {
    const type = page === undefined ? 'text/plain' : 'text/html';
    headers.push('Content-Type', `${type}; charset=utf-8`, 'X-Content-Type-Options', 'nosniff');
  }
  headers.push('Content-Length', String(bytes));
  res.writeHead(reply.status, STATUS_CODES[reply.status] ?? '', responses.own(headers));
  res.end(body);
};
