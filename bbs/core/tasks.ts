import { taskPlacementId } from '../../common/model/ids.js';
import { err } from '../../common/model/result.js';
import type { Task, TaskDefinition, TaskState } from '../../common/model/task.js';
import type { Nanoseconds } from '../../common/model/lrp.js';
import { taskStart } from '../../common/model/starts.js';
import { decided, decision, refused } from './decision.js';
import type { Context, Decided, Decision, Effect } from './decision.js';
import { truncated } from './text.js';
import { checkTask } from './validation.js';

const transition = (from: TaskState, to: TaskState) =>
  refused('InvalidStateTransition', `Cannot transition from ${from} to ${to}`);

const auction = (task: Task, counted = true): Effect => ({
  kind: 'auction-task',
  start: taskStart(task),
  counted,
});

const change = (before: Task, patch: Partial<Task>, ctx: Context): Decision => {
  const after = { ...before, ...patch, updatedAt: ctx.now };
  return decision(undefined, {
    changes: [{ table: 'tasks', put: after }],
    events: [{ kind: 'task_changed', traceId: ctx.traceId, before, after }],
  });
};

const removal = (task: Task, ctx: Context): Decision =>
  decision(undefined, {
    changes: [{ table: 'tasks', remove: task }],
    events: [{ kind: 'task_removed', traceId: ctx.traceId, task }],
  });

const callback = ({ taskGuid, completionCallbackUrl }: Task): Effect[] =>
  completionCallbackUrl === '' ? [] : [{ kind: 'callback', taskGuid }];

interface Outcome {
  failed: boolean;
  failureReason: string;
  result: string;
}

const completed = (task: Task, outcome: Outcome, ctx: Context): Decision => {
  const patch: Partial<Task> = {
    ...outcome,
    state: 'Completed',
    cellId: '',
    failureReason: truncated(outcome.failureReason),
    firstCompletedAt: ctx.now,
  };
  return { ...change(task, patch, ctx), effects: callback(task) };
};

const failed = (task: Task, failureReason: string, ctx: Context): Decision =>
  completed(task, { failed: true, failureReason, result: '' }, ctx);

export interface DesireTask {
  taskGuid: string;
  domain: string;
  definition: TaskDefinition;
}

export const desireTask = (existing: Task | undefined, request: DesireTask, ctx: Context): Decided => {
  const { taskGuid, domain, definition } = request;
  const invalid = checkTask(request);
  if (invalid) return err(invalid);
  if (existing) return refused('ResourceExists');
  const task: Task = {
    ...definition,
    taskGuid,
    domain,
    createdAt: ctx.now,
    updatedAt: ctx.now,
    firstCompletedAt: 0,
    state: 'Pending',
    cellId: '',
    result: '',
    failed: false,
    failureReason: '',
    rejectionCount: 0,
    rejectionReason: '',
  };
  return decided(undefined, {
    changes: [{ table: 'tasks', put: task }],
    events: [{ kind: 'task_created', traceId: ctx.traceId, task }],
    effects: [auction(task)],
  });
};

/** Whether the cell is to run the task now: at most one cell, once, ever gets `true`. */
export const startTask = (task: Task | undefined, cellId: string, ctx: Context): Decided<boolean> => {
  if (!task) return refused('ResourceNotFound');
  if (task.state === 'Running' && task.cellId === cellId) return decided(false);
  if (task.state !== 'Pending') return transition(task.state, 'Running');
  return decided(true, change(task, { state: 'Running', cellId }, ctx));
};

export interface CompleteTask extends Outcome {
  cellId: string;
}

export const completeTask = (task: Task | undefined, request: CompleteTask, ctx: Context): Decided => {
  if (!task) return refused('ResourceNotFound');
  if (task.state === 'Running' && task.cellId !== request.cellId) {
    return refused('RunningOnDifferentCell', `Running on cell ${task.cellId} not ${request.cellId}`);
  }
  if (task.state !== 'Running') return transition(task.state, 'Completed');
  const { failed, failureReason, result } = request;
  return decided(undefined, completed(task, { failed, failureReason, result }, ctx));
};

export const cancelTask = (task: Task | undefined, ctx: Context): Decided => {
  if (!task) return refused('ResourceNotFound');
  if (task.state !== 'Pending' && task.state !== 'Running') return transition(task.state, 'Completed');
  const { cellId, taskGuid } = task;
  const cancelled = failed(task, 'task was cancelled', ctx);
  if (cellId !== '') cancelled.effects.push({ kind: 'cancel', cellId, taskGuid });
  return decided(undefined, cancelled);
};

/** Fails it with the given reason. */
export const failTask = (task: Task | undefined, { reason }: { reason: string }, ctx: Context): Decided => {
  if (!task) return refused('ResourceNotFound');
  if (task.state !== 'Pending' && task.state !== 'Running') return transition(task.state, 'Completed');
  return decided(undefined, failed(task, reason, ctx));
};

