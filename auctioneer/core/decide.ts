import type { CellState } from '../../common/model/cell.js';
import { type Auction, auctionId } from './auction.js';
import { openIndex } from './bid-index/open.js';
import { type Excluded, biddersOf } from './bidders.js';
import { askedIn } from './asked.js';
import { NONE, type Refusal } from './bids.js';
import { IN_FLIGHT_LIMIT, NO_CELLS } from './constraints.js';
import { openExhaustive } from './exhaustive.js';
import { type Sorting, considerationOrder, pick } from './order.js';
import type { Policy } from './policy.js';
import type { Scorer } from './scorer.js';

export interface Placement {
  auction: Auction;
  cellId: string;
}

export interface Failure extends Refusal {
  auction: Auction;
}

export interface Decision {
  consideredOrder: Auction[];
  /** how they were put in that order */
  sorting: Sorting;
  placements: Placement[];
  failures: Failure[];
  /** cells that took no part, and why */
  excluded: Excluded[];
}

export interface DecisionInput {
  cells: readonly CellState[];
  auctions: readonly Auction[];
  policy: Policy;
  /** a policy of one's own: every bid is compared by it, for every auction */
  scorer?: Scorer | undefined;
}

/** How bids are compared: by an index, or every one for every auction. The choice is the same. */
export type Method = 'index' | 'exhaustive';

/** A batch in progress: what is decided for one auction depends on what was taken before. */
export interface Batch {
  readonly excluded: readonly Excluded[];
  consider(auction: Auction): Choice;
  /** takes the place for the auction */
  take(auction: Auction, cellId: string): void;
}

export type Choice = { cellId: string } | Refusal;

/** Without any cell Diego fails everything before it sorts. */
const sortingOf = ({ compat }: Policy, cells: number): Sorting => {
  if (compat !== 'diego') return 'stable';
  return cells === 0 ? 'none' : 'diego';
};

/** Bids that take no more when enough containers are starting. */
const openBids = ({ cells, auctions, policy, scorer }: DecisionInput, method: Method) => {
  const { bidding, counting, excluded } = biddersOf(cells);
  const sorting = sortingOf(policy, bidding.length);
  const order = considerationOrder(auctions, sorting);
  const asked = askedIn(auctions, order);
  const entrants = { bidding, counting, policy, scorer, processes: asked.processes };
  const byIndex = method === 'index' && scorer === undefined && bidding.length > 0;
  const bids = byIndex ? openIndex(entrants) : openExhaustive(entrants);
  for (const [number, request] of asked.requests.entries())
    bids.enter(request, asked.processOf[number] ?? NONE);
  const limit = policy.startingContainerMaximum > 0 ? policy.startingContainerMaximum : Infinity;
  let { starting } = bids;
  return {
    bids,
    sorting,
    order,
    asked,
    excluded,
    winner: (request: number): number =>
      bids.count === 0 || starting >= limit ? NONE : bids.winner(request),
    refusal(request: number): Refusal {
      if (bids.count === 0) return { reason: NO_CELLS };
      return starting >= limit ? { reason: IN_FLIGHT_LIMIT } : bids.refusal(request);
    },
    take(request: number, cell: number): void {
      bids.take(request, cell);
      starting += 1;
    },
  };
};

/** `auctions`: those that may be considered, in any order. */
export const openBatch = (input: DecisionInput, method: Method = 'index'): Batch => {
  const { bids, order, asked, excluded, ...opened } = openBids(input, method);
  const cellNumbers = new Map(
    Array.from({ length: bids.count }, (_, number) => [bids.cellId(number), number]),
  );
  const requestNumbers = new Map(
    Array.from(order, (at, place) => [input.auctions[at] as Auction, asked.ofPlace[place] ?? 0]),
  );
  const requestOf = (auction: Auction): number => {
    const request = requestNumbers.get(auction);
    if (request === undefined) throw new RangeError(`${auctionId(auction)} is not in this batch`);
    return request;
  };
  return {
    excluded,
    consider(auction) {
      const request = requestOf(auction);
      const cell = opened.winner(request);
      return cell === NONE ? opened.refusal(request) : { cellId: bids.cellId(cell) };
    },
    take(auction, cellId) {
      const cell = cellNumbers.get(cellId);
      if (cell === undefined) throw new RangeError(`no cell ${cellId} bids in this batch`);
      opened.take(requestOf(auction), cell);
    },
  };
};

/** Decides a whole batch in Diego's order. Pure: the states handed in are not changed. */
export const decide = (input: DecisionInput, method: Method = 'index'): Decision => {
  const { auctions } = input;
  const { bids, sorting, order, asked, excluded, winner, refusal, take } = openBids(input, method);
  const placements: Placement[] = [];
  const failures: Failure[] = [];
  const consideredOrder = pick(auctions, order);
  for (let place = 0; place < order.length; place += 1) {
    const request = asked.ofPlace[place] ?? 0;
    const auction = consideredOrder[place] as Auction;
    const cell = winner(request);
    if (cell === NONE) {
      failures.push({ auction, ...refusal(request) });
      continue;
    }
    take(request, cell);
    placements.push({ auction, cellId: bids.cellId(cell) });
  }
  return { consideredOrder, sorting, placements, failures, excluded };
};
