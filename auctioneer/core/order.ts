import type { Auction, LrpAuction } from './auction.js';
import { sortByKey } from './bid-index/radix.js';

const numbersTo = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, at) => at);

const pick = <T>(from: readonly T[], order: Uint32Array): T[] => Array.from(order, (at) => from[at] as T);

const MAX_MEMORY = 2 ** 31;

/** The larger first; among equals, in order of arrival. */
const byMemory = (auctions: readonly Auction[], items: Uint32Array): Uint32Array => {
  const keys = Uint32Array.from(auctions, ({ request }) => MAX_MEMORY - request.memoryMb);
  return sortByKey(items, keys);
};

/** Those of lower index first, the larger first among them. */
const sortedLrps = (lrps: readonly LrpAuction[]): LrpAuction[] => {
  const indices = Uint32Array.from(lrps, ({ index }) => index);
  const sorted = sortByKey(byMemory(lrps, numbersTo(lrps.length)), indices);
  return pick(lrps, sorted);
};

/**
 * Diego's order: first instances, then tasks, then the other instances by index; the larger first, and equals in
 * order of arrival. So every application gets one instance before any gets two. When there are only first instances,
 * tasks go before them: a quirk of the original that is kept (golden case 04).
 */
export const consideredOrder = (auctions: readonly Auction[]): Auction[] => {
  const unsorted = auctions.filter((auction) => auction.kind === 'task');
  const tasks = pick(unsorted, byMemory(unsorted, numbersTo(unsorted.length)));
  const lrps = sortedLrps(auctions.filter((auction) => auction.kind === 'lrp'));
  const later = lrps.findIndex(({ index }) => index > 0);
  if (later === -1) return [...tasks, ...lrps];
  return [...lrps.slice(0, later), ...tasks, ...lrps.slice(later)];
};

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
