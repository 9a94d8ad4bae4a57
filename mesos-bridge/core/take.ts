import type { WorkOutcome } from '../../common/model/auction.js';
import { numbersIn } from './amounts.js';
import type { Constraint, Place } from './constraints.js';
import { constraintText } from './constraints.js';
import type { Executor, NewExecutor } from './executors.js';
import { find } from './find.js';
import type { ChosenWork, NeedOptions } from './needs.js';
import { isLrp, needOf } from './needs.js';
import type { Bundle } from './offer-book.js';
import type { Resources } from './resources.js';
import { rangesOf } from './resources.js';
import type { TaskIdentity } from './task-id.js';
import { taskIdOf } from './task-id.js';

/** One Mesos task to be launched. */
export interface TakenTask {
  readonly id: string;
  readonly identity: TaskIdentity;
  readonly work: ChosenWork;
  /** exactly what it needs, with the reservations and the allocation of what it is taken from */
  readonly resources: Resources;
  /** its host ports, ascending */
  readonly ports: readonly number[];
}

/** One ACCEPT: one agent, one role, all of its held offers. */
export interface Acceptance {
  readonly agentId: string;
  readonly role: string;
  readonly offerIds: readonly string[];
  /** of all tasks in it; `isNew`: the first of them makes it */
  readonly executor: NewExecutor & { readonly isNew: boolean };
  readonly tasks: readonly TakenTask[];
  /** of the offers, when all this is taken */
  readonly left: Resources;
}

export interface Taking {
  /** what has a place */
  readonly acceptance: Acceptance | undefined;
  /** of all of the work, largest first */
  readonly outcomes: readonly WorkOutcome[];
}

export interface TakeParts {
  readonly bundle: Bundle;
  /** the one that lives there, or is being launched */
  readonly executor: Executor | undefined;
  /** id of the one that is launched when none is there */
  readonly newExecutorId: string;
  /** a fresh guid for each attempt */
  readonly mintGuid: () => string;
  /** why that work may not be there, of what resources do not say; '' = it may */
  readonly forbids: (work: ChosenWork, taken: readonly TakenTask[]) => string;
}

const WORDS: Readonly<Record<string, string>> = { cpus: 'cpu', mem: 'memory' };

/** In the words and the order in which a rep refuses. */
export const insufficient = (lacking: readonly string[]): string =>
  `insufficient resources: ${lacking
    .map((name) => WORDS[name] ?? name)
    .sort()
    .join(', ')}`;

const identityOf = (work: ChosenWork, mintGuid: () => string): TaskIdentity =>
  isLrp(work)
    ? {
        kind: 'lrp',
        instanceGuid: work.instanceGuid ?? mintGuid(),
        index: work.index,
        processGuid: work.processGuid,
      }
    : { kind: 'task', attemptGuid: mintGuid(), taskGuid: work.taskGuid };

const largestFirst = (left: ChosenWork, right: ChosenWork): number => right.memoryMb - left.memoryMb;

const openExecutor = (
  { bundle, executor, newExecutorId }: TakeParts,
  options: NeedOptions,
): { executor: Acceptance['executor']; left: Resources } | string => {
  const { agentId, role } = bundle;
  if (executor !== undefined) {
    const { id, resources } = executor;
    return {
      executor: { id, agentId, role: executor.role, resources, isNew: false },
      left: bundle.resources,
    };
  }
  const own = find(bundle.resources, options.executor);
  if (!own.found) return `${insufficient(own.lacking)} (for an executor)`;
  return {
    executor: { id: newExecutorId, agentId, role, resources: own.taken, isNew: true },
    left: own.left,
  };
};

const place = (
  work: ChosenWork,
  { left, taken, parts }: { left: Resources; taken: readonly TakenTask[]; parts: TakeParts },
  options: NeedOptions,
): { task: TakenTask; left: Resources } | string => {
  const forbidden = parts.forbids(work, taken);
  if (forbidden !== '') return forbidden;
  const found = find(left, needOf(work, options));
  if (!found.found) return insufficient(found.lacking);
  const identity = identityOf(work, parts.mintGuid);
  const id = taskIdOf(identity);
  if (!id.ok) return id.error;
  const ports = numbersIn(rangesOf(found.taken, 'ports'));
  return { task: { id: id.value, identity, work, resources: found.taken, ports }, left: found.left };
};

/**
 * Which of the work an agent takes, the largest first, out of its held offers: each task exactly what it needs, the
 * executor's own need once and only when none is there. Nothing is over-committed, and an exact fit is a fit.
 */
export const takeWork = (all: readonly ChosenWork[], parts: TakeParts, options: NeedOptions): Taking => {
  const opened = openExecutor(parts, options);
  let left = typeof opened === 'string' ? parts.bundle.resources : opened.left;
  const tasks: TakenTask[] = [];
  const outcomes = all.toSorted(largestFirst).map((work): WorkOutcome => {
    const { placementId } = work;
    const placed = typeof opened === 'string' ? opened : place(work, { left, taken: tasks, parts }, options);
    if (typeof placed === 'string') return { placementId, status: 'refused', reason: placed };
    tasks.push(placed.task);
    left = placed.left;
    return { placementId, status: 'accepted', reason: '' };
  });
  if (tasks.length === 0 || typeof opened === 'string') return { acceptance: undefined, outcomes };
  const { agentId, role, offers } = parts.bundle;
  const offerIds = offers.map(({ id }) => id);
  return { acceptance: { agentId, role, offerIds, executor: opened.executor, tasks, left }, outcomes };
};

/** Where instances of a process run by now; undefined for an agent whose qualities are not known. */
export type PlacesOf = (processGuid: string) => readonly (Place | undefined)[];

/**
 * Constraints that compare the instances of one process (UNIQUE, MAX_PER, GROUP_BY, CLUSTER): '' when this place will
 * do for another of them.
 */
export const whyNotHere = (
  work: ChosenWork,
  constraints: readonly Constraint[],
  { here, others }: { here: Place; others: PlacesOf },
): string => {
  if (!isLrp(work) || constraints.length === 0) return '';
  const places = others(work.processGuid);
  const broken = constraints.find((one) => {
    const placed = places.map((there) => there && one.valueOn(there));
    return !one.allows(here, placed, placed.length + 1);
  });
  return broken === undefined ? '' : `placement constraint not met: ${constraintText(broken.spec)}`;
};
