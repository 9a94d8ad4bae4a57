import { createInbox, ErrorCode, NatsError } from 'nats';
import type { Msg, NatsConnection, Subscription } from 'nats';
import { MAX_PAYLOAD_BYTES } from '../ports/bus.js';
import type {
  Bus,
  BusHandler,
  BusRequest,
  GatherOptions,
  RequestAllOptions,
  RequestFailure,
  RequestResult,
} from '../ports/bus.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import { OutcryError } from '../model/errors.js';
import { createToldCauses } from '../model/told-causes.js';
import { INBOXES } from '../wire/nats-roles.js';
import { createConnectionState } from './connection-state.js';
import { gathering } from './gathering.js';
import { createNatsLink, inboxPrefixOf, userOf } from './nats-link.js';
import type { NatsLinkOptions } from './nats-link.js';
import { isPattern, isSubject } from './subject-match.js';
import { createSystemClock } from './system-clock.js';
import { createSystemRandom } from './system-random.js';

export type { NatsCredentials } from './nats-link.js';

export interface NatsBusOptions extends Omit<NatsLinkOptions, 'clock' | 'random'> {
  logger: Logger;
  clock?: Clock;
  random?: Random;
}

/** What the parts of the bus share: the connection of the moment, if there is one. */
interface Context {
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly inboxPrefix: string;
  /** the connection while the bus counts as connected */
  connection(): NatsConnection | undefined;
  /** told the subjects that this user may not publish to, as they are refused */
  onDenied(listener: (subject: string) => void): Cancel;
  onDisconnect(listener: () => void): Cancel;
}

/**
 * What is published in one turn of the event loop goes in one write, instead of one each: that call costs more than all
 * else about a small message.
 */
const createOutbox = () => {
  let waiting: (() => void)[] = [];
  const send = (): void => {
    const all = waiting;
    waiting = [];
    for (const one of all) one();
  };
  return {
    add(one: () => void): void {
      waiting.push(one);
      if (waiting.length === 1) setImmediate(send);
    },
    /** at once: something is to follow it */
    send,
  };
};

type Outbox = ReturnType<typeof createOutbox>;

type Sendable = { ok: true; connection: NatsConnection } | { ok: false; error: RequestFailure };

const sendable = (context: Context, subject: string, payload: Uint8Array): Sendable => {
  const connection = context.connection();
  if (!connection) return { ok: false, error: 'disconnected' };
  const limit = Math.min(connection.info?.max_payload ?? MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES);
  if (payload.byteLength > limit) {
    context.logger.warn('payload-too-large', { subject, bytes: payload.byteLength, limit });
    return { ok: false, error: 'too-large' };
  }
  if (isSubject(subject)) return { ok: true, connection };
  context.logger.error('not-a-subject', { subject });
  return { ok: false, error: 'denied' };
};

/** True once it is on its way: what the connection had not sent when it went is lost, as ever on this bus. */
const publish = (context: Context, subject: string, payload: Uint8Array, reply?: string): boolean => {
  const target = sendable(context, subject, payload);
  if (!target.ok) return false;
  context.outbox.add(() => {
    try {
      target.connection.publish(subject, payload, reply === undefined ? {} : { reply });
    } catch (error) {
      context.logger.warn('nats-publish-failed', { subject, error });
    }
  });
  return true;
};

const FAILURES: Readonly<Record<string, RequestFailure>> = {
  [ErrorCode.NoResponders]: 'no-responders',
  [ErrorCode.Timeout]: 'timeout',
  [ErrorCode.PermissionsViolation]: 'denied',
  [ErrorCode.AuthorizationViolation]: 'denied',
  [ErrorCode.MaxPayloadExceeded]: 'too-large',
};

const failureOf = (error: unknown, connection: NatsConnection): RequestFailure => {
  // the client ends pending requests as timed out when its connection goes
  if (connection.isClosed()) return 'disconnected';
  return (error instanceof NatsError ? FAILURES[error.code] : undefined) ?? 'disconnected';
};

