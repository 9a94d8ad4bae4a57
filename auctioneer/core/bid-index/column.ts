import type { CellState } from '../../../common/model/cell.js';

/** A number of each cell, as whole numbers of 0…2^32 − 1. */
export const column = (states: readonly CellState[], pick: (state: CellState) => number): Uint32Array => {
  const values = new Uint32Array(states.length);
  for (let at = 0; at < states.length; at += 1) values[at] = pick(states[at]!);
  return values;
};
