/** Statuses on their way from agents to frameworks, acknowledgements and kills on their way back (mesos-v1.md §8). */
import type { CallAcknowledge, CallKill, CallMessage, CallShutdown } from '../../protocol/messages.js';
import type { AgentMessage } from '../link.js';
import { finishDrain } from './drain.js';
import { isTerminal } from '../../core/task-status.js';
import { tell, tellStatus } from './events.js';
import { placeKey } from './ids.js';
import { reconcileOne } from './reconciliation.js';
import type { Agent, Framework, Master } from './state.js';
import {
  applyStatus,
  complete,
  dropExecutor,
  dropTask,
  executorOn,
  freeTask,
  holdsNothing,
} from './tasks.js';

type StatusUpdate = Extract<AgentMessage, { kind: 'status-update' }>;

/** A framework that is away misses it: its agent says it again until it is acknowledged. */
export const statusUpdate = (
  m: Master,
  agent: Agent,
  { frameworkId, status, latestState }: StatusUpdate,
): void => {
  const framework = m.frameworks.get(frameworkId);
  if (framework === undefined) return;
  tellStatus(framework, status);
  const task = agent.tasks.get(placeKey(frameworkId, status.taskId.value));
  if (task === undefined) return;
  applyStatus(m, task, status, latestState);
  if (holdsNothing(task.state)) freeTask(m, agent, task);
};

const sameBytes = (left: Uint8Array | undefined, right: Uint8Array): boolean =>
  left?.length === right.length && right.every((byte, at) => left[at] === byte);

/** The terminal status that is acknowledged takes the task off the books. */
export const acknowledge = (
  m: Master,
  framework: Framework,
  { agentId, taskId, uuid }: CallAcknowledge,
): void => {
  const agent = m.agents.get(agentId.value);
  if (agent?.link === undefined) return;
  const task = agent.tasks.get(placeKey(framework.id, taskId.value));
  if (task !== undefined) {
    if (task.statusUpdateState === undefined) return;
    if (isTerminal(task.statusUpdateState) && sameBytes(task.statusUpdateUuid, uuid)) {
      dropTask(m, agent, task);
      complete(m, task);
    }
  }
  agent.link.send({ kind: 'acknowledge', frameworkId: framework.id, taskId: taskId.value, uuid });
  finishDrain(m, agent);
};

/** Of a task that the master does not know, what a reconciliation would answer. */
export const kill = (m: Master, framework: Framework, { taskId, agentId, killPolicy }: CallKill): void => {
  const id = taskId.value;
  const task = framework.tasks.get(id);
  if (task === undefined) return reconcileOne(m, framework, { taskId, ...(agentId && { agentId }) });
  if (agentId !== undefined && agentId.value !== task.agentId) return;
  const agent = m.agents.get(task.agentId);
  if (agent === undefined) return;
  // an agent that is away hears of it when it registers again
  agent.killed.set(placeKey(framework.id, id), { frameworkId: framework.id, taskId: id });
  agent.link?.send({
    kind: 'kill-task',
    frameworkId: framework.id,
    taskId: id,
    ...(killPolicy && { killPolicy }),
  });
};

export const shutdownExecutor = (
  m: Master,
  framework: Framework,
  { agentId, executorId }: CallShutdown,
): void =>
  m.agents.get(agentId.value)?.link?.send({
    kind: 'shutdown-executor',
    frameworkId: framework.id,
    executorId: executorId.value,
  });

/** At most once: dropped when its agent is away. */
export const messageExecutor = (m: Master, framework: Framework, call: CallMessage): void =>
  m.agents.get(call.agentId.value)?.link?.send({
    kind: 'framework-message',
    frameworkId: framework.id,
    executorId: call.executorId.value,
    data: call.data,
  });

type ExecutorMessage = Extract<AgentMessage, { kind: 'executor-message' }>;

export const messageFramework = (m: Master, agent: Agent, message: ExecutorMessage): void => {
  const framework = m.frameworks.get(message.frameworkId);
  if (framework === undefined) return;
  tell(framework, {
    type: 'MESSAGE',
    message: {
      agentId: { value: agent.id },
      executorId: { value: message.executorId },
      data: message.data,
    },
  });
};

type ExitedExecutor = Extract<AgentMessage, { kind: 'exited-executor' }>;

/** Executors of command tasks are the agent's own affair: the master has none to tell of. */
export const executorExited = (m: Master, agent: Agent, exited: ExitedExecutor): void => {
  const framework = m.frameworks.get(exited.frameworkId);
  const executor = framework && executorOn(framework, agent.id, exited.executorId);
  if (framework === undefined || executor === undefined) return;
  dropExecutor(m, agent, executor);
  tell(framework, {
    type: 'FAILURE',
    failure: {
      agentId: { value: agent.id },
      executorId: { value: exited.executorId },
      status: exited.status,
    },
  });
};
