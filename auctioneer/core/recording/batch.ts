import type { CellState } from '../../../common/model/cell.js';
import type { Auction } from '../auction.js';
import type { Decision } from '../decide.js';
import { type Deferred, type Settled, UNSEEN } from '../outcomes.js';
import type { Policy } from '../policy.js';

/** How long each phase of a batch took. ms. */
export interface Phases {
  statesMs: number;
  decideMs: number;
  commitMs: number;
}

/** A batch that is through: what it was decided on, how, and what became of it. Nothing in it changes any more. */
export interface DecidedBatch extends Phases {
  /** the batch's trace id */
  id: string;
  /** ms since the epoch */
  at: number;
  policy: Policy;
  /** what each backend that was asked told, in the order in which they were asked */
  rounds: readonly (readonly CellState[])[];
  /** in order of arrival */
  auctions: readonly Auction[];
  decision: Decision;
  settled: Settled;
  /** what goes into the next batch again */
  retried: readonly Auction[];
  /** what has no place, and waits for capacity that is being sought */
  deferred: readonly Deferred[];
}

/** What became of a placement that its cell did not take, or of what has none and waits. */
export interface Exception {
  /** the line of the decision, from 0 */
  line: number;
  outcome: 'refused' | 'unknown' | 'deferred';
  reason: string;
  /** goes into the next batch again */
  retried: boolean;
}

const SILENT = 'the cell did not answer, not even when asked again';

/** What did not go as decided. Everything else that was placed has been taken. */
export const exceptionsOf = ({ decision, settled, retried, deferred }: DecidedBatch): Exception[] => {
  const { refused, unseen, unknown } = settled;
  if (refused.length + unseen.length + unknown.length + deferred.length === 0) return [];
  const lines = new Map(decision.consideredOrder.map((auction, line) => [auction, line]));
  const again = new Set(retried);
  const exception = (auction: Auction, outcome: Exception['outcome'], reason: string): Exception => ({
    line: lines.get(auction) ?? 0,
    outcome,
    reason,
    retried: again.has(auction),
  });
  return [
    ...refused.map(({ placement, reason }) => exception(placement.auction, 'refused', reason)),
    ...unseen.map(({ auction }) => exception(auction, 'refused', UNSEEN)),
    ...unknown.map(({ auction }) => exception(auction, 'unknown', SILENT)),
    ...deferred.map(({ auction, waitsFor }) => exception(auction, 'deferred', waitsFor)),
  ];
};
