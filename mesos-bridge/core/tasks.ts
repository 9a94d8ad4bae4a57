import type { Meaning } from './meaning.js';
import { endsIt, meaningOf } from './meaning.js';
import { NO_RESOURCES } from './resources.js';
import type { MesosTask, TaskShelf } from './task-shelf.js';
import { createTaskShelf } from './task-shelf.js';
import type { TaskIdentity } from './task-id.js';
import { parseTaskId } from './task-id.js';
import type { TaskState, TaskStatus } from './task-status.js';
import { isTerminal, isUnderWay } from './task-status.js';
import type { Copy } from './task-updates.js';
import { createTaskUpdates } from './task-updates.js';
import type { TaskWatchOptions } from './task-watch.js';
import { createTaskWatch } from './task-watch.js';

export type LaunchedTask = Omit<MesosTask, 'state' | 'started' | 'killing'>;

/** What follows from a status. */
export interface Verdict {
  /** what to tell the BBS, and the words of Mesos with it */
  readonly meaning: Meaning;
  readonly reason: string;
  /** the task that it is about, as it is after it; undefined for one that is not ours */
  readonly task?: MesosTask;
  /** to be acknowledged once the BBS has answered durably; then call `settled` */
  readonly acknowledge: boolean;
  /** the same was told before, and the BBS has not answered yet: nothing is to be done */
  readonly pending: boolean;
  /** it should not run: KILL it */
  readonly kill: boolean;
  /** found running: ask the BBS whether it is wanted, and call `kill` when it is not */
  readonly adopted: boolean;
  /** it has ended with this status */
  readonly ended: boolean;
}

/** What time alone brings about. */
export interface DueTasks {
  /** to be killed, again */
  readonly kill: readonly MesosTask[];
  /** of which nothing was heard for too long: ask the master about them */
  readonly reconcile: readonly MesosTask[];
  /** gone: their agent has had its time to come back. For the BBS they are lost, or failed when they are tasks. */
  readonly lost: readonly MesosTask[];
}

export interface TaskBookOptions extends TaskWatchOptions {
  /** how many ended tasks are remembered, so that late statuses are known for what they are */
  readonly mostEnded: number;
  /** called with each task that has come, changed or gone */
  readonly onChange?: (task: MesosTask) => void;
}

/** The Mesos tasks of this framework: the bridge's own book, from launch to end. */
export interface TaskBook extends Omit<TaskShelf, 'put' | 'remove'> {
  launched(task: LaunchedTask, now: number): void;
  update(status: TaskStatus, now: number): Verdict;
  /** the BBS has answered on this update for good: it is acknowledged now, and again whenever it comes again */
  settled(taskId: string, uuid: string): void;
  /** the BBS could not be asked: the update will come again, and is judged anew */
  unsettled(taskId: string, uuid: string): void;
  /** it was never sent: it is to be no more */
  abandon(taskId: string): void;
  /** what to send; undefined when it has ended or was never there. Repeated by `due` until it ends. */
  kill(taskId: string, now: number): { taskId: string; agentId: string } | undefined;
  /** what time alone brings about; those that are lost with it have ended */
  due(now: number): DueTasks;
}

const factsOf = (task: MesosTask) => ({
  kind: task.identity.kind,
  started: task.started,
  killing: task.killing,
  unreachable: task.state === 'TASK_UNREACHABLE',
});

const isStart = (state: TaskState): boolean => isUnderWay(state) && state !== 'TASK_STAGING';

const words = ({ state, reason, message }: TaskStatus): string =>
  [state, reason.replace(/^REASON_/, ''), message].filter((part) => part !== '').join(': ');

const after = (task: MesosTask, status: TaskStatus): MesosTask => ({
  ...task,
  agentId: task.agentId === '' ? status.agentId : task.agentId,
  executorId: task.executorId === '' ? status.executorId : task.executorId,
  state: status.state,
  started:
    task.started ||
    (status.source === 'SOURCE_EXECUTOR' ? isStart(status.state) : status.state === 'TASK_RUNNING'),
});

/** Found without having been launched by this bridge process: it has run for all that is known. */
const found = (status: TaskStatus, identity: TaskIdentity): MesosTask => ({
  id: status.taskId,
  identity,
  agentId: status.agentId,
  executorId: status.executorId,
  placementId: '',
  resources: NO_RESOURCES,
  state: status.state,
  started: true,
  killing: false,
});

const QUIET = {
  meaning: 'nothing',
  reason: '',
  pending: false,
  kill: false,
  adopted: false,
  ended: false,
} as const;

