import type { Auction } from './auction.js';
import { sortByKey } from './bid-index/radix.js';

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

const MAX_MEMORY = 2 ** 31;

/** The larger first. */
const memoryKey = ({ request }: Auction): number => MAX_MEMORY - request.memoryMb;

/** Keys of tasks are not looked at. */
const indexOf = (auction: Auction): number => (auction.kind === 'lrp' ? auction.index : 0);

/** Positions in `auctions` in the order in which they are considered; see consideredOrder. */
export const considerationOrder = (auctions: readonly Auction[]): Uint32Array => {
  const byMemory = sortByKey(numbersTo(auctions.length), keysOf(auctions, memoryKey));
  const isTask = (at: number): boolean => auctions[at]?.kind === 'task';
  const tasks = byMemory.filter(isTask);
  const indices = keysOf(auctions, indexOf);
  const lrps = sortByKey(tasks.length === 0 ? byMemory : byMemory.filter((at) => !isTask(at)), indices);
  const later = lrps.findIndex((at) => (indices[at] ?? 0) > 0);
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
export const consideredOrder = (auctions: readonly Auction[]): Auction[] =>
  pick(auctions, considerationOrder(auctions));

/** The first of each placement wins; what was asked for twice is auctioned once. */
export const withoutDuplicates = (auctions: readonly Auction[]): Auction[] => {
  const tasks = new Set<string>();
  const indices = new Map<string, Set<number>>();
  return auctions.filter((auction) => {
    if (auction.kind === 'task') return isFirst(tasks, auction.request.taskGuid);
    const guid = auction.request.processGuid;
    const seen = indices.get(guid) ?? new Set<number>();
    if (seen.size === 0) indices.set(guid, seen);
    return isFirst(seen, auction.index);
  });
};

const isFirst = <T>(seen: Set<T>, one: T): boolean => {
  if (seen.has(one)) return false;
  seen.add(one);
  return true;
};
