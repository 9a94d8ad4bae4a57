import { addressText } from '../../common/model/address.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import type { RouterConfig } from '../config.js';
import type { RouteKey } from '../core/route-key.js';
import type { KeyPair } from '../proxy/certificates.js';
import { createHands } from './hands.js';
import type { Hand, Hands } from './hands.js';
import type { FromWorker, TableStep, ToWorker, WorkerAddress, WorkerReport } from './messages.js';
import { createReports } from './reports.js';
import { createSettling } from './settling.js';

/** The processes that serve a router's requests. */
export interface Crew {
  readonly member: Member;
  address(): WorkerAddress;
  /** the same for TLS */
  tlsAddress(): WorkerAddress;
  /** has every worker take it; answers its number */
  step(step: TableStep): number;
  /** `done` when every worker has taken all steps up to that number */
  settled(upTo: number, done: () => void): void;
  drain(): Promise<void>;
  /** has every worker know whether the router is healthy */
  tellState(): void;
  replaceCertificates(pairs: readonly KeyPair[]): void;
  reports(): Promise<readonly WorkerReport[]>;
  /** process ids of those that serve */
  pids(): number[];
}

export interface CrewOptions {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bus: Bus;
  isHealthy(): boolean;
  /** the table as steps, for one who has none of it */
  table(): Iterable<TableStep>;
  /** a worker has found that an endpoint is somebody else's now */
  onEvicted(key: RouteKey, address: string): void;
}

/** steps in one message to a worker that has none of the table */
const TABLE_STEPS = 500;
/** ms beyond its grace in which a worker must have ended */
const END_MS = 5_000;

/** Steps on their way, many in one message. */
const createOutbox = (clock: Clock, send: (steps: readonly TableStep[], at: number) => void) => {
  let waiting: TableStep[] = [];
  let at = 0;
  const flush = (): void => {
    if (waiting.length === 0) return;
    const steps = waiting;
    waiting = [];
    send(steps, at);
  };
  return {
    add(step: TableStep): number {
      at += 1;
      waiting.push(step);
      if (waiting.length === 1) void clock.sleep(0).then(flush);
      return at;
    },
    flush,
    at: () => at,
  };
};

/** Waits for what workers' messages bring about. */
const createConditions = () => {
  const looks = new Set<() => void>();
  return {
    look: (): void => looks.forEach((look) => look()),
    until: (holds: () => boolean): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          try {
            if (!holds()) return;
            resolve();
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          looks.delete(look);
        };
        looks.add(look);
        look();
      }),
  };
};

/** What workers say that is not about their own course. */
const passOn = ({ logger, bus, onEvicted }: CrewOptions, hand: Hand, message: FromWorker): void => {
  if (message.say === 'evicted') onEvicted(message.key, message.address);
  if (message.say === 'publish') bus.publish(message.subject, message.payload);
  if (message.say === 'log') logger[message.level](message.event, { ...message.fields, worker: hand.number });
  if (message.say === 'report') hand.asked.get(message.ask)?.(message.report);
};

const listenError = ({ config }: CrewOptions, reason: string): OutcryError => {
  const { plain, tlsListen } = config.listeners;
  const places = [plain, tlsListen].filter((one) => one !== undefined).map(addressText);
  const place = places.join(', ');
  return new OutcryError('LISTEN_FAILED', { what: 'router', place, reason });
};

type Course = 'starting' | 'serving' | 'ending';

