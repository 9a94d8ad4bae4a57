import type { Duplex } from 'node:stream';
import type { RoutePool } from '../core/pool.js';
import { UNKNOWN_FAILURE, endpointFailure } from '../core/replies.js';
import type { ProxyContext } from './context.js';
import { sendReply } from './exchange.js';
import type { Exchange, Incoming } from './exchange.js';
import { AttemptEnded } from './failure.js';
import { forward } from './forward.js';
import { receive } from './receive.js';
import type { InFlight } from './in-flight.js';
import { openTunnel } from './tunnel.js';

/** Who registered the route: all of its endpoints come from one, as a rule. */
const componentOf = ({ entries }: RoutePool): string => entries[0]?.endpoint.tags['component'] ?? '';

const SEMICOLON = 'deprecated-semicolon-params';
const CANCELLED = endpointFailure('client-gone', 'context canceled');

/** ms that the router itself took for a request that ends now */
const ownTime = ({ record }: Exchange, now: number): number =>
  (record.forwardedAt ?? now) - record.beganAt + (now - (record.answeredAt ?? now));

/** A request from its head to its end. */
interface Running {
  readonly incoming: Incoming;
  /** undefined when the router answers itself */
  exchange: Exchange | undefined;
  component: string;
  /** ms, monotonic: when its route was known */
  began: number;
  /** it still counts as under way */
  open: boolean;
  switched: boolean;
}

/** One line per request, when it is through; a tunnel's when it is. */
const logAtEnd = ({ res, record }: Incoming, accessLog: ProxyContext['accessLog']): void => {
  if (record.status === 101) return;
  if (!res.headersSent) {
    // whoever leaves before the head of an answer is seen in the log alone
    record.status = CANCELLED.status;
    record.routerError = CANCELLED.routerError ?? '';
  }
  // as gorouter has it: too late for the client, but seen in the log
  if (record.routerError === '' && record.target.includes(';')) record.routerError = SEMICOLON;
  accessLog.ended(record);
};

export type Handle = (incoming: Incoming) => void;

/** Answers requests of whatever version of HTTP. */
export const createHandle = (context: ProxyContext, inFlight: InFlight): Handle => {
  const { accessLog, clock, counters, logger, metrics } = context;

  const upgraded = (exchange: Exchange, headers: readonly string[], socket: Duplex): void => {
    if (!exchange.upgrade) {
      socket.destroy();
      return;
    }
    counters.websocket_upgrades += 1;
    exchange.record.status = 101;
    exchange.upgrade.socket.once('close', () => accessLog.ended(exchange.record));
    inFlight.hold(socket);
    openTunnel(exchange.upgrade, { headers, socket });
  };

  const ended = (running: Running): void => {
    if (running.open) inFlight.ended();
    running.open = false;
  };

  const run = (running: Running): void => {
    const { incoming } = running;
    const received = receive(context, incoming);
    if ('reply' in received) {
      if (received.reply.status === 400 || received.reply.status === 404) counters.rejected_requests += 1;
      sendReply(context, incoming, received.reply, received.requestId);
      return;
    }
    const { exchange, pool } = received;
    running.exchange = exchange;
    running.began = clock.monotonic();
    running.component = componentOf(pool);
    metrics.forwarded(running.component);
    forward(context, exchange, pool, {
      onUpgrade({ headers, socket }) {
        running.switched = true;
        ended(running);
        upgraded(exchange, headers, socket);
      },
    });
  };

  const measure = ({ exchange, component, began, incoming }: Running): void => {
    const now = clock.monotonic();
    if (exchange) metrics.answered?.(component, now - began, ownTime(exchange, now));
    metrics.through?.(now - incoming.record.beganAt, incoming.record.endpoint);
  };

  const closed = (running: Running): void => {
    logAtEnd(running.incoming, accessLog);
    ended(running);
    const { exchange } = running;
    if (!running.switched) measure(running);
    if (!exchange) return;
    // after an answer that went out whole there is nothing left to end
    exchange.abort?.(new AttemptEnded('client-gone', 'context canceled'));
  };

  return (incoming) => {
    const running: Running = {
      incoming,
      exchange: undefined,
      component: '',
      began: 0,
      open: true,
      switched: false,
    };
    inFlight.began();
    incoming.res.once('close', () => closed(running));
    try {
      run(running);
    } catch (error) {
      logger.error('panic', { error, url: incoming.req.url });
      sendReply(context, incoming, UNKNOWN_FAILURE, '');
      ended(running);
    }
  };
};
