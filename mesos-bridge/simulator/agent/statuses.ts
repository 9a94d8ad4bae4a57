/** Statuses as they pass the agent: its own, and those of executors. */
import type { ContainerStatus, TaskInfo, TaskStatus, TaskStatusReason } from '../../protocol/messages.js';
import type { AgentParts } from './parts.js';
import { isTerminal } from '../../core/task-status.js';
import type { Ending, ExecutorRecord, FrameworkRecord } from './records.js';

const MS_PER_SECOND = 1000;

const nowSeconds = ({ options }: AgentParts): number => options.clock.now() / MS_PER_SECOND;

const newUuid = ({ options }: AgentParts): Uint8Array =>
  Buffer.from(options.random.uuid().replaceAll('-', ''), 'hex');

const agentIdOf = ({ state }: AgentParts): { agentId?: { value: string } } =>
  state.id === undefined ? {} : { agentId: { value: state.id } };

const containerStatus = ({ options }: AgentParts, executor: ExecutorRecord): ContainerStatus => ({
  containerId: { value: executor.containerId },
  networkInfos: [
    {
      ipAddresses: [{ protocol: 'IPv4', ipAddress: options.ip }],
      groups: [],
      portMappings: [],
    },
  ],
  ...(executor.container?.pid !== undefined && { executorPid: executor.container.pid }),
});

const DRAINED_STATES: ReadonlySet<string> = new Set(['TASK_KILLING', 'TASK_KILLED']);

/** While the agent drains, the ends that it brought about say so. */
const whileDraining = ({ state }: AgentParts, status: TaskStatus): TaskStatus => {
  if (state.drain === undefined || !DRAINED_STATES.has(status.state)) return status;
  const gone = state.drain.markGone && status.state === 'TASK_KILLED';
  return {
    ...status,
    reason: 'REASON_AGENT_DRAINING',
    ...(gone && { state: 'TASK_GONE_BY_OPERATOR' as const }),
  };
};

/** Notes what was said of a task, and has it told to its framework. */
const take = (
  parts: AgentParts,
  framework: FrameworkRecord,
  executor: ExecutorRecord | undefined,
  status: TaskStatus,
): void => {
  const task = executor?.tasks.get(status.taskId.value);
  // a second end of a task waits for no one: the first was not acknowledged yet
  if (task?.stage === 'terminated') return;
  const told = whileDraining(parts, status);
  if (!parts.updates.add(framework, told) || task === undefined) return;
  task.state = told.state;
  if (isTerminal(told.state)) task.stage = 'terminated';
};

/** What an executor says of a task, known or not. */
export const takeFromExecutor = (
  parts: AgentParts,
  framework: FrameworkRecord,
  executor: ExecutorRecord,
  status: TaskStatus,
): void => {
  if (framework.terminating) return;
  const known = executor.tasks.has(status.taskId.value);
  take(parts, framework, executor, {
    timestamp: nowSeconds(parts),
    ...status,
    ...agentIdOf(parts),
    ...(known && { containerStatus: containerStatus(parts, executor) }),
  });
};

/** What the agent itself has to say of a task. */
export const sayOf = (
  parts: AgentParts,
  framework: FrameworkRecord,
  taskId: string,
  said: Ending & { readonly executor?: ExecutorRecord; readonly executorId?: string },
): void => {
  if (framework.terminating) return;
  const executorId = said.executor?.id ?? said.executorId;
  take(parts, framework, said.executor, {
    taskId: { value: taskId },
    state: said.state,
    message: said.message,
    source: 'SOURCE_AGENT',
    reason: said.reason,
    timestamp: nowSeconds(parts),
    uuid: newUuid(parts),
    ...agentIdOf(parts),
    ...(executorId !== undefined && { executorId: { value: executorId } }),
  });
};

export const KILLED_DURING_LAUNCH: TaskStatusReason = 'REASON_TASK_KILLED_DURING_LAUNCH';

export const idOf = ({ taskId }: TaskInfo): string => taskId.value;
