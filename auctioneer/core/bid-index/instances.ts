import { NONE } from '../bids.js';
import type { Cells } from './cells.js';
import { COUNT, PLACE_INTS, POSITION, type Place, type Places, ZONE, createPlaces } from './places.js';
import { type BidForest, NO_PARENT, SLOTS, isNode } from './forest.js';

/** Where the instances of one process are, as a search sees it. */
export interface Spread {
  readonly perZone: Int32Array;
  /** by position, and by node the fewest on any cell below; undefined where the process is in few places */
  readonly perCell: Int32Array | undefined;
  readonly perNode: Int32Array | undefined;
  /** the few places, a range of these integers */
  ints: Int32Array;
  from: number;
  to: number;
}

/** How many there are on a cell. */
export const instancesAt = ({ perCell, ints, from, to }: Spread, position: number): number => {
  if (perCell !== undefined) return perCell[position]!;
  for (let at = from; at < to; at += PLACE_INTS)
    if (ints[at + POSITION] === position) return ints[at + COUNT]!;
  return 0;
};

export interface Instances {
  /** those of a cell that has not been named for the process before */
  found(process: number, place: Place): void;
  /** one more instance on a cell */
  add(process: number, position: number, zone: number): void;
  /** good until `release`, which must follow */
  spread(process: number): Spread;
  release(): void;
  /** of a process while spread: whether no zone has any of it */
  isNowhere(process: number): boolean;
  /** the least number of instances above `after` that any zone has, while spread; Infinity when there is none */
  nextZoneCount(process: number, after: number): number;
}

/** A process on this share of all cells is a crowd: kept per cell and node, since gathering it each time would be slow. */
const CROWD_SHARE = 1 / 32;
const LEAST_CROWD = 64;

type Crowd = Spread & { readonly perCell: Int32Array; readonly perNode: Int32Array };

/** On a slot without a node: never the fewest. */
const MANY = 0x7fff_ffff;

const noneAnywhere = (forest: BidForest): Int32Array => {
  const perNode = new Int32Array(forest.groups * SLOTS);
  for (let node = 0; node < perNode.length; node += 1) if (!isNode(forest, node)) perNode[node] = MANY;
  return perNode;
};

/** The fewest on any cell below a group. */
const fewestIn = (perNode: Int32Array, group: number): number => {
  const first = group * SLOTS;
  return Math.min(perNode[first]!, perNode[first + 1]!, perNode[first + 2]!, perNode[first + 3]!);
};

/** Adds to a leaf and to the nodes above it as far as their least changes. */
const addToCrowd = (forest: BidForest, { perCell, perZone, perNode }: Crowd, place: Place): void => {
  const { position, zone, count } = place;
  perZone[zone]! += count;
  if (position === NONE) return;
  perCell[position]! += count;
  perNode[forest.leaf[position]!]! += count;
  let group = forest.leaf[position]! >> 2;
  let node = forest.parent[group]!;
  while (node !== NO_PARENT) {
    const fewest = fewestIn(perNode, group);
    if (fewest === perNode[node]) return;
    perNode[node] = fewest;
    group = node >> 2;
    node = forest.parent[group]!;
  }
};

const createCrowds = (forest: BidForest) => {
  const crowds = new Map<number, Crowd>();
  const size = Math.max(LEAST_CROWD, forest.cells.count * CROWD_SHARE) * PLACE_INTS;
  return {
    find: (process: number): Crowd | undefined => (crowds.size > 0 ? crowds.get(process) : undefined),
    /** makes a process a crowd once it is large enough */
    gather(process: number, places: Places): void {
      const from = places.from(process);
      const to = places.to(process);
      if (to - from <= size) return;
      const perCell = new Int32Array(forest.cells.count);
      const crowd: Crowd = { ...emptySpread(forest.cells), perCell, perNode: noneAnywhere(forest) };
      const ints = places.ints();
      for (let at = from; at < to; at += PLACE_INTS) {
        const [position, zone, count] = [ints[at + POSITION]!, ints[at + ZONE]!, ints[at + COUNT]!];
        addToCrowd(forest, crowd, { position, zone, count });
      }
      crowds.set(process, crowd);
      places.clear(process);
    },
  };
};

const NO_PLACES = new Int32Array(0);

/** Of no process at all. */
export const emptySpread = ({ zoneCount }: Cells): Spread => ({
  perZone: new Int32Array(zoneCount),
  perCell: undefined,
  perNode: undefined,
  ints: NO_PLACES,
  from: 0,
  to: 0,
});

const leastAbove = (counts: Int32Array, after: number): number => {
  let least = Infinity;
  for (const count of counts) if (count > after && count < least) least = count;
  return least;
};

/** Counts a batch's processes on its cells and in its zones. `room`: places to expect, per process. */
export const createInstances = (forest: BidForest, room: Iterable<number>): Instances => {
  const { cells } = forest;
  const places = createPlaces(room);
  const crowds = createCrowds(forest);
  /** of the process that is being looked at; all zones 0 without one */
  const scratch = emptySpread(cells);
  /** the zones that have any of it */
  const touched = new Int32Array(cells.zoneCount);
  let touchedCount = 0;

  return {
    found(process, place) {
      const crowd = crowds.find(process);
      if (crowd !== undefined) return addToCrowd(forest, crowd, place);
      places.append(process, place);
      crowds.gather(process, places);
    },
    add(process, position, zone) {
      const crowd = crowds.find(process);
      if (crowd !== undefined) return addToCrowd(forest, crowd, { position, zone, count: 1 });
      places.add(process, position, zone);
      crowds.gather(process, places);
    },
    spread(process) {
      const crowd = crowds.find(process);
      if (crowd !== undefined) return crowd;
      const { perZone } = scratch;
      const ints = places.ints();
      scratch.ints = ints;
      scratch.from = places.from(process);
      scratch.to = places.to(process);
      touchedCount = 0;
      for (let at = scratch.from; at < scratch.to; at += PLACE_INTS) {
        const zone = ints[at + ZONE]!;
        if (perZone[zone] === 0) touched[touchedCount++] = zone;
        perZone[zone]! += ints[at + COUNT]!;
      }
      return scratch;
    },
    release() {
      for (let at = 0; at < touchedCount; at += 1) scratch.perZone[touched[at]!] = 0;
      touchedCount = 0;
    },
    isNowhere: (process) => touchedCount === 0 && crowds.find(process) === undefined,
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