export interface RejectTask {
  reason: string;
  /** false: the auction was an extra one (room appeared), or capacity is being sought; it costs the task no retry */
  counted: boolean;
  maxRetries: number;
  /** which placement is meant; absent = the present one, as Diego's clients mean it */
  placementId?: string | undefined;
  /** the cell that could not make the container; absent = no cell had the task */
  cellId?: string | undefined;
}

/** A rejection may arrive late, or twice: it must not take back a task that runs by now (design §8.3). */
const isOfAnotherPlacement = (task: Task, { placementId, cellId }: RejectTask): boolean =>
  placementId !== undefined &&
  (placementId !== taskPlacementId(task.taskGuid, task.rejectionCount) ||
    (task.state === 'Running' && task.cellId !== cellId));

/** No place, or the cell could not make the container. A rejection by a cell that had started it always counts. */
export const rejectTask = (task: Task | undefined, request: RejectTask, ctx: Context): Decided => {
  if (!task) return refused('ResourceNotFound');
  if (task.state !== 'Pending' && task.state !== 'Running') return refused('InvalidRequest');
  if (isOfAnotherPlacement(task, request)) return refused('InvalidRequest');
  const rejectionReason = truncated(request.reason);
  if (!request.counted && task.state === 'Pending') {
    return decided(undefined, change(task, { rejectionReason }, ctx));
  }
  const rejected = { ...task, rejectionCount: task.rejectionCount + 1, rejectionReason };
  if (task.rejectionCount >= request.maxRetries) {
    return decided(undefined, retold(task, failed(rejected, rejectionReason, ctx)));
  }
  const { rejectionCount } = rejected;
  return decided(undefined, change(task, { rejectionCount, rejectionReason, state: 'Pending' }, ctx));
};

/** The same decision, told as a change from `before`. */
const retold = (before: Task, from: Decision): Decision => ({
  ...from,
  events: from.events.map((event) => (event.kind === 'task_changed' ? { ...event, before } : event)),
});

export const resolvingTask = (task: Task | undefined, ctx: Context): Decided => {
  if (!task) return refused('ResourceNotFound');
  if (task.state !== 'Completed') return transition(task.state, 'Resolving');
  return decided(undefined, change(task, { state: 'Resolving' }, ctx));
};

export const deleteTask = (task: Task | undefined, ctx: Context): Decided => {
  if (!task) return refused('ResourceNotFound');
  if (task.state !== 'Resolving') return transition(task.state, 'Resolving');
  return decided(undefined, removal(task, ctx));
};

/**
 * The callback has been answered, so the task is done with, also when convergence has demoted it meanwhile.
 * Another task of the same guid, made later, is none of it.
 */
export const deliveredTask = (task: Task | undefined, createdAt: Nanoseconds, ctx: Context): Decided => {
  const isOver = task?.state === 'Resolving' || task?.state === 'Completed';
  return decided(undefined, isOver && task.createdAt === createdAt ? removal(task, ctx) : {});
};

export interface TaskWorld {
  now: Nanoseconds;
  /** the cell has been gone for so long, and so surely, that its tasks have failed */
  lost(cellId: string): boolean;
  /** ns a Resolving task may rest, and a Completed one until its callback is tried again */
  kick: Nanoseconds;
  /** ns that a Completed task is kept */
  expireCompleted: Nanoseconds;
  /** ns that a task may wait for a place */
  expirePending: Nanoseconds;
}

const convergeCompleted = (task: Task, world: TaskWorld, ctx: Context): Decision | undefined => {
  if (world.now - task.firstCompletedAt > world.expireCompleted) return removal(task, ctx);
  const effects = world.now - task.updatedAt > world.kick ? callback(task) : [];
  return effects.length > 0 ? decision(undefined, { effects }) : undefined;
};

/** What convergence does for one task; undefined when there is nothing to do. */
export const convergeTask = (task: Task, world: TaskWorld, ctx: Context): Decision | undefined => {
  switch (task.state) {
    case 'Pending':
      if (world.now - task.createdAt > world.expirePending) {
        return failed(task, 'not started within time limit', ctx);
      }
      return decision(undefined, { effects: [auction(task)] });
    case 'Running':
      return world.lost(task.cellId) ? failed(task, 'cell disappeared before completion', ctx) : undefined;
    case 'Completed':
      return convergeCompleted(task, world, ctx);
    case 'Resolving':
      return world.now - task.updatedAt > world.kick ? change(task, { state: 'Completed' }, ctx) : undefined;
    case 'Invalid':
      return undefined;
  }
};

/** Asks again for a pending task because room appeared. */
export const reauctionTask = (task: Task): Decision =>
  decision(undefined, { effects: task.state === 'Pending' ? [auction(task, false)] : [] });
