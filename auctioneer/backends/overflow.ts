import type { CellBackend } from './cell-backend.js';

/**
 * Backend: what finds no place at the first goes to the second, within the same batch. Which is asked what is the
 * batch's matter (core/rounds.ts): the second is asked for states only when something is left, and whatever was placed
 * on a backend's cells is sent, and asked for, by that one.
 */
export const overflow = (first: CellBackend, second: CellBackend): CellBackend => ({
  states: first.states,
  commit: first.commit,
  settle: first.settle,
  ...(first.seek !== undefined && { seek: first.seek }),
  next: first.next === undefined ? second : overflow(first.next, second),
});
