import type { Socket } from 'node:net';
import { Pool, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { upstreamKey } from '../core/endpoint.js';
import type { Endpoint } from '../core/endpoint.js';
import type { RouterConfig } from '../config.js';

/** Kept connections to endpoints: one pool of undici's per upstream. */
export interface Upstreams {
  dispatcher(endpoint: Endpoint): Dispatcher;
  /** nobody routes there any more: closes idle connections now, the others when their requests end */
  retire(keys: readonly string[]): void;
  /** whether the connection that this error ended had carried answers before */
  servedBefore(error: Error): boolean;
  /** closes every connection at once */
  destroy(): Promise<void>;
  size(): number;
}

export interface UpstreamsOptions {
  readonly endpoints: RouterConfig['endpoints'];
  /** bytes of an endpoint's response head */
  readonly maxHeaderBytes: number;
}

type Connector = ReturnType<typeof buildConnector>;

/** Notes, for errors of sockets that had carried answers, that they had: undici does not tell. */
const createConnectionMemory = () => {
  const errors = new WeakSet<Error>();
  const watch = (socket: Socket): void => {
    socket.on('error', (error) => {
      if (socket.bytesRead > 0) errors.add(error);
    });
  };
  return {
    servedBefore: (error: Error): boolean => errors.has(error),
    watched:
      (connect: Connector): Connector =>
      (options, callback) =>
        connect(options, (...outcome) => {
          if (outcome[1]) watch(outcome[1]);
          callback(...outcome);
        }),
  };
};

export const createUpstreams = ({ endpoints, maxHeaderBytes }: UpstreamsOptions): Upstreams => {
  const pools = new Map<string, Pool>();
  const retiring = new Set<Pool>();
  const memory = createConnectionMemory();
  const connector = buildConnector({
    timeout: endpoints.dialTimeoutMs,
    ...(endpoints.authorities === undefined ? {} : { ca: endpoints.authorities }),
  });

  const connectTo = (endpoint: Endpoint): Connector =>
    memory.watched((options, callback) =>
      connector(endpoint.tls ? { ...options, servername: endpoint.certName } : options, callback),
    );

  const open = (endpoint: Endpoint): Pool =>
    new Pool(`${endpoint.tls ? 'https' : 'http'}://${endpoint.address}`, {
      connections: null,
      pipelining: 1,
      connect: connectTo(endpoint),
      keepAliveTimeout: endpoints.idleMs,
      keepAliveMaxTimeout: endpoints.idleMs,
      maxHeaderSize: maxHeaderBytes,
      // the router keeps the time of a whole attempt itself
      headersTimeout: 0,
      bodyTimeout: 0,
    });

  const retire = async (key: string): Promise<void> => {
    const pool = pools.get(key);
    if (!pool) return;
    pools.delete(key);
    retiring.add(pool);
    // destroyed meanwhile, perhaps
    await pool.close().catch(() => undefined);
    retiring.delete(pool);
  };

  return {
    dispatcher(endpoint) {
      const key = upstreamKey(endpoint);
      let pool = pools.get(key);
      if (!pool) pools.set(key, (pool = open(endpoint)));
      return pool;
    },
    retire: (keys) => keys.forEach((key) => void retire(key)),
    servedBefore: memory.servedBefore,
    async destroy() {
      const all = [...pools.values(), ...retiring];
      pools.clear();
      await Promise.all(all.map((pool) => pool.destroy()));
    },
    size: () => pools.size,
  };
};
