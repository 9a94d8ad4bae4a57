import { STATUS_CODES } from 'node:http';
import { connect, constants } from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../common/ports/clock.js';
import { forNextRequest } from '../core/access-line.js';
import type { Carrier } from '../core/access-line.js';
import { AttemptEnded } from './failure.js';
import type { Handler } from './undici-handler.js';

type Options = Dispatcher.DispatchOptions;

/** What requests are given to: undici's dispatchers, and the one for HTTP/2 here. */
export interface Sender {
  dispatch(options: Options, handler: Handler): unknown;
}

export interface Http2Upstream extends Sender {
  /** lets what is under way end */
  close(): void;
  destroy(): void;
}

interface Opened {
  /** as was agreed */
  readonly speaksHttp2: boolean;
  readonly carrier: Carrier | undefined;
}

export interface Http2UpstreamOptions {
  readonly authority: string;
  readonly clock: Clock;
  /** ms after which an idle connection is closed */
  readonly idleMs: number;
  /** bytes of a response's headers */
  readonly maxHeaderBytes: number;
  /** opens a connection */
  readonly open: (done: (error: Error | null, socket: Socket | null, opened: Opened) => void) => void;
  /** takes over when the endpoint would rather speak HTTP/1.1 */
  readonly fallback: () => Sender;
}

/** Names that may not go into HTTP/2, and `host`, which becomes `:authority`. */
const NOT_IN_HTTP2 = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host']);
/** bytes that an endpoint may send ahead of its reader */
const WINDOW = 1_048_576;
/** beyond what a session holds at once no stream is opened */
const SESSION_MEGABYTES = 64;
const MAX_HEADER_LINES = 65_535;

/** Several of one name become one, as HTTP allows for all but cookies, which have their own sign. */
const addHeader = (headers: Record<string, string>, name: string, value: string): void => {
  const known = headers[name];
  headers[name] = known === undefined ? value : `${known}${name === 'cookie' ? '; ' : ', '}${value}`;
};

const toHttp2Headers = (options: Options): OutgoingHttpHeaders => {
  const raw = (options.headers ?? []) as readonly string[];
  const headers: Record<string, string> = { ':method': options.method, ':path': options.path };
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (name === 'host') headers[':authority'] = value;
    if (NOT_IN_HTTP2.has(name)) continue;
    addHeader(headers, name, value);
  }
  return headers;
};

const withoutPseudo = (raw: readonly string[]): Buffer[] => {
  const headers: Buffer[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.startsWith(':')) continue;
    headers.push(Buffer.from(raw[at] ?? '', 'latin1'), Buffer.from(raw[at + 1] ?? '', 'latin1'));
  }
  return headers;
};

/** The endpoint did not look at the request: it may go anywhere again. */
const UNSEEN: ReadonlySet<number> = new Set([constants.NGHTTP2_REFUSED_STREAM]);

const resetError = (code: number): Error =>
  UNSEEN.has(code)
    ? new AttemptEnded('withdrawn', 'stream refused')
    : new AttemptEnded('other', `stream error: code ${code}`);

const trailersOf = (handler: Handler): OutgoingHttpHeaders => {
  const raw = handler.requestTrailers?.() ?? [];
  const trailers: Record<string, string> = {};
  for (let at = 0; at + 1 < raw.length; at += 2)
    addHeader(trailers, (raw[at] ?? '').toLowerCase(), raw[at + 1] ?? '');
  return trailers;
};

type Head = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** One request on a session, told to the handler as undici tells it. */
class Http2Exchange {
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawHeaders: Buffer[] = [];
  rawTrailers: Buffer[] = [];
  #ended = false;
  readonly #stream: ClientHttp2Stream;
  readonly #handler: Handler;
  readonly #body: Readable | undefined;

  constructor(stream: ClientHttp2Stream, handler: Handler, body: Readable | undefined) {
    this.#stream = stream;
    this.#handler = handler;
    this.#body = body;
  }

