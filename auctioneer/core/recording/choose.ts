import { type Auction, auctionId, guidOf } from '../auction.js';
import type { Placement } from '../decide.js';
import { explainFailure } from '../explain.js';
import { deferralText } from '../outcomes.js';
import type { Exception } from './batch.js';
import type { DecisionLine } from './lines.js';

/** One auction of a batch with what became of it. */
export interface Ended {
  auction: Auction;
  state: 'placed' | 'refused' | 'failed' | 'unknown';
  /** where it was placed, or tried to be */
  cellId: string;
  /** why it has no place; '' when it has one */
  text: string;
  retried: boolean;
  /** among those that were considered, from 0 */
  line: number;
}

/** By `process_guid.index`, its process guid or task guid. */
export const isCalled = (auction: Auction, id: string): boolean =>
  auctionId(auction) === id || guidOf(auction) === id;

const endOf = (told: DecisionLine, exception: Exception | undefined): Omit<Ended, 'auction' | 'line'> => {
  const { cell: cellId = '', reason, nearest } = told;
  if (reason !== undefined) {
    const text = explainFailure(nearest === undefined ? { reason } : { reason, nearest });
    const waitsFor = exception?.outcome === 'deferred' ? exception.reason : '';
    return { state: 'failed', cellId, text: deferralText({ reason: text, waitsFor }), retried: false };
  }
  if (exception === undefined) return { state: 'placed', cellId, text: '', retried: false };
  const state = exception.outcome === 'deferred' ? 'refused' : exception.outcome;
  return { state, cellId, text: exception.reason, retried: exception.retried };
};

/** How a batch ended for what has this id: `process_guid.index`, a process guid or a task guid. */
export const endsOf = (
  batch: {
    considered: readonly Auction[];
    lines: readonly DecisionLine[];
    exceptions: ReadonlyMap<number, Exception>;
  },
  id: string,
): Ended[] =>
  batch.considered.flatMap((auction, line) => {
    const told = batch.lines[line];
    if (told === undefined || !isCalled(auction, id)) return [];
    return [{ auction, line, ...endOf(told, batch.exceptions.get(line)) }];
  });

const WORST_FIRST: Record<Ended['state'], number> = { failed: 0, refused: 1, unknown: 2, placed: 3 };

/** Of several instances of a process the one that is worth explaining: one without a place first. */
export const worthExplaining = (ends: readonly Ended[]): Ended | undefined =>
  [...ends].sort((a, b) => WORST_FIRST[a.state] - WORST_FIRST[b.state] || a.line - b.line)[0];

/** What had been placed when the auction at this line was decided, in order. */
export const placedBefore = (
  considered: readonly Auction[],
  lines: readonly DecisionLine[],
  line: number,
): Placement[] =>
  considered.slice(0, line).flatMap((auction, at) => {
    const cellId = lines[at]?.cell;
    return cellId === undefined ? [] : [{ auction, cellId }];
  });
