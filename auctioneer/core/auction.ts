import type { LrpWork, TaskWork } from '../../common/model/auction.js';

/** One instance or one task looking for a cell. LRPs and tasks share one code path. */
export type Auction = LrpAuction | TaskAuction;

export interface LrpAuction {
  kind: 'lrp';
  work: LrpWork;
}

export interface TaskAuction {
  kind: 'task';
  work: TaskWork;
}

/** `process_guid.index` or the task guid. */
export const auctionId = (auction: Auction): string =>
  auction.kind === 'lrp' ? `${auction.work.processGuid}.${auction.work.index}` : auction.work.taskGuid;

const byMemoryThenId = (a: Auction, b: Auction): number => {
  const memory = b.work.memoryMb - a.work.memoryMb;
  if (memory !== 0) return memory;
  const [left, right] = [auctionId(a), auctionId(b)];
  return left < right ? -1 : left > right ? 1 : 0;
};

/**
 * Diego's order: first instances, then tasks, then the other instances by index; the larger first. So every
 * application gets one instance before any gets two. When there are only first instances, tasks go before
 * them: a quirk of the original that is kept (golden case 04).
 */
export const consideredOrder = (auctions: readonly Auction[]): Auction[] => {
  const tasks = auctions.filter((auction) => auction.kind === 'task').sort(byMemoryThenId);
  const lrps = auctions
    .filter((auction): auction is LrpAuction => auction.kind === 'lrp')
    .sort((a, b) => a.work.index - b.work.index || byMemoryThenId(a, b));
  const later = lrps.findIndex(({ work }) => work.index > 0);
  if (later === -1) return [...tasks, ...lrps];
  return [...lrps.slice(0, later), ...tasks, ...lrps.slice(later)];
};

/** The first of each placement wins; what was asked for twice is auctioned once. */
export const withoutDuplicates = (auctions: readonly Auction[]): Auction[] => {
  const seen = new Set<string>();
  return auctions.filter((auction) => {
    const key = `${auction.kind} ${auctionId(auction)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
};
