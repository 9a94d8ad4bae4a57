import type { Range } from './amounts.js';
import { readAmount } from './amounts.js';
import type { RangeShape, ResourceShape } from './resource-shape.js';
import type { InvalidResource, Resources } from './resources.js';
import { readResources, reclassify } from './resources.js';

/** A quality of an agent, as its operator stated it. */
export type Attribute =
  | { readonly name: string; readonly type: 'TEXT'; readonly text: string }
  | { readonly name: string; readonly type: 'SCALAR'; readonly value: number }
  | { readonly name: string; readonly type: 'RANGES'; readonly ranges: readonly Range[] }
  | { readonly name: string; readonly type: 'SET'; readonly items: readonly string[] };

/** When a machine is to be taken out of service. */
export interface Unavailability {
  /** ms since 1970 */
  readonly startMs: number;
  /** ms; absent = for ever */
  readonly durationMs?: number;
}

/** The free resources of one agent, offered to one role. */
export interface Offer {
  readonly id: string;
  readonly agentId: string;
  readonly hostname: string;
  /** of its allocation */
  readonly role: string;
  readonly resources: Resources;
  readonly invalid: readonly InvalidResource[];
  readonly attributes: readonly Attribute[];
  /** '' = the agent has no fault domain */
  readonly region: string;
  readonly zone: string;
  readonly unavailability?: Unavailability;
  /** executors of this framework that live there */
  readonly executorIds: readonly string[];
}

/** A request of the master's to leave an agent. */
export interface InverseOffer {
  readonly id: string;
  readonly agentId: string;
  readonly unavailability: Unavailability;
}

interface Id {
  readonly value: string;
}

interface UnavailabilityShape {
  readonly start: { readonly nanoseconds: number | bigint };
  readonly duration?: { readonly nanoseconds: number | bigint };
}

export interface AttributeShape {
  readonly name: string;
  readonly type: string;
  readonly text?: { readonly value: string };
  readonly scalar?: { readonly value: number };
  readonly ranges?: { readonly range: readonly RangeShape[] };
  readonly set?: { readonly item: readonly string[] };
}

/** A `mesos.v1.Offer` as it travels. */
export interface OfferShape {
  readonly id: Id;
  readonly agentId: Id;
  readonly hostname: string;
  readonly resources?: readonly ResourceShape[];
  readonly attributes?: readonly AttributeShape[];
  readonly executorIds?: readonly Id[];
  readonly unavailability?: UnavailabilityShape;
  readonly allocationInfo?: { readonly role?: string };
  readonly domain?: {
    readonly faultDomain?: {
      readonly region?: { readonly name: string };
      readonly zone?: { readonly name: string };
    };
  };
}

export interface InverseOfferShape {
  readonly id: Id;
  readonly agentId?: Id;
  readonly unavailability: UnavailabilityShape;
}

const NANOS_PER_MS = 1_000_000n;

/** Rounded down; what is not a whole number of nanoseconds counts as now. */
const msOf = ({ nanoseconds }: { nanoseconds: number | bigint }): number =>
  typeof nanoseconds === 'bigint' ? Number(nanoseconds / NANOS_PER_MS) : Math.floor(nanoseconds / 1e6);

export const readUnavailability = ({ start, duration }: UnavailabilityShape): Unavailability => ({
  startMs: msOf(start),
  ...(duration !== undefined && { durationMs: msOf(duration) }),
});

/** An attribute that can be compared with; undefined for one without a value of its type. */
export const readAttribute = (shape: AttributeShape): Attribute | undefined => {
  const { name } = shape;
  if (shape.type === 'TEXT')
    return shape.text === undefined ? undefined : { name, type: 'TEXT', text: shape.text.value };
  if (shape.type === 'SCALAR') {
    const value = shape.scalar?.value;
    return value === undefined || Number.isNaN(value) ? undefined : { name, type: 'SCALAR', value };
  }
  const amount = readAmount(shape);
  if (!amount.ok) return undefined;
  if (amount.value.type === 'RANGES') return { name, type: 'RANGES', ranges: amount.value.ranges };
  return amount.value.type === 'SET' ? { name, type: 'SET', items: amount.value.items } : undefined;
};

/** Tasks must name the role of the offer in each resource: where one does not say it, it is the offer's. */
const allocatedOr = (resources: Resources, role: string): Resources =>
  [...resources.values()].some(({ of }) => of.allocationRole === '')
    ? reclassify(resources, (of) => ({
        ...of,
        allocationRole: of.allocationRole === '' ? role : of.allocationRole,
      }))
    : resources;

/**
 * Never throws: resources that make no sense are told in `invalid`, attributes that make none are left out. A master
 * tells a framework without MULTI_ROLE no role: then all is offered to `role`.
 */
export const readOffer = (shape: OfferShape, role: string): Offer => {
  const { resources, invalid } = readResources(shape.resources ?? []);
  const told = shape.allocationInfo?.role;
  const domain = shape.domain?.faultDomain;
  return {
    id: shape.id.value,
    agentId: shape.agentId.value,
    hostname: shape.hostname,
    role: told ?? role,
    resources: allocatedOr(resources, told ?? role),
    invalid,
    attributes: (shape.attributes ?? []).flatMap((one) => readAttribute(one) ?? []),
    region: domain?.region?.name ?? '',
    zone: domain?.zone?.name ?? '',
    ...(shape.unavailability && { unavailability: readUnavailability(shape.unavailability) }),
    executorIds: (shape.executorIds ?? []).map(({ value }) => value),
  };
};

export const readInverseOffer = (shape: InverseOfferShape): InverseOffer => ({
  id: shape.id.value,
  agentId: shape.agentId?.value ?? '',
  unavailability: readUnavailability(shape.unavailability),
});
