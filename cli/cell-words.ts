import type { Cell } from './http/resources.js';

/** Instances on a cell, of all processes. */
export const instancesOn = ({ lrp_counts: counts = {} }: NonNullable<Cell['state']>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** What is to be known of a cell that answers, in a few words. */
export const noteOf = (presence: Cell['presence'], state: NonNullable<Cell['state']>): string => {
  const notes = [
    state.evacuating === true && 'evacuating',
    // one that answers says so of its engine alone: it hears nothing any more when it stops
    state.placeable === false && 'runtime away: takes no work',
    presence === null && 'has no presence',
  ];
  return notes.filter((note) => note !== false).join(', ');
};
