import type { CellState } from '../../common/model/cell.js';
import type { Auction } from './auction.js';
import { openIndex } from './bid-index/open.js';
import { type Excluded, biddersOf } from './bidders.js';
import { type Bids, NONE, type Refusal } from './bids.js';
import { IN_FLIGHT_LIMIT, NO_CELLS } from './constraints.js';
import { openExhaustive } from './exhaustive.js';
import { consideredOrder } from './order.js';
import type { Policy } from './policy.js';

export interface Placement {
  auction: Auction;
  cellId: string;
}

export interface Failure extends Refusal {
  auction: Auction;
}

export interface Decision {
  consideredOrder: Auction[];
  placements: Placement[];
  failures: Failure[];
  /** cells that took no part, and why */
  excluded: Excluded[];
}

export interface DecisionInput {
  cells: readonly CellState[];
  auctions: readonly Auction[];
  policy: Policy;
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

type BatchBids = Bids & { excluded: Excluded[] };

const openBids = ({ cells, auctions, policy }: DecisionInput, method: Method): BatchBids => {
  const { bidding, counting, excluded } = biddersOf(cells);
  const processes = new Set<string>();
  for (const auction of auctions) if (auction.kind === 'lrp') processes.add(auction.request.processGuid);
  const entrants = { bidding, counting, policy, processes };
  const byIndex = method === 'index' && bidding.length > 0;
  return { ...(byIndex ? openIndex(entrants) : openExhaustive(entrants)), excluded };
};

/** Decides one auction after the other; `place` says what to do with a winner. */
const createChooser = (bids: Bids, policy: Policy) => {
  const limit = policy.startingContainerMaximum;
  let { starting } = bids;
  return {
    /** the winner, or NONE */
    choose(auction: Auction): number {
      return bids.count === 0 || (limit > 0 && starting >= limit) ? NONE : bids.winner(auction);
    },
    refusal(auction: Auction): Refusal {
      if (bids.count === 0) return { reason: NO_CELLS };
      return limit > 0 && starting >= limit ? { reason: IN_FLIGHT_LIMIT } : bids.refusal(auction);
    },
    take(auction: Auction, cell: number): void {
      bids.take(auction, cell);
      starting += 1;
    },
  };
};

/** `auctions`: those that may be considered, in any order. */
export const openBatch = (input: DecisionInput, method: Method = 'index'): Batch => {
  const bids = openBids(input, method);
  const chooser = createChooser(bids, input.policy);
  const numbers = new Map(Array.from({ length: bids.count }, (_, number) => [bids.cellId(number), number]));
  return {
    excluded: bids.excluded,
    consider(auction) {
      const cell = chooser.choose(auction);
      return cell === NONE ? chooser.refusal(auction) : { cellId: bids.cellId(cell) };
    },
    take(auction, cellId) {
      const number = numbers.get(cellId);
      if (number === undefined) throw new RangeError(`no cell ${cellId} bids in this batch`);
      chooser.take(auction, number);
    },
  };
};

/** Decides a whole batch in Diego's order. Pure: the states handed in are not changed. */
export const decide = (input: DecisionInput, method: Method = 'index'): Decision => {
  const bids = openBids(input, method);
  const chooser = createChooser(bids, input.policy);
  const order = consideredOrder(input.auctions);
  const placements: Placement[] = [];
  const failures: Failure[] = [];
  for (const auction of order) {
    const cell = chooser.choose(auction);
    if (cell === NONE) {
      failures.push({ auction, ...chooser.refusal(auction) });
      continue;
    }
    chooser.take(auction, cell);
    placements.push({ auction, cellId: bids.cellId(cell) });
  }
  return { consideredOrder: order, placements, failures, excluded: bids.excluded };
};
