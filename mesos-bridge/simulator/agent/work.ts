/** Tasks that a simulated agent is given, and told to kill. */
import type { ExecutorInfo, KillPolicy, Resource, TaskInfo } from '../../protocol/messages.js';
import type { Placement } from '../link.js';
import { launchExecutor, shutdownExecutor } from './executor-life.js';
import { executorOf, frameworkOf } from './parts.js';
import type { AgentParts } from './parts.js';
import { orLost } from './records.js';
import type { Ending, ExecutorRecord, FrameworkRecord, TaskRecord, Work } from './records.js';
import { KILLED_DURING_LAUNCH, idOf, sayOf } from './statuses.js';

const scalar = (name: string, value: number, role: string | undefined): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  reservations: [],
  ...(role !== undefined && { allocationInfo: { role } }),
});

/** What the agent adds for the executor that it makes for a command task. */
const COMMAND_EXECUTOR = { cpus: 0.1, mem: 32 } as const;

const commandExecutor = (task: TaskInfo, frameworkId: string): ExecutorInfo => {
  const role = task.resources[0]?.allocationInfo?.role;
  return {
    executorId: { value: idOf(task) },
    frameworkId: { value: frameworkId },
    name: `Command Executor (Task: ${idOf(task)})`,
    source: idOf(task),
    resources: [scalar('cpus', COMMAND_EXECUTOR.cpus, role), scalar('mem', COMMAND_EXECUTOR.mem, role)],
    ...(task.command && { command: task.command }),
    ...(task.container && { container: task.container }),
  };
};

const dropped = (reason: Ending['reason'], message: string): Ending => ({
  state: 'TASK_DROPPED',
  reason,
  message,
});

/** Why there is no executor for it, where there is none. */
const whyNot = (
  { state }: AgentParts,
  { executor: info, launchExecutor: wanted }: Placement,
  found: ExecutorRecord | undefined,
): Ending | undefined => {
  if (state.drain) return dropped('REASON_AGENT_DRAINING', 'The agent is draining');
  if (info === undefined && found)
    return dropped('REASON_TASK_INVALID', 'Cannot reuse an already existing executor for a command task');
  if (found?.phase === 'terminating' || found?.phase === 'terminated')
    return dropped('REASON_EXECUTOR_TERMINATED', `Executor '${found.id}' is terminating or terminated`);
  if (info && wanted && found)
    return dropped(
      'REASON_EXECUTOR_TERMINATED',
      'A new executor is expected, but one of its id is still there',
    );
  if (info && !wanted && !found)
    return dropped('REASON_EXECUTOR_TERMINATED', 'No executor is expected to launch, and none is running');
  return undefined;
};

const knowsAlready = ({ executors, streams }: FrameworkRecord, taskId: string): boolean =>
  streams.has(taskId) || [...executors.values()].some(({ tasks }) => tasks.has(taskId));

const deliver = (executor: ExecutorRecord, work: Work): void => {
  executor.everSent = true;
  for (const { taskId } of work.tasks) {
    const task = executor.tasks.get(taskId.value);
    if (task?.stage === 'queued') task.stage = 'launched';
  }
  const [first] = work.tasks;
  if (work.kind === 'group')
    executor.stream?.send({ type: 'LAUNCH_GROUP', launchGroup: { taskGroup: { tasks: [...work.tasks] } } });
  else if (first) executor.stream?.send({ type: 'LAUNCH', launch: { task: first } });
};

/** Hands over what has waited for the executor. */
export const deliverQueued = (executor: ExecutorRecord): void => {
  for (const work of executor.queue.splice(0)) deliver(executor, work);
};

/**
 * The master has noted an executor that was to be made anew, and is not, while statuses of the one before it wait to be
 * acknowledged (Slave::__run of Mesos): it must not count it.
 */
const correctMaster = (parts: AgentParts, { launchExecutor }: Placement, found?: ExecutorRecord): void => {
  if (!launchExecutor || found?.phase !== 'terminated') return;
  const { frameworkId, id: executorId } = found;
  parts.tell({ kind: 'exited-executor', frameworkId, executorId, status: -1 });
};

