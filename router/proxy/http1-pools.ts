import type { Socket } from 'node:net';
import { Pool } from 'undici';
import type { Client } from 'undici';
import type { RouterConfig } from '../config.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Dial, Dialled } from './dial.js';
import type { Sender } from './http2-upstream.js';
import { createIdleLimit } from './idle-limit.js';
import type { IdleGroup } from './idle-limit.js';
import { PooledClient } from './pooled-client.js';
import { rawHandler } from './undici-handler.js';

export interface PoolSender extends Sender {
  readonly pool: Pool;
}

export interface Http1Pools {
  /** `group` is the upstream's */
  open(endpoint: Endpoint, dialTimeoutMs: number, group: IdleGroup): PoolSender;
  /** as for all upstreams */
  servedBefore(error: Error): boolean;
  causeOf(error: Error): Error;
}

/**
 * Notes, for errors of sockets that had carried answers, that they had: undici does not tell. Nor does it of an
 * alert of TLS, after which it only sees the connection end.
 */
const createConnectionMemory = () => {
  const errors = new WeakSet<Error>();
  const causes = new WeakMap<Error, Error>();
  return {
    servedBefore: (error: Error): boolean => errors.has(error),
    causeOf: (error: Error): Error => causes.get(error) ?? error,
    watch(socket: Socket): void {
      let first: Error | undefined;
      socket.on('error', (error) => {
        first ??= error;
        if (first !== error) causes.set(error, first);
        if (socket.bytesRead > 0) errors.add(error);
      });
    },
  };
};

/** Pools of undici's for endpoints that speak HTTP/1.1. */
export const createHttp1Pools = (endpoints: RouterConfig['endpoints'], dial: Dial): Http1Pools => {
  const memory = createConnectionMemory();
  const limit = createIdleLimit(endpoints.idle);

  const openFor =
    (endpoint: Endpoint, timeoutMs: number) =>
    (done: Dialled): void =>
      dial(endpoint, { timeoutMs, protocols: ['http/1.1'] }, (...outcome) => {
        if (outcome[1]) memory.watch(outcome[1]);
        done(...outcome);
      });

  const openPool: Http1Pools['open'] = (endpoint, timeoutMs, group) => {
    const open = openFor(endpoint, timeoutMs);
    const pool = new Pool(`${endpoint.tls ? 'https' : 'http'}://${endpoint.address}`, {
      connections: null,
      pipelining: 1,
      factory: (origin, options) =>
        new PooledClient(origin, { client: options as Client.Options, open, group, limit }),
      keepAliveTimeout: endpoints.idleMs,
      keepAliveMaxTimeout: endpoints.idleMs,
      maxHeaderSize: endpoints.maxHeaderBytes,
      // the router keeps the time of a whole attempt itself
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return { pool, dispatch: (options, handler) => pool.dispatch(options, rawHandler(handler)) };
  };

  return { open: openPool, servedBefore: memory.servedBefore, causeOf: memory.causeOf };
};
