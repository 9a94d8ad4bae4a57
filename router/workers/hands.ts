import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { FromWorker, ToWorker, WorkerReport } from './messages.js';

/** One worker, as the router knows it. */
export interface Hand {
  readonly worker: Worker;
  /** its place: who replaces it gets the same */
  readonly number: number;
  readonly bornAt: number;
  /** it has been given the table, so that steps concern it */
  begun: boolean;
  listening: boolean;
  drained: boolean;
  readonly asked: Map<number, (report: WorkerReport | undefined) => void>;
}

export interface Hands {
  fork(number: number): void;
  readonly all: ReadonlyMap<number, Hand>;
  send(hand: Hand, message: ToWorker): void;
  sendAll(message: ToWorker): void;
  /** who dies from now on is not replaced */
  retire(): void;
}

export interface HandsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  onMessage(hand: Hand, message: FromWorker): void;
  onGone(hand: Hand): void;
}

const PROGRAM = fileURLToPath(new URL('./process.js', import.meta.url));
/** ms between a worker's end and the next one in its place: doubles while they do not live, up to the last */
const REPLACE_MS = { first: 50, last: 5_000, sound: 30_000 };

/** Keeps workers alive: one that dies is replaced, and the connections of the others stay. */
export const createHands = ({ clock, logger, onMessage, onGone }: HandsOptions): Hands => {
  const hands = new Map<number, Hand>();
  let [retired, failures] = [false, 0];

  const replace = (hand: Hand, reason: object): void => {
    const lived = clock.monotonic() - hand.bornAt;
    failures = lived > REPLACE_MS.sound ? 1 : failures + 1;
    const ms = Math.min(REPLACE_MS.last, REPLACE_MS.first * 2 ** (failures - 1));
    logger.error('worker-died', { worker: hand.number, pid: hand.worker.process.pid, ...reason });
    clock.after(ms, () => {
      if (!retired) fork(hand.number);
    });
  };

  const fork = (number: number): void => {
    // each accepts for itself: what the parent had accepted for one that dies would hang, answered by nobody
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: PROGRAM, args: [], serialization: 'advanced' });
    const worker = cluster.fork();
    const hand: Hand = {
      ...{ worker, number, bornAt: clock.monotonic(), asked: new Map() },
      ...{ begun: false, listening: false, drained: false },
    };
    hands.set(number, hand);
    worker.on('message', (message: FromWorker) => onMessage(hand, message));
    worker.on('error', (error) => logger.warn('worker-channel', { worker: number, error }));
    worker.once('exit', (code, signal) => {
      hands.delete(number);
      for (const answer of hand.asked.values()) answer(undefined);
      if (!retired) replace(hand, { code, signal });
      onGone(hand);
    });
  };

  const send = ({ worker }: Hand, message: ToWorker): void => {
    if (worker.isConnected()) worker.send(message);
  };

  return {
    fork,
    all: hands,
    send,
    sendAll: (message) => hands.forEach((hand) => send(hand, message)),
    retire: () => void (retired = true),
  };
};
