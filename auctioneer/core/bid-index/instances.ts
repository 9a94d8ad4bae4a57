import { NONE } from '../bids.js';
import { COUNT, LEAF, PLACE_INTS, type Place, type Places, ZONE, createPlaces } from './places.js';
import { type BidTree, LEFT, NODE_INTS, ROOT } from './tree.js';

/** Where the instances of one process are, as a search sees it. */
export interface Spread {
  /** per node of the tree: the fewest instances on any cell below it, or less */
  readonly perNode: Int32Array;
  /** per zone */
  readonly perZone: Int32Array;
}

export interface Instances {
  /** those of a cell that has not been named for the process before */
  found(process: number, place: Place): void;
  /** more instances on a cell */
  add(process: number, place: Place): void;
  /** good until `release` of the same process, which must follow */
  spread(process: number): Spread;
  release(process: number): void;
  /** the least number of instances above `after` that any zone has, while spread; Infinity when there is none */
  nextZoneCount(process: number, after: number): number;
}

/** A process on this share of all cells is a crowd: kept for every node, since counting it anew each time would be slow. */
const CROWD_SHARE = 1 / 32;
const LEAST_CROWD = 64;

/** Adds to a cell and to the nodes above it as far as their least changes. */
const addToNodes = ({ ints, parent }: BidTree, perNode: Int32Array, { leaf, count }: Place): void => {
  let node = leaf;
  perNode[node]! += count;
  while (node !== ROOT) {
    node = parent[node]!;
    const left = ints[node * NODE_INTS + LEFT]!;
    const fewest = Math.min(perNode[left]!, perNode[left + 1]!);
    if (fewest === perNode[node]) return;
    perNode[node] = fewest;
  }
};

const addToCrowd = (tree: BidTree, { perNode, perZone }: Spread, place: Place): void => {
  perZone[place.zone]! += place.count;
  if (place.leaf !== NONE) addToNodes(tree, perNode, place);
};

/** Processes on so many cells that they are counted for every node. */
const createCrowds = (tree: BidTree) => {
  const crowds = new Map<number, Spread>();
  const size = Math.max(LEAST_CROWD, tree.cells.count * CROWD_SHARE) * PLACE_INTS;
  return {
    find: (process: number): Spread | undefined => (crowds.size > 0 ? crowds.get(process) : undefined),
    /** makes a process a crowd once it is large enough */
    gather(process: number, places: Places): void {
      const [from, to] = [places.from(process), places.to(process)];
      if (to - from <= size) return;
      const crowd = emptySpread(tree);
      const ints = places.ints();
      for (let at = from; at < to; at += PLACE_INTS) {
        const [leaf, zone, count] = [ints[at + LEAF]!, ints[at + ZONE]!, ints[at + COUNT]!];
        addToCrowd(tree, crowd, { leaf, zone, count });
      }
      crowds.set(process, crowd);
      places.clear(process);
    },
  };
};

/** Of no process at all. */
export const emptySpread = ({ nodes, cells }: BidTree): Spread => ({
  perNode: new Int32Array(nodes),
  perZone: new Int32Array(cells.zoneCount),
});

const leastAbove = (counts: Int32Array, after: number): number => {
  let least = Infinity;
  for (const count of counts) if (count > after && count < least) least = count;
  return least;
};

/** Counts a batch's processes on its cells and in its zones. `room`: places to expect, per process. */
export const createInstances = (tree: BidTree, room: Iterable<number>): Instances => {
  const places = createPlaces(room);
  const crowds = createCrowds(tree);
  /** all zero but for the process that is being looked at */
  const scratch = emptySpread(tree);
  /** the zones that have any of it */
  const touched = new Int32Array(tree.cells.zoneCount);
  let touchedCount = 0;

  const addBy =
    (method: 'add' | 'append') =>
    (process: number, place: Place): void => {
      const crowd = crowds.find(process);
      if (crowd !== undefined) return addToCrowd(tree, crowd, place);
      places[method](process, place);
      crowds.gather(process, places);
    };

  return {
    found: addBy('append'),
    add: addBy('add'),
    spread(process) {
      const crowd = crowds.find(process);
      if (crowd !== undefined) return crowd;
      const { perNode, perZone } = scratch;
      const [ints, to] = [places.ints(), places.to(process)];
      touchedCount = 0;
      for (let at = places.from(process); at < to; at += PLACE_INTS) {
        const [leaf, zone, count] = [ints[at + LEAF]!, ints[at + ZONE]!, ints[at + COUNT]!];
        if (perZone[zone] === 0) touched[touchedCount++] = zone;
        perZone[zone]! += count;
        if (leaf !== NONE) perNode[leaf] = count;
      }
      return scratch;
    },
    release(process) {
      if (crowds.find(process) !== undefined) return;
      const [ints, to] = [places.ints(), places.to(process)];
      for (let at = places.from(process); at < to; at += PLACE_INTS) {
        const leaf = ints[at + LEAF]!;
        if (leaf !== NONE) scratch.perNode[leaf] = 0;
      }
      for (let at = 0; at < touchedCount; at += 1) scratch.perZone[touched[at]!] = 0;
    },
    nextZoneCount(process, after) {
      const crowd = crowds.find(process);
      if (crowd !== undefined) return leastAbove(crowd.perZone, after);
      if (after < 0 && touchedCount < touched.length) return 0;
      let least = Infinity;
      for (let at = 0; at < touchedCount; at += 1) {
        const count = scratch.perZone[touched[at]!]!;
        if (count > after && count < least) least = count;
      }
      return least;
    },
  };
};
