/** Decline filters: what was refused is not offered again for a while (mesos-v1.md §11). */
import type { Resources } from '../../core/resources.js';
import { contains } from '../../core/resources.js';
import type { Filters } from '../../protocol/messages.js';
import type { DeclineFilter, Framework, Master } from './state.js';

const DEFAULT_S = 5;
const LONGEST_S = 365 * 86_400;

/** Seconds for which a refusal holds; 0 = not at all. */
export const refusalSeconds = (filters: Filters | undefined): number => {
  const wanted = filters?.refuseSeconds ?? DEFAULT_S;
  if (Number.isNaN(wanted) || wanted < 0) return DEFAULT_S;
  return Math.min(wanted, LONGEST_S);
};

/** The first tick of the allocator at which something that holds for `ms` is over: never the very next one. */
export const tickAfter = (m: Master, ms: number): number => {
  const { allocationIntervalMs } = m.flags;
  const elapsed = m.clock.monotonic() - m.allocation.startedAt;
  return Math.ceil((elapsed + Math.max(allocationIntervalMs, ms)) / allocationIntervalMs);
};

const filtersOf = (framework: Framework, role: string): Map<string, DeclineFilter[]> => {
  const found = framework.filters.get(role);
  if (found !== undefined) return found;
  const made = new Map<string, DeclineFilter[]>();
  framework.filters.set(role, made);
  return made;
};

export interface Refusal {
  readonly framework: Framework;
  readonly agentId: string;
  readonly role: string;
  readonly resources: Resources;
}

export const refuse = (
  m: Master,
  { framework, agentId, role, resources }: Refusal,
  seconds: number,
): void => {
  if (seconds === 0) return;
  const untilTick = tickAfter(m, seconds * 1000);
  const filters = filtersOf(framework, role);
  const holding = (filters.get(agentId) ?? []).filter((filter) => filter.untilTick > m.allocation.tick);
  filters.set(agentId, [...holding, { refused: resources, untilTick }]);
  const expiring = m.allocation.expiries.get(untilTick);
  if (expiring === undefined) m.allocation.expiries.set(untilTick, new Set([agentId]));
  else expiring.add(agentId);
};

/** A refusal covers what is no more than was refused. */
export const isRefused = (m: Master, { framework, agentId, role, resources }: Refusal): boolean =>
  (framework.filters.get(role)?.get(agentId) ?? []).some(
    ({ refused, untilTick }) => untilTick > m.allocation.tick && contains(refused, resources),
  );

export const forgetAgent = (framework: Framework, agentId: string): void => {
  for (const filters of framework.filters.values()) filters.delete(agentId);
  framework.inverseFilters.delete(agentId);
};
