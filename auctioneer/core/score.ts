/**
 * The score's arithmetic. The order of operations is Diego's, so that ties fall alike to the last bit; whoever
 * compares bids must use these.
 */
import type { Weights } from './policy.js';

/** Share of a cell's resource in use when `need` is taken of what is `available`. */
export const useAfter = (available: number, need: number, total: number): number =>
  1 - (available - need) / total;

/** The mean of three shares. CPU is no part of it, as in Diego. */
export const meanUse = (memory: number, disk: number, containers: number): number =>
  (memory + disk + containers) / 3;

/** What weighs a bid down. */
export interface Burden {
  /** containers that are starting on the cell */
  readonly starting: number;
  /** instances of the same process on it; for tasks: tasks */
  readonly neighbours: number;
  /** its position in the bin-pack order */
  readonly index: number;
}

/** Lower is better. */
export const weigh = (use: number, { starting, neighbours, index }: Burden, weights: Weights): number =>
  use + starting * weights.starting + weights.neighbour * neighbours + index * weights.index;
