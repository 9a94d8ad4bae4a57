import { MAX_PAYLOAD_BYTES } from '../ports/bus.js';
import type {
  Bus,
  BusHandler,
  BusMessage,
  GatherOptions,
  RequestFailure,
  RequestResult,
} from '../ports/bus.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { silentLogger } from './capture-logger.js';
import { isPattern, isSubject, subjectMatcher } from './subject-match.js';
import { createSystemClock } from './system-clock.js';

export interface MemoryBusOptions {
  /** for the deadlines of requests; the system's when absent */
  clock?: Clock;
  logger?: Logger;
}

/** One connection to a broker in this process, with the faults that a network would have. */
export interface MemoryBus extends Bus {
  /** cuts this connection: what is under way to it is lost, its subscriptions rest */
  disconnect(): void;
  /** mends it: its subscriptions are in force again */
  reconnect(): void;
  /** another connection to the same broker */
  client(): MemoryBus;
}

interface Delivery {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** where answers go; '' = nowhere */
  readonly reply: string;
}

interface Subscription {
  readonly matches: (subject: string) => boolean;
  readonly queue: string | undefined;
  readonly active: () => boolean;
  /** takes a delivery; its handler runs in a later turn */
  readonly deliver: (delivery: Delivery) => void;
}

interface Broker {
  add(subscription: Subscription): Cancel;
  /** hands a copy to each subscriber and to one member of each queue group; the number reached */
  route(delivery: Delivery): number;
  inbox(): string;
}

const createBroker = (): Broker => {
  const subscriptions = new Set<Subscription>();
  let inboxes = 0;
  let turn = 0;

  const receivers = (subject: string): Subscription[] => {
    const groups = new Map<string, Subscription[]>();
    const chosen: Subscription[] = [];
    for (const subscription of subscriptions) {
      if (!subscription.active() || !subscription.matches(subject)) continue;
      if (subscription.queue === undefined) chosen.push(subscription);
      else groups.set(subscription.queue, [...(groups.get(subscription.queue) ?? []), subscription]);
    }
    turn += 1;
    for (const members of groups.values()) chosen.push(members[turn % members.length] as Subscription);
    return chosen;
  };

  return {
    add(subscription) {
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
    route(delivery) {
      const chosen = receivers(delivery.subject);
      for (const subscription of chosen) {
        // copied: neither the sender nor another receiver may reach into what this one reads
        subscription.deliver({ ...delivery, payload: new Uint8Array(delivery.payload) });
      }
      return chosen.length;
    },
    inbox() {
      inboxes += 1;
      return `_INBOX.${inboxes}`;
    },
  };
};

/** Runs jobs in order, in a later turn of the event loop; jobs added meanwhile wait for the turn after. */
const createTurns = (): { add(job: () => void): void; clear(): void } => {
  let jobs: (() => void)[] = [];
  let scheduled = false;
  const schedule = (): void => {
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      const due = jobs;
      jobs = [];
      for (const job of due) job();
    });
  };
  return {
    add(job) {
      jobs.push(job);
      if (!scheduled) schedule();
    },
    clear() {
      jobs = [];
    },
  };
};

