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

/** The larger first. */
const memoryKey = ({ request }: Auction): number => MAX_AMOUNT - request.memoryMb;

/** Keys of tasks are not looked at. */
const indexOf = (auction: Auction): number => (auction.kind === 'lrp' ? auction.index : 0);

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

/** Equals stay in the order of arrival. */
const stably = (auctions: readonly Auction[]): Sorted => {
  const { lrps, tasks } = byArrival(auctions);
  const memory = keysOf(auctions, memoryKey);
  return {
    lrps: sortByKey(sortByKey(lrps, memory), keysOf(auctions, indexOf)),
    tasks: sortByKey(tasks, memory),
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
  const memory = keysOf(auctions, memoryKey);
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