  get #controller(): Dispatcher.DispatchController {
    return this as unknown as Dispatcher.DispatchController;
  }

  pause(): void {
    this.paused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.paused = false;
    this.#stream.resume();
  }

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
    this.#fail(reason);
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  start(): void {
    const stream = this.#stream;
    const onHead = (headers: Head, _flags: unknown, raw?: string[]): void => {
      this.rawHeaders = withoutPseudo(raw ?? []);
      const status = headers[':status'] ?? 0;
      this.#handler.onResponseStart?.(this.#controller, status, {}, STATUS_CODES[status] ?? '');
    };
    stream
      // answers before the answer
      .on('headers', onHead)
      .on('response', onHead)
      .on('data', (chunk: Buffer) => this.#handler.onResponseData?.(this.#controller, chunk))
      .on('trailers', (_headers: unknown, _flags: unknown, raw?: string[]) => {
        this.rawTrailers = withoutPseudo(raw ?? []);
      })
      .on('wantTrailers', () => stream.sendTrailers(trailersOf(this.#handler)))
      .on('end', () => this.#end())
      .on('error', (error: Error) => this.#fail(this.#meaning(error)))
      .on('close', () => this.#fail(this.#meaning()));
    this.#body?.pipe(stream);
  }

  #meaning(error?: Error): Error {
    const { rstCode } = this.#stream;
    if (rstCode !== undefined && rstCode !== constants.NGHTTP2_NO_ERROR) return resetError(rstCode);
    return error ?? new AttemptEnded('eof', 'EOF');
  }

  #dropBody(): void {
    this.#body?.unpipe(this.#stream);
    this.#body?.destroy();
  }

  #end(): void {
    // a stream that was reset ends too; its `close` tells
    if (this.#ended || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    this.#ended = true;
    if (this.#body && !this.#body.readableEnded) this.#dropBody();
    this.#handler.onResponseEnd?.(this.#controller, {});
    if (!this.#stream.writableFinished) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#dropBody();
    this.#handler.onResponseError?.(this.#controller, error);
  }
}

interface Waiting {
  readonly options: Options;
  readonly handler: Handler;
}

const isUsable = (session: ClientHttp2Session | undefined): session is ClientHttp2Session =>
  session !== undefined && !session.closed && !session.destroyed;

/** Closes a session that nobody has used for a while, not one with a quiet stream. */
const closeWhenIdle = (session: ClientHttp2Session, { clock, idleMs }: Http2UpstreamOptions) => {
  let active = 0;
  const arm = () => clock.after(idleMs, () => session.close());
  let cancel = arm();
  session.once('close', () => cancel());
  return {
    began(): void {
      active += 1;
      cancel();
    },
    ended(): void {
      active -= 1;
      if (active === 0 && !session.closed) cancel = arm();
    },
  };
};

/** Speaks HTTP/2 on that connection from now on. */
const openSession = (
  { authority, maxHeaderBytes }: Http2UpstreamOptions,
  socket: Socket,
): ClientHttp2Session => {
  const session = connect(authority, {
    createConnection: () => socket,
    maxHeaderListPairs: MAX_HEADER_LINES,
    maxSessionMemory: SESSION_MEGABYTES,
    settings: {
      enablePush: false,
      initialWindowSize: WINDOW,
      maxHeaderListSize: maxHeaderBytes,
    },
  });
  session.once('connect', () => session.setLocalWindowSize(WINDOW * 16));
  session.on('error', () => undefined);
  session.once('goaway', () => session.close());
  return session;
};

/**
 * Requests to an endpoint that speaks HTTP/2, over one connection. Its streams are ours to manage: what fails
 * before the endpoint looked at it may be sent again, and answers carry trailers, as gRPC needs.
 */
export const createHttp2Upstream = (options: Http2UpstreamOptions): Http2Upstream => {
  let session: ClientHttp2Session | undefined;
  let idle: ReturnType<typeof closeWhenIdle> | undefined;
  let waiting: Waiting[] | undefined;
  let prefersHttp1 = false;
  let closed = false;
  /** as the next request finds it */
  let carrier: Carrier | undefined;
  const sessions = new Set<ClientHttp2Session>();

  const send = (current: ClientHttp2Session, { options: request, handler }: Waiting): void => {
    const body = (request.body ?? undefined) as Readable | undefined;
    let exchange: Http2Exchange | undefined;
    const early = { abort: (reason: Error) => void (exchange?.abort(reason) ?? (abortedWith = reason)) };
    let abortedWith: Error | undefined;
    try {
      handler.onRequestStart?.(early as unknown as Dispatcher.DispatchController, carrier);
      carrier = forNextRequest(carrier);
      if (abortedWith) throw abortedWith;
      const stream = current.request(toHttp2Headers(request), {
        endStream: body === undefined,
        waitForTrailers: body !== undefined,
      });
      idle?.began();
      stream.once('close', () => idle?.ended());
      exchange = new Http2Exchange(stream, handler, body);
      exchange.start();
    } catch (error) {
      handler.onResponseError?.(early as unknown as Dispatcher.DispatchController, error as Error);
    }
  };

  const opened = (socket: Socket): void => {
    const made = openSession(options, socket);
    sessions.add(made);
    session = made;
    idle = closeWhenIdle(made, options);
    made.once('close', () => {
      sessions.delete(made);
      if (session === made) session = undefined;
    });
    if (closed) made.close();
  };

  const connected = (error: Error | null, socket: Socket | null, opening: Opened): void => {
    const all = waiting ?? [];
    const { speaksHttp2 } = opening;
    waiting = undefined;
    carrier = opening.carrier;
    if (socket && speaksHttp2) opened(socket);
    else socket?.destroy();
    prefersHttp1 = socket !== null && !speaksHttp2;
    for (const one of all) {
      const nobody = {} as Dispatcher.DispatchController;
      if (error) one.handler.onResponseError?.(nobody, error);
      else if (isUsable(session)) send(session, one);
      else options.fallback().dispatch(one.options, one.handler);
    }
  };

  return {
    dispatch(request, handler) {
      if (prefersHttp1) return void options.fallback().dispatch(request, handler);
      if (isUsable(session)) return send(session, { options: request, handler });
      if (waiting) return void waiting.push({ options: request, handler });
      waiting = [{ options: request, handler }];
      options.open(connected);
    },
    close() {
      closed = true;
      for (const one of sessions) one.close();
    },
    destroy() {
      closed = true;
      for (const one of sessions) one.destroy();
    },
  };
};
