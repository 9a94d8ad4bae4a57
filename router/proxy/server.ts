import type { Member } from '../../common/runtime/group.js';
import type { ProxyContext } from './context.js';
import type { KeyPair } from './certificates.js';
import { createHandle } from './handle.js';
import { createHttp1Server } from './http1-server.js';
import { createHttp2Sessions } from './http2-server.js';
import { createListeners } from './listeners.js';
import { createInFlight } from './in-flight.js';

type Address = { host: string; port: number } | undefined;

export interface Proxy {
  readonly member: Member;
  /**
   * Serves on for the time that load balancers need to see it leave, then takes no more, and resolves when no request is
   * under way or the drain's time is over. Tunnels are not waited for.
   */
  drain(): Promise<void>;
  /** where it listens without TLS; undefined when it does not */
  address(): Address;
  /** where it listens with TLS; undefined when it does not */
  tlsAddress(): Address;
  /**
   * Shows these certificates to clients from the next connection on. Throws when one cannot be used; then the old
   * ones stay.
   */
  replaceCertificates(pairs: readonly KeyPair[]): void;
}

/** The doors that all traffic of applications goes through. */
export const createProxy = (context: ProxyContext): Proxy => {
  const { clock, config, logger } = context;
  const inFlight = createInFlight();
  let stopping = false;
  const handle = createHandle(context, inFlight);
  const http1 = createHttp1Server({ context, handle, isStopping: () => stopping });
  const http2 = createHttp2Sessions(context, handle);
  const listeners = createListeners({
    rules: config.listeners,
    clock,
    logger,
    speakers: { http1: (socket) => void http1.emit('connection', socket), http2: http2.serve },
  });

  /** true when no request is under way any more */
  const idleWithin = async (ms: number): Promise<boolean> => {
    let cancel = (): void => undefined;
    const late = new Promise<boolean>((resolve) => (cancel = clock.after(ms, () => resolve(false))));
    const idle = await Promise.race([inFlight.idle().then(() => true), late]);
    cancel();
    return idle;
  };

  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    stopping = true;
    if (!closed) {
      closed = listeners.close();
      // it listens to nothing itself: this ends connections without a request
      http1.close(() => undefined);
      http2.close();
    }
    return closed;
  };

  const drain = async (): Promise<void> => {
    logger.info('draining', { waitMs: config.drain.waitMs, timeoutMs: config.drain.timeoutMs });
    await clock.sleep(config.drain.waitMs);
    void close();
    if (await idleWithin(config.drain.timeoutMs)) logger.info('drained');
    else logger.warn('drain-timeout', { message: 'router: Drain timeout' });
  };

  const stop = async (): Promise<void> => {
    const ended = close();
    await idleWithin(config.stopGraceMs);
    inFlight.destroyHeld();
    listeners.cutOff();
    await ended;
    await Promise.all([context.upstreams.destroy(), context.serviceUpstreams.destroy()]);
    logger.info('stopped');
  };

  return {
    member: {
      name: 'router-proxy',
      async start() {
        if (config.startDelayMs > 0) await clock.sleep(config.startDelayMs);
        await listeners.start();
      },
      stop,
    },
    drain,
    address: listeners.address,
    tlsAddress: listeners.tlsAddress,
    replaceCertificates: listeners.replaceCertificates,
  };
};
