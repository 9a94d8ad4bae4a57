import type { Amount, Milli } from './amounts.js';
import { isNothing, lowest, sizeOf, subtractAmounts } from './amounts.js';
import type { ResourceClass } from './resource-class.js';
import type { Entry, Resources } from './resources.js';

/** What is asked for, of whichever class: thousandths per scalar, and how many host ports. */
export interface Wanted {
  readonly scalars: Readonly<Record<string, Milli>>;
  /** that many of `ports`, the lowest */
  readonly ports?: number;
}

export type Found =
  | { readonly found: true; readonly taken: Resources; readonly left: Resources }
  /** names of what lacks, in the order in which they were asked for */
  | { readonly found: false; readonly lacking: readonly string[] };

/**
 * Whether work may simply run in it: not what can be taken away again, is shared with others, is a disk of its own, or
 * comes from a resource provider.
 */
export const isOrdinary = (of: ResourceClass): boolean =>
  !of.revocable && !of.shared && of.disk === undefined && of.providerId === '';

/** Resources in the making, under the keys of what they are taken from. */
type Draft = Map<string, Entry>;

/** One part of what there is of a name. */
interface Part {
  readonly key: string;
  readonly entry: Entry;
}

/** The finest reservation first, what nobody has reserved last: that is what others can use too. */
const reservedFirst = (a: Part, b: Part): number =>
  b.entry.of.reservations.length - a.entry.of.reservations.length;

const partsOf = (resources: Resources, name: string): Part[] => {
  const parts: Part[] = [];
  for (const [key, entry] of resources)
    if (entry.of.name === name && isOrdinary(entry.of)) parts.push({ key, entry });
  return parts.length > 1 ? parts.sort(reservedFirst) : parts;
};

/** Ordinary resources are never indivisible: a part of them is of the same class. */
const move = ({ key, entry }: Part, amount: Amount, taken: Draft, left: Draft): void => {
  taken.set(key, { ...entry, amount });
  const rest = subtractAmounts(entry.amount, amount);
  if (isNothing(rest)) left.delete(key);
  else left.set(key, { ...entry, amount: rest });
};

/** false when there is not enough. */
const takeScalar = (resources: Resources, name: string, milli: Milli, drafts: Drafts): boolean => {
  let open = milli;
  for (const part of partsOf(resources, name)) {
    if (open === 0) break;
    if (part.entry.amount.type !== 'SCALAR') continue;
    const some = Math.min(open, part.entry.amount.milli);
    move(part, { type: 'SCALAR', milli: some }, drafts.taken, drafts.left);
    open -= some;
  }
  return open === 0;
};

const takePorts = (resources: Resources, count: number, drafts: Drafts): boolean => {
  let open = count;
  for (const part of partsOf(resources, 'ports')) {
    if (open === 0) break;
    if (part.entry.amount.type !== 'RANGES') continue;
    const ranges = lowest(part.entry.amount.ranges, open);
    move(part, { type: 'RANGES', ranges }, drafts.taken, drafts.left);
    open -= sizeOf(ranges);
  }
  return open === 0;
};

interface Drafts {
  readonly taken: Draft;
  readonly left: Draft;
}

/**
 * Takes exactly what is asked for out of resources of one allocation role: of what is reserved first, then of the rest,
 * split over as many parts as it takes. Each part keeps its reservation and allocation, as Mesos demands to see them
 * again. An exact fit is a fit.
 */
export const find = (resources: Resources, { scalars, ports = 0 }: Wanted): Found => {
  const drafts: Drafts = { taken: new Map(), left: new Map(resources) };
  const lacking: string[] = [];
  for (const name of Object.keys(scalars))
    if (!takeScalar(resources, name, scalars[name] ?? 0, drafts)) lacking.push(name);
  if (ports > 0 && !takePorts(resources, ports, drafts)) lacking.push('ports');
  return lacking.length === 0 ? { found: true, ...drafts } : { found: false, lacking };
};
