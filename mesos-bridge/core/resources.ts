import type { Amount, Milli, Range } from './amounts.js';
import {
  addAmounts,
  amountFields,
  amountText,
  containsAmount,
  isNothing,
  readAmount,
  subtractAmounts,
} from './amounts.js';
import type { Reservation, ResourceClass } from './resource-class.js';
import { classKey, classText, isIndivisible, readClass } from './resource-class.js';
import type { DiskShape, LabelsShape, ResourceShape } from './resource-shape.js';

/** Resources of one class. */
export interface Entry {
  readonly of: ResourceClass;
  readonly amount: Amount;
  /** how often it is there: more than once only what is indivisible */
  readonly copies: number;
}

/**
 * Resources by class, as Mesos reckons with them (mesos-v1.md §13): a value that is never changed. The order is the
 * order in which the classes were first met.
 */
export type Resources = ReadonlyMap<string, Entry>;

export const NO_RESOURCES: Resources = new Map();

/** A resource that cannot be reckoned with. */
export interface InvalidResource {
  /** as Mesos writes it: `cpus:-1` */
  readonly resource: string;
  readonly reason: string;
}

export interface ReadResources {
  readonly resources: Resources;
  readonly invalid: readonly InvalidResource[];
}

/** Those that are indivisible are of one class only when they are equally large. */
const entryKey = ({ of, amount }: Entry): string =>
  isIndivisible(of) ? `${classKey(of)}\u0000${amountText(amount)}` : classKey(of);

const together = (left: Entry | undefined, right: Entry): Entry => {
  if (left === undefined) return right;
  return isIndivisible(right.of)
    ? { ...left, copies: left.copies + right.copies }
    : { ...left, amount: addAmounts(left.amount, right.amount) };
};

const withEntry = (into: Map<string, Entry>, key: string, entry: Entry): void => {
  if (!isNothing(entry.amount)) into.set(key, together(into.get(key), entry));
};

export const add = (left: Resources, right: Resources): Resources => {
  if (left.size === 0) return right;
  const sum = new Map(left);
  for (const [key, entry] of right) withEntry(sum, key, entry);
  return sum;
};

export const sum = (all: Iterable<Resources>): Resources => {
  const total = new Map<string, Entry>();
  for (const resources of all) for (const [key, entry] of resources) withEntry(total, key, entry);
  return total;
};

const containsEntry = (whole: Entry | undefined, part: Entry): boolean => {
  if (whole === undefined) return false;
  return isIndivisible(part.of) ? whole.copies >= part.copies : containsAmount(whole.amount, part.amount);
};

/** Whether each class of `part` is in `whole`, at least as much. */
export const contains = (whole: Resources, part: Resources): boolean => {
  for (const [key, entry] of part) if (!containsEntry(whole.get(key), entry)) return false;
  return true;
};

const less = (from: Entry, what: Entry): Entry =>
  isIndivisible(from.of)
    ? { ...from, copies: from.copies - what.copies }
    : { ...from, amount: subtractAmounts(from.amount, what.amount) };

/** What is left; undefined when `what` is not contained in `from`. */
export const subtract = (from: Resources, what: Resources): Resources | undefined => {
  if (!contains(from, what)) return undefined;
  const left = new Map(from);
  for (const [key, entry] of what) {
    const before = left.get(key);
    if (before === undefined) continue;
    const rest = less(before, entry);
    if (rest.copies === 0 || isNothing(rest.amount)) left.delete(key);
    else left.set(key, rest);
  }
  return left;
};

export const isSame = (left: Resources, right: Resources): boolean =>
  left.size === right.size && contains(left, right) && contains(right, left);

/** The same resources when all are kept, as they mostly are. */
export const filter = (resources: Resources, keep: (of: ResourceClass) => boolean): Resources => {
  for (const { of } of resources.values())
    if (!keep(of)) return new Map([...resources].filter(([, entry]) => keep(entry.of)));
  return resources;
};

/** The same amounts under other classes: another allocation role, another reservation. */
export const reclassify = (resources: Resources, change: (of: ResourceClass) => ResourceClass): Resources =>
  fromEntries([...resources.values()].map((entry) => ({ ...entry, of: change(entry.of) })));

/** '' takes the allocation away. */
export const allocatedTo = (resources: Resources, allocationRole: string): Resources =>
  reclassify(resources, (of) => ({ ...of, allocationRole }));

export const fromEntries = (entries: Iterable<Entry>): Resources => {
  const made = new Map<string, Entry>();
  for (const entry of entries) withEntry(made, entryKey(entry), entry);
  return made;
};

/** Thousandths of the scalar of that name, over all classes. */
export const scalarOf = (resources: Resources, name: string): Milli => {
  let total = 0;
  for (const { of, amount, copies } of resources.values())
    if (of.name === name && amount.type === 'SCALAR') total += amount.milli * (of.shared ? 1 : copies);
  return total;
};

/** Thousandths of the scalars of those names, of all these together. */
export const scalarsOf = <N extends string>(
  all: Iterable<Resources>,
  names: readonly N[],
): Record<N, Milli> => {
  const totals = Object.fromEntries(names.map((name) => [name, 0])) as Record<N, Milli>;
  for (const resources of all) for (const name of names) totals[name] += scalarOf(resources, name);
  return totals;
};

