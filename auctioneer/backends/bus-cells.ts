import type { CoordinationApi } from '../../bbs/index.js';
import type { OutcomeQuery, Work, WorkOutcome } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Logger } from '../../common/ports/logger.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS, cellSubject } from '../../common/wire/subjects.js';
import type { CellBackend, CellStates, CommitResult } from './cell-backend.js';

export interface BusCellsOptions {
  bus: Bus;
  bbs: Pick<CoordinationApi, 'cells'>;
  logger: Logger;
  /** ms to wait for states */
  stateTimeoutMs: number;
  /** ms a cell has to answer its work */
  workTimeoutMs: number;
}

const usable = (state: CellState): boolean =>
  state.total.memoryMb > 0 &&
  state.total.diskMb > 0 &&
  state.total.containers > 0 &&
  state.available.memoryMb <= state.total.memoryMb &&
  state.available.diskMb <= state.total.diskMb &&
  state.available.containers <= state.total.containers;

/** Of several states of one cell (two reps under one id, or an old answer) the latest version counts. */
const latestOf = (states: readonly CellState[]): Map<string, CellState> => {
  const latest = new Map<string, CellState>();
  for (const state of states) {
    const known = latest.get(state.cellId);
    if (known === undefined || state.version > known.version) latest.set(state.cellId, state);
  }
  return latest;
};

/** Backend: cells reached over the bus. */
export const createBusCells = (options: BusCellsOptions): CellBackend => {
  const { bus, bbs, logger } = options;

  const gather = async (traceId: string, expected: number | undefined): Promise<CellState[]> => {
    const limits = { timeoutMs: options.stateTimeoutMs };
    const answers = await bus.gather(
      SUBJECTS.cellState,
      encode('Traced', { traceId }),
      expected === undefined ? limits : { ...limits, expected },
    );
    const states: CellState[] = [];
    for (const answer of answers) {
      const state = decode('CellState', answer);
      if (state.ok && usable(state.value)) states.push(state.value);
      else
        logger.warn('ignored-cell-state', {
          reason: state.ok ? 'impossible-resources' : state.error.message,
        });
    }
    return states;
  };

  /** Only cells with a presence take part; when the BBS cannot say, all that answer do. */
  const states = async (traceId: string): Promise<CellStates> => {
    const present = await bbs.cells();
    const ids = present.ok ? new Set(present.value.map((cell) => cell.cellId)) : undefined;
    if (ids?.size === 0) return { cells: [], missed: [] };
    const latest = latestOf(await gather(traceId, ids?.size));
    const cells = [...latest.values()].filter(({ cellId }) => ids?.has(cellId) ?? true);
    return { cells, missed: [...(ids ?? [])].filter((id) => !latest.has(id)) };
  };

  const commitOne = async (work: Work): Promise<CommitResult> => {
    const { cellId } = work;
    const reply = await bus.request(cellSubject(cellId, 'work'), encode('Work', work), {
      timeoutMs: options.workTimeoutMs,
    });
    if (!reply.ok) return { cellId, answered: false, reason: reply.error };
    const decoded = decode('WorkReply', reply.payload);
    if (!decoded.ok) return { cellId, answered: false, reason: 'garbled-reply' };
    const { outcomes, state } = decoded.value;
    return { cellId, answered: true, outcomes, ...(state === undefined ? {} : { state }) };
  };

  const settle = async (
    cellId: string,
    placementIds: readonly string[],
    traceId: string,
  ): Promise<WorkOutcome[] | undefined> => {
    const query: OutcomeQuery = {
      traceId,
      placementIds: [...placementIds],
      deadlineMs: options.workTimeoutMs,
    };
    const reply = await bus.request(cellSubject(cellId, 'outcome'), encode('OutcomeQuery', query), {
      timeoutMs: options.workTimeoutMs,
    });
    if (!reply.ok) return undefined;
    const decoded = decode('WorkReply', reply.payload);
    return decoded.ok ? decoded.value.outcomes : undefined;
  };

  return { states, settle, commit: (work) => Promise.all(work.map(commitOne)) };
};