const request = async (
  context: Context,
  subject: string,
  payload: Uint8Array,
  timeoutMs: number,
): Promise<RequestResult> => {
  const target = sendable(context, subject, payload);
  if (!target.ok) return target;
  context.outbox.send();
  try {
    const answer = await target.connection.request(subject, payload, { timeout: Math.max(1, timeoutMs) });
    return { ok: true, payload: answer.data };
  } catch (error) {
    return { ok: false, error: failureOf(error, target.connection) };
  }
};

const isNoResponders = (answer: Msg): boolean => answer.data.length === 0 && answer.headers?.code === 503;

/**
 * One inbox and one deadline for all: the client's own requests each have a timer and an error made beforehand, which
 * for ten thousand of them is most of what they cost.
 */
const requestAll = (
  context: Context,
  requests: readonly BusRequest[],
  { timeoutMs, onResult }: RequestAllOptions,
): Promise<void> => {
  const open = new Set(requests.keys());
  const cancels: Cancel[] = [];
  return new Promise<void>((resolve) => {
    const end = (at: number, result: RequestResult): void => {
      if (open.delete(at)) onResult(at, result);
      if (open.size === 0) resolve();
    };
    const fail = (error: RequestFailure, which: (at: number) => boolean = () => true): void => {
      for (const at of Array.from(open).filter(which)) end(at, { ok: false, error });
    };
    const connection = context.connection();
    if (!connection || open.size === 0) {
      fail('disconnected');
      return resolve();
    }
    const inbox = createInbox(context.inboxPrefix);
    const subscription = connection.subscribe(`${inbox}.*`, {
      callback: (error, answer) => {
        if (error) return fail('denied');
        const at = Number(answer.subject.slice(inbox.length + 1));
        if (isNoResponders(answer)) end(at, { ok: false, error: 'no-responders' });
        else end(at, { ok: true, payload: answer.data });
      },
    });
    cancels.push(
      () => subscription.unsubscribe(),
      context.clock.after(Math.max(1, timeoutMs), () => fail('timeout')),
      context.onDisconnect(() => fail('disconnected')),
      context.onDenied((subject) => fail('denied', (at) => requests[at]?.subject === subject)),
    );
    for (const [at, { subject, payload }] of requests.entries()) {
      const target = sendable(context, subject, payload);
      if (!target.ok) end(at, target);
      else if (!publish(context, subject, payload, `${inbox}.${at}`))
        end(at, { ok: false, error: 'disconnected' });
    }
  }).finally(() => cancels.forEach((cancel) => cancel()));
};

/** On an inbox of its own, since the client's request takes one answer only. */
const gather = (
  context: Context,
  subject: string,
  payload: Uint8Array,
  options: GatherOptions,
): Promise<Uint8Array[]> => {
  const target = sendable(context, subject, payload);
  if (!target.ok) return Promise.resolve([]);
  const { connection } = target;
  const { answers, isLast } = gathering(options);
  const cancels: Cancel[] = [];
  return new Promise<Uint8Array[]>((resolve) => {
    const end = (): void => resolve(answers);
    const inbox = createInbox(context.inboxPrefix);
    const subscription = connection.subscribe(inbox, {
      callback: (error, answer) => {
        if (error || isNoResponders(answer)) return end();
        if (isLast(answer.data)) end();
      },
    });
    cancels.push(
      () => subscription.unsubscribe(),
      context.clock.after(options.timeoutMs, end),
      context.onDisconnect(end),
      context.onDenied((denied) => denied === subject && end()),
    );
    if (!publish(context, subject, payload, inbox)) end();
  }).finally(() => cancels.forEach((cancel) => cancel()));
};

interface Registration {
  readonly pattern: string;
  readonly handler: BusHandler;
  readonly queue: string | undefined;
  current: Subscription | undefined;
}

