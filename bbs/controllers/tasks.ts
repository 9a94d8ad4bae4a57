import { err, ok } from '../../common/model/result.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { Task } from '../../common/model/task.js';
import type { TaskApi, TaskFilter } from '../client.js';
import { bbsError } from '../core/decision.js';
import type { Context, Decided } from '../core/decision.js';
import {
  cancelTask,
  completeTask,
  deleteTask,
  desireTask,
  failTask,
  rejectTask,
  resolvingTask,
  startTask,
} from '../core/tasks.js';
import { field, required } from '../core/problems.js';
import { isGuid } from '../core/validation-parts.js';
import { invalidRequest } from '../core/validation.js';
import type { CommittedTables } from '../store/schema.js';
import type { BoardParts } from './board.js';
import { values } from './rows.js';

const tasksIn = (tables: CommittedTables, { domain, cellId }: TaskFilter): Task[] => {
  const found = cellId
    ? tables.tasks.byIndex('cell', cellId)
    : domain
      ? tables.tasks.byIndex('domain', domain)
      : values(tables.tasks);
  return domain ? [...found].filter((task) => task.domain === domain) : [...found];
};

export const createTaskApi = ({ transactions, store, config, rejections }: BoardParts): TaskApi => {
  const onTask = async <T>(
    name: string,
    request: { taskGuid: string; traceId: string; fields?: Record<string, string> },
    decide: (task: Task | undefined, ctx: Context) => Decided<T>,
  ): Promise<BbsResult<T>> => {
    const { taskGuid, traceId, fields } = request;
    // those that carry more than a guid are held to what a guid looks like, as Diego does
    const named = fields && !isGuid(taskGuid) ? field('task_guid') : required({ task_guid: taskGuid });
    const invalid = invalidRequest([...named, ...required(fields ?? {})]);
    if (invalid) return err(invalid);
    return transactions.run(name, traceId, (tables, ctx) => decide(tables.tasks.get(taskGuid), ctx));
  };

  return {
    desireTask: (request, traceId) =>
      transactions.run('desire-task', traceId, (tables, ctx) =>
        desireTask(tables.tasks.get(request.taskGuid), request, ctx),
      ),
    tasks: async (filter) => ok(tasksIn(store.committed, filter)),
    async task(taskGuid) {
      const invalid = invalidRequest(required({ task_guid: taskGuid }));
      if (invalid) return err(invalid);
      const task = store.committed.tasks.get(taskGuid);
      return task ? ok(task) : err(bbsError('ResourceNotFound'));
    },
    startTask: (taskGuid, cellId, traceId) =>
      onTask('start-task', { taskGuid, traceId, fields: { cell_id: cellId } }, (task, ctx) =>
        startTask(task, cellId, ctx),
      ),
    completeTask: (request, traceId) =>
      onTask(
        'complete-task',
        { taskGuid: request.taskGuid, traceId, fields: { cell_id: request.cellId } },
        (task, ctx) => completeTask(task, request, ctx),
      ),
    // a missing reason is told as `failure_reason`, as Diego does
    rejectTask: (taskGuid, reason, traceId, of) =>
      onTask('reject-task', { taskGuid, traceId, fields: { failure_reason: reason } }, (task, ctx) => {
        const counted = of?.deferred !== true && rejections.counted(taskGuid);
        return rejectTask(task, { ...of, reason, counted, maxRetries: config.maxTaskRetries }, ctx);
      }),
    failTask: (taskGuid, reason, traceId) =>
      onTask('fail-task', { taskGuid, traceId, fields: { failure_reason: reason } }, (task, ctx) =>
        failTask(task, { reason }, ctx),
      ),
    cancelTask: (taskGuid, traceId) => onTask('cancel-task', { taskGuid, traceId }, cancelTask),
    resolvingTask: (taskGuid, traceId) => onTask('resolving-task', { taskGuid, traceId }, resolvingTask),
    deleteTask: (taskGuid, traceId) => onTask('delete-task', { taskGuid, traceId }, deleteTask),
  };
};
