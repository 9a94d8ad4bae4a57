/** What simulated agents are made of, in words shorter than Mesos's own messages. */
import type { Attribute, DomainInfo, Resource } from '../protocol/messages.js';

export interface AgentSpec {
  readonly hostname: string;
  readonly cpus: number;
  /** MB */
  readonly mem: number;
  /** MB */
  readonly disk: number;
  /** both ends belong to it */
  readonly ports?: { readonly begin: number; readonly end: number };
  /** beside those above: GPUs, reserved ones, disks of their own */
  readonly moreResources?: readonly Resource[];
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly domain?: { readonly region: string; readonly zone: string };
}

const scalar = (name: string, value: number): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  reservations: [],
});

const portsOf = ({ begin, end }: NonNullable<AgentSpec['ports']>): Resource => ({
  name: 'ports',
  type: 'RANGES',
  ranges: { range: [{ begin: BigInt(begin), end: BigInt(end) }] },
  reservations: [],
});

export const resourcesOf = ({ cpus, mem, disk, ports, moreResources = [] }: AgentSpec): Resource[] => [
  scalar('cpus', cpus),
  scalar('mem', mem),
  scalar('disk', disk),
  ...(ports ? [portsOf(ports)] : []),
  ...moreResources,
];

export const attributesOf = ({ attributes = {} }: AgentSpec): Attribute[] =>
  Object.entries(attributes).map(([name, value]) =>
    typeof value === 'number'
      ? { name, type: 'SCALAR', scalar: { value } }
      : { name, type: 'TEXT', text: { value } },
  );

export const domainOf = ({ domain }: AgentSpec): DomainInfo | undefined =>
  domain && { faultDomain: { region: { name: domain.region }, zone: { name: domain.zone } } };

/** Agents share one machine: what listens on a port of one must not be in the way of another. */
const PORTS = { begin: 20_000, end: 31_999 } as const;

export interface AlikeAgents {
  readonly count: number;
  readonly cpus?: number;
  readonly mem?: number;
  readonly disk?: number;
  /** in turns: attribute `zone` of agents is zone-1 to zone-N; without: 3 */
  readonly zones?: number;
}

/** Agents `agent-1` … that differ in zone and ports only. */
export const alikeAgents = ({
  count,
  cpus = 4,
  mem = 4_096,
  disk = 10_000,
  zones = 3,
}: AlikeAgents): AgentSpec[] => {
  const each = Math.max(1, Math.floor((PORTS.end - PORTS.begin + 1) / Math.max(1, count)));
  return Array.from({ length: count }, (_, index) => ({
    hostname: `agent-${index + 1}`,
    cpus,
    mem,
    disk,
    ports: { begin: PORTS.begin + index * each, end: PORTS.begin + (index + 1) * each - 1 },
    attributes: { zone: `zone-${(index % zones) + 1}` },
  }));
};
