import { EventEmitter } from 'node:events';
import { constants, performServerHandshake } from 'node:http2';
import type {
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
  ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { clientOf } from './client.js';
import type { Client } from './client.js';
import type { ProxyContext } from './context.js';
import type { ClientResponse, RequestHead } from './exchange.js';
import type { Handle } from './handle.js';
import { recordOf } from './record.js';

type StreamEvent = [stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: string[]];

/** bytes that a client may send ahead of the endpoint that reads them */
const WINDOW = 1_048_576;
/** beyond what a session holds at once no stream is accepted: more than its window, or uploads would refuse requests */
const SESSION_MEGABYTES = 64;
const MAX_HEADER_LINES = 65_535;
/** 204 and 304 */
const NO_BODY: ReadonlySet<number> = new Set([204, 304]);

/** HTTP/2 has its own words for what these say, and forbids them. */
const NOT_IN_HTTP2 = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const toHttp2Headers = (status: number, raw: readonly string[]): OutgoingHttpHeaders => {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (NOT_IN_HTTP2.has(name)) continue;
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else if (name === 'set-cookie') headers[name] = [...(Array.isArray(known) ? known : [known]), value];
    else headers[name] = `${String(known)}, ${value}`;
  }
  return { ...headers, ':status': status };
};

/** An answer on a stream of HTTP/2, as the rest of the router knows answers. */
class Http2Response extends EventEmitter implements ClientResponse {
  shouldKeepAlive = true;
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  #trailers: Record<string, string> = {};
  #hasBody = true;

  constructor(stream: ServerHttp2Stream, method: string) {
    super();
    this.#stream = stream;
    this.#isHead = method === 'HEAD';
    stream
      .on('wantTrailers', () => {
        stream.sendTrailers(this.#trailers);
        this.#stopUpload();
      })
      .on('drain', () => this.emit('drain'))
      // its `close` tells what matters
      .on('error', () => undefined)
      .on('close', () => this.emit('close'));
  }

  /** What is left of the request has no reader any more: the client is told, with the whole answer sent. */
  #stopUpload(): void {
    if (!this.#stream.readableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  writeContinue(): void {
    if (!this.destroyed) this.#stream.additionalHeaders({ ':status': 100 });
  }

  writeInterim(status: number, headers: readonly string[]): void {
    if (!this.destroyed) this.#stream.additionalHeaders(toHttp2Headers(status, headers));
  }

  writeHead(status: number, _statusText: string, headers: string[]): void {
    if (this.destroyed) return;
    this.#hasBody = !this.#isHead && !NO_BODY.has(status);
    const options = this.#hasBody ? { waitForTrailers: true } : { endStream: true };
    this.#stream.respond(toHttp2Headers(status, headers), options);
    if (!this.#hasBody) this.#stopUpload();
  }

  flushHeaders(): void {
    // every head is a frame of its own
  }

  write(chunk: Buffer): boolean {
    return !this.#hasBody || this.destroyed || this.#stream.write(chunk);
  }

  addTrailers(pairs: readonly [string, string][]): void {
    this.#trailers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  }

  end(body?: string): void {
    if (this.destroyed || !this.#hasBody) return;
    if (body === undefined || body === '') this.#stream.end();
    else this.#stream.end(body);
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

const isToken = (text: string): boolean => /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/.test(text);
const isPath = (text: string): boolean => /^\/[\x21-\x7e\x80-\xff]*$/.test(text);
const isAuthority = (text: string): boolean => /^[\x21-\x7e]*$/.test(text) && !/[/?#@\\]/.test(text);

/** A request's head in the words of HTTP/1: the authority as `Host`, the crumbs of cookies in one. */
const headOf = (raw: readonly string[]): RequestHead => {
  const pseudo: Record<string, string> = {};
  const rest: string[] = [];
  let cookie = '';
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (name.startsWith(':')) pseudo[name] = value;
    else if (name === 'cookie') cookie += cookie === '' ? value : `; ${value}`;
    else if (name !== 'host' || pseudo[':authority'] === undefined) rest.push(name, value);
  }
  const authority = pseudo[':authority'];
  const { ':method': method = '', ':path': path = '' } = pseudo;
  // what HTTP/1 could not say must not get there: it would end its line, or the request
  const sayable = isToken(method) && isPath(path) && isAuthority(authority ?? '');
  if (cookie !== '') rest.push('Cookie', cookie);
  return {
    method: sayable ? method : 'GET',
    // refused further on
    url: sayable ? path : '',
    httpVersion: '2.0',
    rawHeaders: authority === undefined ? rest : ['Host', authority, ...rest],
  };
};

const NO_TRAILERS = { rawTrailers: [] };

/** What will have followed the request's body. */
const trailingOf = (stream: ServerHttp2Stream): { rawTrailers: readonly string[] } => {
  const trailing: { rawTrailers: readonly string[] } = { rawTrailers: [] };
  stream.on('trailers', (_headers, _flags, raw?: string[]) => (trailing.rawTrailers = raw ?? []));
  return trailing;
};

/** Closes a connection without requests after a while. */
const closeWhenIdle = (session: ServerHttp2Session, { clock, config }: ProxyContext) => {
  let active = 0;
  const arm = () => clock.after(config.clients.idleMs, () => session.close());
  let cancel = arm();
  session.once('close', () => cancel());
  return (stream: ServerHttp2Stream): void => {
    active += 1;
    cancel();
    stream.once('close', () => {
      active -= 1;
      if (active === 0 && !session.closed) cancel = arm();
    });
  };
};

export interface Http2Sessions {
  /** speaks HTTP/2 on that connection from now on */
  serve(socket: Socket): void;
  /** no connection takes another request */
  close(): void;
}

export const createHttp2Sessions = (context: ProxyContext, handle: Handle): Http2Sessions => {
  const sessions = new Set<ServerHttp2Session>();
  const options: ServerOptions = {
    maxHeaderListPairs: MAX_HEADER_LINES,
    maxSessionMemory: SESSION_MEGABYTES,
    settings: {
      initialWindowSize: WINDOW,
      maxHeaderListSize: context.config.clients.maxHeaderBytes,
      enableConnectProtocol: false,
    },
  };

  const incomingOf = (stream: ServerHttp2Stream, client: Client, flags: number, raw: readonly string[]) => {
    const req = headOf(raw);
    const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0;
    return {
      req,
      res: new Http2Response(stream, req.method ?? ''),
      source: stream,
      trailing: hasBody ? trailingOf(stream) : NO_TRAILERS,
      hasBody,
      client,
      upgrade: undefined,
      record: recordOf(req, client, context.clock),
    };
  };

  return {
    serve(socket) {
      const client = clientOf(socket);
      const session = performServerHandshake(socket, options);
      sessions.add(session);
      session.once('close', () => sessions.delete(session));
      session.on('error', () => undefined);
      const noteStream = closeWhenIdle(session, context);
      session.setLocalWindowSize(WINDOW * 16);
      session.on('stream', (...[stream, , flags, raw]: StreamEvent) => {
        noteStream(stream);
        handle(incomingOf(stream, client, flags, raw));
      });
    },
    close: () => sessions.forEach((session) => session.close()),
  };
};
