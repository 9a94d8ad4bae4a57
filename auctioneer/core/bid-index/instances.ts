import { NONE } from '../bids.js';
import { type BidTree, LEFT, NODE_INTS, ROOT } from './tree.js';

/** Where the instances of one process are, as a search sees it. */
export interface Spread {
  /** per node of the tree: the fewest instances on any cell below it, or less */
  readonly perNode: Int32Array;
  /** per zone */
  readonly perZone: Int32Array;
}

export interface Instances {
  /** the number of a process; a new one is given one */
  process(guid: string): number;
  /** more instances on a cell; `position` NONE: on one that takes no part */
  add(process: number, place: Place): void;
  /** good until `release` of the same process, which must follow */
  spread(process: number): Spread;
  release(process: number): void;
  /** the least number of instances above `after` that any zone has, while spread; Infinity when there is none */
  nextZoneCount(process: number, after: number): number;
}

export interface Place {
  position: number;
  zone: number;
  count: number;
}

const growing = (length: number) => {
  let values = new Int32Array(Math.max(16, length));
  return {
    get: (at: number): number => values[at]!,
    set(at: number, value: number): void {
      if (at >= values.length) {
        const larger = new Int32Array(at * 2);
        larger.set(values);
        values = larger;
      }
      values[at] = value;
    },
  };
};

/** A process on this share of all cells is a crowd: kept for every node, since counting it anew each time would be slow. */
const CROWD_SHARE = 1 / 32;
const LEAST_CROWD = 64;

interface Crowd extends Spread {
  readonly perNode: Int32Array;
}

/** Adds to a cell and to the nodes above it as far as their least changes. */
const addToNodes = (
  { ints, parent, leaf }: BidTree,
  perNode: Int32Array,
  { position, count }: Place,
): void => {
  let node = leaf[position]!;
  perNode[node]! += count;
  while (node !== ROOT) {
    node = parent[node]!;
    const left = ints[node * NODE_INTS + LEFT]!;
    const fewest = Math.min(perNode[left]!, perNode[left + 1]!);
    if (fewest === perNode[node]) return;
    perNode[node] = fewest;
  }
};

/** Lists of places, one per process, in arrays. */
const createPlaces = () => {
  const first = growing(0);
  const length = growing(0);
  const next = growing(0);
  const position = growing(0);
  const zone = growing(0);
  const counts = growing(0);
  let used = 0;
  return {
    begin(process: number): void {
      first.set(process, NONE);
      length.set(process, 0);
    },
    first: (process: number): number => first.get(process),
    next: next.get,
    position: position.get,
    zone: zone.get,
    count: counts.get,
    length: (process: number): number => length.get(process),
    add(process: number, place: Place): void {
      for (let at = first.get(process); at !== NONE; at = next.get(at)) {
        if (position.get(at) !== place.position || zone.get(at) !== place.zone) continue;
        counts.set(at, counts.get(at) + place.count);
        return;
      }
      position.set(used, place.position);
      zone.set(used, place.zone);
      counts.set(used, place.count);
      next.set(used, first.get(process));
      first.set(process, used);
      length.set(process, length.get(process) + 1);
      used += 1;
    },
  };
};

/** Counts a batch's processes on its cells and in its zones: those it found and those it adds. */
export const createInstances = (tree: BidTree): Instances => {
  const { zoneCount, count: cellCount } = tree.columns;
  const places = createPlaces();
  const numbers = new Map<string, number>();
  const crowds = new Map<number, Crowd>();
  const crowdSize = Math.max(LEAST_CROWD, cellCount * CROWD_SHARE);
  // all zero but for the process that is being looked at
  const scratch: Spread = { perNode: new Int32Array(tree.nodes), perZone: new Int32Array(zoneCount) };
  /** zones that have any, of the process being looked at */
  let zonesTouched = 0;

  const gather = (process: number): void => {
    const crowd = { perNode: new Int32Array(tree.nodes), perZone: new Int32Array(zoneCount) };
    for (let at = places.first(process); at !== NONE; at = places.next(at)) {
      const place = { position: places.position(at), zone: places.zone(at), count: places.count(at) };
      addToCrowd(crowd, place);
    }
    crowds.set(process, crowd);
    places.begin(process);
  };

  const addToCrowd = ({ perNode, perZone }: Crowd, place: Place): void => {
    perZone[place.zone]! += place.count;
    if (place.position !== NONE) addToNodes(tree, perNode, place);
  };

  /** Writes the process into the scratch counts, or with sign −1 takes it out again. */
  const mark = (process: number, sign: 1 | -1): void => {
    const { perNode, perZone } = scratch;
    const { leaf } = tree;
    zonesTouched = 0;
    for (let at = places.first(process); at !== NONE; at = places.next(at)) {
      const [position, zone] = [places.position(at), places.zone(at)];
      if (perZone[zone] === 0) zonesTouched += 1;
      perZone[zone]! += sign * places.count(at);
      if (position !== NONE) perNode[leaf[position]!]! += sign * places.count(at);
    }
  };

  return {
    process(guid) {
      const known = numbers.get(guid);
      if (known !== undefined) return known;
      const process = numbers.size;
      numbers.set(guid, process);
      places.begin(process);
      return process;
    },
    add(process, place) {
      const crowd = crowds.get(process);
      if (crowd !== undefined) return addToCrowd(crowd, place);
      places.add(process, place);
      if (places.length(process) > crowdSize) gather(process);
    },
    spread(process) {
      const crowd = crowds.get(process);
      if (crowd !== undefined) return crowd;
      mark(process, 1);
      return scratch;
    },
    release(process) {
      if (!crowds.has(process)) mark(process, -1);
    },
    nextZoneCount(process, after) {
      const crowd = crowds.get(process);
      let least = Infinity;
      if (crowd !== undefined) {
        for (const count of crowd.perZone) if (count > after && count < least) least = count;
        return least;
      }
      if (after < 0 && zonesTouched < zoneCount) return 0;
      for (let at = places.first(process); at !== NONE; at = places.next(at)) {
        const count = scratch.perZone[places.zone(at)]!;
        if (count > after && count < least) least = count;
      }
      return least;
    },
  };
};
