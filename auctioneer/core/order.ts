import { MAX_AMOUNT } from './amounts.js';
import type { Auction } from './auction.js';
import { sortByKey } from './bid-index/radix.js';
import { pdqsort } from './pdqsort.js';

const numbersTo = (count: number): Uint32Array => {
  const numbers = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) numbers[at] = at;
  return numbers;
};

const keysOf = <T>(items: readonly T[], key: (item: T) => number): Uint32Array => {
  const keys = new Uint32Array(items.length);
  for (let at = 0; at < items.length; at += 1) keys[at] = key(items[at] as T);
  return keys;
};

export const pick = <T>(from: readonly T[], order: Uint32Array): T[] => {
  const picked: T[] = [];
  for (const at of order) picked.push(from[at] as T);
  return picked;
};

/** Keys of tasks are not looked at. */
const indexOf = (auction: Auction): number => (auction.kind === 'lrp' ? auction.index : 0);

/** The larger first. */
const memoryKeys = (auctions: readonly Auction[]): Uint32Array =>
  keysOf(auctions, ({ request }) => MAX_AMOUNT - request.memoryMb);

/** Positions of instances and of tasks, each in their order. */
interface Sorted {
  lrps: Uint32Array;
  tasks: Uint32Array;
}

const byArrival = (auctions: readonly Auction[]): Sorted => {
  const all = numbersTo(auctions.length);
  const isTask = (at: number): boolean => auctions[at]?.kind === 'task';
  return { lrps: all.filter((at) => !isTask(at)), tasks: all.filter(isTask) };
};

/** Where the runs of auctions of one request begin, and the end of all: the instances of a process arrive in a row. */
export const runsOf = (auctions: readonly Auction[]): Uint32Array => {
  const begins = new Uint32Array(auctions.length + 1);
  let count = 0;
  let last: Auction['request'] | undefined;
  for (let at = 0; at < auctions.length; at += 1) {
    const { request } = auctions[at] as Auction;
    if (request !== last) begins[count++] = at;
    last = request;
  }
  begins[count] = auctions.length;
  return begins.subarray(0, count + 1);
};

/** The positions of some runs' auctions, run by run. */
const expand = (begins: Uint32Array, runs: Uint32Array): Uint32Array => {
  let length = 0;
  for (const run of runs) length += (begins[run + 1] ?? 0) - (begins[run] ?? 0);
  const positions = new Uint32Array(length);
  let next = 0;
  for (const run of runs) {
    const end = begins[run + 1] ?? 0;
    for (let at = begins[run] ?? 0; at < end; at += 1) positions[next++] = at;
  }
  return positions;
};

/** Equals stay in the order of arrival. All of a run ask for as much, so that runs can be sorted by that in their place. */
const stably = (auctions: readonly Auction[]): Sorted => {
  const begins = runsOf(auctions);
  const heads = pick(auctions, begins.subarray(0, -1));
  const { lrps, tasks } = byArrival(heads);
  const memory = memoryKeys(heads);
  const sorted = expand(begins, sortByKey(lrps, memory));
  return {
    lrps: sortByKey(sorted, keysOf(auctions, indexOf)),
    tasks: expand(begins, sortByKey(tasks, memory)),
  };
};

const sortedAsGo = (positions: Uint32Array, isLess: (one: number, other: number) => boolean): Uint32Array => {
  const sorted = positions.slice();
  pdqsort({
    length: sorted.length,
    isLess: (one, other) => isLess(sorted[one] ?? 0, sorted[other] ?? 0),
    swap(one, other) {
      [sorted[one], sorted[other]] = [sorted[other] ?? 0, sorted[one] ?? 0];
    },
  });
  return sorted;
};

/** Equals as Diego's sort leaves them. */
const asDiego = (auctions: readonly Auction[]): Sorted => {
  const { lrps, tasks } = byArrival(auctions);
  const memory = memoryKeys(auctions);
  const indices = keysOf(auctions, indexOf);
  const isLarger = (one: number, other: number): boolean => (memory[one] ?? 0) < (memory[other] ?? 0);
  const isFirst = (one: number, other: number): boolean =>
    indices[one] === indices[other] ? isLarger(one, other) : (indices[one] ?? 0) < (indices[other] ?? 0);
  return { lrps: sortedAsGo(lrps, isFirst), tasks: sortedAsGo(tasks, isLarger) };
};

/** How auctions are sorted: with equals in order of arrival, as Diego leaves them, or not at all. */
export type Sorting = 'stable' | 'diego' | 'none';

const SORTS: Record<Sorting, (auctions: readonly Auction[]) => Sorted> = {
  stable: stably,
  diego: asDiego,
  none: byArrival,
};

/** Positions in `auctions` in the order in which they are considered; see consideredOrder. */
export const considerationOrder = (
  auctions: readonly Auction[],
  sorting: Sorting = 'stable',
): Uint32Array => {
  const { lrps, tasks } = SORTS[sorting](auctions);
  const later = lrps.findIndex((at) => indexOf(auctions[at] as Auction) > 0);
  const firsts = later === -1 ? new Uint32Array(0) : lrps.subarray(0, later);
  const others = later === -1 ? lrps : lrps.subarray(later);
  const order = new Uint32Array(auctions.length);
  order.set(firsts);
  order.set(tasks, firsts.length);
  order.set(others, firsts.length + tasks.length);
  return order;
};

/**
 * Diego's order: first instances, then tasks, then the other instances by index; the larger first, and equals in
 * order of arrival. So every application gets one instance before any gets two. When there are only first instances,
 * tasks go before them: a quirk of the original that is kept (golden case 04).
 */
export const consideredOrder = (auctions: readonly Auction[], sorting?: Sorting): Auction[] =>
  pick(auctions, considerationOrder(auctions, sorting));

/** The first of each placement wins; what was asked for twice is auctioned once. */
export const withoutDuplicates = (auctions: readonly Auction[]): Auction[] => {
  const tasks = new Set<string>();
  const indices = new Map<string, Set<number>>();
  return auctions.filter((auction) => {
    if (auction.kind === 'task') return isNew(tasks, auction.request.taskGuid);
    const guid = auction.request.processGuid;
    const seen = indices.get(guid) ?? new Set<number>();
    if (seen.size === 0) indices.set(guid, seen);
    return isNew(seen, auction.index);
  });
};

const isNew = <T>(seen: Set<T>, one: T): boolean => {
  if (seen.has(one)) return false;
  seen.add(one);
  return true;
};
