import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { MesosBook } from '../core/book.js';
import { invalidText } from '../core/resources.js';
import type { Moment } from '../core/maintenance.js';
import { readInverseOffer, readOffer } from '../core/offer.js';
import type { OfferEffect } from '../core/offer-book.js';
import type { Reconcile, Reconciliation } from '../core/reconciliation.js';
import type { KnownSchedulerEvent } from '../protocol/events.js';
import type { EventFailure, EventOffers } from '../protocol/messages.js';
import type { ExecutorTemplate } from './executor-info.js';
import type { Statuses } from './statuses.js';

export interface EventsOptions {
  readonly book: () => MesosBook;
  readonly role: string;
  readonly template: Pick<ExecutorTemplate, 'isOwn' | 'resources'>;
  readonly reconciliation: Reconciliation;
  readonly statuses: Pick<Statuses, 'onUpdate'>;
  readonly clock: Clock;
  readonly logger: Logger;
  perform(effects: readonly OfferEffect[]): void;
  ask(questions: readonly Reconcile[]): void;
  /** offers have come that may be of use */
  onRoom(): void;
  countedFailure(of: 'agent' | 'executor'): void;
}

/** Of a task in these its executor lives. */
const ALIVE: readonly string[] = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'];

/** What each event of the master's does to the books, and what follows from it; one after the other. */
export const createEvents = (options: EventsOptions) => {
  const { book, role, template, reconciliation, statuses, clock, logger, perform } = options;
  const moment = (): Moment => ({ now: clock.monotonic(), wall: clock.now() });

  /**
   * One that was started by an earlier bridge with this very configuration takes tasks as its own do; one that was out of
   * sight is there again.
   */
  const recognise = (executorId: string, agentId: string): void => {
    const { executors } = book();
    const known = executors.get(executorId);
    if ((known === undefined || known.state === 'unknown') && template.isOwn(executorId))
      executors.heard(executorId, agentId, clock.monotonic(), { resources: template.resources, role });
  };

  /** An agent that is offered is back: of tasks that it came back without nobody says anything unless asked. */
  const askForMissing = (agentIds: readonly string[]): void => {
    const missing = agentIds.flatMap((agentId) => book().tasks.unreachableOn(agentId));
    options.ask(reconciliation.ask(missing.map(({ id, agentId }) => ({ taskId: id, agentId }))));
  };

  const onOffers = ({ offers }: EventOffers): void => {
    const read = offers.map((offer) => readOffer(offer, role));
    const isStranger = (id: string): boolean => book().executors.get(id) === undefined;
    // it may have tasks that are not known either: it must not be taken for idle
    if (read.some(({ executorIds }) => executorIds.some(isStranger)))
      reconciliation.surprised(clock.monotonic());
    for (const { id, agentId, executorIds, invalid } of read) {
      for (const one of invalid)
        logger.warn('odd-resource', {
          code: 'MESOS_OFFER_ODD',
          offerId: id,
          agentId,
          reason: invalidText(one),
        });
      for (const executorId of executorIds) recognise(executorId, agentId);
    }
    perform(book().offered(read, moment()));
    askForMissing(read.map(({ agentId }) => agentId));
    if (book().offers.held() > 0) options.onRoom();
  };

  const onFailure = ({ agentId, executorId, status }: EventFailure): void => {
    const now = clock.monotonic();
    logger.warn(executorId === undefined ? 'agent-failed' : 'executor-failed', {
      agentId: agentId?.value,
      executorId: executorId?.value,
      status,
    });
    options.countedFailure(executorId === undefined ? 'agent' : 'executor');
    if (executorId !== undefined) return book().executorExited(executorId.value, now);
    if (agentId === undefined) return;
    const open = book().agentFailed(agentId.value, now);
    const questions = open.map((task) => ({ taskId: task.id, agentId: task.agentId }));
    if (questions.length > 0) options.ask(reconciliation.ask(questions));
  };

  return (event: KnownSchedulerEvent): void => {
    const now = clock.monotonic();
    switch (event.type) {
      case 'OFFERS':
        return onOffers(event.offers);
      case 'RESCIND':
        return book().offers.rescinded(event.rescind.offerId.value, now);
      case 'INVERSE_OFFERS':
        return perform(
          book().offers.inverseOffered(event.inverseOffers.inverseOffers.map(readInverseOffer), moment()),
        );
      case 'RESCIND_INVERSE_OFFER':
        return book().offers.inverseRescinded(event.rescindInverseOffer.inverseOfferId.value);
      case 'UPDATE': {
        const { status } = event.update;
        reconciliation.heard(status.taskId.value);
        if (ALIVE.includes(status.state) && status.executorId && status.agentId)
          recognise(status.executorId.value, status.agentId.value);
        return statuses.onUpdate(status);
      }
      case 'FAILURE':
        return onFailure(event.failure);
      case 'SUBSCRIBED':
      case 'ERROR':
      case 'HEARTBEAT':
      case 'MESSAGE':
      case 'UPDATE_OPERATION_STATUS':
        return undefined;
    }
  };
};
