import type { Demand } from './resources.js';

/**
 * Port: what was granted to a cell, piece by piece, by whoever lends it its place: the cell then has no size of its own.
 * Such a cell is given work by who grants, and is no place in an auction (design §7).
 */
export interface Grants {
  /** of all that is granted now: it grows before its work is admitted, and shrinks when that has gone */
  total(): Demand;
  /** host ports that came with that instance or task; undefined = none did, and the cell's own range is used */
  hostPorts(guid: string): readonly number[] | undefined;
}
