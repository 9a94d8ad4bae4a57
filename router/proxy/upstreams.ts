import type { Pool } from 'undici';
import type { Clock } from '../../common/ports/clock.js';
import { upstreamKey } from '../core/endpoint.js';
import type { Endpoint } from '../core/endpoint.js';
import type { RouterConfig } from '../config.js';
import { createDial } from './dial.js';
import { createHttp1Pools } from './http1-pools.js';
import type { PoolSender } from './http1-pools.js';
import { createHttp2Upstream } from './http2-upstream.js';
import type { Http2Upstream, Sender } from './http2-upstream.js';
import type { IdleGroup } from './idle-limit.js';

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
  const dial = createDial(endpoints.dial, clock);
  const pools = createHttp1Pools(endpoints, dial);

  const requestsOf = (upstream: Upstream, endpoint: Endpoint): PoolSender =>
    (upstream.requests ??= pools.open(endpoint, endpoints.dialTimeoutMs, upstream.idle));

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
        return (upstream.upgrades ??= pools.open(endpoint, endpoints.upgradeDialTimeoutMs, upstream.idle));
      if (!endpoints.http2 || endpoint.protocol !== 'http2') return requestsOf(upstream, endpoint);
      return (upstream.http2 ??= openHttp2(upstream, endpoint));
    },
    retire: (keys) => keys.forEach((key) => void retire(key)),
    servedBefore: pools.servedBefore,
    causeOf: pools.causeOf,
    async destroy() {
      const all = [...upstreams.values(), ...retiring];
      upstreams.clear();
      for (const { http2 } of all) http2?.destroy();
      await Promise.all(all.flatMap(poolsOf).map((pool) => pool.destroy()));
    },
    size: () => upstreams.size,
  };
};
