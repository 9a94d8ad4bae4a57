import { MAX_PAYLOAD_BYTES } from '../ports/bus.js';
import type {
  Bus,
  BusRequest,
  BusHandler,
  GatherOptions,
  RequestFailure,
  RequestResult,
} from '../ports/bus.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { silentLogger } from './capture-logger.js';
import { createConnectionState } from './connection-state.js';
import { gathering } from './gathering.js';
import type { ConnectionState } from './connection-state.js';
import { createBroker, createTurns, nextTurn } from './memory-broker.js';
import type { Broker, Delivery, Turns } from './memory-broker.js';
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

interface Context {
  readonly broker: Broker;
  readonly turns: Turns;
  readonly state: ConnectionState;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is sent, or why it is not. */
const createSending = ({ broker, state, logger }: Context) => {
  const whyNot = (subject: string, payload: Uint8Array): RequestFailure | undefined => {
    if (!state.up()) return 'disconnected';
    if (payload.byteLength > MAX_PAYLOAD_BYTES) {
      logger.warn('payload-too-large', { subject, bytes: payload.byteLength, limit: MAX_PAYLOAD_BYTES });
      return 'too-large';
    }
    if (isSubject(subject)) return undefined;
    logger.error('not-a-subject', { subject });
    return 'denied';
  };
  return {
    whyNot,
    publish(subject: string, payload: Uint8Array): boolean {
      if (whyNot(subject, payload) !== undefined) return false;
      broker.route({ subject, payload, reply: '' });
      return true;
    },
  };
};

type Sending = ReturnType<typeof createSending>;

const createReceiving = ({ broker, turns, state, logger }: Context, sending: Sending) => {
  const cancels = new Set<Cancel>();

  const run = (handler: BusHandler, { subject, payload, reply }: Delivery): void => {
    try {
      handler({
        subject,
        payload,
        expectsReply: reply !== '',
        respond: (answer) => reply !== '' && sending.publish(reply, answer),
      });
    } catch (error) {
      logger.error('bus-handler-failed', { subject, error });
    }
  };

  return {
    subscribe(pattern: string, handler: BusHandler, queue?: string): Cancel {
      if (!isPattern(pattern)) throw new TypeError(`cannot subscribe to "${pattern}"`);
      let wanted = true;
      const remove = broker.add({
        matches: subjectMatcher(pattern),
        queue,
        active: state.up,
        deliver: (delivery) => turns.add(() => wanted && run(handler, delivery)),
      });
      const cancel = (): void => {
        wanted = false;
        remove();
        cancels.delete(cancel);
      };
      cancels.add(cancel);
      return cancel;
    },
    cancelAll: () => [...cancels].forEach((cancel) => cancel()),
  };
};

type Receiving = ReturnType<typeof createReceiving>;

interface Question {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** ms */
  readonly timeoutMs: number;
  onAnswer(payload: Uint8Array): void;
  onEnd(why: RequestFailure): void;
}

const createAsking = (context: Context, sending: Sending, receiving: Receiving) => {
  const { broker, turns, state, clock } = context;

  /** Asks; the returned function ends the asking, which the caller does on any outcome. */
  const ask = ({ subject, payload, timeoutMs, onAnswer, onEnd }: Question): Cancel => {
    const failure = sending.whyNot(subject, payload);
    if (failure !== undefined) {
      onEnd(failure);
      return () => undefined;
    }
    const reply = broker.inbox();
    const cancels = [
      receiving.subscribe(reply, (answer) => onAnswer(answer.payload)),
      clock.after(timeoutMs, () => onEnd('timeout')),
      state.onChange(() => onEnd('disconnected')),
    ];
    if (broker.route({ subject, payload, reply }) === 0) turns.add(() => onEnd('no-responders'));
    return () => cancels.forEach((cancel) => cancel());
  };

  return {
    request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<RequestResult> {
      let release: Cancel = () => undefined;
      return new Promise<RequestResult>((resolve) => {
        const onAnswer = (answer: Uint8Array): void => resolve({ ok: true, payload: answer });
        const onEnd = (error: RequestFailure): void => resolve({ ok: false, error });
        release = ask({ subject, payload, timeoutMs, onAnswer, onEnd });
      }).finally(() => release());
    },
    gather(subject: string, payload: Uint8Array, options: GatherOptions): Promise<Uint8Array[]> {
      const { answers, isLast } = gathering(options);
      let release: Cancel = () => undefined;
      return new Promise<Uint8Array[]>((resolve) => {
        const onAnswer = (answer: Uint8Array): void => void (isLast(answer) && resolve(answers));
        release = ask({
          subject,
          payload,
          timeoutMs: options.timeoutMs,
          onAnswer,
          onEnd: () => resolve(answers),
        });
      }).finally(() => release());
    },
  };
};

const createConnection = (shared: Pick<Context, 'broker' | 'clock' | 'logger'>): MemoryBus => {
  const context: Context = { ...shared, turns: createTurns(), state: createConnectionState(true) };
  const { state, turns } = context;
  const sending = createSending(context);
  const receiving = createReceiving(context, sending);
  const asking = createAsking(context, sending, receiving);
  const cut = (): void => {
    turns.clear();
    state.set(false);
  };
  return {
    publish: sending.publish,
    subscribe: (subject, handler, options) => receiving.subscribe(subject, handler, options?.queue),
    request: (subject, payload, { timeoutMs }) => asking.request(subject, payload, timeoutMs),
    async requestAll(requests, { timeoutMs, onResult }) {
      const ask = async ({ subject, payload }: BusRequest, at: number): Promise<void> =>
        onResult(at, await asking.request(subject, payload, timeoutMs));
      await Promise.all(requests.map(ask));
    },
    gather: asking.gather,
    connected: state.up,
    denied: () => '',
    onConnection: state.onChange,
    flush: nextTurn,
    async close() {
      // what was published before is still delivered, as a draining client would
      await nextTurn();
      cut();
      state.close();
      receiving.cancelAll();
    },
    disconnect: cut,
    reconnect: () => state.set(true),
    client: () => createConnection(shared),
  };
};

/**
 * A bus within one process. It hides nothing that a network would show: bytes are copied, handlers run in
 * a later turn, what has no subscriber is dropped, payloads are limited.
 */
export const createMemoryBus = (options: MemoryBusOptions = {}): MemoryBus =>
  createConnection({
    broker: createBroker(),
    clock: options.clock ?? createSystemClock(),
    logger: options.logger ?? silentLogger,
  });
