import type { CellState } from '../../../common/model/cell.js';
import { NONE } from '../bids.js';

type Counts = CellState['lrpCounts'];

/** The counts of a cell by numbers instead of names. */
export interface Numbered {
  readonly processes: Int32Array;
  readonly instances: Int32Array;
}

interface Known extends Numbered {
  readonly generation: number;
}

/** Names to number before all are numbered anew: those of processes long gone are not to be kept for ever. */
const MOST_NAMES = 1_000_000;

let names = new Map<string, number>();
let generation = 0;
/** `once`: seen in one batch so far; to number what is not seen again would be in vain */
const known = new WeakMap<Counts, Known | 'once'>();

const numberOf = (name: string): number => {
  const number = names.get(name) ?? names.size;
  if (number === names.size) names.set(name, number);
  return number;
};

const number = (counts: Counts): Known => {
  const numbered = {
    generation,
    processes: new Int32Array(counts.size),
    instances: new Int32Array(counts.size),
  };
  let at = 0;
  for (const [name, instances] of counts) {
    numbered.processes[at] = numberOf(name);
    numbered.instances[at] = instances;
    at += 1;
  }
  return numbered;
};

/**
 * Numbers of processes, the same in all batches: states change little from batch to batch, so that most counts are
 * looked through by numbers. Says nothing that the counts do not; it is only sooner.
 */
export interface ProcessNumbers {
  /** by number, the process's number in the batch; NONE, or nothing, for one that is not in it */
  readonly inBatch: Int32Array;
  /** undefined: these are seen for the first time */
  numbered(counts: Counts): Numbered | undefined;
}

export const processNumbers = (batch: ReadonlyMap<string, number>): ProcessNumbers => {
  if (names.size > MOST_NAMES) {
    names = new Map();
    generation += 1;
  }
  const own = [...batch].map(([name, at]) => [numberOf(name), at] as const);
  const inBatch = new Int32Array(names.size).fill(NONE);
  for (const [named, at] of own) inBatch[named] = at;
  return {
    inBatch,
    numbered(counts) {
      const found = known.get(counts);
      if (found !== undefined && found !== 'once' && found.generation === generation) return found;
      if (found === undefined) {
        known.set(counts, 'once');
        return undefined;
      }
      const numbered = number(counts);
      known.set(counts, numbered);
      return numbered;
    },
  };
};