const createConnection = (broker: Broker, options: Required<MemoryBusOptions>): MemoryBus => {
  const { clock, logger } = options;
  const turns = createTurns();
  const listeners = new Set<(connected: boolean) => void>();
  const cancels = new Set<Cancel>();
  /** requests and gatherings under way, to be ended when the connection goes */
  const waiting = new Set<() => void>();
  let up = true;
  let closed = false;

  const whyNot = (subject: string, payload: Uint8Array): RequestFailure | undefined => {
    if (!up) return 'disconnected';
    if (payload.byteLength > MAX_PAYLOAD_BYTES) {
      logger.warn('payload-too-large', { subject, bytes: payload.byteLength, limit: MAX_PAYLOAD_BYTES });
      return 'too-large';
    }
    if (isSubject(subject)) return undefined;
    logger.error('not-a-subject', { subject });
    return 'denied';
  };

  const publish = (subject: string, payload: Uint8Array): boolean => {
    if (whyNot(subject, payload) !== undefined) return false;
    broker.route({ subject, payload, reply: '' });
    return true;
  };

  const message = (delivery: Delivery): BusMessage => ({
    subject: delivery.subject,
    payload: delivery.payload,
    expectsReply: delivery.reply !== '',
    respond: (payload) => delivery.reply !== '' && publish(delivery.reply, payload),
  });

  const run = (handler: BusHandler, delivery: Delivery): void => {
    try {
      handler(message(delivery));
    } catch (error) {
      logger.error('bus-handler-failed', { subject: delivery.subject, error });
    }
  };

  const subscribe = (pattern: string, handler: BusHandler, queue?: string): Cancel => {
    if (!isPattern(pattern)) throw new TypeError(`cannot subscribe to "${pattern}"`);
    let wanted = true;
    const remove = broker.add({
      matches: subjectMatcher(pattern),
      queue,
      active: () => up,
      deliver: (delivery) => turns.add(() => wanted && run(handler, delivery)),
    });
    const cancel = (): void => {
      wanted = false;
      remove();
      cancels.delete(cancel);
    };
    cancels.add(cancel);
    return cancel;
  };

  /** asks and calls `onAnswer` until it, the deadline or the loss of the connection calls `end` */
  const ask = (
    question: { subject: string; payload: Uint8Array; timeoutMs: number },
    onAnswer: (payload: Uint8Array) => void,
    end: (why: RequestFailure) => void,
  ): Cancel => {
    const failure = whyNot(question.subject, question.payload);
    if (failure !== undefined) {
      end(failure);
      return () => undefined;
    }
    const reply = broker.inbox();
    const unsubscribe = subscribe(reply, (answer) => onAnswer(answer.payload));
    const stopTimer = clock.after(question.timeoutMs, () => end('timeout'));
    const lose = (): void => end('disconnected');
    waiting.add(lose);
    if (broker.route({ subject: question.subject, payload: question.payload, reply }) === 0) {
      turns.add(() => end('no-responders'));
    }
    return () => {
      unsubscribe();
      stopTimer();
      waiting.delete(lose);
    };
  };

  const request = (subject: string, payload: Uint8Array, timeoutMs: number): Promise<RequestResult> => {
    let release: Cancel = () => undefined;
    return new Promise<RequestResult>((resolve) => {
      release = ask(
        { subject, payload, timeoutMs },
        (answer) => resolve({ ok: true, payload: answer }),
        (error) => resolve({ ok: false, error }),
      );
    }).finally(() => release());
  };

  const gather = (subject: string, payload: Uint8Array, wanted: GatherOptions): Promise<Uint8Array[]> => {
    const answers: Uint8Array[] = [];
    let release: Cancel = () => undefined;
    return new Promise<Uint8Array[]>((resolve) => {
      const onAnswer = (answer: Uint8Array): void => {
        answers.push(answer);
        if (answers.length === wanted.expected) resolve(answers);
      };
      release = ask({ subject, payload, timeoutMs: wanted.timeoutMs }, onAnswer, () => resolve(answers));
    }).finally(() => release());
  };

  const setUp = (next: boolean): void => {
    if (closed || up === next) return;
    up = next;
    if (!next) {
      turns.clear();
      for (const lose of [...waiting]) lose();
    }
    for (const listener of [...listeners]) listener(next);
  };

  return {
    publish,
    subscribe: (subject, handler, subscribeOptions) => subscribe(subject, handler, subscribeOptions?.queue),
    request: (subject, payload, { timeoutMs }) => request(subject, payload, timeoutMs),
    gather,
    connected: () => up,
    onConnection(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    flush: () => new Promise((resolve) => void setImmediate(resolve)),
    async close() {
      // what was published before is still delivered, as a draining client would
      await new Promise((resolve) => void setImmediate(resolve));
      listeners.clear();
      setUp(false);
      closed = true;
      for (const cancel of [...cancels]) cancel();
    },
    disconnect: () => setUp(false),
    reconnect: () => setUp(true),
    client: () => createConnection(broker, options),
  };
};

/**
 * A bus within one process. It hides nothing that a network would show: bytes are copied, handlers run in
 * a later turn, what has no subscriber is dropped, payloads are limited.
 */
export const createMemoryBus = (options: MemoryBusOptions = {}): MemoryBus =>
  createConnection(createBroker(), {
    clock: options.clock ?? createSystemClock(),
    logger: options.logger ?? silentLogger,
  });
