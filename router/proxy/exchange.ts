import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import type { RawHeaders, RequestFacts } from '../core/request-headers.js';
import type { AccessRecord } from '../core/access-line.js';
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
}

/** A request as the server hands it over. */
export interface Incoming {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly client: Client;
  readonly upgrade: UpgradeRequest | undefined;
  /** for the access log */
  readonly record: AccessRecord;
}

/** A request on its way, until its answer is through. */
export interface Exchange extends Incoming, Destination {
  readonly facts: RequestFacts;
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

/**
 * A response on a connection that asked for an upgrade: Node has let go of the socket, so the response gets it
 * by hand, and is the last on it.
 */
export const createUpgradeResponse = (req: IncomingMessage, socket: Socket): ServerResponse => {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  socket.on('error', () => undefined);
  socket.on('drain', () => res.emit('drain'));
  res.on('finish', () => socket.destroySoon());
  return res;
};

const replyHeaders = (reply: RouterReply, requestId: string): string[] => {
  const headers = ['Content-Length', String(Buffer.byteLength(reply.body))];
  if (reply.body !== '') {
    headers.push('Content-Type', 'text/plain; charset=utf-8', 'X-Content-Type-Options', 'nosniff');
  }
  if (reply.cacheControl !== undefined) headers.push('Cache-Control', reply.cacheControl);
  if (reply.expires !== undefined) headers.push('Expires', reply.expires);
  if (reply.routerError !== undefined) headers.push('X-Cf-RouterError', reply.routerError);
  if (requestId !== '') headers.push('X-Vcap-Request-Id', requestId);
  return headers;
};

/** Answers in the router's own name. */
export const sendReply = (
  responses: ResponseWriter,
  { res, record }: Pick<Incoming, 'res' | 'record'>,
  reply: RouterReply,
  requestId: string,
): void => {
  if (res.destroyed || res.headersSent) return;
  record.status = reply.status;
  record.routerError = reply.routerError ?? '';
  if (record.method !== 'HEAD') record.bodyBytes = Buffer.byteLength(reply.body);
  if (reply.closes) res.shouldKeepAlive = false;
  res.writeHead(reply.status, responses.own(replyHeaders(reply, requestId)));
  res.end(reply.body);
};
