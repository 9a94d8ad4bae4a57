/** DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT (mesos-v1.md §15). */
import { markGone, voidOffers } from './agent-loss.js';
import { runSoon } from './runs.js';
import type { Agent, AgentDrain, Master } from './state.js';

/** Everything has ended there, and been acknowledged. */
export const finishDrain = (m: Master, agent: Agent): void => {
  const { drain } = agent;
  if (drain?.progress !== 'DRAINING' || agent.tasks.size > 0) return;
  drain.progress = 'DRAINED';
  if (drain.markGone) markGone(m, agent.id);
};

export const tellDrain = (agent: Agent, { maxGraceNanoseconds, markGone: gone }: AgentDrain): void =>
  agent.link?.send({
    kind: 'drain',
    markGone: gone,
    ...(maxGraceNanoseconds !== undefined && { maxGraceNanoseconds }),
  });

export interface DrainWish {
  readonly agentId: string;
  readonly maxGraceNanoseconds: bigint | undefined;
  readonly markGone: boolean;
}

/** Why not, in the words of Mesos. */
export const drainAgent = (m: Master, wish: DrainWish): string | undefined => {
  const agent = m.agents.get(wish.agentId);
  if (agent === undefined) return 'Unknown agent';
  const drain: AgentDrain = { ...wish, startedAtMs: m.clock.now(), progress: 'DRAINING' };
  agent.drain = drain;
  m.registry.drains.set(agent.id, drain);
  deactivate(m, agent);
  tellDrain(agent, drain);
  finishDrain(m, agent);
  return undefined;
};

const deactivate = (m: Master, agent: Agent): void => {
  agent.deactivated = true;
  m.registry.deactivated.add(agent.id);
  voidOffers(m, agent);
};

export const deactivateAgent = (m: Master, agentId: string): string | undefined => {
  const agent = m.agents.get(agentId);
  if (agent === undefined) return 'Unknown agent';
  deactivate(m, agent);
  return undefined;
};

export const reactivateAgent = (m: Master, agentId: string): string | undefined => {
  const agent = m.agents.get(agentId);
  if (agent === undefined) return 'Unknown agent';
  if (agent.drain?.progress === 'DRAINING') return 'Agent is still in the DRAINING state';
  agent.drain = undefined;
  agent.deactivated = false;
  m.registry.drains.delete(agentId);
  m.registry.deactivated.delete(agentId);
  agent.link?.send({ kind: 'reactivated' });
  runSoon(m, agent);
  return undefined;
};
