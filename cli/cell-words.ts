import type { Cell } from './http/resources.js';

/** Instances on a cell, of all processes. */
export const instancesOn = ({ lrp_counts: counts = {} }: NonNullable<Cell['state']>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** One that an executor is bids as an offer, or not at all. */
const isOnMesos = ({ cell_id: id }: Pick<Cell, 'cell_id'>): boolean => id.startsWith('mesos-');

/** What is to be known of a cell that answers, in a few words. */
export const noteOf = (
  cell: Pick<Cell, 'cell_id' | 'presence'>,
  state: NonNullable<Cell['state']>,
): string => {
  const notes = [
    state.evacuating === true && 'evacuating',
    // one that answers says so of its engine alone: it hears nothing any more when it stops
    state.placeable === false &&
      (isOnMesos(cell) ? 'on Mesos: gets work by offers' : 'runtime away: takes no work'),
    cell.presence === null && 'has no presence',
  ];
  return notes.filter((note) => note !== false).join(', ');
};
