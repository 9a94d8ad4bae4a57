import type {
  Draft,
  MasterEvent,
  SchedulerEvent,
  TaskState,
  TaskStatus,
  TaskStatusReason,
} from '../../protocol/messages.js';
import { nanosecondsOf } from './ids.js';
import type { Framework, Master, MasterTask } from './state.js';

/** Into the stream of a subscribed framework; what an absent one would have heard is lost. */
export const tell = (framework: Framework, event: Draft<SchedulerEvent>): void =>
  framework.stream?.sink.send(event);

export const tellStatus = (framework: Framework, status: Draft<TaskStatus>): void =>
  tell(framework, { type: 'UPDATE', update: { status } });

export const tellOperators = (m: Master, event: () => Draft<MasterEvent>): void => {
  if (m.subscribers.size === 0) return;
  const told = event();
  for (const { sink } of m.subscribers) sink.send(told);
};

/** What a master says of a task on its own account: without uuid, so that nobody acknowledges it. */
export interface MasterStatus {
  readonly taskId: string;
  readonly state: TaskState;
  readonly reason: TaskStatusReason;
  readonly message: string;
  readonly agentId?: string | undefined;
  readonly executorId?: string | undefined;
  readonly unreachableAtMs?: number | undefined;
}

export const masterStatus = (m: Master, said: MasterStatus): Draft<TaskStatus> => ({
  taskId: { value: said.taskId },
  state: said.state,
  message: said.message,
  source: 'SOURCE_MASTER',
  reason: said.reason,
  ...(said.agentId !== undefined && { agentId: { value: said.agentId } }),
  ...(said.executorId !== undefined && { executorId: { value: said.executorId } }),
  timestamp: m.clock.now() / 1000,
  ...(said.unreachableAtMs !== undefined && {
    unreachableTime: { nanoseconds: nanosecondsOf(said.unreachableAtMs) },
  }),
});

/** The same with what is known of the task's health and container. */
export const masterStatusOf = (
  m: Master,
  task: MasterTask,
  said: Pick<MasterStatus, 'state' | 'reason' | 'message'>,
): Draft<TaskStatus> => {
  const last = task.statuses.at(-1);
  return {
    ...masterStatus(m, { ...said, taskId: task.id, agentId: task.agentId, executorId: task.executorId }),
    ...(last?.healthy !== undefined && { healthy: last.healthy }),
    ...(last?.checkStatus !== undefined && { checkStatus: last.checkStatus }),
    ...(last?.containerStatus !== undefined && { containerStatus: last.containerStatus }),
  };
};

/** Frameworks that do not know partitions hear TASK_LOST in place of the finer states. */
export const stateFor = (framework: Framework, state: TaskState): TaskState =>
  framework.capabilities.has('PARTITION_AWARE') ? state : 'TASK_LOST';