/** The ranges of that name, over all classes, such as all `ports`. */
export const rangesOf = (resources: Resources, name: string): readonly Range[] => {
  let all: Amount = { type: 'RANGES', ranges: [] };
  for (const { of, amount } of resources.values())
    if (of.name === name && amount.type === 'RANGES') all = addAmounts(all, amount);
  return all.type === 'RANGES' ? all.ranges : [];
};

const shapeText = (shape: ResourceShape): string => {
  if (shape.scalar) return `${shape.name}:${Math.round(shape.scalar.value * 1000) / 1000}`;
  if (shape.set) return `${shape.name}:{${shape.set.item.join(', ')}}`;
  const ranges = shape.ranges?.range.map(({ begin, end }) => `${begin}-${end}`).join(', ');
  return `${shape.name}:${ranges === undefined ? '' : `[${ranges}]`}`;
};

type ReadOne = { readonly entry: Entry } | { readonly invalid: InvalidResource };

const readOne = (shape: ResourceShape): ReadOne => {
  const of = readClass(shape);
  const amount = readAmount(shape);
  if (!of.ok || !amount.ok) {
    const reason = of.ok ? (amount.ok ? '' : amount.error) : of.error;
    return { invalid: { resource: shapeText(shape), reason } };
  }
  if (shape.name === 'gpus' && amount.value.type === 'SCALAR' && amount.value.milli % 1000 !== 0)
    return { invalid: { resource: shapeText(shape), reason: 'GPU resources must be whole numbers' } };
  return { entry: { of: of.value, amount: amount.value, copies: 1 } };
};

/** Reads resources as they travel. Never throws: what cannot be reckoned with is left out, and told. */
export const readResources = (shapes: readonly ResourceShape[]): ReadResources => {
  const resources = new Map<string, Entry>();
  const invalid: InvalidResource[] = [];
  for (const shape of shapes) {
    const read = readOne(shape);
    if ('invalid' in read) invalid.push(read.invalid);
    else withEntry(resources, entryKey(read.entry), read.entry);
  }
  return { resources, invalid };
};

/** `Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0`, as a Mesos master says it. */
export const invalidText = ({ resource, reason }: InvalidResource): string =>
  `Resource '${resource}' is invalid: ${reason}`;

/** A resource ready to travel; what is absent is unset. */
export interface ResourceFields {
  name: string;
  type: ResourceClass['type'];
  scalar?: { value: number };
  ranges?: { range: { begin: bigint; end: bigint }[] };
  set?: { item: string[] };
  role?: string;
  reservation?: { principal?: string; labels?: LabelsShape };
  reservations: Reservation[];
  disk?: DiskShape;
  revocable?: Record<string, never>;
  shared?: Record<string, never>;
  allocationInfo?: { role: string };
  providerId?: { value: string };
}

/** Which of the two forms reservations are told in: `coarse` before RESERVATION_REFINEMENT, which knows one at most. */
export type ReservationForm = 'refined' | 'coarse';

const coarseFields = ([first]: readonly Reservation[]) => {
  if (first === undefined) return { role: '*', reservations: [] };
  const { type, role, principal, labels } = first;
  const reservation = {
    ...(principal !== undefined && { principal }),
    ...(labels !== undefined && { labels }),
  };
  return { role, reservations: [], ...(type === 'DYNAMIC' && { reservation }) };
};

/** Made step by step: spread literals take many times as long, and thousands are written at once. */
const fieldsOf = ({ of, amount }: Entry, form: ReservationForm): ResourceFields => {
  const fields: ResourceFields = { name: of.name, type: of.type, reservations: [] };
  if (form === 'coarse') Object.assign(fields, coarseFields(of.reservations));
  else fields.reservations = [...of.reservations];
  if (of.disk !== undefined) fields.disk = of.disk;
  if (of.revocable) fields.revocable = {};
  if (of.shared) fields.shared = {};
  if (of.allocationRole !== '') fields.allocationInfo = { role: of.allocationRole };
  if (of.providerId !== '') fields.providerId = { value: of.providerId };
  const { scalar, ranges, set } = amountFields(amount);
  if (scalar !== undefined) fields.scalar = scalar;
  if (ranges !== undefined) fields.ranges = ranges;
  if (set !== undefined) fields.set = set;
  return fields;
};

/** As they travel. In the coarse form stacked reservations cannot be told, and are left out. */
export const writeResources = (resources: Resources, form: ReservationForm = 'refined'): ResourceFields[] => {
  const written: ResourceFields[] = [];
  for (const entry of resources.values()) {
    if (form === 'coarse' && entry.of.reservations.length > 1) continue;
    for (let copy = 0; copy < entry.copies; copy += 1) written.push(fieldsOf(entry, form));
  }
  return written;
};

/** `cpus(allocated: web):4; mem(allocated: web):4096`, as Mesos writes it. */
export const resourcesText = (resources: Resources): string =>
  [...resources.values()]
    .flatMap(({ of, amount, copies }) =>
      Array.from({ length: copies }, () => `${classText(of)}:${amountText(amount)}`),
    )
    .join('; ');
