import type { CoordinationApi } from '../../bbs/index.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import type { CellPresence, CellState } from '../../common/model/cell.js';
import { ok } from '../../common/model/result.js';
import type { Bus } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';

/** A cell by what the BBS knows of it and by what it says itself now. */
export interface Cell {
  cellId: string;
  presence?: CellPresence;
  /** absent when it does not answer in time */
  state?: CellState;
}

export interface CellsOptions {
  bus: Bus;
  bbs: Pick<CoordinationApi, 'cells'>;
  random: Random;
  /** ms to wait for answers */
  timeoutMs: number;
}

export const createCells = (options: CellsOptions) => async (): Promise<BbsResult<Cell[]>> => {
  const { bus, bbs, random, timeoutMs } = options;
  const presences = await bbs.cells();
  if (!presences.ok) return presences;
  const payload = encode('Traced', { traceId: random.uuid() });
  const cells = new Map<string, Cell>(
    presences.value.map((presence) => [presence.cellId, { cellId: presence.cellId, presence }]),
  );
  const silent = new Set(cells.keys());
  const onAnswer = (answer: Uint8Array): boolean => {
    const state = decode('CellState', answer);
    if (!state.ok) return false;
    const { cellId } = state.value;
    cells.set(cellId, { ...cells.get(cellId), cellId, state: state.value });
    silent.delete(cellId);
    return silent.size === 0;
  };
  if (silent.size > 0) await bus.gather(SUBJECTS.cellState, payload, { timeoutMs, onAnswer });
  return ok([...cells.values()].sort((a, b) => (a.cellId < b.cellId ? -1 : 1)));
};
