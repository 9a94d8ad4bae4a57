import type { CellState } from '../../../common/model/cell.js';

type Counts = CellState['lrpCounts'];

/** The counts of one cell, as listed. Where it bids is known of the batch that has noted it last. */
interface Listed {
  readonly lists: Lists;
  batch: number;
  position: number;
  zone: number;
}

/** By process, how many instances the cells have that have any. */
type Lists = Map<string, Map<Listed, number>>;

const listedOf = new WeakMap<Counts, Listed>();
let batches = 0;

/** How many instances of a process a cell has; 0: none any more. */
const enter = (listed: Listed, process: string, instances: number): void => {
  const cells = listed.lists.get(process);
  if (instances > 0) {
    if (cells === undefined) listed.lists.set(process, new Map([[listed, instances]]));
    else cells.set(listed, instances);
  } else if (cells?.delete(listed) === true && cells.size === 0) listed.lists.delete(process);
};

/**
 * Where processes have instances on cells that are known from batch to batch: a batch finds those of its processes
 * without looking through what all cells run. It says nothing that counts do not. Counts must not change once they are listed.
 */
export interface StandingInstances {
  /** a cell's first counts */
  list(counts: Counts): void;
  /** a cell's counts in place of those before; most of them are the same */
  relist(before: Counts, counts: Counts): void;
  /** the same where instances of those processes, one each, were added to what was there before */
  extend(before: Counts, counts: Counts, added: readonly string[]): void;
  /** the cell is gone */
  unlist(counts: Counts): void;
}

export const createStandingInstances = (): StandingInstances => {
  const lists: Lists = new Map();

  const list = (counts: Counts): void => {
    const listed: Listed = { lists, batch: 0, position: 0, zone: 0 };
    for (const [process, instances] of counts) enter(listed, process, instances);
    listedOf.set(counts, listed);
  };

  /** What is listed is another's from now on. */
  const handOver = (before: Counts, counts: Counts): Listed | undefined => {
    const listed = listedOf.get(before);
    if (listed === undefined) return undefined;
    listedOf.delete(before);
    listedOf.set(counts, listed);
    return listed;
  };

  return {
    list,
    relist(before, counts) {
      if (before === counts) return;
      const listed = handOver(before, counts);
      if (listed === undefined) return list(counts);
      let same = 0;
      for (const [process, instances] of counts) {
        const had = before.get(process);
        if (had !== undefined) same += 1;
        if (had !== instances) enter(listed, process, instances);
      }
      if (same === before.size) return;
      for (const process of before.keys()) if (!counts.has(process)) enter(listed, process, 0);
    },
    extend(before, counts, added) {
      const listed = handOver(before, counts);
      if (listed === undefined) return list(counts);
      for (const process of new Set(added)) enter(listed, process, counts.get(process) ?? 0);
    },
    unlist(counts) {
      const listed = listedOf.get(counts);
      if (listed === undefined) return;
      listedOf.delete(counts);
      for (const process of counts.keys()) enter(listed, process, 0);
    },
  };
};

/** What one batch finds of it. */
export interface FoundInstances {
  /** a cell of the batch; false: its counts are not listed, and have to be looked through */
  note(counts: Counts, position: number, zone: number): boolean;
  /** after all cells have been noted: where a process has instances on those whose counts are listed */
  each(process: string, found: (position: number, zone: number, instances: number) => void): void;
}

export const findListed = (): FoundInstances => {
  batches += 1;
  const batch = batches;
  const noted = new Set<Lists>();
  let latest: Lists | undefined;
  return {
    note(counts, position, zone) {
      const listed = listedOf.get(counts);
      // states may share their counts, while a place is one cell's
      if (listed === undefined || listed.batch === batch) return false;
      listed.batch = batch;
      listed.position = position;
      listed.zone = zone;
      if (latest !== listed.lists) noted.add((latest = listed.lists));
      return true;
    },
    each(process, found) {
      for (const lists of noted) {
        lists.get(process)?.forEach((instances, { batch: notedIn, position, zone }) => {
          if (notedIn === batch) found(position, zone, instances);
        });
      }
    },
  };
};
