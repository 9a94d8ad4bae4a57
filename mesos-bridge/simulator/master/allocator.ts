/**
 * Who is offered what (mesos-v1.md §14): roles and then frameworks in the order of their dominant shares, each agent's
 * free resources as a whole to the first that wants them. Runs over agents that changed, and with every tick over those
 * that got resources back or whose refusals ended: an agent that nobody wanted is not looked at again before that.
 */
import type { Resources } from '../../core/resources.js';
import { allocatedTo, filter, scalarOf } from '../../core/resources.js';
import type { ResourceClass } from '../../core/resource-class.js';
import { toMilli } from '../../core/amounts.js';
import { dominantShare } from './charges.js';
import { tell } from './events.js';
import { isRefused } from './filters.js';
import { makeOffer } from './offers.js';
import { isWithin } from './roles.js';
import type { Agent, Framework, HeldOffer, Master } from './state.js';

export const isOffering = (agent: Agent): boolean => agent.link !== undefined && !agent.deactivated;

const serves = ({ capabilities }: Framework, role: string, of: ResourceClass): boolean => {
  const reservedFor = of.reservations.at(-1)?.role;
  if (reservedFor !== undefined && !isWithin(role, reservedFor)) return false;
  if (of.reservations.length > 1 && !capabilities.has('RESERVATION_REFINEMENT')) return false;
  if (of.revocable && !capabilities.has('REVOCABLE_RESOURCES')) return false;
  return !of.shared || capabilities.has('SHARED_RESOURCES');
};

const regionOf = (domain: Agent['info']['domain']): string | undefined => domain?.faultDomain?.region.name;

const isRemote = (m: Master, agent: Agent): boolean => {
  const [here, there] = [regionOf(m.flags.domain), regionOf(agent.info.domain)];
  return there !== undefined && there !== here;
};

/** Whether it could use an agent of this kind at all. */
const isCapable = (m: Master, { capabilities }: Framework, agent: Agent): boolean => {
  if (!capabilities.has('REGION_AWARE') && isRemote(m, agent)) return false;
  return (
    capabilities.has('GPU_RESOURCES') || !m.flags.filterGpuResources || scalarOf(agent.total, 'gpus') === 0
  );
};

type Quantities = Readonly<Record<string, number>>;

const least = (m: Master, framework: Framework, role: string): readonly Quantities[] => {
  const own = framework.info.offerFilters[role]?.minAllocatableResources;
  if (own === undefined) return m.flags.minAllocatable;
  return own.quantities.map(({ quantities }) =>
    Object.fromEntries(Object.entries(quantities).map(([name, { value }]) => [name, value])),
  );
};

const isEnough = (resources: Resources, alternatives: readonly Quantities[]): boolean =>
  resources.size > 0 &&
  (alternatives.length === 0 ||
    alternatives.some((quantities) =>
      Object.entries(quantities).every(([name, value]) => scalarOf(resources, name) >= toMilli(value)),
    ));

/** As Mesos lists them: what is no scalar first. */
const inOfferOrder = (resources: Resources): Resources => {
  const entries = [...resources];
  const isScalar = ([, { of }]: (typeof entries)[number]): boolean => of.type === 'SCALAR';
  return new Map([...entries.filter((entry) => !isScalar(entry)), ...entries.filter(isScalar)]);
};

const offerTo = (m: Master, agent: Agent, framework: Framework, role: string): HeldOffer | undefined => {
  if (!isCapable(m, framework, agent)) return undefined;
  const free = filter(agent.available, (of) => serves(framework, role, of));
  if (!isEnough(free, least(m, framework, role))) return undefined;
  const resources = allocatedTo(inOfferOrder(free), role);
  if (isRefused(m, { framework, agentId: agent.id, role, resources })) return undefined;
  if (framework.constraints.get(role)?.(agent.info) === false) return undefined;
  return makeOffer(m, { framework, agent, role, resources });
};

interface Claimant<T> {
  readonly item: T;
  readonly share: number;
  readonly name: string;
}

/** The smallest share first; equal ones by name. */
const inOrder = <T>(claimants: Claimant<T>[]): T[] =>
  claimants.toSorted((a, b) => a.share - b.share || (a.name < b.name ? -1 : 1)).map(({ item }) => item);

const rolesInOrder = (m: Master): [string, ReadonlySet<Framework>][] =>
  inOrder(
    [...m.allocation.active].map(([role, frameworks]) => ({
      item: [role, frameworks],
      share: dominantShare(m.allocation.roles.get(role), m),
      name: role,
    })),
  );

const frameworksInOrder = (m: Master, role: string, frameworks: ReadonlySet<Framework>): Framework[] =>
  inOrder(
    [...frameworks].map((framework) => ({
      item: framework,
      share: dominantShare(framework.charged.get(role), m),
      name: framework.id,
    })),
  );

const offerAgent = (m: Master, agent: Agent, made: HeldOffer[]): void => {
  for (const [role, frameworks] of rolesInOrder(m)) {
    for (const framework of frameworksInOrder(m, role, frameworks)) {
      if (agent.available.size === 0) return;
      const offer = offerTo(m, agent, framework, role);
      if (offer !== undefined) made.push(offer);
    }
  }
};

const shuffled = <T>(items: T[], m: Master): T[] => {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(m.random.fraction() * (at + 1));
    [items[at], items[other]] = [items[other] as T, items[at] as T];
  }
  return items;
};

const send = (made: readonly HeldOffer[]): void => {
  const byFramework = new Map<Framework, HeldOffer['message'][]>();
  for (const { framework, message } of made) {
    const messages = byFramework.get(framework);
    if (messages === undefined) byFramework.set(framework, [message]);
    else messages.push(message);
  }
  for (const [framework, offers] of byFramework) tell(framework, { type: 'OFFERS', offers: { offers } });
};

/** One run over these agents: at most one OFFERS event per framework. */
export const allocate = (m: Master, agentIds: Iterable<string>): void => {
  if (m.ended || m.allocation.active.size === 0) return;
  const made: HeldOffer[] = [];
  const agents = [...agentIds].flatMap((id) => m.agents.get(id) ?? []);
  for (const agent of shuffled(agents, m)) if (isOffering(agent)) offerAgent(m, agent, made);
  send(made);
};

/** Brings what the allocator knows of a framework in line with its state, roles and suppression. */
export const refreshActive = (m: Master, framework: Framework): void => {
  const { active } = m.allocation;
  const wanted = new Set(framework.state === 'connected' ? framework.roles : []);
  for (const role of framework.suppressed) wanted.delete(role);
  for (const [role, frameworks] of active) {
    if (wanted.has(role) || !frameworks.delete(framework)) continue;
    if (frameworks.size === 0) active.delete(role);
  }
  for (const role of wanted) {
    const frameworks = active.get(role);
    if (frameworks === undefined) active.set(role, new Set([framework]));
    else frameworks.add(framework);
  }
};
