import type { Resources } from './resources.js';
import { scalarsOf } from './resources.js';
import type { MesosTask } from './task-shelf.js';

/** The scalars that a bid tells of. */
const COUNTED = ['cpus', 'mem', 'disk'] as const;
export type Counted = (typeof COUNTED)[number];

/** What runs on an agent, in sight: those whose agent is out of sight are not there for an auction. */
export interface TaskCounts {
  readonly lrpCounts: ReadonlyMap<string, number>;
  readonly taskCount: number;
  /** launched, and not running yet */
  readonly startingCount: number;
  /** thousandths by name */
  readonly taken: Readonly<Record<Counted, number>>;
}

/**
 * Counts of each agent's tasks, kept as they come, change and go: bids are made anew for every batch, and an agent may
 * have many tasks.
 */
export interface TaskTally {
  put(before: MesosTask | undefined, after: MesosTask): void;
  remove(task: MesosTask): void;
  of(agentId: string): TaskCounts;
  /** what the agent is known to run, and cannot tell of: its state is TASK_UNREACHABLE */
  unreachable(agentId: string): number;
}

interface Counts {
  tasks: number;
  unreachable: number;
  lrps: Map<string, number>;
  taskCount: number;
  startingCount: number;
  taken: Record<Counted, number>;
}

const isInSight = ({ state }: MesosTask): boolean => state !== 'TASK_UNREACHABLE' && state !== 'TASK_UNKNOWN';

/** Launched, and not running yet. */
export const isStarting = ({ state }: MesosTask): boolean =>
  state === 'LAUNCHED' || state === 'TASK_STAGING' || state === 'TASK_STARTING';

const addTo = (counts: Map<string, number>, key: string, by: 1 | -1): void => {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
};

const takeInto = (taken: Record<Counted, number>, resources: Resources, by: 1 | -1): void => {
  const scalars = scalarsOf([resources], COUNTED);
  for (const name of COUNTED) taken[name] += by * scalars[name];
};

const count = (into: Counts, task: MesosTask, by: 1 | -1): void => {
  into.tasks += by;
  if (task.state === 'TASK_UNREACHABLE') into.unreachable += by;
  if (!isInSight(task)) return;
  if (isStarting(task)) into.startingCount += by;
  if (task.identity.kind === 'task') into.taskCount += by;
  else addTo(into.lrps, task.identity.processGuid, by);
  takeInto(into.taken, task.resources, by);
};

/** All that counts of it is the same. */
const countsAlike = (one: MesosTask, other: MesosTask): boolean =>
  one.agentId === other.agentId &&
  one.resources === other.resources &&
  isInSight(one) === isInSight(other) &&
  isStarting(one) === isStarting(other) &&
  (one.state === 'TASK_UNREACHABLE') === (other.state === 'TASK_UNREACHABLE');

const nothing = (): Counts => ({
  tasks: 0,
  unreachable: 0,
  lrps: new Map(),
  taskCount: 0,
  startingCount: 0,
  taken: { cpus: 0, mem: 0, disk: 0 },
});

export const createTaskTally = (): TaskTally => {
  const agents = new Map<string, Counts>();

  const add = (task: MesosTask): void => {
    let counts = agents.get(task.agentId);
    if (counts === undefined) agents.set(task.agentId, (counts = nothing()));
    count(counts, task, 1);
  };
  const remove = (task: MesosTask): void => {
    const counts = agents.get(task.agentId);
    if (counts === undefined) return;
    count(counts, task, -1);
    if (counts.tasks === 0) agents.delete(task.agentId);
  };

  return {
    put(before, after) {
      if (before !== undefined && countsAlike(before, after)) return;
      if (before !== undefined) remove(before);
      add(after);
    },
    remove,
    of(agentId) {
      const { lrps, taskCount, startingCount, taken } = agents.get(agentId) ?? nothing();
      return { lrpCounts: new Map(lrps), taskCount, startingCount, taken: { ...taken } };
    },
    unreachable: (agentId) => agents.get(agentId)?.unreachable ?? 0,
  };
};
