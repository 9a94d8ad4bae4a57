/** How agents come to a master, and come back (mesos-v1.md §10). */
import { readResources } from '../../core/resources.js';
import type { AgentInfo, FrameworkInfo } from '../../protocol/messages.js';
import type { AgentIntroduction, AgentMessage, Link, MasterMessage, UnknownTasks } from '../link.js';
import { removeFor } from './agent-loss.js';
import { addToCluster } from './charges.js';
import { finishDrain, tellDrain } from './drain.js';
import { isTerminal } from '../../core/task-status.js';
import { masterStatusOf, tellOperators, tellStatus } from './events.js';
import { frameworkIdOf } from './framework-info.js';
import { recoverFramework } from './frameworks.js';
import { nextAgentId, placeKey } from './ids.js';
import { isDown, MACHINE_DOWN, machineOf, unavailabilityOf } from './maintenance.js';
import { pong } from './pings.js';
import { runSoon } from './runs.js';
import type { Agent, Master, MasterTask } from './state.js';
import { addBrought, addBroughtExecutor, complete, dropExecutor } from './tasks.js';
import { agentView } from './views.js';

type AgentLink = Link<MasterMessage>;
type Reregister = Extract<AgentMessage, { kind: 'reregister' }>;

/** `slave(1)@127.0.0.1:5051` → `127.0.0.1` */
const ipOf = (pid: string): string => pid.slice(pid.indexOf('@') + 1, pid.lastIndexOf(':'));

const refusal = (m: Master, { agent, pid }: AgentIntroduction): string | undefined => {
  if (m.registry.gone.has(agent.id?.value ?? '')) return 'Agent has been marked gone';
  return isDown(m.registry, machineOf(agent.hostname, ipOf(pid))) ? MACHINE_DOWN : undefined;
};

const isRefusedEntry = (m: Master, introduction: AgentIntroduction, link: AgentLink): boolean => {
  const message = refusal(m, introduction);
  if (message !== undefined) link.send({ kind: 'shutdown', message });
  return message !== undefined;
};

const totalOf = ({ agent, checkpointed }: AgentIntroduction) =>
  readResources(checkpointed.length > 0 ? checkpointed : agent.resources).resources;

const admit = (m: Master, id: string, introduction: AgentIntroduction, link: AgentLink): Agent => {
  const total = totalOf(introduction);
  const info: AgentInfo = { ...introduction.agent, id: { value: id } };
  const unavailability = unavailabilityOf(m.registry, machineOf(info.hostname, ipOf(introduction.pid)));
  const agent: Agent = {
    id,
    info,
    introduction,
    link,
    registeredAtMs: m.clock.now(),
    reregisteredAtMs: undefined,
    total,
    available: total,
    tasks: new Map(),
    executors: new Map(),
    offers: new Set(),
    inverseOffers: new Set(),
    killed: new Map(),
    deactivated: m.registry.deactivated.has(id),
    drain: m.registry.drains.get(id),
    unavailability,
    inverseAnswers: new Map(),
    pinging: { group: m.agents.size, waiting: false, missed: 0, removal: undefined },
  };
  m.agents.set(id, agent);
  m.byPid.set(introduction.pid, agent);
  m.registry.admitted.set(id, { info });
  if (unavailability !== undefined) m.maintained.add(agent);
  addToCluster(m.allocation.cluster, total, 1);
  return agent;
};

/** A new agent at the address of one that is known takes its place. */
const replace = (m: Master, { pid }: AgentIntroduction, id: string | undefined): void => {
  const old = m.byPid.get(pid);
  if (old !== undefined && old.id !== id) removeFor(m, old, 'a new agent registered at the same address');
};

const announce = (m: Master, agent: Agent): void => {
  tellOperators(m, () => ({ type: 'AGENT_ADDED', agentAdded: { agent: agentView(agent) } }));
  runSoon(m, agent);
};

export const confirm = ({ id, link }: Agent): void => link?.send({ kind: 'registered', agentId: id });

/** Undefined: it may not register, and has been told to end. */
export const register = (m: Master, introduction: AgentIntroduction, link: AgentLink): Agent | undefined => {
  if (isRefusedEntry(m, introduction, link)) return undefined;
  replace(m, introduction, undefined);
  const agent = admit(m, nextAgentId(m), introduction, link);
  confirm(agent);
  announce(m, agent);
  return agent;
};

const bringAll = (m: Master, agent: Agent, { frameworks, executors, tasks }: Reregister): MasterTask[] => {
  const infos = new Map<string, FrameworkInfo>();
  for (const info of frameworks) infos.set(frameworkIdOf(info) ?? '', info);
  const frameworkOf = (id: string) => {
    if (m.completed.has(id)) return undefined;
    const info = infos.get(id);
    return m.frameworks.get(id) ?? (info && recoverFramework(m, info));
  };
  for (const { frameworkId, info } of executors) {
    const framework = frameworkOf(frameworkId);
    if (framework !== undefined) addBroughtExecutor(m, agent, framework, info);
  }
  return tasks.flatMap((task) => {
    const framework = frameworkOf(task.frameworkId.value);
    return framework === undefined ? [] : [addBrought(m, framework, agent, task)];
  });
};

