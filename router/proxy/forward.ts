import type { Duplex } from 'node:stream';
import { chooseEndpoint } from '../core/balancing.js';
import type { Choice } from '../core/balancing.js';
import { FAILURE_RULES, isUncounted, shouldRetry } from '../core/failures.js';
import type { FailureKind } from '../core/failures.js';
import type { PoolEntry, RoutePool } from '../core/pool.js';
import { INSTANCE_GONE, connectionLimit, endpointFailure } from '../core/replies.js';
import type { RouterReply } from '../core/replies.js';
import { runAttempt } from './attempt.js';
import type { ProxyContext } from './context.js';
import { countAnswer } from './counters.js';
import { sendReply } from './exchange.js';
import type { Exchange } from './exchange.js';
import type { Failure } from './failure.js';
import { emptyReply, findPool, unroutedReply } from './route.js';

/** What the server must know of an exchange's end. */
export interface ForwardEvents {
  /** the endpoint agreed to switch protocols; from here on the client's socket is the receiver's to end */
  onUpgrade(upgrade: { readonly headers: readonly string[]; readonly socket: Duplex }): void;
}

type NobodyReason = 'unknown' | Extract<Choice, { ok: false }>['reason'];

interface Tally {
  attempts: number;
  uncounted: number;
  readonly maxAttempts: number;
  failure: Failure | undefined;
}

const mark = (context: ProxyContext, pool: RoutePool, entry: PoolEntry, failure: Failure): void => {
  const rule = FAILURE_RULES[failure.kind];
  const now = context.clock.monotonic();
  if (rule.marks) entry.failedAt = now;
  if (rule.evictsTls && entry.endpoint.tls && entry.live) {
    context.upstreams.retire(context.table.evict(pool.key, entry, now).retired);
    context.logger.info('pruned-failed-endpoint', { address: entry.endpoint.address });
  }
};

const canRetry = (exchange: Exchange, tally: Tally, failure: Failure): boolean =>
  shouldRetry({
    kind: failure.kind,
    idempotent: exchange.idempotent,
    bodyTouched: exchange.body?.readableDidRead ?? false,
    attempts: tally.attempts,
    maxAttempts: tally.maxAttempts,
    uncounted: tally.uncounted,
  });

const logFailure = (context: ProxyContext, exchange: Exchange, entry: PoolEntry, failure: Failure): void => {
  const fields = {
    host: exchange.host,
    address: entry.endpoint.address,
    requestId: exchange.requestId,
    error: failure.detail,
  };
  if (failure.kind === 'client-gone') context.logger.info('request-cancelled', { ...fields, status: 499 });
  else context.logger.warn('backend-endpoint-failed', { ...fields, kind: failure.kind });
};

const TLS_COUNTERS = {
  'tls-hostname': 'backend_invalid_id',
  'tls-untrusted': 'backend_invalid_tls_cert',
  'tls-handshake': 'backend_tls_handshake_failed',
} as const;

const isTls = (kind: FailureKind): kind is keyof typeof TLS_COUNTERS => kind in TLS_COUNTERS;

const countFailure = ({ counters }: ProxyContext, exchange: Exchange, reply: RouterReply): void => {
  if (reply.status === 404) counters.rejected_requests += 1;
  if (reply.status === 499) counters.cancelled_requests += 1;
  if (reply.status === 502) counters.bad_gateways += 1;
  if (reply.routerError === 'Connection Limit Reached') counters.backend_exhausted_conns += 1;
  if (exchange.upgrade) counters.websocket_failures += 1;
};

const nobodyReply = (context: ProxyContext, exchange: Exchange, reason: NobodyReason): RouterReply => {
  if (reason === 'unknown') return unroutedReply(exchange);
  if (reason === 'empty') return emptyReply(context, exchange);
  return reason === 'overloaded' ? connectionLimit(exchange.host) : INSTANCE_GONE;
};

const mostAttempts = ({ config }: ProxyContext, { service }: Exchange, pool: RoutePool): number =>
  service ? config.routeServices.maxAttempts : Math.min(config.endpoints.maxAttempts, pool.entries.length);

/** For another attempt: endpoints come and go, a service outside stays. */
const poolAgain = (context: ProxyContext, exchange: Exchange): RoutePool | undefined =>
  typeof exchange.service === 'object' ? exchange.service : findPool(context, exchange);

/** Sends the request to endpoints of its route in turn until one answers, or no further try is allowed. */
export const forward = (
  context: ProxyContext,
  exchange: Exchange,
  firstPool: RoutePool,
  events: ForwardEvents,
): void => {
  const { clock, counters } = context;
  const { wish } = exchange;
  const tally: Tally = {
    attempts: 0,
    uncounted: 0,
    maxAttempts: mostAttempts(context, exchange, firstPool),
    failure: undefined,
  };

  const onAnswer = (status: number): void => {
    countAnswer(counters, 'responses', status);
    if (exchange.service) countAnswer(counters, 'responses.route_services', status);
  };

  const giveUp = (reply: RouterReply): void => {
    if (exchange.service) countAnswer(counters, 'responses.route_services', 0);
    countFailure(context, exchange, reply);
    sendReply(context, exchange, reply, exchange.requestId);
  };

  const giveUpAfter = ({ kind, detail }: Failure): void => {
    if (isTls(kind)) counters[TLS_COUNTERS[kind]] += 1;
    giveUp(endpointFailure(kind, detail));
  };

  const giveUpWithout = (reason: NobodyReason): void => {
    if (tally.failure && tally.failure.kind !== 'withdrawn') giveUpAfter(tally.failure);
    else giveUp(nobodyReply(context, exchange, reason));
  };

  const onFailure = (pool: RoutePool, entry: PoolEntry, failure: Failure, answered: boolean): void => {
    if (isUncounted(failure.kind)) tally.uncounted += 1;
    else tally.attempts += 1;
    exchange.record.failedAttempts += 1;
    tally.failure = failure;
    wish.now = clock.monotonic();
    mark(context, pool, entry, failure);
    logFailure(context, exchange, entry, failure);
    if (answered) {
      // too late for another answer: all that can be told is that this one is not whole
      if (failure.kind === 'client-gone') counters.cancelled_requests += 1;
      exchange.res.destroy();
    } else if (canRetry(exchange, tally, failure)) attempt(poolAgain(context, exchange));
    else giveUpAfter(failure);
  };

  const attempt = (pool: RoutePool | undefined): void => {
    if (!pool) return giveUpWithout('unknown');
    wish.attempts = tally.attempts;
    const choice = chooseEndpoint(pool, context.balancing, wish);
    if (!choice.ok) return giveUpWithout(choice.reason);
    runAttempt(context, exchange, choice.entry, {
      onAnswer,
      onEnd: () => undefined,
      onUpgrade: events.onUpgrade,
      onFailure: (failure, answered) => onFailure(pool, choice.entry, failure, answered),
    });
  };

  counters.total_requests += 1;
  exchange.record.forwardedAt = clock.monotonic();
  attempt(firstPool);
};