/** What is subscribed to, whatever connection there is: taken along from one to the next. */
const createSubscriptions = (context: Context) => {
  const registrations = new Set<Registration>();

  /** An asker that names another subject would have us publish, with our permissions, what it may not. */
  const inboxOf = ({ subject, reply = '' }: Msg): string | undefined => {
    if (reply.startsWith(INBOXES)) return reply;
    if (reply !== '') context.logger.warn('not-an-inbox', { subject, reply });
    return undefined;
  };

  const run = (registration: Registration, message: Msg): void => {
    const { subject, data } = message;
    const inbox = inboxOf(message);
    try {
      registration.handler({
        subject,
        payload: data,
        expectsReply: inbox !== undefined,
        respond: (payload) => inbox !== undefined && publish(context, inbox, payload),
      });
    } catch (error) {
      context.logger.error('bus-handler-failed', { subject, error });
    }
  };

  const attach = (registration: Registration, connection: NatsConnection): void => {
    registration.current = connection.subscribe(registration.pattern, {
      ...(registration.queue === undefined ? {} : { queue: registration.queue }),
      // an error is a refused subscription, which the link tells of
      callback: (error, message) => void (error ?? run(registration, message)),
    });
  };

  return {
    /** resolves when the server has them all */
    async attachAll(connection: NatsConnection): Promise<void> {
      for (const registration of registrations) attach(registration, connection);
      await connection.flush();
    },
    add(pattern: string, handler: BusHandler, queue: string | undefined): Cancel {
      if (!isPattern(pattern)) throw new TypeError(`cannot subscribe to "${pattern}"`);
      const registration: Registration = { pattern, handler, queue, current: undefined };
      registrations.add(registration);
      const connection = context.connection();
      if (connection) attach(registration, connection);
      return () => {
        if (registrations.delete(registration)) registration.current?.unsubscribe();
      };
    },
  };
};

/**
 * A bus over NATS. It connects in the background and for ever: made while no server answers, it is simply
 * not connected yet. While it is not, nothing is kept for later: `publish` answers false.
 */
export const createNatsBus = (options: NatsBusOptions): Bus => {
  const logger = options.logger.session('nats');
  const clock = options.clock ?? createSystemClock();
  const linkOptions = { ...options, logger, clock, random: options.random ?? createSystemRandom() };
  const state = createConnectionState(false);
  const denials = new Set<(subject: string) => void>();
  /** once in a connection: what is denied is tried again every few seconds */
  const toldDenials = createToldCauses();
  let firstDenied = '';
  let current: NatsConnection | undefined;

  const context: Context = {
    outbox: createOutbox(),
    logger,
    clock,
    inboxPrefix: inboxPrefixOf(options),
    connection: () => (current?.isClosed() === false ? current : undefined),
    onDenied(listener) {
      denials.add(listener);
      return () => void denials.delete(listener);
    },
    onDisconnect: (listener) => state.onChange((up) => !up && listener()),
  };
  const subscriptions = createSubscriptions(context);

  const link = createNatsLink(linkOptions, {
    onConnected(connection) {
      current = connection;
      return subscriptions.attachAll(connection);
    },
    onDenied(operation, subject) {
      if (operation === 'publish') for (const listener of Array.from(denials)) listener(subject);
      if (!toldDenials.isNew(`${operation} ${subject}`)) return;
      const { code, message, remedy } = new OutcryError('NATS_PERMISSION_DENIED', {
        user: userOf(options),
        operation: operation === 'subscription' ? 'subscribe to' : 'publish to',
        subject,
      });
      // an answer may be refused for coming too late, or for the asker's sake
      if (firstDenied === '' && !subject.startsWith(INBOXES)) firstDenied = message;
      logger.error('denied', { operation, subject, code, message, remedy });
    },
    onState(up) {
      if (!up) {
        current = undefined;
        toldDenials.clear();
        firstDenied = '';
      }
      state.set(up);
    },
  });

  return {
    publish: (subject, payload) => publish(context, subject, payload),
    subscribe: (subject, handler, subscribeOptions) =>
      subscriptions.add(subject, handler, subscribeOptions?.queue),
    request: (subject, payload, { timeoutMs }) => request(context, subject, payload, timeoutMs),
    requestAll: (requests, all) => requestAll(context, requests, all),
    gather: (subject, payload, gatherOptions) => gather(context, subject, payload, gatherOptions),
    connected: state.up,
    denied: () => firstDenied,
    onConnection: state.onChange,
    // a loss ends the waiting too: what was under way then is lost, as ever on this bus
    async flush() {
      context.outbox.send();
      await context
        .connection()
        ?.flush()
        .catch(() => undefined);
    },
    async close() {
      context.outbox.send();
      await link.close();
      state.close();
    },
  };
};
