import type { Work, WorkOutcome } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { Auction } from '../core/auction.js';
import type { SoughtCapacity } from '../core/outcomes.js';

/** What became of one cell's work. */
export type CommitResult =
  /** the cell answered: one outcome per placement id */
  | { cellId: string; answered: true; outcomes: WorkOutcome[] }
  /** it did not: whether it took the work is not known, unless nobody was there to hear of it */
  | { cellId: string; answered: false; reason: string; unheard: boolean };

/** Port: where places come from, and where work goes. The auction does not know which. */
export interface CellBackend {
  /** where what finds no place here is tried, within the same batch; absent: nowhere */
  readonly next?: CellBackend;
  /** states of the cells that answered in time; never rejects */
  states(traceId: string): Promise<CellStates>;
  /** sends the work, one message per cell, and gathers what became of it; never rejects */
  commit(work: readonly Work[]): Promise<CommitResult[]>;
  /** what became of placement ids whose work was sent to this cell; undefined when it does not answer */
  settle(
    cellId: string,
    placementIds: readonly string[],
    traceId: string,
  ): Promise<WorkOutcome[] | undefined>;
  /**
   * Told what found no place at any backend: it may seek capacity for it. What is not mentioned is not sought for;
   * absent: it never seeks. Never rejects.
   */
  seek?(auctions: readonly Auction[], traceId: string): Promise<SoughtCapacity>;
}

export interface CellStates {
  cells: CellState[];
  /** present cells that gave no usable state */
  missed: string[];
}
