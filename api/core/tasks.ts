import type { Task } from '../../common/model/task.js';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import type { ApiFailure } from './failure.js';
import { notFound, refuseCoded, unprocessable } from './failure.js';
import { isTaskName } from '../../common/model/names.js';
import { processOfType } from './processes.js';
import type { AppRow, AppTaskState, Context, ReadTables, TaskRow, WriteTables } from './rows.js';

export interface NewTask {
  app: AppRow;
  command?: string;
  name?: string;
  memoryMb?: number;
  diskMb?: number;
  logRateLimitBytesPerSecond?: number;
  dropletGuid?: string;
  /** process whose command and sizes are used where none are given */
  templateProcessGuid?: string;
}

/** Cloud Controller's word for a task whose end nobody saw. */
const UNKNOWN_END = 'Unable to determine completion status';

/** Ended tasks kept per app; older ones go. */
const RETAINED_TASKS = 200;

export const hasEnded = (state: AppTaskState): boolean => state === 'SUCCEEDED' || state === 'FAILED';

export const findTask = (tables: ReadTables, guid: string): Result<TaskRow, ApiFailure[]> => {
  const task = tables.tasks.get(guid);
  return task ? ok(task) : notFound('Task');
};

const dropEnded = (tables: WriteTables, appGuid: string): void => {
  const ended = [...tables.tasks.byIndex('app', appGuid)].filter((task) => hasEnded(task.state));
  ended.sort((a, b) => b.sequenceId - a.sequenceId);
  for (const task of ended.slice(RETAINED_TASKS)) tables.tasks.delete(task.guid);
};

/** Makes a task, PENDING until a cell starts it. Sizes are those of the template or the web process where not given. */
export const createTask = (
  tables: WriteTables,
  context: Context,
  input: NewTask,
): Result<TaskRow, ApiFailure[]> => {
  const { app } = input;
  const template =
    input.templateProcessGuid === undefined
      ? processOfType(tables, app.guid, 'web')
      : tables.processes.get(input.templateProcessGuid);
  if (!template || template.appGuid !== app.guid) return notFound('Process');
  const droplet = tables.droplets.get(input.dropletGuid ?? app.currentDropletGuid);
  if (!droplet || droplet.appGuid !== app.guid) {
    return unprocessable('Task must have a droplet. Specify droplet or assign current droplet to app.');
  }
  const inherited =
    input.templateProcessGuid === undefined
      ? undefined
      : (template.command ?? droplet.processTypes[template.type]);
  const command = input.command ?? inherited;
  if (!command) return unprocessable("Command can't be blank");
  const sequenceId = app.lastTaskSequence + 1;
  const name = input.name ?? `task-${sequenceId}`;
  if (!isTaskName(name)) return refuseCoded('TASK_NAME_INVALID', { name });
  const task: TaskRow = {
    guid: context.newGuid(),
    appGuid: app.guid,
    dropletGuid: droplet.guid,
    sequenceId,
    name,
    command,
    memoryMb: input.memoryMb ?? template.memoryMb,
    diskMb: input.diskMb ?? template.diskMb,
    logRateLimitBytesPerSecond: input.logRateLimitBytesPerSecond ?? template.logRateLimitBytesPerSecond,
    state: 'PENDING',
    failureReason: '',
    createdAt: context.now,
    updatedAt: context.now,
  };
  tables.tasks.put(task.guid, task);
  tables.apps.put(app.guid, { ...app, lastTaskSequence: sequenceId, updatedAt: context.now });
  dropEnded(tables, app.guid);
  return ok(task);
};

const moveTask = (
  tables: WriteTables,
  context: Context,
  input: { task: TaskRow; state: AppTaskState; failureReason?: string },
): TaskRow => {
  const { task, state, failureReason = '' } = input;
  if (hasEnded(task.state) || (task.state === state && task.failureReason === failureReason)) return task;
  const moved = { ...task, state, failureReason, updatedAt: context.now };
  tables.tasks.put(task.guid, moved);
  return moved;
};

/** From CANCELING a task only ends; the BBS tells when. */
export const cancelTask = (
  tables: WriteTables,
  context: Context,
  guid: string,
): Result<TaskRow, ApiFailure[]> => {
  const found = findTask(tables, guid);
  if (!found.ok) return found;
  if (hasEnded(found.value.state)) {
    return unprocessable(`Task state is ${found.value.state} and therefore cannot be canceled`);
  }
  return ok(moveTask(tables, context, { task: found.value, state: 'CANCELING' }));
};

export const failTask = (
  tables: WriteTables,
  context: Context,
  input: { guid: string; reason: string },
): void => {
  const task = tables.tasks.get(input.guid);
  if (task) moveTask(tables, context, { task, state: 'FAILED', failureReason: input.reason });
};

/** Takes over what the BBS says of a task. Whether it has ended there, and so may be removed there. */
export const observeTask = (tables: WriteTables, context: Context, seen: Task): boolean => {
  const ended = seen.state === 'Completed' || seen.state === 'Resolving';
  const task = tables.tasks.get(seen.taskGuid);
  if (!task) return ended;
  if (ended) {
    const state = seen.failed ? 'FAILED' : 'SUCCEEDED';
    moveTask(tables, context, { task, state, failureReason: seen.failed ? seen.failureReason : '' });
  } else if (seen.state === 'Running' && task.state === 'PENDING') {
    moveTask(tables, context, { task, state: 'RUNNING' });
  }
  return ended;
};

/** Ends tasks that the BBS knows nothing of: their end was missed, or they never began. */
export const failMissing = (tables: WriteTables, context: Context, missing: ReadonlySet<string>): void => {
  for (const guid of missing) failTask(tables, context, { guid, reason: UNKNOWN_END });
};
