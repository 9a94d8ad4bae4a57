/** The master's book of tasks and executors, and what changes it. */
import type { Resources } from '../../core/resources.js';
import { readResources } from '../../core/resources.js';
import type {
  Draft,
  ExecutorInfo,
  Resource,
  Task,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.js';
import { allocatedByDefault, charge, release } from './charges.js';
import { isTerminal } from '../../core/task-status.js';
import { tellOperators } from './events.js';
import { placeKey } from './ids.js';
import type { Agent, Framework, Master, MasterExecutor, MasterTask } from './state.js';

/** As operators and agents see it. */
export const taskView = (task: MasterTask): Draft<Task> => ({
  ...task.fixed,
  state: task.state,
  statuses: task.statuses,
  ...(task.statusUpdateState !== undefined && { statusUpdateState: task.statusUpdateState }),
  ...(task.statusUpdateUuid !== undefined && { statusUpdateUuid: task.statusUpdateUuid }),
});

interface NewTask {
  readonly framework: Framework;
  readonly agent: Agent;
  readonly info: TaskInfo;
  /** allocated */
  readonly resources: Resources;
}

const fixedOf = ({ framework, agent, info }: NewTask): MasterTask['fixed'] => {
  const user = info.command?.user ?? info.executor?.command?.user;
  return {
    name: info.name,
    taskId: info.taskId,
    frameworkId: { value: framework.id },
    ...(info.executor && { executorId: info.executor.executorId }),
    agentId: { value: agent.id },
    resources: info.resources,
    ...(info.labels && { labels: info.labels }),
    ...(info.discovery && { discovery: info.discovery }),
    ...(info.container && { container: info.container }),
    ...(user !== undefined && { user }),
    ...(info.healthCheck && { healthCheck: info.healthCheck }),
    ...(info.killPolicy && { killPolicy: info.killPolicy }),
    limits: info.limits,
  };
};

const keep = (m: Master, agent: Agent, task: MasterTask): void => {
  task.framework.tasks.set(task.id, task);
  agent.tasks.set(placeKey(task.framework.id, task.id), task);
  tellOperators(m, () => ({ type: 'TASK_ADDED', taskAdded: { task: taskView(task) } }));
};

/** A task that is launched now; its resources were charged with the offer. */
export const addLaunched = (m: Master, added: NewTask): MasterTask => {
  const task: MasterTask = {
    id: added.info.taskId.value,
    framework: added.framework,
    agentId: added.agent.id,
    executorId: added.info.executor?.executorId.value,
    resources: added.resources,
    fixed: fixedOf(added),
    state: 'TASK_STAGING',
    statusUpdateState: undefined,
    statusUpdateUuid: undefined,
    statuses: [],
    charged: true,
  };
  keep(m, added.agent, task);
  return task;
};

/** Agents of frameworks with one role need not say which one it is. */
const broughtResources = (framework: Framework, resources: readonly Resource[]): Resources => {
  const [role = '*'] = framework.roles;
  return allocatedByDefault(readResources(resources).resources, role);
};

/** A task that an agent brings along; charged unless it has ended. */
export const addBrought = (m: Master, framework: Framework, agent: Agent, brought: Task): MasterTask => {
  const { state, statuses, statusUpdateState, statusUpdateUuid, ...fixed } = brought;
  const task: MasterTask = {
    id: brought.taskId.value,
    framework,
    agentId: agent.id,
    executorId: brought.executorId?.value,
    resources: broughtResources(framework, brought.resources),
    fixed,
    state,
    statusUpdateState,
    statusUpdateUuid,
    statuses: [...statuses],
    charged: !isTerminal(state),
  };
  if (task.charged) charge(m, agent, framework, task.resources);
  keep(m, agent, task);
  return task;
};

/** Its resources are free, whether or not it is still listed. */
export const freeTask = (m: Master, agent: Agent, task: MasterTask): void => {
  if (!task.charged) return;
  task.charged = false;
  release(m, agent, task.framework, task.resources);
};

const bounded = (list: MasterTask[], task: MasterTask, most: number): void => {
  list.push(task);
  if (list.length > most) list.shift();
};

export const complete = (m: Master, task: MasterTask): void =>
  bounded(task.framework.completedTasks, task, m.flags.maxCompletedTasksPerFramework);

/** Off the books of its agent and its framework. */
export const dropTask = (m: Master, agent: Agent, task: MasterTask): void => {
  freeTask(m, agent, task);
  const key = placeKey(task.framework.id, task.id);
  agent.tasks.delete(key);
  agent.killed.delete(key);
  task.framework.tasks.delete(task.id);
};

/** Remembered for as long as it may come back with its agent. */
export const rememberUnreachable = (m: Master, task: MasterTask): void => {
  const { unreachableTasks } = task.framework;
  unreachableTasks.set(task.id, task);
  if (unreachableTasks.size <= m.flags.maxUnreachableTasksPerFramework) return;
  const [oldest] = unreachableTasks.keys();
  if (oldest !== undefined) unreachableTasks.delete(oldest);
};

const withoutData = ({ data: _data, ...status }: Draft<TaskStatus>): Draft<TaskStatus> => status;

const isNews = (task: MasterTask, status: Draft<TaskStatus>): boolean =>
  task.statuses.at(-1)?.state !== status.state ||
  status.reason === 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' ||
  status.reason === 'REASON_TASK_CHECK_STATUS_UPDATED';

/**
 * Takes a status into the book. `latest` is the newest state that the agent knows of, which frees the resources as
 * soon as it is an end, though earlier statuses may still wait to be acknowledged.
 */
export const applyStatus = (
  m: Master,
  task: MasterTask,
  status: Draft<TaskStatus>,
  latest = status.state,
): void => {
  const news = isNews(task, status);
  if (!isTerminal(task.state)) task.state = latest;
  if (status.uuid !== undefined) {
    task.statusUpdateState = status.state;
    task.statusUpdateUuid = status.uuid;
  }
  if (task.statuses.at(-1)?.state === status.state) task.statuses.pop();
  task.statuses.push(withoutData(status));
  if (news)
    tellOperators(m, () => ({
      type: 'TASK_UPDATED',
      taskUpdated: { frameworkId: { value: task.framework.id }, status, state: task.state },
    }));
};

/** Whether the master calls it over, for its resources. */
export const holdsNothing = (state: TaskState): boolean => isTerminal(state) || state === 'TASK_UNREACHABLE';

const executorsOn = (framework: Framework, agentId: string): Map<string, MasterExecutor> => {
  const found = framework.executors.get(agentId);
  if (found !== undefined) return found;
  const made = new Map<string, MasterExecutor>();
  framework.executors.set(agentId, made);
  return made;
};

export const executorOn = (framework: Framework, agentId: string, id: string): MasterExecutor | undefined =>
  framework.executors.get(agentId)?.get(id);

/** Its resources were charged by whoever adds it. */
export const addExecutor = (agent: Agent, executor: MasterExecutor): void => {
  executorsOn(executor.framework, agent.id).set(executor.id, executor);
  agent.executors.set(placeKey(executor.framework.id, executor.id), executor);
};

export const addBroughtExecutor = (
  m: Master,
  agent: Agent,
  framework: Framework,
  info: ExecutorInfo,
): void => {
  const resources = broughtResources(framework, info.resources);
  charge(m, agent, framework, resources);
  addExecutor(agent, { id: info.executorId.value, framework, info, resources });
};

export const dropExecutor = (m: Master, agent: Agent, executor: MasterExecutor): void => {
  const there = executor.framework.executors.get(agent.id);
  if (there?.delete(executor.id) !== true) return;
  if (there.size === 0) executor.framework.executors.delete(agent.id);
  agent.executors.delete(placeKey(executor.framework.id, executor.id));
  release(m, agent, executor.framework, executor.resources);
};
