import type { AuctionRequest, LrpStart } from '../../../common/model/auction.js';
import { type Auction, type LrpAuction, type TaskAuction, auctionsOf } from '../auction.js';

/** Auctions in one request: few enough to be encoded within a fraction of a millisecond. */
const MOST = 200;

/** Instances that share their request are one start, as they came. */
const addLrp = (lrps: LrpStart[], { request, index, placementId }: LrpAuction, joins: boolean): void => {
  if (!joins) lrps.push({ ...request, instances: [] });
  lrps.at(-1)?.instances.push({ index, placementId });
};

/**
 * Auctions as requests in which they stand in their order: within one, LRPs come before tasks, so an LRP after a task
 * begins another.
 */
export function* requestRuns(auctions: readonly Auction[], traceId: string): Generator<AuctionRequest> {
  let run: AuctionRequest = { traceId, lrps: [], tasks: [] };
  let [length, last] = [0, undefined as LrpAuction | TaskAuction | undefined];
  for (const auction of auctions) {
    const isOver = length === MOST || (auction.kind === 'lrp' && last?.kind === 'task');
    if (isOver) {
      yield run;
      run = { traceId, lrps: [], tasks: [] };
    }
    if (auction.kind === 'task') run.tasks.push(auction.request);
    else addLrp(run.lrps, auction, !isOver && last?.request === auction.request);
    [length, last] = [isOver ? 1 : length + 1, auction];
  }
  if (length > 0) yield run;
}

/** What `requestRuns` was given. */
export const auctionsOfRun = ({ lrps, tasks }: AuctionRequest): Auction[] => auctionsOf(lrps, tasks);
