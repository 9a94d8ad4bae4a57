import type { BbsResult } from '../../common/model/bbs-error.js';
import type { CellState } from '../../common/model/cell.js';
import { nearest } from '../../common/model/nearest.js';
import type { Result } from '../../common/model/result.js';
import { ok } from '../../common/model/result.js';
import type { Bus, RequestFailure } from '../../common/ports/bus.js';
import type { Random } from '../../common/ports/random.js';
import { decode, encode } from '../../common/wire/codec.js';
import { cellSubject } from '../../common/wire/subjects.js';
import { type ApiFailure, refuseCoded } from '../core/failure.js';
import type { Cell } from './cells.js';
import { bbsFailure } from './lrp-writer.js';

/** What a cell that is asked to empty itself has, when it is asked. */
export interface Evacuation {
  cellId: string;
  /** it was asked before, and is at it */
  already: boolean;
  instances: number;
  tasks: number;
}

export type Evacuate = (cellId: string) => Promise<Result<Evacuation, ApiFailure[]>>;

export interface EvacuationOptions {
  bus: Bus;
  random: Random;
  cells(): Promise<BbsResult<Cell[]>>;
  /** ms the cell has */
  timeoutMs: number;
}

const WHY: Record<RequestFailure, string> = {
  'no-responders': 'it is not on the bus',
  timeout: 'it took too long',
  disconnected: 'the API is not connected to the bus',
  'too-large': 'the question is too long for the bus',
  denied: "the API's user may not ask it on the bus",
};

const unknown = (cell: string, known: readonly Cell[]) => {
  const ids = known.map(({ cellId }) => cellId);
  const meant = nearest(cell, ids);
  return refuseCoded('CELL_UNKNOWN', {
    cell,
    nearest: meant === undefined ? '' : `; did you mean '${meant}'?`,
  });
};

const evacuationOf = (cellId: string, state: CellState | undefined, already: boolean): Evacuation => ({
  cellId,
  already,
  instances: [...(state?.lrpCounts.values() ?? [])].reduce((sum, count) => sum + count, 0),
  tasks: state?.taskCount ?? 0,
});

/** Has a cell empty itself. Whoever holds the API's token operates the platform: they may. */
export const createEvacuate =
  ({ bus, random, cells, timeoutMs }: EvacuationOptions): Evacuate =>
  async (cell) => {
    const known = await cells();
    if (!known.ok) return { ok: false, error: [bbsFailure(known.error)] };
    const found = known.value.find(({ cellId }) => cellId === cell);
    if (!found) return unknown(cell, known.value);
    const { state } = found;
    if (state?.evacuating === true) return ok(evacuationOf(cell, state, true));
    const payload = encode('Traced', { traceId: random.uuid() });
    const reply = await bus.request(cellSubject(cell, 'evacuate'), payload, { timeoutMs });
    if (!reply.ok) return refuseCoded('CELL_UNREACHABLE', { cell, reason: WHY[reply.error] });
    const ack = decode('Ack', reply.payload);
    if (!ack.ok) return refuseCoded('CELL_UNREACHABLE', { cell, reason: 'its answer cannot be read' });
    const { accepted, reason } = ack.value;
    return accepted
      ? ok(evacuationOf(cell, state, false))
      : refuseCoded('CELL_NOT_EVACUATED', { cell, reason });
  };
