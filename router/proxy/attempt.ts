import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { PoolEntry } from '../core/pool.js';
import { endpointHeaders } from '../core/request-headers.js';
import type { RawHeaders } from '../core/request-headers.js';
import type { Exchange } from './exchange.js';
import { AttemptEnded, classifyFailure } from './failure.js';
import type { Failure } from './failure.js';
import type { ProxyContext } from './context.js';
import { answeredBy, createRelay, textHeaders } from './relay.js';

/** What an attempt tells whoever made it; exactly one of `onFailure`, `onEnd` and `onUpgrade` ends it. */
export interface AttemptEvents {
  /** the endpoint's response headers are on their way to the client */
  onAnswer(status: number): void;
  onEnd(): void;
  /** `headers` are the client's already */
  onUpgrade(upgrade: { readonly headers: RawHeaders; readonly socket: Duplex }): void;
  /** `answered`: the client has part of an answer already */
  onFailure(failure: Failure, answered: boolean): void;
}

interface SendOptions extends Dispatcher.DispatchOptions {
  /**
   * undici would take this name from `Host` and reconnect whenever it changes; what a certificate must say is
   * set when connecting
   */
  servername: string | undefined;
}

// plain assignments: spreading objects costs more here than all the rest of a request's bookkeeping
const dispatchOptions = (exchange: Exchange, entry: PoolEntry): SendOptions => ({
  path: exchange.target,
  method: exchange.req.method ?? 'GET',
  headers: endpointHeaders(exchange.headers, entry.endpoint),
  body: exchange.body ?? null,
  servername: entry.endpoint.tls ? entry.endpoint.host : undefined,
  upgrade: exchange.upgrade?.protocol ?? null,
});

/** The last word before anything is written: connecting takes time, in which the reasons to do it may go. */
const assertStillWanted = (ended: Error | undefined, entry: PoolEntry): void => {
  if (ended) throw ended;
  if (!entry.live) throw new AttemptEnded('withdrawn', 'endpoint unregistered');
};

/** Counts against the endpoint until its response headers are there, or the attempt ended. */
const occupy = ({ load }: PoolEntry): (() => void) => {
  let occupied = true;
  load.inFlight += 1;
  return () => {
    if (occupied) load.inFlight -= 1;
    occupied = false;
  };
};

/** Sends the request to one endpoint. */
export const runAttempt = (
  context: ProxyContext,
  exchange: Exchange,
  entry: PoolEntry,
  events: AttemptEvents,
): void => {
  const { clock, config, upstreams } = context;
  const relay = createRelay(context, exchange, entry);
  const release = occupy(entry);
  let controller: Dispatcher.DispatchController | undefined;
  let ended: Error | undefined;
  let answered = false;
  exchange.abort = (reason) => {
    ended = reason;
    controller?.abort(reason);
  };
  const cancelTimeout = exchange.upgrade
    ? () => undefined
    : clock.after(config.endpoints.timeoutMs, () =>
        exchange.abort?.(new AttemptEnded('timeout', 'context deadline exceeded')),
      );

  exchange.record.endpoint = entry.endpoint;
  exchange.record.attemptAt = clock.monotonic();

  const finish = (): void => {
    exchange.record.answeredAt = clock.monotonic();
    release();
    cancelTimeout();
    exchange.abort = undefined;
  };

  upstreams.dispatcher(entry.endpoint).dispatch(dispatchOptions(exchange, entry), {
    onRequestStart(started) {
      assertStillWanted(ended, entry);
      controller = started;
      if (exchange.facts.expectsContinue && exchange.body) exchange.res.writeContinue();
    },
    onResponseStart(current, status, _headers, statusText) {
      // interim answers are for the hop they came on
      if (status < 200) return;
      release();
      relay.head(current, status, statusText ?? '');
      answered = true;
      events.onAnswer(status);
    },
    onResponseData: (current, chunk) => relay.data(current, chunk),
    onResponseEnd(current) {
      finish();
      relay.end(textHeaders(current.rawTrailers));
      events.onEnd();
    },
    onRequestUpgrade(current, _status, _headers, socket) {
      finish();
      const headers = context.responses.upgrade(
        textHeaders(current.rawHeaders),
        exchange.upgrade?.protocol ?? '',
        answeredBy(context, exchange, entry),
      );
      events.onUpgrade({ headers, socket });
    },
    onResponseError(_controller, error) {
      finish();
      const failure = classifyFailure(error, {
        address: entry.endpoint.address,
        started: controller !== undefined,
        servedBefore: upstreams.servedBefore(error),
      });
      events.onFailure(failure, answered);
    },
  });
};
