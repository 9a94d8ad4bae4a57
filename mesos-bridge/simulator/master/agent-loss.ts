/** Agents that go: for a while, for good, by an operator's word (mesos-v1.md §10). */
import type { TaskState, TaskStatusReason } from '../../protocol/messages.js';
import { addToCluster } from './charges.js';
import { isTerminal } from '../../core/task-status.js';
import { masterStatus, masterStatusOf, stateFor, tell, tellOperators, tellStatus } from './events.js';
import { forgetAgent } from './filters.js';
import { rescindInverse } from './inverse-offers.js';
import { rescind } from './offers.js';
import type { Agent, Framework, Master, MasterTask } from './state.js';
import { applyStatus, complete, dropExecutor, dropTask, rememberUnreachable } from './tasks.js';

/** What the tasks of an agent that goes are told. */
interface Farewell {
  readonly message: string;
  readonly stateFor: (framework: Framework) => TaskState;
  readonly reasonFor: (framework: Framework) => TaskStatusReason;
  readonly unreachableAtMs?: number;
}

const endTask = (m: Master, agent: Agent, task: MasterTask, farewell: Farewell): void => {
  const { framework } = task;
  dropTask(m, agent, task);
  if (isTerminal(task.state)) return complete(m, task);
  const status = masterStatus(m, {
    taskId: task.id,
    agentId: agent.id,
    executorId: task.executorId,
    state: farewell.stateFor(framework),
    reason: farewell.reasonFor(framework),
    message: farewell.message,
    unreachableAtMs: farewell.unreachableAtMs,
  });
  applyStatus(m, task, status);
  if (farewell.unreachableAtMs === undefined) complete(m, task);
  else rememberUnreachable(m, task);
  tellStatus(framework, status);
};

/** No offers of it from now on. */
export const voidOffers = (m: Master, agent: Agent): void => {
  for (const offer of agent.offers) rescind(m, offer);
  for (const offer of agent.inverseOffers) rescindInverse(m, offer);
};

const forget = (m: Master, agent: Agent): void => {
  m.agents.delete(agent.id);
  if (m.byPid.get(agent.introduction.pid) === agent) m.byPid.delete(agent.introduction.pid);
  m.maintained.delete(agent);
  m.allocation.candidates.delete(agent.id);
  m.allocation.urgent.delete(agent.id);
  agent.pinging.removal?.();
  addToCluster(m.allocation.cluster, agent.total, -1);
  for (const framework of m.frameworks.values()) forgetAgent(framework, agent.id);
};

/** Off the books with all that is on it. */
const removeAgent = (m: Master, agent: Agent, farewell: Farewell): void => {
  for (const task of [...agent.tasks.values()].toReversed()) endTask(m, agent, task, farewell);
  for (const executor of agent.executors.values()) dropExecutor(m, agent, executor);
  voidOffers(m, agent);
  forget(m, agent);
  tellLost(m, agent.id);
};

/** Every framework hears of it, also those that had nothing there. */
const tellLost = (m: Master, agentId: string): void => {
  for (const framework of m.frameworks.values())
    tell(framework, { type: 'FAILURE', failure: { agentId: { value: agentId } } });
  tellOperators(m, () => ({ type: 'AGENT_REMOVED', agentRemoved: { agentId: { value: agentId } } }));
};

/** It may come back, with its tasks. */
export const markUnreachable = (m: Master, agent: Agent): void => {
  const now = m.clock.now();
  m.registry.unreachable.set(agent.id, now);
  removeAgent(m, agent, {
    message: 'health check timed out',
    stateFor: (framework) => stateFor(framework, 'TASK_UNREACHABLE'),
    reasonFor: () => 'REASON_AGENT_REMOVED',
    unreachableAtMs: now,
  });
};

/** It was only read of in the registry, and has not come in time. */
export const giveUpRecovered = (m: Master, agentId: string): void => {
  if (!m.recovered.delete(agentId)) return;
  m.registry.unreachable.set(agentId, m.clock.now());
  tellLost(m, agentId);
};

/** TASK_LOST for everybody: nobody expects it back with these tasks. */
export const removeFor = (m: Master, agent: Agent, reason: string): void =>
  removeAgent(m, agent, {
    message: `Agent ${agent.info.hostname} removed: ${reason}`,
    stateFor: () => 'TASK_LOST',
    reasonFor: () => 'REASON_AGENT_REMOVED',
  });

export type GoneAnswer = 'marked' | 'unknown agent';

/** MARK_AGENT_GONE: it may never come back. */
export const markGone = (m: Master, agentId: string): GoneAnswer => {
  const { registry } = m;
  if (registry.gone.has(agentId)) return 'marked';
  const agent = m.agents.get(agentId);
  const recovered = m.recovered.delete(agentId);
  if (agent === undefined && !recovered && !registry.unreachable.delete(agentId)) return 'unknown agent';
  registry.gone.set(agentId, m.clock.now());
  registry.admitted.delete(agentId);
  if (agent === undefined) return 'marked';
  const partitionAware = (framework: Framework) => framework.capabilities.has('PARTITION_AWARE');
  const { link } = agent;
  removeAgent(m, agent, {
    message: 'Agent has been marked gone',
    stateFor: (framework) => stateFor(framework, 'TASK_GONE_BY_OPERATOR'),
    reasonFor: (framework) =>
      partitionAware(framework) ? 'REASON_AGENT_REMOVED_BY_OPERATOR' : 'REASON_AGENT_REMOVED',
  });
  link?.send({ kind: 'shutdown', message: 'Agent has been marked gone' });
  return 'marked';
};

const loseTask = (m: Master, agent: Agent, task: MasterTask): void => {
  dropTask(m, agent, task);
  if (isTerminal(task.state)) return complete(m, task);
  const { containerStatus: _container, ...status } = masterStatusOf(m, task, {
    state: 'TASK_LOST',
    reason: 'REASON_AGENT_DISCONNECTED',
    message: `Agent ${agent.info.hostname} disconnected`,
  });
  applyStatus(m, task, status);
  complete(m, task);
  tellStatus(task.framework, status);
};

const checkpoints = ({ framework }: { readonly framework: Framework }): boolean =>
  framework.info.checkpoint === true;

/** Its connection broke. Pings go on; what does not survive a restart of the agent is lost at once. */
export const disconnectAgent = (m: Master, agent: Agent): void => {
  if (m.ended) return;
  agent.link = undefined;
  voidOffers(m, agent);
  for (const task of [...agent.tasks.values()].toReversed()) if (!checkpoints(task)) loseTask(m, agent, task);
  for (const executor of agent.executors.values())
    if (!checkpoints(executor)) dropExecutor(m, agent, executor);
};
