import { err, ok } from '../../common/model/result.js';
import type { Task, TaskDefinition } from '../../common/model/task.js';
import type { BbsRoute } from '../../common/wire/routes.js';
import type { RejectedPlacement, TaskCompletion, TaskFilter } from '../client.js';
import { taskProblems } from '../core/validation.js';
import { done, part, present, same } from './call.js';
import type { Call } from './call.js';

interface ByGuid {
  taskGuid: string;
}

const lifecycle = { answer: 'TaskLifecycleResponse', ...done } as const;
type Lifecycle = typeof lifecycle.answer;

const onGuid = (route: BbsRoute, summary: string): Call<ByGuid, void, 'TaskGuidRequest', Lifecycle> => ({
  route,
  summary,
  request: 'TaskGuidRequest',
  ...same,
  ...lifecycle,
});

export const cancelTask = onGuid('CancelTask', 'Ends a task before it has completed.');
export const resolvingTask = onGuid('ResolvingTask', 'Somebody takes note of how a task ended.');
export const deleteTask = onGuid('DeleteTask', 'How a task ended has been taken note of: it goes.');

interface WantedTask extends ByGuid {
  domain: string;
  definition: TaskDefinition;
}

export const desireTask: Call<WantedTask, void, 'DesireTaskRequest', Lifecycle> = {
  route: 'DesireTask',
  summary: 'Desires a task; it is auctioned.',
  request: 'DesireTaskRequest',
  print: (task) => task,
  parse: (request) =>
    request.definition ? ok({ ...request, definition: request.definition }) : err(taskProblems(request)),
  ...lifecycle,
};

export const tasks: Call<TaskFilter, Task[], 'TasksRequest', 'TasksResponse'> = {
  route: 'Tasks',
  summary: 'Tasks, all or some.',
  request: 'TasksRequest',
  answer: 'TasksResponse',
  print: ({ domain = '', cellId = '' }) => ({ domain, cellId }),
  parse: ok,
  reply: (rows) => ({ tasks: rows }),
  rows: 'tasks',
  read: (answer) => ok(answer.tasks),
};

export const tasks_r2: typeof tasks = {
  ...tasks,
  route: 'Tasks_r2',
  summary: 'Tasks in their form before image layers.',
  deprecated: true,
};

export const task: Call<ByGuid, Task, 'TaskByGuidRequest', 'TaskResponse'> = {
  route: 'TaskByGuid',
  summary: 'One task.',
  request: 'TaskByGuidRequest',
  answer: 'TaskResponse',
  ...same,
  reply: (row) => ({ task: row }),
  read: (answer) => part(answer.task, 'task'),
};

export const task_r2: typeof task = {
  ...task,
  route: 'TaskByGuid_r2',
  summary: 'One task in its form before image layers.',
  deprecated: true,
};

export const startTask: Call<ByGuid & { cellId: string }, boolean, 'StartTaskRequest', 'StartTaskResponse'> =
  {
    route: 'StartTask',
    summary: 'A cell is about to run a task; should_start says whether it is to.',
    request: 'StartTaskRequest',
    answer: 'StartTaskResponse',
    ...same,
    reply: (shouldStart) => ({ shouldStart }),
    read: ({ shouldStart }) => ok(shouldStart),
  };

export const completeTask: Call<TaskCompletion, void, 'CompleteTaskRequest', Lifecycle> = {
  route: 'CompleteTask',
  summary: 'A task has ended on its cell.',
  request: 'CompleteTaskRequest',
  ...same,
  ...lifecycle,
};

export const failTask: Call<ByGuid & { reason: string }, void, 'FailTaskRequest', Lifecycle> = {
  route: 'FailTask',
  summary: 'Fails a task that has not completed.',
  request: 'FailTaskRequest',
  print: ({ taskGuid, reason }) => ({ taskGuid, failureReason: reason }),
  parse: ({ taskGuid, failureReason }) => ok({ taskGuid, reason: failureReason }),
  deprecated: true,
  ...lifecycle,
};

interface Rejection extends ByGuid {
  reason: string;
  of?: RejectedPlacement | undefined;
}

/** `placementId`, `cellId` and `deferred` are Outcry's own; Diego's clients leave them out. */
export const rejectTask: Call<Rejection, void, 'RejectTaskRequest', Lifecycle> = {
  route: 'RejectTask',
  summary: 'No place was found for a task, or its cell could not make the container.',
  request: 'RejectTaskRequest',
  print: ({ taskGuid, reason, of }) => ({ taskGuid, rejectionReason: reason, ...of }),
  parse: ({ taskGuid, rejectionReason, placementId, cellId, deferred }) =>
    ok({
      taskGuid,
      reason: rejectionReason,
      of: placementId === undefined ? undefined : { placementId, ...present({ cellId, deferred }) },
    }),
  ...lifecycle,
};
