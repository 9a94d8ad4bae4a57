/** When the allocator runs, and over whom. */
import { allocate } from './allocator.js';
import { offerInverse } from './inverse-offers.js';
import type { Agent, Master } from './state.js';

/** Now, over these agents. */
export const runOver = (m: Master, agentIds: readonly string[]): void => {
  if (m.ended) return;
  allocate(m, agentIds);
  if (m.maintained.size === 0) return;
  for (const id of agentIds) {
    const agent = m.agents.get(id);
    if (agent !== undefined) offerInverse(m, agent);
  }
};

/** As soon as what is being done is done: changes that come together are answered together. */
const schedule = (m: Master): void => {
  if (m.allocation.scheduled) return;
  m.allocation.scheduled = true;
  void Promise.resolve().then(() => {
    m.allocation.scheduled = false;
    const { urgent } = m.allocation;
    const agentIds = [...urgent];
    urgent.clear();
    runOver(m, agentIds);
  });
};

export const runSoon = (m: Master, agent: Agent): void => {
  m.allocation.urgent.add(agent.id);
  schedule(m);
};

export const runSoonOverAll = (m: Master): void => {
  for (const id of m.agents.keys()) m.allocation.urgent.add(id);
  schedule(m);
};

/** With the next tick, over everything. */
export const runLaterOverAll = (m: Master): void => {
  for (const id of m.agents.keys()) m.allocation.candidates.add(id);
};

/** Once per allocation interval. */
export const tick = (m: Master): void => {
  const { allocation } = m;
  allocation.tick += 1;
  for (const id of allocation.expiries.get(allocation.tick) ?? []) allocation.candidates.add(id);
  allocation.expiries.delete(allocation.tick);
  const agentIds = [...new Set([...allocation.candidates, ...[...m.maintained].map(({ id }) => id)])];
  allocation.candidates.clear();
  runOver(m, agentIds);
};
