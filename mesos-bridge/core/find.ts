import type { Milli } from './amounts.js';
import { lowest, sizeOf } from './amounts.js';
import type { ResourceClass } from './resource-class.js';
import type { Entry, Resources } from './resources.js';
import { fromEntries, subtract } from './resources.js';

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

/** The finest reservation first, what nobody has reserved last: that is what others can use too. */
const reservedFirst = (a: Entry, b: Entry): number => b.of.reservations.length - a.of.reservations.length;

const partsOf = (resources: Resources, name: string): Entry[] =>
  [...resources.values()].filter(({ of }) => of.name === name && isOrdinary(of)).sort(reservedFirst);

const takeScalar = (parts: readonly Entry[], milli: Milli): Entry[] | undefined => {
  const taken: Entry[] = [];
  let left = milli;
  for (const part of parts) {
    if (left === 0) break;
    if (part.amount.type !== 'SCALAR') continue;
    const some = Math.min(left, part.amount.milli);
    taken.push({ ...part, amount: { type: 'SCALAR', milli: some } });
    left -= some;
  }
  return left === 0 ? taken : undefined;
};

const takePorts = (parts: readonly Entry[], count: number): Entry[] | undefined => {
  const taken: Entry[] = [];
  let left = count;
  for (const part of parts) {
    if (left === 0) break;
    if (part.amount.type !== 'RANGES') continue;
    const ranges = lowest(part.amount.ranges, left);
    taken.push({ ...part, amount: { type: 'RANGES', ranges } });
    left -= sizeOf(ranges);
  }
  return left === 0 ? taken : undefined;
};

/**
 * Takes exactly what is asked for out of resources of one allocation role: of what is reserved first, then of the rest,
 * split over as many parts as it takes. Each part keeps its reservation and allocation, as Mesos demands to see them
 * again. An exact fit is a fit.
 */
export const find = (resources: Resources, { scalars, ports = 0 }: Wanted): Found => {
  const taken: Entry[] = [];
  const lacking: string[] = [];
  const note = (name: string, parts: Entry[] | undefined): void => {
    if (parts === undefined) lacking.push(name);
    else taken.push(...parts);
  };
  for (const [name, milli] of Object.entries(scalars))
    note(name, takeScalar(partsOf(resources, name), milli));
  if (ports > 0) note('ports', takePorts(partsOf(resources, 'ports'), ports));
  const all = fromEntries(taken);
  const left = subtract(resources, all);
  return lacking.length === 0 && left !== undefined
    ? { found: true, taken: all, left }
    : { found: false, lacking };
};
