import type { DecisionDifference } from '../../../common/model/auction-questions.js';
import { type Auction, auctionId } from '../auction.js';
import type { NearestMiss } from '../bids.js';
import type { Decision, Failure } from '../decide.js';

/** One line of a decision, read back. */
export interface DecisionLine {
  id: string;
  placementId: string;
  /** where it was placed; absent when it was not */
  cell?: string;
  reason?: string;
  nearest?: NearestMiss;
}

const nearestOf = ({ cellId, memoryMb, diskMb, containers, cpuMilli }: NearestMiss): NearestMiss => ({
  cellId,
  memoryMb,
  diskMb,
  containers,
  cpuMilli,
});

const line = (auction: Auction, rest: Omit<DecisionLine, 'id' | 'placementId'>): string =>
  JSON.stringify({ id: auctionId(auction), placementId: auction.placementId, ...rest });

const failureLine = ({ auction, reason, nearest }: Failure): string =>
  line(auction, nearest === undefined ? { reason } : { reason, nearest: nearestOf(nearest) });

/**
 * The canonical form of a decision: one line of JSON for each auction in the order in which they were considered,
 * keys always in the same order. Two decisions are the same when these are.
 */
export function* decisionLines({ consideredOrder, placements, failures }: Decision): Generator<string> {
  let [placed, failed] = [0, 0];
  for (const auction of consideredOrder) {
    const placement = placements[placed];
    if (placement?.auction === auction) {
      placed += 1;
      yield line(auction, { cell: placement.cellId });
      continue;
    }
    const failure = failures[failed];
    failed += 1;
    if (failure !== undefined) yield failureLine(failure);
  }
}

export const readDecisionLine = (text: string): DecisionLine => JSON.parse(text) as DecisionLine;

/** The first lines that differ, and how many more do. */
export const differencesOf = (
  recorded: readonly string[],
  replayed: readonly string[],
  most: number,
): { differences: DecisionDifference[]; more: number } => {
  const differences: DecisionDifference[] = [];
  let more = 0;
  for (let at = 0; at < Math.max(recorded.length, replayed.length); at += 1) {
    const [before, after] = [recorded[at] ?? '', replayed[at] ?? ''];
    if (before === after) continue;
    if (differences.length < most) differences.push({ line: at + 1, recorded: before, replayed: after });
    else more += 1;
  }
  return { differences, more };
};
