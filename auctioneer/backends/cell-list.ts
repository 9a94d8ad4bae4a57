import type { CellState } from '../../common/model/cell.js';
import type { CellStates } from './cell-backend.js';

/** The states of cells in a row, from batch to batch: between two of them, few of many tell something else. */
export interface CellList {
  /** who is in it, or in which turn, is no longer what it was */
  reorder(): void;
  /** a cell in it, or none of its, has another state */
  replace(state: CellState): void;
  /** whoever was given a list keeps it as it was */
  states(order: Iterable<string>, latest: ReadonlyMap<string, CellState>): CellStates;
}

const sortOut = (order: Iterable<string>, latest: ReadonlyMap<string, CellState>): CellStates => {
  const cells: CellState[] = [];
  const missed: string[] = [];
  for (const cellId of order) {
    const state = latest.get(cellId);
    if (state === undefined) missed.push(cellId);
    else cells.push(state);
  }
  return { cells, missed };
};

export const createCellList = (): CellList => {
  let told: CellStates | undefined;
  /** where each of its cells is; made when the first of them changes */
  let places: Map<string, number> | undefined;
  const replaced = new Map<string, CellState>();

  const withReplaced = ({ cells, missed }: CellStates): CellStates => {
    places ??= new Map(cells.map(({ cellId }, at) => [cellId, at]));
    const changed = cells.slice();
    for (const state of replaced.values()) {
      const at = places.get(state.cellId);
      if (at !== undefined) changed[at] = state;
    }
    replaced.clear();
    return { cells: changed, missed };
  };

  return {
    reorder() {
      told = places = undefined;
      replaced.clear();
    },
    replace(state) {
      if (told !== undefined) replaced.set(state.cellId, state);
    },
    states(order, latest) {
      if (told === undefined) told = sortOut(order, latest);
      else if (replaced.size > 0) told = withReplaced(told);
      return told;
    },
  };
};
