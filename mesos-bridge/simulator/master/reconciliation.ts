/** What a master answers when it is asked how tasks are (mesos-v1.md §9). */
import type { CallReconcile, ReconcileTask, TaskState } from '../../protocol/messages.js';
import { masterStatus, masterStatusOf, stateFor, tellStatus } from './events.js';
import type { Framework, Master, MasterTask } from './state.js';

const tellKnown = (m: Master, framework: Framework, task: MasterTask): void =>
  tellStatus(
    framework,
    masterStatusOf(m, task, {
      state: task.statusUpdateState ?? task.state,
      reason: 'REASON_RECONCILIATION',
      message: 'Reconciliation: Latest task state',
    }),
  );

interface Answer {
  readonly state: TaskState;
  readonly message: string;
  readonly unreachableAtMs?: number;
}

/** Undefined: silence, because an agent that has not come back yet may know better. */
const answerFor = (m: Master, agentId: string | undefined): Answer | undefined => {
  if (agentId === undefined)
    return m.recovered.size > 0 ? undefined : { state: 'TASK_UNKNOWN', message: 'Task is unknown' };
  if (m.recovered.has(agentId)) return undefined;
  if (m.agents.has(agentId)) return { state: 'TASK_GONE', message: 'Task is unknown to the agent' };
  const unreachableAtMs = m.registry.unreachable.get(agentId);
  if (unreachableAtMs !== undefined)
    return { state: 'TASK_UNREACHABLE', message: 'Task is unreachable', unreachableAtMs };
  return m.registry.gone.has(agentId)
    ? { state: 'TASK_GONE_BY_OPERATOR', message: 'Task is gone' }
    : { state: 'TASK_UNKNOWN', message: 'Task is unknown' };
};

export const reconcileOne = (m: Master, framework: Framework, { taskId, agentId }: ReconcileTask): void => {
  const task = framework.tasks.get(taskId.value);
  if (task !== undefined) return tellKnown(m, framework, task);
  const answer = answerFor(m, agentId?.value);
  if (answer === undefined) return;
  tellStatus(
    framework,
    masterStatus(m, {
      taskId: taskId.value,
      state: stateFor(framework, answer.state),
      reason: 'REASON_RECONCILIATION',
      message: `Reconciliation: ${answer.message}`,
      agentId: agentId?.value,
      unreachableAtMs: answer.unreachableAtMs,
    }),
  );
};

/** No tasks named: every one on the books, the unreachable ones not among them. */
export const reconcile = (m: Master, framework: Framework, { tasks }: CallReconcile): void => {
  if (tasks.length > 0) for (const task of tasks) reconcileOne(m, framework, task);
  else for (const task of framework.tasks.values()) tellKnown(m, framework, task);
};
