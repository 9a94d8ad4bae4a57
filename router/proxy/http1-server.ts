import { STATUS_CODES, ServerResponse, createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HEADERS_TOO_LARGE } from '../core/replies.js';
import { clientOf } from './client.js';
import { headerLines } from '../core/request-headers.js';
import type { ProxyContext } from './context.js';
import type { ClientResponse, Incoming, UpgradeRequest } from './exchange.js';
import type { Handle } from './handle.js';
import { recordOf } from './record.js';

const MALFORMED =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request';
/** What speaks another version gets an answer that even the first version knows. */
const OTHER_VERSION = 'HTTP/1.0 400 Bad Request\r\n\r\n';
const TOO_LARGE =
  `HTTP/1.1 ${HEADERS_TOO_LARGE.status} Request Header Fields Too Large\r\n` +
  `X-Cf-RouterError: ${HEADERS_TOO_LARGE.routerError}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: TOO_LARGE,
  HPE_INVALID_VERSION: OTHER_VERSION,
};

interface ParseError extends Error {
  readonly code?: string;
  /** of the parser, in words */
  readonly reason?: string;
}

const EMPTY_LENGTH = 'Empty Content-Length';

/** Nobody is there to read an answer, or whoever is has not said anything worth one. */
const ENDED = new Set(['ECONNRESET', 'ERR_HTTP_REQUEST_TIMEOUT']);

/** Whether what cannot be read is the rest of a request that has its answer, or follows one that was to be the last. */
const isAnswered = (current: ServerResponse): boolean => !current.req.complete || !current.shouldKeepAlive;

/** Answers before it are due, so that another one now would be taken for theirs. */
const isQueued = (current: ServerResponse): boolean => current.socket === null && !current.writableFinished;

/**
 * Answers what is no HTTP, once and in its turn: not when an answer is under way already, since bytes within it would
 * be part of it, and not after one.
 */
const refuseMalformed = (busy: WeakMap<Duplex, ServerResponse>) => {
  return (error: ParseError, socket: Duplex): void => {
    const current = busy.get(socket);
    const refuse = (): void =>
      void socket.end(REFUSALS[error.code ?? ''] ?? MALFORMED, () => socket.destroy());
    if (ENDED.has(error.code ?? '') || !socket.writable) socket.destroy();
    else if (!current) refuse();
    else if (current.writableFinished) {
      if (isAnswered(current)) socket.end(() => socket.destroy());
      else refuse();
    } else if (current.req.complete && current.shouldKeepAlive) {
      // what was asked before has its answer first
      current.once('finish', refuse);
    } else if (current.headersSent || isQueued(current)) socket.destroy();
    else refuse();
  };
};

/** node:http's answer, which knows of what may come before it only some. */
class Http1Response extends ServerResponse implements ClientResponse {
  writeInterim(status: number, headers: readonly string[]): void {
    // behind another answer it would have to wait for its turn, when it helps nobody any more
    if (this.req.httpVersionMinor === 0 || !this.socket?.writable) return;
    const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    this.socket.write(`${line}${headerLines(headers)}\r\n`, 'latin1');
  }
}

/**
 * A response on a connection that asked for an upgrade: Node has let go of the socket, so the response gets it
 * by hand, and is the last on it.
 */
const createUpgradeResponse = (req: IncomingMessage, socket: Socket): Http1Response => {
  const res = new Http1Response(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  socket.on('error', () => undefined);
  socket.on('drain', () => res.emit('drain'));
  res.on('finish', () => socket.destroySoon());
  return res;
};

/** ms between two looks for heads that take too long */
const CHECK_MS = 30_000;
const MIN_CHECK_MS = 500;

export type Http1Server = Server<typeof IncomingMessage, typeof Http1Response>;

export interface Http1Options {
  readonly context: ProxyContext;
  readonly handle: Handle;
  /** connections end with the answer under way */
  readonly isStopping: () => boolean;
}

/** Speaks HTTP/1 on connections given to it as `connection` events, plain or secured. It listens to none itself. */
export const createHttp1Server = ({ context, handle, isStopping }: Http1Options): Http1Server => {
  const { clients } = context.config;
  const busy = new WeakMap<Duplex, ServerResponse>();
  const server = createServer({
    ServerResponse: Http1Response,
    keepAliveTimeout: clients.idleMs,
    headersTimeout: clients.readHeaderMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, Math.max(MIN_CHECK_MS, clients.readHeaderMs / 2)),
    // uploads take what they take
    requestTimeout: 0,
    maxHeaderSize: clients.maxHeaderBytes,
    // the router has its own answer to requests without one
    requireHostHeader: false,
    insecureHTTPParser: false,
  });
  // Node leaves out what is beyond this number; the size is limited above
  server.maxHeadersCount = 0;
  // what a listening server does: without it nobody watches how long heads take to arrive
  server.emit('listening');

  const incoming = (
    req: IncomingMessage,
    res: Http1Response,
    socket: Socket,
    upgrade: UpgradeRequest | undefined,
  ): Incoming => {
    const client = clientOf(socket);
    const record = recordOf(req, client, context.clock);
    return { req, res, source: req, trailing: req, hasBody: undefined, client, upgrade, record };
  };

  const onRequest = (req: IncomingMessage, res: Http1Response): void => {
    // what follows a request whose answer is to be the last is none: it may be that one's body, read otherwise
    if (busy.get(req.socket)?.shouldKeepAlive === false) return;
    busy.set(req.socket, res);
    if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0') {
      req.socket.end(OTHER_VERSION, () => req.socket.destroy());
      return;
    }
    if (isStopping()) res.shouldKeepAlive = false;
    handle(incoming(req, res, req.socket, undefined));
  };

  server.on('request', onRequest).on('checkContinue', (req: IncomingMessage, res: Http1Response) => {
    // whether a body follows is the client's choice when it gets its answer first: nothing may come after it
    res.shouldKeepAlive = false;
    onRequest(req, res);
  });
  server.on('upgrade', (req: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as Socket;
    const before = busy.get(socket);
    // Node lets go of the socket though an answer is due, which could not be told from what the new protocol says
    if (before && (!before.writableFinished || !before.shouldKeepAlive)) return void socket.destroy();
    const res = createUpgradeResponse(req, socket);
    const release = (): void => res.detachSocket(socket);
    const upgrade = { protocol: req.headers.upgrade ?? '', socket, head, release };
    handle(incoming(req, res, socket, upgrade));
  });
  // the router opens no tunnels to wherever a client likes
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    socket.end(MALFORMED, () => socket.destroy());
  });
  const refuse = refuseMalformed(busy);
  server.on('clientError', (error: ParseError, socket) => {
    if (error.reason === EMPTY_LENGTH) context.counters.empty_content_length_header += 1;
    refuse(error, socket);
  });
  return server;
};
