import type { RouterStart, UnregisterAck } from '../../common/model/routing.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { EMISSION } from '../core/route-plan.js';

export interface Asked {
  /** the bus took the question */
  sent: boolean;
  /** whether every known router has said that it did; false when none is known */
  acked: Promise<boolean>;
}

/** The routers that have made themselves known, and the tempo they ask for. */
export interface Routers {
  start(): void;
  stop(): void;
  known(): number;
  /** ms between registrations */
  intervalMs(): number;
  /** asks all known routers to drop a registration */
  gatherAcks(subject: string, payload: Uint8Array): Asked;
}

export interface RoutersOptions {
  bus: Bus;
  clock: Clock;
  logger: Logger;
  /** ms that acknowledgements may take */
  ackTimeoutMs: number;
  /** a router has started, or was met for the first time: it knows none of our routes */
  onStart(): void;
}

const parse = <T>(payload: Uint8Array): T | undefined => {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8')) as T;
  } catch {
    return undefined;
  }
};

const isStart = (message: RouterStart | undefined): message is RouterStart =>
  typeof message === 'object' && message !== null && typeof message.id === 'string' && message.id !== '';

const NOTHING = new Uint8Array(0);

export const createRouters = (options: RoutersOptions): Routers => {
  const { bus, clock, logger } = options;
  const known = new Set<string>();
  const cancels: Cancel[] = [];
  let intervalMs: number = EMISSION.intervalMs;

  const meet = (message: RouterStart): void => {
    const seconds = message.minimumRegisterIntervalInSeconds;
    if (Number.isFinite(seconds) && seconds > 0) intervalMs = seconds * 1000;
    known.add(message.id);
    logger.debug('router-met', { router: message.id, intervalMs });
    options.onStart();
  };

  const onStartMessage = (payload: Uint8Array): void => {
    const message = parse<RouterStart>(payload);
    if (isStart(message)) meet(message);
    else logger.warn('router-start-unreadable');
  };

  /** as often as Diego: until one router answers, or the attempts are used up; `router.start` covers the rest */
  const greet = async (attempt: number): Promise<void> => {
    const first = await bus.request(SUBJECTS.routerGreet, NOTHING, { timeoutMs: EMISSION.greetMs });
    if (first.ok) {
      onStartMessage(first.payload);
      return meetOthers();
    }
    if (known.size > 0 || attempt >= EMISSION.greetTimes) return;
    cancels.push(clock.after(EMISSION.greetMs, () => greeting(attempt + 1)));
  };

  /** one has answered; its fellows are met too, since every one of them must let go of what leaves */
  const meetOthers = async (): Promise<void> => {
    const answers = await bus.gather(SUBJECTS.routerGreet, NOTHING, { timeoutMs: EMISSION.greetMs });
    for (const answer of answers) {
      const message = parse<RouterStart>(answer);
      if (isStart(message) && !known.has(message.id)) meet(message);
    }
  };

  const greeting = (attempt: number): void =>
    unattended({ logger, event: 'failed-to-greet-routers' }, () => greet(attempt));

  const gatherAcks = async (subject: string, payload: Uint8Array): Promise<boolean> => {
    const silent = new Set(known);
    const { ackTimeoutMs: timeoutMs } = options;
    const onAnswer = (answer: Uint8Array): boolean => {
      silent.delete(parse<UnregisterAck>(answer)?.id ?? '');
      return silent.size === 0;
    };
    await bus.gather(subject, payload, { timeoutMs, onAnswer });
    // a router that is gone must not slow down every stop; one that lives makes itself known again
    for (const id of silent) known.delete(id);
    if (silent.size > 0) logger.warn('unregistration-not-acknowledged', { routers: [...silent] });
    return silent.size === 0;
  };

  return {
    start() {
      cancels.push(bus.subscribe(SUBJECTS.routerStart, ({ payload }) => onStartMessage(payload)));
      cancels.push(bus.onConnection((connected) => connected && greeting(1)));
      greeting(1);
    },
    stop() {
      for (const cancel of cancels.splice(0)) cancel();
    },
    known: () => known.size,
    intervalMs: () => intervalMs,
    gatherAcks(subject, payload) {
      if (known.size === 0) return { sent: bus.publish(subject, payload), acked: Promise.resolve(false) };
      return { sent: bus.connected(), acked: gatherAcks(subject, payload) };
    },
  };
};
