import type { CellState } from '../../common/model/cell.js';
import { guidOf } from './auction.js';
import type { Entry } from './bids.js';
import { type BatchCell, score } from './cell.js';
import type { Policy } from './policy.js';

/** A cell as a policy of one's own sees it: what it has left after what this batch has placed. MB and milli-CPU. */
export interface ScoredCell {
  readonly cellId: string;
  /** position in the bin-pack order */
  readonly index: number;
  readonly zone: string;
  readonly available: Readonly<CellState['available']> & { readonly cpuMilli: number };
  readonly total: Readonly<CellState['total']> & { readonly cpuMilli: number };
  readonly placementTags: readonly string[];
  readonly optionalPlacementTags: readonly string[];
  /** containers that are starting there */
  readonly starting: number;
  /** instances of the same process there; 0 for a task */
  readonly instances: number;
  readonly tasks: number;
}

/** Work as a policy of one's own sees it. */
export interface ScoredWork {
  readonly kind: 'lrp' | 'task';
  /** process guid or task guid */
  readonly guid: string;
  readonly memoryMb: number;
  readonly diskMb: number;
  readonly cpuMilli: number;
  readonly rootfs: string;
  readonly placementTags: readonly string[];
}

/**
 * Compares bids in one's own way: the lowest score wins, ties fall to the lower cell index, then cell id. It must be
 * pure: the same answer for the same question, and nothing but its arguments read. Asked only of cells that match and
 * have room; zones are still balanced. A score that is not a finite number takes the cell out of this auction.
 */
export type Scorer = (cell: ScoredCell, work: ScoredWork) => number;

const scoredCell = (cell: BatchCell, instances: number): ScoredCell => ({
  cellId: cell.state.cellId,
  index: cell.index,
  zone: cell.state.zone,
  available: { ...cell.available, cpuMilli: cell.cpuMilli },
  total: { ...cell.state.total, cpuMilli: cell.state.cpuMilliTotal },
  placementTags: cell.state.placementTags,
  optionalPlacementTags: cell.state.optionalPlacementTags,
  starting: cell.starting,
  instances,
  tasks: cell.tasks,
});

const scoredWork = (entry: Entry): ScoredWork => ({
  kind: entry.kind,
  guid: guidOf(entry),
  memoryMb: entry.request.memoryMb,
  diskMb: entry.request.diskMb,
  cpuMilli: entry.request.cpuMilli,
  rootfs: entry.request.rootfs,
  placementTags: entry.request.placementTags,
});

/** What a scorer says of a cell of the batch; Infinity for what is no number, and for one that throws. */
const ask = (scorer: Scorer, cell: BatchCell, entry: Entry): number => {
  const instances = entry.kind === 'lrp' ? (cell.lrpCounts.get(entry.request.processGuid) ?? 0) : 0;
  try {
    const own: unknown = scorer(scoredCell(cell, instances), scoredWork(entry));
    return typeof own === 'number' && Number.isFinite(own) ? own : Infinity;
  } catch {
    return Infinity;
  }
};

/** Lower is better; Infinity: this cell is not to be had. */
export type ScoreOf = (cell: BatchCell, entry: Entry) => number;

/** The score by a policy of one's own, else the policy's. */
export const scoreBy = (policy: Policy, scorer: Scorer | undefined): ScoreOf =>
  scorer === undefined
    ? (cell, entry) => score(cell, entry, policy)
    : (cell, entry) => ask(scorer, cell, entry);
