import type { LrpAuction, TaskAuction } from './auction.js';

/** The cell that came nearest to taking the work, and what it is short of (0 = enough). */
export interface NearestMiss {
  cellId: string;
  memoryMb: number;
  diskMb: number;
  containers: number;
  cpuMilli: number;
}

/** Why work has no place. */
export interface Refusal {
  /** Diego's text */
  reason: string;
  nearest?: NearestMiss;
}

/** No cell. */
export const NONE = -1;

/**
 * The bids of one batch's cells, less what the batch has placed so far. Cells are numbered in the order that settles
 * ties; requests are numbered as they are entered. Two ways to choose: by scoring every cell (exhaustive.ts, the
 * meaning of all others), and by an index (bid-index/).
 */
export interface Bids {
  readonly count: number;
  /** containers starting on all cells before the batch */
  readonly starting: number;
  cellId(cell: number): string;
  /** the number of a request; `process`: that of its process, NONE for a task */
  enter(entry: Entry, process: number): number;
  /** the cell whose bid wins, or NONE */
  winner(request: number): number;
  /** why there was no winner */
  refusal(request: number): Refusal;
  /** takes the place */
  take(request: number, cell: number): void;
}

/** A request of one or more auctions. */
export type Entry = Pick<LrpAuction, 'kind' | 'request'> | Pick<TaskAuction, 'kind' | 'request'>;
