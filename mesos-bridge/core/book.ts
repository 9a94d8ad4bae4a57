import type { OutcomeQuery, Work, WorkOutcome } from '../../common/model/auction.js';
import { createPlacements } from '../../common/model/placements.js';
import type { Bid, BidOptions } from './bid.js';
import type { BidChanges } from './bids.js';
import { createBids } from './bids.js';
import type { BookParts } from './book-parts.js';
import { createBoundedMap } from './bounded-map.js';
import type { Constraint, Place } from './constraints.js';
import type { ExecutorBook, DueExecutors, ExecutorOptions, ReleaseContext } from './executors.js';
import { EXECUTOR_DEFAULTS, createExecutorBook } from './executors.js';
import type { Moment } from './maintenance.js';
import type { Offer } from './offer.js';
import type { OfferBook, OfferBookOptions, OfferEffect } from './offer-book.js';
import { createOfferBook } from './offer-book.js';
import type { Rejection } from './offer-rules.js';
import { createRefusals } from './refusals.js';
import { createStatusRules } from './status-rules.js';
import type { Acceptance } from './take.js';
import type { TakeContext, UnderWay } from './taker.js';
import { createTaker } from './taker.js';
import type { MesosTask } from './task-shelf.js';
import type { TaskStatus } from './task-status.js';
import type { TaskWatchOptions } from './task-watch.js';
import { TASK_WATCH_DEFAULTS } from './task-watch.js';
import type { DueTasks, TaskBook, Verdict } from './tasks.js';
import { createTaskBook } from './tasks.js';

export interface BookOptions {
  readonly offers: Omit<OfferBookOptions, 'closed' | 'tasksOn' | 'onChange'>;
  readonly bids: BidOptions;
  /** of bids; default 1 */
  readonly firstVersion?: number;
  /** constraints that compare the instances of one process, for every process */
  readonly perProcess?: readonly Constraint[];
  readonly executors?: Omit<ExecutorOptions, 'onChange'>;
  readonly watch?: TaskWatchOptions;
  /** ended tasks that are remembered */
  readonly mostEnded?: number;
}

export interface Due {
  readonly offers: readonly OfferEffect[];
  readonly tasks: DueTasks;
  readonly executors: DueExecutors;
}

/**
 * All that the bridge knows of Mesos, and every decision on it: offers, executors, tasks, and the bids that they make
 * together. Pure: it says what is to be done, and whoever drives it does it. Times are ms on the monotonic clock.
 */
export interface MesosBook {
  readonly tasks: Pick<
    TaskBook,
    'get' | 'find' | 'all' | 'onAgent' | 'unreachableOn' | 'size' | 'kill' | 'settled' | 'unsettled'
  >;
  readonly executors: Pick<ExecutorBook, 'get' | 'all' | 'on' | 'release' | 'heard' | 'restsUntil'>;
  readonly offers: Omit<OfferBook, 'offered' | 'used' | 'agentGone' | 'due'>;
  offered(offers: readonly Offer[], at: Moment): OfferEffect[];
  /** what a status means; an `UPDATE` event that could be read */
  status(status: TaskStatus, now: number): Verdict;
  /** a `FAILURE` event with an executor in it */
  executorExited(id: string, now: number): void;
  /** a `FAILURE` event without one; what is to be asked about: its tasks that nothing was said of */
  agentFailed(agentId: string, now: number): MesosTask[];
  /** what has changed of all bids since that version */
  changes(since: number, now: number): BidChanges;
  /** of all bids: a book that takes this one's place begins above it */
  version(): number;
  bids(now: number): Bid[];
  /** whether it was given a place before, and does not run there yet */
  isUnderWay(work: UnderWay): boolean;
  /**
   * Chosen work for one cell: what it takes, and the ACCEPT that launches it. From here on it is booked; when the
   * ACCEPT cannot be sent, `unsent`. The same placement id has the same answer (design §8.1).
   */
  take(work: Work, context: TakeContext): { outcomes: WorkOutcome[]; acceptance: Acceptance | undefined };
  /** the ACCEPT was not sent: its tasks never were, and are to be told as lost */
  unsent(acceptance: Acceptance, now: number): MesosTask[];
  outcomes(query: OutcomeQuery, now: number): WorkOutcome[];
  due(now: number, context: ReleaseContext): Due;
}

/** Ended tasks that are remembered. */
const MOST_ENDED = 20_000;

/** Agents whose qualities are remembered without an offer of theirs. */
const MOST_PLACES = 20_000;

