import type { Socket } from 'node:net';
import { Pool } from 'undici';
import type { Client } from 'undici';
import type { Clock } from '../../common/ports/clock.js';
import { upstreamKey } from '../core/endpoint.js';
import type { Endpoint } from '../core/endpoint.js';
import type { RouterConfig } from '../config.js';
import { createDial } from './dial.js';
import type { Dialled } from './dial.js';
import { createHttp2Upstream } from './http2-upstream.js';
import type { Http2Upstream, Sender } from './http2-upstream.js';
import { createIdleLimit } from './idle-limit.js';
import type { IdleGroup } from './idle-limit.js';
import { PooledClient } from './pooled-client.js';
import { rawHandler } from './undici-handler.js';

/** Kept connections to endpoints, by upstream: undici's pools, and one of HTTP/2 where an endpoint speaks it. */
export interface Upstreams {
  /** `upgrade`: for a request that wants to switch protocols */
  sender(endpoint: Endpoint, upgrade: boolean): Sender;
  /** nobody routes there any more: closes idle connections now, the others when their requests end */
  retire(keys: readonly string[]): void;
  /** whether the connection that this error ended had carried answers before */
  servedBefore(error: Error): boolean;
  /** what the connection failed by in the first place: this error, or one that it follows from */
  causeOf(error: Error): Error;
  /** closes every connection at once */
  destroy(): Promise<void>;
  size(): number;
}

export interface UpstreamsOptions {
  readonly endpoints: RouterConfig['endpoints'];
  readonly clock: Clock;
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

interface PoolSender extends Sender {
  readonly pool: Pool;
}

/** The ways to one upstream; each is opened when a request first takes it. */
interface Upstream {
  requests: PoolSender | undefined;
  upgrades: PoolSender | undefined;
  http2: Http2Upstream | undefined;
  readonly idle: IdleGroup;
}

const poolsOf = ({ requests, upgrades }: Upstream): Pool[] =>
  [requests, upgrades].filter((sender) => sender !== undefined).map(({ pool }) => pool);

export const createUpstreams = ({ endpoints, clock }: UpstreamsOptions): Upstreams => {
  const upstreams = new Map<string, Upstream>();
  const retiring = new Set<Upstream>();
  const memory = createConnectionMemory();
  const dial = createDial(endpoints.dial, clock);
  const limit = createIdleLimit(endpoints.idle);

  const openFor =
    (endpoint: Endpoint, timeoutMs: number) =>
    (done: Dialled): void =>
      dial(endpoint, { timeoutMs, protocols: ['http/1.1'] }, (...outcome) => {
        if (outcome[1]) memory.watch(outcome[1]);
        done(...outcome);
      });

  const openPool = (endpoint: Endpoint, timeoutMs: number, group: IdleGroup): PoolSender => {
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

  const requestsOf = (upstream: Upstream, endpoint: Endpoint): PoolSender =>
    (upstream.requests ??= openPool(endpoint, endpoints.dialTimeoutMs, upstream.idle));

  const openHttp2 = (upstream: Upstream, endpoint: Endpoint): Http2Upstream =>
    createHttp2Upstream({
      authority: `${endpoint.tls ? 'https' : 'http'}://${endpoint.address}`,
      clock,
      idleMs: endpoints.idleMs,
      maxHeaderBytes: endpoints.maxHeaderBytes,
      open(done) {
        const options = { timeoutMs: endpoints.dialTimeoutMs, protocols: ['h2', 'http/1.1'] };
        dial(endpoint, options, (error, socket, carrier) => {
          const agreed = socket && 'alpnProtocol' in socket ? socket.alpnProtocol : 'h2';
          done(error, socket, { speaksHttp2: agreed === 'h2', carrier });
        });
      },
      fallback: () => requestsOf(upstream, endpoint),
    });

  const upstreamOf = (endpoint: Endpoint): Upstream => {
    const key = upstreamKey(endpoint);
    let upstream = upstreams.get(key);
    if (!upstream) {
      upstream = { requests: undefined, upgrades: undefined, http2: undefined, idle: { count: 0 } };
      upstreams.set(key, upstream);
    }
    return upstream;
  };

  const retire = async (key: string): Promise<void> => {
    const upstream = upstreams.get(key);
    if (!upstream) return;
    upstreams.delete(key);
    retiring.add(upstream);
    upstream.http2?.close();
    // destroyed meanwhile, perhaps
    await Promise.all(poolsOf(upstream).map((pool) => pool.close().catch(() => undefined)));
    retiring.delete(upstream);
  };

  return {
    sender(endpoint, upgrade) {
      const upstream = upstreamOf(endpoint);
      if (upgrade)
        return (upstream.upgrades ??= openPool(endpoint, endpoints.upgradeDialTimeoutMs, upstream.idle));
      if (!endpoints.http2 || endpoint.protocol !== 'http2') return requestsOf(upstream, endpoint);
      return (upstream.http2 ??= openHttp2(upstream, endpoint));
    },
    retire: (keys) => keys.forEach((key) => void retire(key)),
    servedBefore: memory.servedBefore,
    causeOf: memory.causeOf,
    async destroy() {
      const all = [...upstreams.values(), ...retiring];
      upstreams.clear();
      for (const { http2 } of all) http2?.destroy();
      await Promise.all(all.flatMap(poolsOf).map((pool) => pool.destroy()));
    },
    size: () => upstreams.size,
  };
};
