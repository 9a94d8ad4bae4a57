import type { NearestMiss } from '../bids.js';
import type { Lack } from '../cell.js';
import { CELL_FLOATS, CONTAINERS } from './cells.js';
import type { Wanted } from './search.js';
import { BELOW, type BidForest, CPU, DISK, MEMORY, SLOTS, childrenOf, intsOf } from './forest.js';

/** What a place is short of; 0 = enough. MB, milli-CPU. */
export type Shortage = Omit<NearestMiss, 'cellId'>;

/** The least that any cell below a node is short of, each dimension for itself. */
const shortageBelow = (forest: BidForest, node: number, wanted: Wanted): Shortage => {
  const { ints, cells } = forest;
  const i = intsOf(node);
  const below = ints[i + BELOW]!;
  return {
    memoryMb: Math.max(0, wanted.memory - ints[i + MEMORY]!),
    diskMb: Math.max(0, wanted.disk - ints[i + DISK]!),
    cpuMilli: Math.max(0, wanted.cpu - ints[i + CPU]!),
    // nodes above do not count containers
    containers: below < 0 ? Math.max(0, 1 - cells.rows[(-1 - below) * CELL_FLOATS + CONTAINERS]!) : 0,
  };
};

const distanceOf = (short: Shortage, { memory, disk, cpu }: Wanted): number =>
  short.memoryMb / Math.max(1, memory) +
  short.diskMb / Math.max(1, disk) +
  short.cpuMilli / Math.max(1, cpu) +
  short.containers;

/** Of a leaf. */
const positionOf = ({ ints }: BidForest, node: number): number => -1 - ints[intsOf(node) + BELOW]!;

const rootsOf = ({ matcher }: Wanted): number[] => Array.from(matcher.offers, (offer) => offer * SLOTS);

export interface Miss {
  position: number;
  short: Shortage;
}

/** The cell that is short of the least, as shares of what is asked. */
export const nearestMiss = (forest: BidForest, wanted: Wanted): Miss | undefined => {
  const far = (node: number): number => distanceOf(shortageBelow(forest, node, wanted), wanted);
  let found: Miss | undefined;
  let least = Infinity;
  const look = (node: number): void => {
    const short = shortageBelow(forest, node, wanted);
    const distance = distanceOf(short, wanted);
    if (distance >= least) return;
    const children = childrenOf(forest, node);
    if (children.length === 0) {
      [found, least] = [{ position: positionOf(forest, node), short }, distance];
      return;
    }
    for (const child of children.sort((a, b) => far(a) - far(b))) look(child);
  };
  for (const root of rootsOf(wanted).sort((a, b) => far(a) - far(b))) look(root);
  return found;
};

const LACKS: Record<keyof Shortage, Lack> = {
  containers: 'containers',
  cpuMilli: 'cpu',
  diskMb: 'disk',
  memoryMb: 'memory',
};

/** Whether some cell is not short of `what`. */
const isSomewhere = (forest: BidForest, wanted: Wanted, what: keyof Shortage): boolean => {
  const look = (node: number): boolean => {
    if (shortageBelow(forest, node, wanted)[what] > 0) return false;
    const children = childrenOf(forest, node);
    return children.length === 0 || children.some(look);
  };
  return rootsOf(wanted).some(look);
};

/** What every cell is short of. */
export const lackingEverywhere = (forest: BidForest, wanted: Wanted): Lack[] =>
  (Object.keys(LACKS) as (keyof Shortage)[])
    .filter((what) => !isSomewhere(forest, wanted, what))
    .map((what) => LACKS[what]);
