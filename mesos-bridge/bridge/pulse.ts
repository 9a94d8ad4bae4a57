import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Bid } from '../core/bid.js';
import type { MesosBook } from '../core/book.js';
import type { Demand } from '../core/demand.js';
import type { Executor } from '../core/executors.js';
import { hasRoom } from '../core/funnel.js';
import type { Hunger, HungerReport, HungerStep } from '../core/hunger.js';
import type { OfferEffect } from '../core/offer-book.js';
import type { Question, Reconcile, Reconciliation } from '../core/reconciliation.js';
import type { MesosTask } from '../core/task-shelf.js';
import * as calls from './calls.js';
import type { Sender } from './sender.js';
import type { Statuses } from './statuses.js';

export interface PulseOptions {
  readonly book: () => MesosBook;
  readonly demand: Demand;
  readonly hunger: Hunger;
  readonly reconciliation: Reconciliation;
  readonly sender: Sender;
  readonly statuses: Pick<Statuses, 'lost'>;
  readonly clock: Clock;
  readonly logger: Logger;
  isSubscribed(): boolean;
  /** ms, monotonic: when offers came last; undefined = never */
  lastOfferAt(): number | undefined;
  perform(effects: readonly OfferEffect[]): void;
  ask(questions: readonly Reconcile[]): void;
  /** how much waits may have changed */
  onDemand(): void;
  /** given the executors that live on agents that are to be left by now */
  leave(executors: readonly Executor[]): void;
  /** looks at the offers of all agents, whatever waits */
  look(): void;
  tryStep(step: HungerStep): void;
  /** has the BBS ask again for what waits */
  announce(): void;
}

/** ms between two such calls: what bids do not tell may forbid it all the same */
const CALL_AGAIN_MS = 1_000;

export interface Pulse {
  /** what time alone brings about */
  beat(): void;
  /** of the latest beat; undefined: nothing starves */
  hunger(): HungerReport | undefined;
}

const questionOf = ({ id, agentId }: MesosTask): Question => ({ taskId: id, agentId });

const NOTHING_IN_FLIGHT: ReadonlySet<string> = new Set();

export const createPulse = (options: PulseOptions): Pulse => {
  const { book, demand, reconciliation, sender, statuses, clock, logger } = options;
  let report: HungerReport | undefined;

  const followTasks = (now: number): void => {
    // what is taken is booked and sent at once: nothing is ever in flight between the two
    const due = book().due(now, { demandWaits: demand.size() > 0, inFlight: NOTHING_IN_FLIGHT });
    options.perform(due.offers);
    for (const task of due.tasks.kill) sender.send(calls.kill({ taskId: task.id, agentId: task.agentId }));
    if (due.tasks.reconcile.length > 0) options.ask(reconciliation.ask(due.tasks.reconcile.map(questionOf)));
    for (const task of due.tasks.lost) statuses.lost(task, 'its agent has not come back');
    for (const { id, agentId } of due.executors.unheard)
      logger.warn('executor-unheard', { code: 'MESOS_EXECUTOR_UNHEARD', executorId: id, agentId });
    for (const { id, agentId } of due.executors.leave) {
      logger.info('release', { executorId: id, agentId });
      sender.send(calls.shutdown(id, agentId));
    }
  };

  let calledAt = -Infinity;
  /** Offers that came between its auction and the news that it waits: no further event tells of them. */
  const callForHeld = (bids: readonly Bid[], now: number): void => {
    const oldest = demand.oldest();
    if (oldest === undefined || !options.isSubscribed() || now - calledAt < CALL_AGAIN_MS) return;
    if (!hasRoom(bids, oldest.need)) return;
    calledAt = now;
    options.announce();
  };

  const leave = (now: number): void => {
    const { executors, offers } = book();
    const there = offers.leaving(now).flatMap((agentId) => executors.on(agentId) ?? []);
    options.leave(there.filter(({ state }) => state === 'living' || state === 'unknown'));
  };

  const lookForHunger = (bids: readonly Bid[], now: number): void => {
    const { report: found, step } = options.hunger.look({
      now,
      waiting: demand.size(),
      oldest: demand.oldest(),
      bids,
      rejections: book().offers.rejections(),
      lastOfferAt: options.lastOfferAt(),
      isSubscribed: options.isSubscribed(),
    });
    if (found !== undefined && report === undefined)
      logger.error('hunger', { code: 'MESOS_HUNGER', words: found.words });
    if (found === undefined && report !== undefined) logger.info('hunger-is-over');
    report = found;
    if (step === undefined) return;
    logger.warn('hunger-step', { step, words: found?.words });
    options.tryStep(step);
  };

  return {
    beat() {
      const now = clock.monotonic();
      demand.expire(now);
      options.onDemand();
      if (options.isSubscribed()) {
        followTasks(now);
        leave(now);
        const known = (): Iterable<Question> => [...book().tasks.all()].map(questionOf);
        const questions = reconciliation.due(now, known);
        options.ask(questions);
        // of executors without tasks only offers tell
        if (questions.some(({ kind }) => kind === 'implicit')) options.look();
        for (const { taskId } of reconciliation.abandoned())
          logger.warn('unanswered', { code: 'MESOS_TASK_UNANSWERED', taskId });
      }
      // of thousands of agents: once for both
      const bids = demand.size() === 0 ? [] : book().bids(now);
      callForHeld(bids, now);
      lookForHunger(bids, now);
    },
    hunger: () => report,
  };
};