/** Frameworks that were removed while it was away. */
const shutDownRemoved = (m: Master, { frameworks }: Reregister, link: AgentLink): void => {
  for (const info of frameworks) {
    const id = frameworkIdOf(info);
    if (id !== undefined && m.completed.has(id)) link.send({ kind: 'shutdown-framework', frameworkId: id });
  }
};

/** What it was not told while it was away. */
const catchUp = (m: Master, agent: Agent, message: Reregister, link: AgentLink): void => {
  shutDownRemoved(m, message, link);
  for (const { frameworkId, taskId } of agent.killed.values())
    link.send({ kind: 'kill-task', frameworkId, taskId });
  for (const info of message.frameworks) {
    const framework = m.frameworks.get(frameworkIdOf(info) ?? '');
    if (framework?.state === 'connected') link.send({ kind: 'update-framework', framework: framework.info });
  }
  if (agent.drain) tellDrain(agent, agent.drain);
  finishDrain(m, agent);
};

/** Tasks of it that were given up come back with the states that they have now. */
const welcomeBack = (m: Master, agent: Agent, brought: readonly MasterTask[]): void => {
  for (const task of brought) {
    task.framework.unreachableTasks.delete(task.id);
    tellStatus(
      task.framework,
      masterStatusOf(m, task, {
        state: task.state,
        reason: 'REASON_AGENT_REREGISTERED',
        message: 'Unreachable agent re-reregistered',
      }),
    );
  }
  for (const framework of m.frameworks.values())
    for (const task of framework.unreachableTasks.values()) {
      if (task.agentId !== agent.id) continue;
      framework.unreachableTasks.delete(task.id);
      complete(m, task);
    }
};

const comeNew = (m: Master, id: string, message: Reregister, link: AgentLink): Agent => {
  const wasUnreachable = m.registry.unreachable.delete(id);
  m.recovered.delete(id);
  replace(m, message.introduction, id);
  const agent = admit(m, id, message.introduction, link);
  agent.reregisteredAtMs = m.clock.now();
  const brought = bringAll(m, agent, message);
  if (wasUnreachable) welcomeBack(m, agent, brought);
  link.send({ kind: 'reregistered', agentId: id, unknownTasks: [] });
  return agent;
};

/** What is on the master's books and not on the agent's. */
const unknownTo = (agent: Agent, { tasks }: Reregister): UnknownTasks[] => {
  const told = new Set(tasks.map(({ frameworkId, taskId }) => placeKey(frameworkId.value, taskId.value)));
  const missing = new Map<string, UnknownTasks & { taskIds: string[] }>();
  for (const [key, task] of agent.tasks) {
    if (told.has(key) || isTerminal(task.state)) continue;
    const { framework } = task;
    const found = missing.get(framework.id) ?? { framework: framework.info, taskIds: [] };
    found.taskIds.push(task.id);
    missing.set(framework.id, found);
  }
  return [...missing.values()];
};

const dropMissingExecutors = (m: Master, agent: Agent, { executors }: Reregister): void => {
  const told = new Set(
    executors.map(({ frameworkId, info }) => placeKey(frameworkId, info.executorId.value)),
  );
  for (const [key, executor] of agent.executors) if (!told.has(key)) dropExecutor(m, agent, executor);
};

const comeBack = (m: Master, agent: Agent, message: Reregister, link: AgentLink): Agent => {
  const { pid } = message.introduction;
  if (agent.introduction.pid !== pid) {
    m.byPid.delete(agent.introduction.pid);
    m.byPid.set(pid, agent);
  }
  agent.introduction = message.introduction;
  agent.info = { ...message.introduction.agent, id: { value: agent.id } };
  agent.link = link;
  agent.reregisteredAtMs = m.clock.now();
  pong(agent);
  dropMissingExecutors(m, agent, message);
  link.send({
    kind: 'reregistered',
    agentId: agent.id,
    unknownTasks: unknownTo(agent, message),
  });
  return agent;
};

/** Undefined: it may not come back, and has been told to end. */
export const reregister = (m: Master, message: Reregister, link: AgentLink): Agent | undefined => {
  const { introduction } = message;
  const id = introduction.agent.id?.value;
  if (id === undefined) return register(m, introduction, link);
  if (isRefusedEntry(m, introduction, link)) return undefined;
  const known = m.agents.get(id);
  const agent = known === undefined ? comeNew(m, id, message, link) : comeBack(m, known, message, link);
  catchUp(m, agent, message, link);
  if (known === undefined) announce(m, agent);
  else runSoon(m, agent);
  return agent;
};

/** The agent says that it leaves with all that it has. */
export const unregister = (m: Master, agent: Agent): void => {
  removeFor(m, agent, 'the agent unregistered');
  m.registry.admitted.delete(agent.id);
};