/** It comes again since no acknowledgement has reached its agent. */
const again = (copy: Copy, task: MesosTask): Verdict => ({
  ...QUIET,
  task,
  acknowledge: copy === 'settled',
  pending: copy === 'pending',
});

/** What is said of one that has ended, or that is not ours: it only must not run. */
const unwanted = (status: TaskStatus, task?: MesosTask): Verdict => ({
  ...QUIET,
  ...(task && { task }),
  acknowledge: status.uuid !== '',
  kill: isUnderWay(status.state),
});

/** A task of ours that failed while it was out of sight must not go on; nor what we wanted to end then. */
const isUnwelcome = (meaning: Meaning, { identity, killing }: MesosTask): boolean =>
  meaning === 'back' && (killing || identity.kind === 'task');

const verdictOn = (before: MesosTask, status: TaskStatus): Verdict & { task: MesosTask } => {
  const meaning = meaningOf(status, factsOf(before));
  const ended = endsIt(status, before);
  // a second launch under this id that was refused, or a repetition of what its own update says, changes nothing
  const task = isTerminal(status.state) && !ended ? before : after(before, status);
  return {
    ...QUIET,
    meaning,
    reason: words(status),
    task,
    acknowledge: status.uuid !== '',
    kill: isUnwelcome(meaning, task),
    ended,
  };
};

export const createTaskBook = (options: TaskBookOptions): TaskBook => {
  const shelf = createTaskShelf(options.onChange ?? (() => undefined));
  const watch = createTaskWatch(options);
  const updates = createTaskUpdates<MesosTask, Verdict>(options.mostEnded);

  const end = (task: MesosTask, verdict?: Verdict): void => {
    updates.end(task.id, task, verdict);
    watch.forget(task.id);
    shelf.remove(task.id);
  };

  const judge = (before: MesosTask, status: TaskStatus, now: number): Verdict => {
    const verdict = verdictOn(before, status);
    const { task, ended } = verdict;
    updates.heard(task.id, status.uuid);
    shelf.put(task);
    if (task.state === status.state) watch.heard(task.id, status.state, now);
    if (ended) end(task, verdict);
    return verdict;
  };

  /** Mesos may say more of one that has ended, and it may even have come back. */
  const judgeEnded = (task: MesosTask, status: TaskStatus): Verdict => {
    const { copy, told } = updates.endedCopy(status.taskId, status.uuid);
    if (told !== undefined) return told;
    return copy === 'first' ? unwanted(status, task) : again(copy, task);
  };

  const judgeUnknown = (status: TaskStatus, now: number): Verdict => {
    const identity = parseTaskId(status.taskId);
    if (identity === undefined) return unwanted(status);
    return { ...judge(found(status, identity), status, now), adopted: isUnderWay(status.state) };
  };

  const update = (status: TaskStatus, now: number): Verdict => {
    const over = updates.ended(status.taskId);
    if (over !== undefined) return judgeEnded(over, status);
    const task = shelf.get(status.taskId);
    if (task === undefined) return judgeUnknown(status, now);
    const copy = updates.copy(status.taskId, status.uuid);
    return copy === 'first' ? judge(task, status, now) : again(copy, task);
  };

  return {
    launched(task, now) {
      shelf.put({ ...task, state: 'LAUNCHED', started: false, killing: false });
      watch.launched(task.id, now);
    },
    update,
    abandon(taskId) {
      const task = shelf.get(taskId);
      if (task !== undefined) end(task);
    },
    settled: updates.settled,
    unsettled: updates.unsettled,
    kill(taskId, now) {
      const task = shelf.get(taskId);
      if (task === undefined) return undefined;
      shelf.put({ ...task, killing: true });
      watch.killed(taskId, now);
      return { taskId, agentId: task.agentId };
    },
    due(now) {
      const { kill, reconcile, lost } = watch.due(now);
      const named = (ids: readonly string[]): MesosTask[] => ids.flatMap((id) => shelf.get(id) ?? []);
      const due = { kill: named(kill), reconcile: named(reconcile), lost: named(lost) };
      for (const task of due.lost) end(task);
      return due;
    },
    get: shelf.get,
    find: shelf.find,
    all: shelf.all,
    agents: shelf.agents,
    onAgent: shelf.onAgent,
    countsOn: shelf.countsOn,
    unreachableOn: shelf.unreachableOn,
    ofSlot: shelf.ofSlot,
    ofProcess: shelf.ofProcess,
    countOf: shelf.countOf,
    isUsing: shelf.isUsing,
    size: shelf.size,
  };
};
