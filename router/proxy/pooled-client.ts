import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import { forNextRequest } from '../core/access-line.js';
import type { Carrier } from '../core/access-line.js';
import { headerLines } from '../core/request-headers.js';
import type { RawHeaders } from '../core/request-headers.js';
import type { Dialled } from './dial.js';
import type { IdleConnection, IdleGroup, IdleLimit } from './idle-limit.js';
import { RawHandler } from './undici-handler.js';

const LAST_CHUNK = '\r\n0\r\n\r\n';

const lastChunkWith = (trailers: RawHeaders): string => `\r\n0\r\n${headerLines(trailers)}\r\n`;

export interface PooledClientOptions {
  readonly client: Client.Options;
  /** opens its connection */
  readonly open: (done: Dialled) => void;
  readonly group: IdleGroup;
  readonly limit: IdleLimit;
}

/** One of a pool's clients, that is one connection at a time: knows which requests it carries, and when it is idle. */
export class PooledClient extends Client implements IdleConnection {
  readonly group: IdleGroup;
  readonly #limit: IdleLimit;
  #socket: Socket | undefined;
  /** as the next request finds it */
  #carrier: Carrier | undefined;
  #active = 0;

  constructor(origin: URL, { client, open, group, limit }: PooledClientOptions) {
    super(origin, {
      ...client,
      connect: (_options, callback) =>
        open((error, socket, carrier) => {
          if (error) return callback(error, null);
          this.#opened(socket, carrier);
          callback(null, socket);
        }),
    });
    this.group = group;
    this.#limit = limit;
  }

  #opened(socket: Socket, carrier: Carrier): void {
    this.#socket = socket;
    this.#carrier = carrier;
    socket.once('close', () => this.#closed(socket));
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#limit.taken(this);
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof RawHandler) {
      this.#active += 1;
      if (this.#active === 1) this.#limit.taken(this);
      handler.client = this;
    }
    return super.dispatch(options, handler);
  }

  /** What carries the request that begins now. */
  carry(): Carrier | undefined {
    const carrier = this.#carrier;
    this.#carrier = forNextRequest(carrier);
    return carrier;
  }

  /** A request has ended. */
  release(): void {
    this.#active -= 1;
    if (this.#active === 0 && this.#socket && !this.#socket.destroyed) this.#limit.freed(this);
  }

  /** The connection is another protocol's now. */
  surrender(): void {
    this.#active -= 1;
    this.#socket = undefined;
  }

  /** undici knows of no trailers: they go out with its end of the body, the next that it writes of one in chunks. */
  endWith(trailers: RawHeaders): void {
    const socket = this.#socket;
    if (!socket) return;
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (data: unknown, ...more: unknown[]): boolean => {
      Reflect.deleteProperty(socket, 'write');
      return write(data === LAST_CHUNK ? lastChunkWith(trailers) : data, ...more);
    };
  }

  closeIdle(): void {
    const socket = this.#socket;
    // undici is not through with the answer yet, and may have another request by then
    process.nextTick(() => {
      if (this.#active === 0) socket?.destroy();
    });
  }
}