/** Starts and ends the workers, in order. */
const createCourse = (
  options: CrewOptions,
  hands: Hands,
  conditions: ReturnType<typeof createConditions>,
) => {
  const { config, clock, logger } = options;
  const course = {
    now: 'starting' as Course,
    listening: false,
    failure: undefined as OutcryError | undefined,
    bound: undefined as { readonly plain: WorkerAddress; readonly tls: WorkerAddress } | undefined,
  };

  const everyone = (holds: (hand: Hand) => boolean): boolean => {
    if (course.failure && course.now === 'starting') throw course.failure;
    return hands.all.size === config.workers && [...hands.all.values()].every(holds);
  };

  const stop = async (): Promise<void> => {
    course.now = 'ending';
    course.bound = undefined;
    hands.retire();
    hands.sendAll({ say: 'stop' });
    for (const hand of hands.all.values()) if (!hand.begun) hand.worker.process.kill('SIGKILL');
    const cancel = clock.after(config.stopGraceMs + END_MS, () => {
      for (const { worker, number } of hands.all.values()) {
        logger.error('worker-killed', { worker: number });
        worker.process.kill('SIGKILL');
      }
    });
    await conditions.until(() => hands.all.size === 0);
    cancel();
  };

  const start = async (): Promise<void> => {
    for (let number = 0; number < config.workers; number += 1) hands.fork(number);
    await conditions.until(() => everyone(({ begun }) => begun));
    if (config.startDelayMs > 0) await clock.sleep(config.startDelayMs);
    course.listening = true;
    hands.sendAll({ say: 'listen' });
    await conditions.until(() => everyone(({ listening }) => listening));
    course.now = 'serving';
    logger.info('workers-listening', { ...course.bound?.plain, workers: config.workers });
  };

  const drain = async (): Promise<void> => {
    course.now = 'ending';
    hands.retire();
    hands.sendAll({ say: 'drain' });
    await conditions.until(() => [...hands.all.values()].every(({ drained }) => drained));
  };

  return {
    state: course,
    stop,
    drain,
    start: () =>
      start().catch(async (error: unknown) => {
        await stop();
        throw error;
      }),
  };
};

export const createCrew = (options: CrewOptions): Crew => {
  const { config, clock, logger, bus } = options;
  const settling = createSettling();
  const conditions = createConditions();
  const hands = createHands({
    clock,
    logger,
    onMessage: (hand, message) => hear(hand, message),
    onGone({ number }) {
      settling.leave(number);
      conditions.look();
    },
  });
  const course = createCourse(options, hands, conditions);
  const state = (): ToWorker => ({ say: 'state', healthy: options.isHealthy(), connected: bus.connected() });
  const outbox = createOutbox(clock, (steps, at) => {
    for (const hand of hands.all.values()) if (hand.begun) hands.send(hand, { say: 'steps', steps, at });
  });

  const give = (hand: Hand): void => {
    if (course.state.now === 'ending') {
      hand.worker.process.kill('SIGKILL');
      return;
    }
    outbox.flush();
    hands.send(hand, { say: 'begin', config });
    hands.send(hand, state());
    hand.begun = true;
    settling.join(hand.number);
    let steps: TableStep[] = [];
    for (const step of options.table()) {
      if (steps.push(step) < TABLE_STEPS) continue;
      hands.send(hand, { say: 'steps', steps, at: -1 });
      steps = [];
    }
    hands.send(hand, { say: 'steps', steps, at: outbox.at() });
    if (course.state.listening) hands.send(hand, { say: 'listen' });
  };

  const hear = (hand: Hand, message: FromWorker): void => {
    passOn(options, hand, message);
    if (message.say === 'hello') give(hand);
    if (message.say === 'applied') settling.reached(hand.number, message.at);
    if (message.say === 'drained') hand.drained = true;
    if (message.say === 'listening') {
      course.state.bound = message;
      hand.listening = true;
    }
    if (message.say === 'failed') {
      const { known, reason } = message;
      course.state.failure = known
        ? new OutcryError(known.code, known.details)
        : listenError(options, reason);
      // one that cannot do what the others do is replaced
      if (course.state.now === 'serving') hand.worker.process.kill();
    }
    conditions.look();
  };

  return {
    member: {
      name: 'router-workers',
      start: course.start,
      stop: course.stop,
      renew: () => hands.sendAll({ say: 'renew' }),
    },
    address: () => course.state.bound?.plain,
    tlsAddress: () => course.state.bound?.tls,
    step: outbox.add,
    settled: settling.wait,
    drain: course.drain,
    replaceCertificates: (pairs) => hands.sendAll({ say: 'certificates', pairs }),
    tellState: () => hands.sendAll(state()),
    reports: createReports(hands, clock),
    pids: () =>
      [...hands.all.values()].flatMap(({ listening, worker }) =>
        listening ? [worker.process.pid ?? 0] : [],
      ),
  };
};
