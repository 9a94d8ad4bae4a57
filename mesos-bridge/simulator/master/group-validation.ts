/** What a master checks of a task group, which is launched as a whole or not at all (mesos-v1.md §12). */
import { add, contains, NO_RESOURCES, readResources, resourcesText, sum } from '../../core/resources.js';
import type { ExecutorInfo, TaskInfo } from '../../protocol/messages.js';
import { canonical, executorProblem, groupExecutorProblem } from './executor-validation.js';
import type { LaunchContext } from './task-validation.js';
import { ownTaskProblem } from './task-validation.js';
import { executorOn } from './tasks.js';

const duplicateId = (tasks: readonly TaskInfo[]): string | undefined => {
  const ids = tasks.map(({ taskId }) => taskId.value);
  const again = ids.find((id, at) => ids.indexOf(id) !== at);
  return again === undefined ? undefined : `Task has duplicate ID: ${again}`;
};

const memberProblem = (
  task: TaskInfo,
  executor: ExecutorInfo,
  context: LaunchContext,
): string | undefined => {
  const id = task.taskId.value;
  const problem = ownTaskProblem(task, context);
  if (problem !== undefined) return `Task '${id}' is invalid: ${problem}`;
  if (task.container?.type === 'DOCKER')
    return `Task '${id}' is invalid: Docker ContainerInfo is not supported on the task`;
  return task.executor !== undefined && canonical(task.executor) !== canonical(executor)
    ? `The \`ExecutorInfo\` of task '${id}' is different from executor '${executor.executorId.value}'`
    : undefined;
};

const totalProblem = (
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  { framework, agent, remaining }: LaunchContext,
): string | undefined => {
  const lives = executorOn(framework, agent.id, executor.executorId.value) !== undefined;
  const total = add(
    sum(tasks.map(({ resources }) => readResources(resources).resources)),
    lives ? NO_RESOURCES : readResources(executor.resources).resources,
  );
  return contains(remaining, total)
    ? undefined
    : `Total resources ${resourcesText(total)} required by task group and its executor are more than available ${resourcesText(remaining)}`;
};

export const groupProblem = (
  tasks: readonly TaskInfo[],
  executor: ExecutorInfo,
  context: LaunchContext,
): string | undefined => {
  const problem =
    groupExecutorProblem(executor, readResources(executor.resources).resources) ??
    executorProblem(executor, context.framework, context.agent.id) ??
    duplicateId(tasks);
  if (problem !== undefined) return problem;
  for (const task of tasks) {
    const member = memberProblem(task, executor, context);
    if (member !== undefined) return member;
  }
  return totalProblem(tasks, executor, context);
};
