import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Carrier } from '../core/access-line.js';
import type { PoolEntry } from '../core/pool.js';
import { endpointHeaders } from '../core/request-headers.js';
import type { RawHeaders } from '../core/request-headers.js';
import { passedTrailers } from '../core/request-trailers.js';
import type { Deadlines } from './deadlines.js';
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

/** A route service outside is no endpoint: nothing is told of instances, and connections are of another kind. */
const isOutside = ({ service }: Exchange): boolean => typeof service === 'object';

// plain assignments: spreading objects costs more here than all the rest of a request's bookkeeping
const dispatchOptions = ({ config }: ProxyContext, exchange: Exchange, entry: PoolEntry): SendOptions => ({
  path: exchange.target,
  method: exchange.req.method ?? 'GET',
  headers: isOutside(exchange) ? [...exchange.headers] : endpointHeaders(exchange.headers, entry.endpoint),
  body: exchange.body ?? null,
  servername: entry.endpoint.tls ? entry.endpoint.host : undefined,
  upgrade: exchange.upgrade?.protocol ?? null,
  // the connection ends with this request
  reset: !config.endpoints.keepAlive || (exchange.facts.expectsContinue && !config.clients.keepsContinued),
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

/** Has the client send its body. */
const goOn = ({ config }: ProxyContext, { res }: Exchange): void => {
  res.writeContinue();
  // only now is it certain that the body follows, and that the next request comes after it
  if (config.clients.keepsContinued) res.shouldKeepAlive = true;
};

const deadlinesFor = ({ config, deadlines }: ProxyContext, { endpoint }: PoolEntry): Deadlines =>
  config.endpoints.http2 && endpoint.protocol === 'http2' ? deadlines.http2 : deadlines.http1;

const hasTooMany = ({ rawHeaders }: Dispatcher.DispatchController, most: number): boolean =>
  most > 0 && Array.isArray(rawHeaders) && rawHeaders.length / 2 > most;

const upgradeHeaders = (
  context: ProxyContext,
  exchange: Exchange,
  entry: PoolEntry,
  { rawHeaders }: Dispatcher.DispatchController,
): RawHeaders =>
  context.responses.upgrade(
    textHeaders(rawHeaders),
    exchange.upgrade?.protocol ?? '',
    answeredBy(context, exchange, entry),
  );

/** Sends the request to one endpoint. */
export const runAttempt = (
  context: ProxyContext,
  exchange: Exchange,
  entry: PoolEntry,
  events: AttemptEvents,
): void => {
  const { clock, config } = context;
  const upstreams = isOutside(exchange) ? context.serviceUpstreams : context.upstreams;
  const now = clock.monotonic();
  const relay = createRelay(context, exchange, entry);
  const release = occupy(entry);
  let controller: Dispatcher.DispatchController | undefined;
  let ended: Error | undefined;
  let answered = false;
  let carrier: Carrier | undefined;
  exchange.abort = (reason) => {
    ended = reason;
    controller?.abort(reason);
  };
  const cancelTimeout = exchange.upgrade
    ? undefined
    : deadlinesFor(context, entry)(now, () =>
        exchange.abort?.(new AttemptEnded('timeout', 'context deadline exceeded')),
      );

  exchange.record.endpoint = entry.endpoint;
  exchange.record.attemptAt = now;

  const finish = (): void => {
    exchange.record.answeredAt = clock.monotonic();
    release();
    cancelTimeout?.();
    exchange.abort = undefined;
  };

  const sender = upstreams.sender(entry.endpoint, exchange.upgrade !== undefined);
  sender.dispatch(dispatchOptions(context, exchange, entry), {
    onRequestStart(started, carriedBy?: Carrier) {
      assertStillWanted(ended, entry);
      controller = started;
      carrier = carriedBy;
      if (exchange.facts.expectsContinue && exchange.body) goOn(context, exchange);
    },
    onResponseStart(current, status, _headers, statusText) {
      if (status < 200) {
        relay.interim(current, status);
        return;
      }
      if (hasTooMany(current, config.endpoints.maxHeaderLines)) {
        current.abort(new AttemptEnded('other', 'Too many response headers'));
        return;
      }
      release();
      exchange.record.carrier = carrier;
      relay.head(current, status, statusText ?? '');
      answered = true;
      events.onAnswer(status);
    },
    requestTrailers: () => passedTrailers(exchange.trailing.rawTrailers),
    onResponseData: (current, chunk) => relay.data(current, chunk),
    onResponseEnd(current) {
      finish();
      relay.end(textHeaders(current.rawTrailers));
      events.onEnd();
    },
    onRequestUpgrade(current, _status, _headers, socket) {
      finish();
      exchange.record.carrier = carrier;
      events.onUpgrade({ headers: upgradeHeaders(context, exchange, entry, current), socket });
    },
    onResponseError(_controller, error) {
      finish();
      const failure = classifyFailure(upstreams.causeOf(error), {
        address: entry.endpoint.address,
        started: controller !== undefined,
        servedBefore: upstreams.servedBefore(error),
      });
      events.onFailure(failure, answered);
    },
  });
};
