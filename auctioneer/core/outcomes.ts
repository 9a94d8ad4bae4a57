import type { Work, WorkOutcome, WorkStatus } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import { type Auction, lrpWork, taskWork } from './auction.js';
import type { Failure, Placement } from './decide.js';

/** How often work that a cell refused is tried again in following batches, before it is reported as failed. */
export const REFUSAL_RETRIES = 2;

interface WorkContext {
  traceId: string;
  /** ms */
  deadlineMs: number;
}

/** What one cell is sent, and for which placements. */
export interface CellWork {
  readonly work: Work;
  readonly placements: Placement[];
}

/** One message per cell with work, in the order of decisions. */
export const workPerCell = (
  placements: readonly Placement[],
  cells: readonly CellState[],
  context: WorkContext,
): CellWork[] => {
  const byCell = new Map<string, CellWork>();
  for (const placement of placements) {
    const { auction, cellId } = placement;
    let known = byCell.get(cellId);
    if (known === undefined) {
      // what is spread comes last: before others it takes many times as long
      known = { work: { cellId, incarnation: '', lrps: [], tasks: [], ...context }, placements: [] };
      byCell.set(cellId, known);
    }
    known.placements.push(placement);
    if (auction.kind === 'lrp') known.work.lrps.push(lrpWork(auction));
    else known.work.tasks.push(taskWork(auction));
  }
  for (const { cellId, incarnation } of cells) {
    const known = byCell.get(cellId);
    if (known !== undefined) known.work.incarnation = incarnation;
  }
  return [...byCell.values()];
};

export interface Sorted {
  placed: Placement[];
  refused: { placement: Placement; reason: string }[];
  /** asked for, but the cell never saw it */
  unseen: Placement[];
}

/** Sorts one cell's placements by the outcomes it told; a placement it did not mention was never seen. */
export const sortOutcomes = (placements: readonly Placement[], outcomes: readonly WorkOutcome[]): Sorted => {
  const byId = new Map(outcomes.map((outcome) => [outcome.placementId, outcome]));
  const sorted: Sorted = { placed: [], refused: [], unseen: [] };
  for (const placement of placements) {
    const outcome = byId.get(placement.auction.placementId);
    if (outcome?.status === 'accepted') sorted.placed.push(placement);
    else if (outcome?.status === 'refused') sorted.refused.push({ placement, reason: outcome.reason });
    else sorted.unseen.push(placement);
  }
  return sorted;
};

/** What became of a batch's placements. `unknown`: the cell did not answer, not even when asked again. */
export interface Settled extends Sorted {
  unknown: Placement[];
}

/** What waits for its batch. */
export interface Waiting {
  auction: Auction;
  /** how often a cell has refused it */
  refusals: number;
  /** ms, monotonic: when its request came */
  since: number;
}

/** ms for which each request that has been in no batch before has waited; those of one request came at one time. */
export const waitsOf = (batch: readonly Waiting[], now: number): number[] => {
  const arrivals = new Set<number>();
  for (const { refusals, since } of batch) if (refusals === 0) arrivals.add(since);
  return Array.from(arrivals, (since) => now - since);
};

/**
 * What is sought for those that have no place, by placement id: `deferred`, they wait, and for what; `accepted`, they were
 * given a place before, and are on their way there; else why not.
 */
export type SoughtCapacity = Map<string, { status: WorkStatus; reason: string }>;

/** What waits for capacity, and why it has no place so far. */
export interface Deferred extends Failure {
  /** what is being done about it */
  waitsFor: string;
}

/** What has no place: that for which capacity is sought waits (design §8.2), all else has failed; not what is on its way. */
export interface Unplaced {
  deferred: Deferred[];
  failed: Failure[];
}

/** What people are told: first what is known of the cells, then of what is sought. */
const andAlso = (reason: string, more: string): string => (more === '' ? reason : `${reason}; ${more}`);

export const deferralText = ({ reason, waitsFor }: Pick<Deferred, 'reason' | 'waitsFor'>): string =>
  andAlso(reason, waitsFor);

export const sortUnplaced = (failures: readonly Failure[], sought: SoughtCapacity): Unplaced => {
  const unplaced: Unplaced = { deferred: [], failed: [] };
  for (const failure of failures) {
    const told = sought.get(failure.auction.placementId);
    if (told?.status === 'accepted') continue;
    if (told?.status === 'deferred') unplaced.deferred.push({ ...failure, waitsFor: told.reason });
    else unplaced.failed.push({ ...failure, reason: andAlso(failure.reason, told?.reason ?? '') });
  }
  return unplaced;
};

/** Why a cell that never saw its work has not taken it. */
export const UNSEEN = 'the cell did not take the work';

/** Refused and never-seen work joins the next batch, with fresh states, at most twice; then it has failed. */
export const afterCommit = (
  batch: readonly Waiting[],
  settled: Settled,
): { retried: Waiting[]; failures: Failure[] } => {
  const known = new Map(batch.map((waiting) => [waiting.auction, waiting]));
  const retried: Waiting[] = [];
  const failures: Failure[] = [];
  const again = (auction: Auction, reason: string): void => {
    const waiting = known.get(auction);
    if (waiting === undefined) return;
    const { refusals, since } = waiting;
    if (refusals < REFUSAL_RETRIES) retried.push({ auction, refusals: refusals + 1, since });
    else failures.push({ auction, reason });
  };
  for (const { placement, reason } of settled.refused) again(placement.auction, reason);
  for (const placement of settled.unseen) again(placement.auction, UNSEEN);
  return { retried, failures };
};