/** Takes work; what was taken before is not taken again. */
export const runWork = (parts: AgentParts, placement: Placement, asked: Work): void => {
  const framework = frameworkOf(parts, placement.framework);
  const tasks = asked.tasks.filter((task) => !knowsAlready(framework, idOf(task)));
  const [first] = tasks;
  if (first === undefined || framework.terminating) return;
  const info = placement.executor ?? commandExecutor(first, framework.id);
  const found = executorOf(parts, framework.id, info.executorId.value);
  const refusal = whyNot(parts, placement, found);
  if (refusal) {
    const said = {
      ...refusal,
      state: orLost(refusal.state, framework.info),
      executorId: info.executorId.value,
    };
    for (const task of tasks) sayOf(parts, framework, idOf(task), said);
    return correctMaster(parts, placement, found);
  }
  const executor =
    found ?? launchExecutor(parts, framework, { info, ofCommandTask: placement.executor === undefined });
  for (const task of tasks)
    executor.tasks.set(idOf(task), { info: task, stage: 'queued', state: 'TASK_STAGING' });
  const work: Work = { ...asked, tasks };
  if (executor.phase === 'running' && executor.stream) deliver(executor, work);
  else executor.queue.push(work);
};

/** An executor that will never be given anything is of no use. */
const shutdownIfUseless = (parts: AgentParts, executor: ExecutorRecord): void => {
  const idle = [...executor.tasks.values()].every(({ stage }) => stage === 'terminated');
  // one that has not subscribed yet is told when it does
  if (!executor.everSent && idle && executor.stream) shutdownExecutor(parts, executor);
};

const killQueued = (
  parts: AgentParts,
  framework: FrameworkRecord,
  executor: ExecutorRecord,
  taskId: string,
): void => {
  const at = executor.queue.findIndex(({ tasks }) => tasks.some((task) => idOf(task) === taskId));
  const [work] = at === -1 ? [] : executor.queue.splice(at, 1);
  const grouped = work?.kind === 'group';
  const message = grouped
    ? 'A task within the task group was killed before delivery to the executor'
    : 'Killed before delivery to the executor';
  for (const id of work?.tasks.map(idOf) ?? [taskId])
    sayOf(parts, framework, id, { state: 'TASK_KILLED', reason: KILLED_DURING_LAUNCH, message, executor });
  shutdownIfUseless(parts, executor);
};

const findTask = (
  { executors }: FrameworkRecord,
  taskId: string,
): { executor: ExecutorRecord; task: TaskRecord } | undefined => {
  for (const executor of executors.values()) {
    const task = executor.tasks.get(taskId);
    if (task) return { executor, task };
  }
  return undefined;
};

export interface KillRequest {
  readonly frameworkId: string;
  readonly taskId: string;
  readonly killPolicy?: KillPolicy;
}

export const killTask = (parts: AgentParts, { frameworkId, taskId, killPolicy }: KillRequest): void => {
  const framework = parts.state.frameworks.get(frameworkId);
  if (!framework || framework.terminating) return;
  const found = findTask(framework, taskId);
  if (!found) {
    if (framework.streams.has(taskId)) return;
    const ending = dropped('REASON_EXECUTOR_TERMINATED', 'Cannot find executor');
    return sayOf(parts, framework, taskId, { ...ending, state: orLost(ending.state, framework.info) });
  }
  const { executor, task } = found;
  if (task.stage === 'queued') return killQueued(parts, framework, executor, taskId);
  if (task.stage === 'terminated') return;
  executor.stream?.send({
    type: 'KILL',
    kill: { taskId: { value: taskId }, ...(killPolicy && { killPolicy }) },
  });
};

/** The shorter of what the task asks for and what the drain allows. */
const drainPolicy = (task: TaskInfo, most: bigint | undefined): KillPolicy | undefined => {
  const own = task.killPolicy?.gracePeriod?.nanoseconds;
  if (most === undefined) return task.killPolicy;
  return { gracePeriod: { nanoseconds: own !== undefined && own < most ? own : most } };
};

export const killAllForDrain = (parts: AgentParts): void => {
  const most = parts.state.drain?.maxGraceNanoseconds;
  const all = [...parts.state.frameworks.values()].flatMap(({ id, executors }) =>
    [...executors.values()].flatMap(({ tasks }) => [...tasks.values()].map(({ info }) => ({ id, info }))),
  );
  for (const { id: frameworkId, info } of all) {
    const killPolicy = drainPolicy(info, most);
    killTask(parts, { frameworkId, taskId: idOf(info), ...(killPolicy && { killPolicy }) });
  }
};
