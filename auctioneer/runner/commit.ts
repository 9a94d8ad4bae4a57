import type { CellState } from '../../common/model/cell.js';
import type { Logger } from '../../common/ports/logger.js';
import type { CellBackend, CommitResult } from '../backends/cell-backend.js';
import type { Placement } from '../core/decide.js';
import { type Settled, sortOutcomes, workPerCell } from '../core/outcomes.js';

export interface CommitterOptions {
  logger: Logger;
  /** ms within which a cell must have read its work */
  workDeadlineMs: number;
}

export interface CommitContext {
  cells: readonly CellState[];
  traceId: string;
}

export type Committer = (
  backend: CellBackend,
  placements: readonly Placement[],
  context: CommitContext,
) => Promise<Settled>;

export const joined = (parts: readonly Settled[]): Settled => ({
  placed: parts.flatMap((part) => part.placed),
  refused: parts.flatMap((part) => part.refused),
  unseen: parts.flatMap((part) => part.unseen),
  unknown: parts.flatMap((part) => part.unknown),
});

interface Sent {
  backend: CellBackend;
  placements: Placement[];
  traceId: string;
}

/** Sends work, one message per cell, and finds out what became of it. */
export const createCommitter = ({ logger, workDeadlineMs }: CommitterOptions): Committer => {
  /**
   * A cell that did not answer is asked once more, by placement id; only silence stays unknown. What nobody heard of,
   * nobody has taken: it goes into the next batch.
   */
  const settle = async (
    result: CommitResult,
    { backend, placements: sent, traceId }: Sent,
  ): Promise<Settled> => {
    if (result.answered) return { unknown: [], ...sortOutcomes(sent, result.outcomes) };
    logger.warn(result.unheard ? 'commit.unheard' : 'commit.unknown', {
      cellId: result.cellId,
      reason: result.reason,
      count: sent.length,
      traceId,
    });
    if (result.unheard) return { placed: [], refused: [], unseen: sent, unknown: [] };
    const ids = sent.map(({ auction }) => auction.placementId);
    const outcomes = await backend.settle(result.cellId, ids, traceId);
    if (outcomes === undefined) return { placed: [], refused: [], unseen: [], unknown: sent };
    return { unknown: [], ...sortOutcomes(sent, outcomes) };
  };

  return async (backend, placements, { cells, traceId }) => {
    const sent = workPerCell(placements, cells, { traceId, deadlineMs: workDeadlineMs });
    const results = await backend.commit(sent.map(({ work }) => work));
    const byCell = new Map(sent.map((one) => [one.work.cellId, one.placements]));
    const sentTo = (cellId: string): Sent => ({ backend, placements: byCell.get(cellId) ?? [], traceId });
    return joined(await Promise.all(results.map((result) => settle(result, sentTo(result.cellId)))));
  };
};
