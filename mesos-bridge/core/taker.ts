import type { OutcomeQuery, Work, WorkOutcome } from '../../common/model/auction.js';
import type { BookParts } from './book-parts.js';
import { agentIdOf } from './cell-id.js';
import type { Constraint } from './constraints.js';
import type { ChosenWork, NeedOptions } from './needs.js';
import { isLrp } from './needs.js';
import type { Bundle } from './offer-book.js';
import type { Acceptance, TakenTask, Taking } from './take.js';
import { takeWork, whyNotHere } from './take.js';
import type { MesosTask } from './task-shelf.js';
import { isStarting } from './task-tally.js';

export interface TakeContext {
  /** ms, monotonic: when the work was received, and now */
  readonly receivedAt: number;
  readonly now: number;
  readonly mintGuid: () => string;
  /** id for an executor that this would start */
  readonly newExecutorId: string;
}

export interface TakerOptions {
  readonly bids: NeedOptions & { readonly incarnation: string };
  readonly perProcess?: readonly Constraint[];
}

/** Work is refused with these words when the offers that it was chosen for have gone meanwhile. */
export const NO_OFFER = 'no offer of the agent is held any more';

const GIVEN_UP = 'placement was given up';

const whyWhole = (work: Work, incarnation: string, { now, receivedAt }: TakeContext): string => {
  if (agentIdOf(work.cellId) === undefined) return 'workload cell ID does not match an agent';
  if (work.incarnation !== incarnation) return 'work is for another incarnation of this bridge';
  return now - receivedAt >= work.deadlineMs ? 'work has expired' : '';
};

const refused = (placementId: string, reason: string): WorkOutcome => ({
  placementId,
  status: 'refused',
  reason,
});

const accepted = (placementId: string): WorkOutcome => ({ placementId, status: 'accepted', reason: '' });

/** Its end has not been asked for. */
const isExpected = (task: MesosTask): boolean => isStarting(task) && !task.killing;

/** What the BBS calls it. */
export type UnderWay =
  { readonly processGuid: string; readonly index: number } | { readonly taskGuid: string };

const labelOf = ({ identity }: TakenTask): string =>
  identity.kind === 'lrp' ? `${identity.processGuid}.${identity.index}` : identity.taskGuid;

/** One that is out of sight and has not begun may run elsewhere; it is killed when it comes back. */
const isInSight = (task: MesosTask | undefined): boolean =>
  task !== undefined && task.state !== 'TASK_UNREACHABLE';

type TakerParts = BookParts & { readonly options: TakerOptions };

/** Which of the work an agent takes, by its offers, its executor and the constraints; nothing is booked yet. */
const createChooser = ({ offers, executors, tasks, bids, places, refusals, options }: TakerParts) => {
  const forbids =
    ({ newest }: Bundle) =>
    (work: ChosenWork, taken: readonly TakenTask[]): string => {
      if (!isLrp(work) && isInSight(tasks.find(work.taskGuid))) return 'the task is on Mesos already';
      const isOf = ({ identity }: TakenTask, guid: string): boolean =>
        identity.kind === 'lrp' && identity.processGuid === guid;
      const others = (guid: string) => [
        ...tasks.ofProcess(guid).map(({ agentId }) => places.get(agentId)),
        ...taken.filter((one) => isOf(one, guid)).map(() => newest),
      ];
      return whyNotHere(work, options.perProcess ?? [], { here: newest, others });
    };

  return (work: readonly ChosenWork[], agentId: string, context: TakeContext): Taking => {
    const { rejection } = bids.of(agentId, context.now);
    const bundle = offers.bundle(agentId);
    if (rejection !== undefined || bundle === undefined) {
      const reason = rejection?.reason ?? NO_OFFER;
      return { acceptance: undefined, outcomes: work.map(({ placementId }) => refused(placementId, reason)) };
    }
    const { newExecutorId, mintGuid } = context;
    const parts = {
      bundle,
      executor: executors.on(agentId),
      newExecutorId,
      mintGuid,
      forbids: forbids(bundle),
    };
    const taking = takeWork(work, parts, options.bids);
    const refusal = taking.outcomes.find(({ status }) => status === 'refused');
    if (refusal !== undefined) refusals.note(bundle, refusal.reason, context.now);
    return taking;
  };
};

export interface Taken {
  readonly outcomes: WorkOutcome[];
  readonly acceptance: Acceptance | undefined;
}

/** Chosen work in, ACCEPTs out; what is taken is booked at once, so that the next batch sees it. */
export const createTaker = (parts: TakerParts) => {
  const { offers, executors, tasks, placements, count, options } = parts;
  const choose = createChooser(parts);

  const launch = ({ agentId, offerIds, executor, tasks: taken }: Acceptance, now: number): void => {
    offers.used(offerIds, taken.map(labelOf), now);
    if (executor.isNew) executors.launched(executor, now);
    for (const { id, identity, resources, work } of taken) {
      const { placementId } = work;
      tasks.launched({ id, identity, agentId, executorId: executor.id, placementId, resources }, now);
    }
    count(executor.id, now);
  };

  const note = (outcomes: readonly WorkOutcome[], until: number): void => {
    for (const { placementId, status, reason } of outcomes) {
      if (status === 'accepted') placements.accept(placementId);
      else placements.refuse(placementId, { reason, until });
    }
  };

  /**
   * It was given a place before, and does not run there yet: executors take their time. The BBS asks again meanwhile, under
   * another placement id if something was said of it, and a second launch would only run into the first one's claim.
   */
  const isUnderWay = (work: UnderWay): boolean => {
    if (!('processGuid' in work)) {
      const task = tasks.find(work.taskGuid);
      return task !== undefined && isExpected(task);
    }
    return tasks.ofSlot(work.processGuid, work.index).some(isExpected);
  };

  return {
    isUnderWay,
    take(work: Work, context: TakeContext): Taken {
      const { now } = context;
      const all: ChosenWork[] = [...work.lrps, ...work.tasks];
      const reason = whyWhole(work, options.bids.incarnation, context);
      if (reason !== '')
        return {
          outcomes: all.map(({ placementId }) => refused(placementId, reason)),
          acceptance: undefined,
        };
      placements.forget(now);
      const before = all.map((one) =>
        isUnderWay(one) ? accepted(one.placementId) : placements.outcome(one.placementId, now),
      );
      const fresh = all.filter((_, at) => before[at]?.status === 'never_seen');
      if (fresh.length === 0) return { outcomes: before, acceptance: undefined };
      const { acceptance, outcomes } = choose(fresh, agentIdOf(work.cellId) ?? '', context);
      note(outcomes, now + work.deadlineMs);
      if (acceptance !== undefined) launch(acceptance, now);
      return {
        outcomes: [...before.filter(({ status }) => status !== 'never_seen'), ...outcomes],
        acceptance,
      };
    },
    unsent({ executor, tasks: taken }: Acceptance, now: number): MesosTask[] {
      const lost = taken.flatMap(({ id }) => tasks.get(id) ?? []);
      for (const { id, placementId } of lost) {
        tasks.abandon(id);
        placements.release(placementId);
      }
      if (executor.isNew && tasks.countOf(executor.id) === 0) executors.abandon(executor.id);
      count(executor.id, now);
      return lost;
    },
    outcomes({ placementIds, deadlineMs }: OutcomeQuery, now: number): WorkOutcome[] {
      placements.forget(now);
      return placementIds.map((id) => {
        const outcome = placements.outcome(id, now);
        if (outcome.status === 'never_seen')
          placements.refuse(id, { reason: GIVEN_UP, until: now + deadlineMs });
        return outcome;
      });
    },
  };
};
