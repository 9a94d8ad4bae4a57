/** Pings: how a master finds that an agent is out of reach (mesos-v1.md §10). */
import type { Cancel } from '../../../common/ports/clock.js';
import { markUnreachable } from './agent-loss.js';
import type { Agent, Master } from './state.js';

/** Agents are pinged in this many groups, one after the other, so that a large cluster is not pinged at once. */
const GROUPS = 10;

/** At the earliest now; later when others were removed a short while ago. */
const removeWhenAllowed = (m: Master, agent: Agent): void => {
  const { agentRemovalIntervalMs } = m.flags;
  const now = m.clock.monotonic();
  const due =
    agentRemovalIntervalMs === undefined || m.lastRemoval === undefined
      ? now
      : m.lastRemoval + agentRemovalIntervalMs;
  const remove = (): void => markUnreachable(m, agent);
  m.lastRemoval = Math.max(now, due);
  if (due <= now) return remove();
  agent.pinging.removal = m.clock.after(due - now, remove);
};

const ping = (m: Master, agent: Agent): void => {
  const { pinging } = agent;
  if (pinging.waiting) pinging.missed += 1;
  if (pinging.missed >= m.flags.maxAgentPingTimeouts && pinging.removal === undefined)
    removeWhenAllowed(m, agent);
  if (m.agents.get(agent.id) !== agent) return;
  // a removal may have to wait, and an answer still calls it off
  pinging.waiting = true;
  agent.link?.send({ kind: 'ping', connected: true });
};

/** A removal that still waits for its turn is called off. */
export const pong = (agent: Agent): void => {
  const { pinging } = agent;
  pinging.waiting = false;
  pinging.missed = 0;
  pinging.removal?.();
  pinging.removal = undefined;
};

export const startPings = (m: Master): Cancel => {
  let turn = 0;
  return m.clock.every(m.flags.agentPingTimeoutMs / GROUPS, () => {
    turn = (turn + 1) % GROUPS;
    for (const agent of m.agents.values()) if (agent.pinging.group % GROUPS === turn) ping(m, agent);
  });
};