const agentsOf = function* (offers: OfferBook, executors: ExecutorBook, tasks: TaskBook): Iterable<string> {
  yield* offers.agents();
  for (const { agentId } of executors.all()) yield agentId;
  // a status need not say where its task is
  for (const agentId of tasks.agents()) if (agentId !== '') yield agentId;
};

const restText = (until: number, now: number): string =>
  `executors failed to start there; it rests for ${Math.ceil((until - now) / 1000)} s more`;

/** Why an agent takes no work, of what its executors say. */
const closedByExecutors = (
  { executors, tasks }: Pick<BookParts, 'executors' | 'tasks'>,
  agentId: string,
  now: number,
): Rejection | undefined => {
  const executor = executors.on(agentId);
  if (executor?.state === 'unknown')
    return { code: 'executor', reason: 'of the executor there it is not known yet how it was started' };
  if (executor?.state === 'leaving') return { code: 'executor', reason: 'its executor is leaving' };
  if (executor !== undefined) return undefined;
  // one of them may have made it anew: a second executor would be a second rep of that cell
  if (tasks.isUsing(agentId))
    return {
      code: 'executor',
      reason: 'its executor has ended, and what became of its tasks is not known yet',
    };
  const until = executors.restsUntil(agentId, now);
  return until === undefined ? undefined : { code: 'resting', reason: restText(until, now) };
};

const assemble = (options: BookOptions): BookParts => {
  const places = createBoundedMap<Place>(MOST_PLACES);
  const refusals = createRefusals();
  const touch = (agentId: string): void => bids.touch(agentId);
  const tasks = createTaskBook({
    ...(options.watch ?? TASK_WATCH_DEFAULTS),
    mostEnded: options.mostEnded ?? MOST_ENDED,
    onChange: ({ agentId }) => touch(agentId),
  });
  const executors = createExecutorBook({ ...(options.executors ?? EXECUTOR_DEFAULTS), onChange: touch });
  const offers = createOfferBook({
    ...options.offers,
    closed: (agentId, now) => closedByExecutors({ executors, tasks }, agentId, now),
    tasksOn: (agentId) => tasks.onAgent(agentId).filter(({ identity }) => identity.kind === 'task').length,
    onChange: touch,
  });
  const closed = (agentId: string, now: number): Rejection | undefined => {
    const reason = offers.closedFor(agentId, now);
    if (reason !== undefined) return { code: 'maintenance', reason };
    return (
      closedByExecutors({ executors, tasks }, agentId, now) ??
      refusals.closed(agentId, () => offers.bundle(agentId), now)
    );
  };
  const bids = createBids(
    {
      agents: () => agentsOf(offers, executors, tasks),
      closed,
      parts: (agentId, why) => ({
        agentId,
        bundle: offers.bundle(agentId),
        place: places.get(agentId),
        executor: executors.on(agentId),
        tasks: tasks.countsOn(agentId),
        closed: why,
      }),
    },
    options.bids,
    options.firstVersion,
  );
  const count = (id: string, now: number): void => executors.tasks(id, tasks.countOf(id), now);
  return { offers, executors, tasks, bids, places, placements: createPlacements(), refusals, count };
};

export const createMesosBook = (options: BookOptions): MesosBook => {
  const parts = assemble(options);
  const { offers, executors, tasks, bids, places, count } = parts;
  const taker = createTaker({ ...parts, options });
  const rules = createStatusRules(parts);

  return {
    tasks,
    executors,
    offers,
    offered(all, at) {
      for (const offer of all) {
        places.set(offer.agentId, offer);
        executors.seen(offer.agentId, offer.executorIds, at.now);
        for (const id of offer.executorIds) count(id, at.now);
      }
      return offers.offered(all, at);
    },
    status: rules.status,
    executorExited: executors.exited,
    agentFailed(agentId, now) {
      offers.agentGone(agentId, now);
      executors.agentGone(agentId);
      return tasks.onAgent(agentId).filter(({ state }) => state !== 'TASK_UNREACHABLE');
    },
    changes: bids.changes,
    version: bids.version,
    bids: bids.all,
    ...taker,
    due(now, context) {
      const due = {
        offers: offers.due(now),
        tasks: tasks.due(now),
        executors: executors.due(now, context),
      };
      for (const { executorId, placementId } of due.tasks.lost) {
        count(executorId, now);
        parts.placements.release(placementId);
      }
      return due;
    },
  };
};
