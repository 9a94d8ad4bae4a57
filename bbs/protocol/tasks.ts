import type { Task, TaskDefinition } from '../../common/model/task.js';
import { err } from '../../common/model/result.js';
import { toJson } from '../../common/wire/codec.js';
import type { BbsRoute } from '../../common/wire/routes.js';
import type { RejectedPlacement, TaskCompletion, TaskFilter } from '../client.js';
import { chain, EMPTY, fields, map, message, messages, present, printed } from './fields.js';
import type { Body, Call } from './fields.js';

interface ByGuid {
  taskGuid: string;
}

const byGuid = {
  print: ({ taskGuid }: ByGuid): Body => ({ task_guid: taskGuid }),
  parse: (body: Body) =>
    map(fields(body, { task_guid: 'string' }), ({ task_guid }) => ({ taskGuid: task_guid })),
};

const onGuid = (route: BbsRoute): Call<ByGuid, void> => ({ route, ...byGuid, ...EMPTY });

export const cancelTask = onGuid('CancelTask');
export const resolvingTask = onGuid('ResolvingTask');
export const deleteTask = onGuid('DeleteTask');

export const desireTask: Call<{ taskGuid: string; domain: string; definition: TaskDefinition }, void> = {
  route: 'DesireTask',
  print: ({ taskGuid, domain, definition }) => ({
    task_guid: taskGuid,
    domain,
    task_definition: toJson('TaskDefinition', definition),
  }),
  parse: (body) =>
    body['task_definition'] === undefined
      ? err(['Invalid field: task_definition'])
      : chain(fields(body, { task_guid: 'string', domain: 'string' }), ({ task_guid, domain }) =>
          map(message('TaskDefinition', body['task_definition']), (definition) => ({
            taskGuid: task_guid,
            domain,
            definition,
          })),
        ),
  ...EMPTY,
};

export const tasks: Call<TaskFilter, Task[]> = {
  route: 'Tasks',
  print: ({ domain, cellId }) => present({ domain, cell_id: cellId }),
  parse: (body) =>
    map(fields(body, { domain: 'string', cell_id: 'string' }), ({ domain, cell_id }) => ({
      domain,
      cellId: cell_id,
    })),
  reply: (rows) => ({ tasks: printed('Task', rows) }),
  read: (body) => messages('Task', body['tasks']),
};

export const task: Call<ByGuid, Task> = {
  route: 'TaskByGuid',
  ...byGuid,
  reply: (row) => ({ task: toJson('Task', row) }),
  read: (body) => message('Task', body['task']),
};

export const startTask: Call<{ taskGuid: string; cellId: string }, boolean> = {
  route: 'StartTask',
  print: ({ taskGuid, cellId }) => ({ task_guid: taskGuid, cell_id: cellId }),
  parse: (body) =>
    map(fields(body, { task_guid: 'string', cell_id: 'string' }), ({ task_guid, cell_id }) => ({
      taskGuid: task_guid,
      cellId: cell_id,
    })),
  reply: (shouldStart) => ({ should_start: shouldStart }),
  read: (body) => map(fields(body, { should_start: 'boolean' }), ({ should_start }) => should_start),
};

export const completeTask: Call<TaskCompletion, void> = {
  route: 'CompleteTask',
  print: ({ taskGuid, cellId, failed, failureReason, result }) => ({
    task_guid: taskGuid,
    cell_id: cellId,
    failed,
    failure_reason: failureReason,
    result,
  }),
  parse: (body) =>
    map(
      fields(body, {
        task_guid: 'string',
        cell_id: 'string',
        failed: 'boolean',
        failure_reason: 'string',
        result: 'string',
      }),
      ({ task_guid, cell_id, failed, failure_reason, result }) => ({
        taskGuid: task_guid,
        cellId: cell_id,
        failed,
        failureReason: failure_reason,
        result,
      }),
    ),
  ...EMPTY,
};

export const failTask: Call<ByGuid & { reason: string }, void> = {
  route: 'FailTask',
  print: ({ taskGuid, reason }) => ({ task_guid: taskGuid, failure_reason: reason }),
  parse: (body) =>
    map(fields(body, { task_guid: 'string', failure_reason: 'string' }), ({ task_guid, failure_reason }) => ({
      taskGuid: task_guid,
      reason: failure_reason,
    })),
  ...EMPTY,
};

interface Rejection {
  taskGuid: string;
  reason: string;
  of?: RejectedPlacement | undefined;
}

/** `placement_id` and `cell_id` are Outcry's own; Diego's clients leave them out. */
export const rejectTask: Call<Rejection, void> = {
  route: 'RejectTask',
  print: ({ taskGuid, reason, of }) => ({
    task_guid: taskGuid,
    rejection_reason: reason,
    ...present({ placement_id: of?.placementId, cell_id: of?.cellId }),
  }),
  parse: (body) =>
    map(
      fields(body, {
        task_guid: 'string',
        rejection_reason: 'string',
        placement_id: 'string?',
        cell_id: 'string?',
      }),
      ({ task_guid, rejection_reason, placement_id: placementId, cell_id: cellId }) => ({
        taskGuid: task_guid,
        reason: rejection_reason,
        of:
          placementId === undefined
            ? undefined
            : { placementId, ...(cellId === undefined ? {} : { cellId }) },
      }),
    ),
  ...EMPTY,
};
