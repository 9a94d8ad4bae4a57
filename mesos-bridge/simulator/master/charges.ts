/** Who holds how much: of an agent, and of frameworks by role, as the order of offers (DRF) needs it. */
import type { Milli } from '../../core/amounts.js';
import type { Resources } from '../../core/resources.js';
import { add, allocatedTo, fromEntries, subtract } from '../../core/resources.js';
import type { Agent, Framework, Master, ScalarTotals } from './state.js';

const innerOf = <V>(outer: Map<string, Map<string, V>>, key: string): Map<string, V> => {
  const found = outer.get(key);
  if (found !== undefined) return found;
  const made = new Map<string, V>();
  outer.set(key, made);
  return made;
};

const addTotals = (totals: ScalarTotals, resources: Resources, sign: 1 | -1): void => {
  for (const { of, amount } of resources.values()) {
    if (amount.type !== 'SCALAR') continue;
    const role = innerOf(totals, of.allocationRole);
    role.set(of.name, (role.get(of.name) ?? 0) + sign * amount.milli);
  }
};

export const addToCluster = (cluster: Map<string, Milli>, resources: Resources, sign: 1 | -1): void => {
  for (const { of, amount } of resources.values())
    if (amount.type === 'SCALAR') cluster.set(of.name, (cluster.get(of.name) ?? 0) + sign * amount.milli);
};

/** What is left of `from`; of a class that has less than `what` wants, nothing is. */
export const without = (from: Resources, what: Resources): Resources => {
  const left = subtract(from, what);
  if (left !== undefined) return left;
  const rest = new Map(from);
  for (const [key, entry] of what) {
    const kept = subtract(rest, new Map([[key, entry]]))?.get(key);
    if (kept === undefined) rest.delete(key);
    else rest.set(key, kept);
  }
  return rest;
};

/** They are held by the framework from now on; `resources` carry the roles that they are allocated to. */
export const charge = (m: Master, agent: Agent, framework: Framework, resources: Resources): void => {
  agent.available = without(agent.available, allocatedTo(resources, ''));
  account(m, framework, resources, 1);
};

/** They are free again, and offered in the next run of the allocator. */
export const release = (m: Master, agent: Agent, framework: Framework, resources: Resources): void => {
  agent.available = add(agent.available, allocatedTo(resources, ''));
  account(m, framework, resources, -1);
  m.allocation.candidates.add(agent.id);
};

/** Without touching the agent: it is gone, or the resources stay with the framework. */
export const account = (m: Master, framework: Framework, resources: Resources, sign: 1 | -1): void => {
  addTotals(framework.charged, resources, sign);
  addTotals(m.allocation.roles, resources, sign);
};

/** The largest part of the cluster that somebody holds of one scalar. */
export const dominantShare = (held: ReadonlyMap<string, Milli> | undefined, m: Master): number => {
  let share = 0;
  for (const [name, milli] of held ?? []) {
    const total = m.allocation.cluster.get(name) ?? 0;
    if (total > 0) share = Math.max(share, milli / total);
  }
  return share;
};

/** The same amounts, all allocated to `role` where they are allocated to none. */
export const allocatedByDefault = (resources: Resources, role: string): Resources =>
  fromEntries(
    [...resources.values()].map((entry) =>
      entry.of.allocationRole === '' ? { ...entry, of: { ...entry.of, allocationRole: role } } : entry,
    ),
  );
