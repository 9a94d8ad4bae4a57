import type { Weights } from '../policy.js';
import * as cell from './cells.js';
import type { Cells } from './cells.js';

/**
 * Trees over the cells, by position: one for each offer, so that a kind of work looks into those that it matches. A node
 * says of the cells below it what a search must know to pass them over: the least that any of them could score, and the
 * most that any has left.
 *
 * A cell's score is a linear function of the memory and disk that are asked, so the least score below a node is a
 * concave one: between requests whose least scores are known it is nowhere below what lies straight between them. Each
 * node knows three, of which all others of the batch lie between: for nothing, for so much memory, for so much disk.
 * What the second and third are more than the first hardly changes where cells are nearly of one size, and is fixed there.
 *
 * Siblings form a group of up to four: node n is slot n mod 4 of group n div 4. A group is three cache lines, the fields
 * of its four slots side by side: what every search and every placement reads is in the first, what a search goes on by
 * in the second, the rest in the third. A slot without a node never bids. The roots come first, each alone in its group,
 * numbered as their offers.
 */
export interface BidForest {
  readonly cells: Cells;
  /** of each position, its leaf */
  readonly leaf: Int32Array;
  /** groups seen as 64-bit floats: GROUP_FLOATS each */
  readonly floats: Float64Array;
  /** the same memory seen as 32-bit floats: GROUP_INTS each */
  readonly singles: Float32Array;
  /** the same memory seen as 32-bit integers: GROUP_INTS each */
  readonly ints: Int32Array;
  /** of each group, the node above it; of a root's NO_PARENT */
  readonly parent: Int32Array;
  /** of each node, 1 where all cells below are nearly of one size */
  readonly near: Uint8Array;
  /** of each node, 1 where all cells below are of one size */
  readonly alike: Uint8Array;
  readonly corner: Corner;
  /** whether any cell accounts CPU */
  readonly countsCpu: boolean;
  /** groups of one root each, before all others */
  readonly roots: number;
  groups: number;
  /** for which kind of work the scores stand now */
  kind: 'lrp' | 'task' | undefined;
  weights: Weights;
}

/** Memory and disk of the two requests that are known beside the one for nothing. MB, at least 1. */
export interface Corner {
  readonly memory: number;
  readonly disk: number;
}

export const SLOTS = 4;
export const GROUP_FLOATS = 24;
export const GROUP_INTS = 48;

/** Floats: the least score below of a request for nothing; Infinity when no cell below has a container left. */
export const OF_NOTHING = 0;
/** Integers: the most that is left below, MB. */
export const MEMORY = 8;
export const DISK = 12;
/**
 * 32-bit floats, rounded down: how much more, at least, the least score of a request for the corner's memory is, and
 * for its disk.
 */
export const MORE_MEMORY = 16;
export const MORE_DISK = 20;
/** Integers: the group of the children; in a leaf, −1 − position. */
export const BELOW = 24;
/**
 * Integers: the position of the cell that scores best below whatever is asked, as far as it has room. Known where all
 * cells are of one size and only cells that score alike come near the best; else UNSETTLED.
 */
export const CHAMPION = 28;
/** Integers: the most that is left below, milli-CPU. */
export const CPU = 32;
/** Integers: the zone of all cells below, or SEVERAL. */
export const ZONE = 36;

export const SEVERAL = -1;
export const NO_PARENT = -1;
export const UNSETTLED = -1;
/** BELOW of a slot without a node; nothing at all left there. */
const NO_NODE = -0x8000_0000;

/** Where a node's fields of integers and 32-bit floats begin. */
export const intsOf = (node: number): number => (node >> 2) * GROUP_INTS + (node & 3);
/** Where a node's fields of 64-bit floats begin. */
export const floatsOf = (node: number): number => (node >> 2) * GROUP_FLOATS + (node & 3);

/** The nearest 32-bit float that is not above. */
export const roundDown = (value: number): number => {
  const near = Math.fround(value);
  return near <= value ? near : Math.fround(value * (1 - 2 ** -23));
};

type Field = (at: number) => number;

/** The place nearest to the middle where the field changes; 0 when it does not. */
const boundary = (field: Field, from: number, to: number): number => {
  if (field(from) === field(to - 1)) return 0;
  const middle = (from + to) >>> 1;
  for (let step = 0; ; step += 1) {
    const below = middle - step;
    if (below > from && field(below) !== field(below - 1)) return below;
    const above = middle + step;
    if (above > from && above < to && field(above) !== field(above - 1)) return above;
  }
};

/** Where to part a range: at a border of zones, else of sizes, so that nodes are as alike as can be. */
const createSplit = ({ rows }: Cells) => {
  const fields = [cell.ZONE, cell.TOTAL_MEMORY, cell.TOTAL_DISK].map(
    (field): Field =>
      (at) =>
        rows[at * cell.CELL_FLOATS + field]!,
  );
  return (from: number, to: number): number => {
    for (const field of fields) {
      const at = boundary(field, from, to);
      if (at !== 0) return at;
    }
    return (from + to) >>> 1;
  };
};

/** A range in halves, and those in halves: where its children begin, and its end. */
const partition = (split: ReturnType<typeof createSplit>, from: number, to: number): number[] => {
  const middle = split(from, to);
  return [
    from,
    ...(middle - from > 1 ? [split(from, middle)] : []),
    middle,
    ...(to - middle > 1 ? [split(middle, to)] : []),
    to,
  ];
};

/** Where each offer's positions begin, and the end of all. */
const offerBounds = ({ rows, count }: Cells, offers: number): Int32Array => {
  const bounds = new Int32Array(offers + 1).fill(count);
  for (let position = count - 1; position >= 0; position -= 1)
    bounds[rows[position * cell.CELL_FLOATS + cell.OFFER]!] = position;
  return bounds;
};

/** Lays the groups out: children after their parent. */
const layOut = (forest: BidForest, offers: number): void => {
  const { cells, ints, parent, leaf } = forest;
  const split = createSplit(cells);
  const grow = (node: number, from: number, to: number): void => {
    if (to - from === 1) {
      ints[intsOf(node) + BELOW] = -1 - from;
      leaf[from] = node;
      return;
    }
    const bounds = partition(split, from, to);
    const group = openGroup(forest);
    ints[intsOf(node) + BELOW] = group;
    parent[group] = node;
    for (let at = 0; at + 1 < bounds.length; at += 1) grow(group * SLOTS + at, bounds[at]!, bounds[at + 1]!);
  };
  const bounds = offerBounds(cells, offers);
  for (let offer = 0; offer < offers; offer += 1) openGroup(forest);
  for (let offer = 0; offer < offers; offer += 1) grow(offer * SLOTS, bounds[offer]!, bounds[offer + 1]!);
};

/** A group without nodes: its slots never bid, and have nothing left. */
const openGroup = (forest: BidForest): number => {
  const group = forest.groups;
  forest.groups += 1;
  for (let node = group * SLOTS; node < (group + 1) * SLOTS; node += 1) {
    forest.floats[floatsOf(node) + OF_NOTHING] = Infinity;
    for (const field of [BELOW, MEMORY, DISK, CPU]) forest.ints[intsOf(node) + field] = NO_NODE;
  }
  return group;
};

export const isNode = ({ ints }: BidForest, node: number): boolean => ints[intsOf(node) + BELOW] !== NO_NODE;

/** The slots of a group that are nodes come before those that are not. */
const endOf = (forest: BidForest, group: number): number => {
  let end = group * SLOTS;
  while (end < (group + 1) * SLOTS && isNode(forest, end)) end += 1;
  return end;
};

/** The nodes below a node; none below a leaf. */
export const childrenOf = (forest: BidForest, node: number): number[] => {
  const group = forest.ints[intsOf(node) + BELOW]!;
  if (group < 0) return [];
  const first = group * SLOTS;
  return Array.from({ length: endOf(forest, group) - first }, (_, slot) => first + slot);
};

const fixLeaf = (forest: BidForest, position: number): void => {
  const { cells, singles, ints, leaf, near, alike, corner } = forest;
  const node = leaf[position]!;
  const i = intsOf(node);
  const at = position * cell.CELL_FLOATS;
  singles[i + MORE_MEMORY] = roundDown(corner.memory / (3 * cells.rows[at + cell.TOTAL_MEMORY]!));
  singles[i + MORE_DISK] = roundDown(corner.disk / (3 * cells.rows[at + cell.TOTAL_DISK]!));
  ints[i + CHAMPION] = position;
  ints[i + ZONE] = cells.rows[at + cell.ZONE]!;
  near[node] = 1;
  alike[node] = 1;
};

const ofOneSize = ({ rows }: Cells, a: number, b: number): boolean => {
  const [l, r] = [a * cell.CELL_FLOATS, b * cell.CELL_FLOATS];
  return (
    rows[l + cell.TOTAL_MEMORY] === rows[r + cell.TOTAL_MEMORY] &&
    rows[l + cell.TOTAL_DISK] === rows[r + cell.TOTAL_DISK]
  );
};

/** Sizes so near each other that the smallest slope is as good as each cell's own. */
const NEARLY = 1.02;

/** Of each node, the largest of the MORE_ fields on any cell below. */
interface Most {
  readonly memory: Float32Array;
  readonly disk: Float32Array;
}

/** What does not change while a batch lasts. Meanwhile the champion is any cell, as long as all are of one size. */
const fixNode = (forest: BidForest, group: number, most: Most): void => {
  const { cells, singles, ints, near, alike } = forest;
  const node = forest.parent[group]!;
  const first = group * SLOTS;
  const end = endOf(forest, group);
  const own = intsOf(node);
  const champion = ints[intsOf(first) + CHAMPION]!;
  let zone = ints[intsOf(first) + ZONE]!;
  let [allNear, allAlike] = [1, 1];
  let [memory, disk] = [Infinity, Infinity];
  for (let child = first; child < end; child += 1) {
    const c = intsOf(child);
    if (ints[c + ZONE] !== zone) zone = SEVERAL;
    if (alike[child] === 0 || !ofOneSize(cells, champion, ints[c + CHAMPION]!)) allAlike = 0;
    if (near[child] === 0) allNear = 0;
    memory = Math.min(memory, singles[c + MORE_MEMORY]!);
    disk = Math.min(disk, singles[c + MORE_DISK]!);
    most.memory[node] = Math.max(most.memory[node]!, most.memory[child]!);
    most.disk[node] = Math.max(most.disk[node]!, most.disk[child]!);
  }
  const isNear = most.memory[node]! <= memory * NEARLY && most.disk[node]! <= disk * NEARLY;
  near[node] = isNear ? allNear : 0;
  alike[node] = allAlike;
  singles[own + MORE_MEMORY] = memory;
  singles[own + MORE_DISK] = disk;
  ints[own + ZONE] = zone;
  ints[own + CHAMPION] = allAlike === 1 ? champion : UNSETTLED;
};

const fix = (forest: BidForest): void => {
  const { cells, leaf, singles, groups } = forest;
  const most: Most = {
    memory: new Float32Array(groups * SLOTS),
    disk: new Float32Array(groups * SLOTS),
  };
  for (let position = 0; position < cells.count; position += 1) {
    fixLeaf(forest, position);
    const node = leaf[position]!;
    most.memory[node] = singles[intsOf(node) + MORE_MEMORY]!;
    most.disk[node] = singles[intsOf(node) + MORE_DISK]!;
  }
  for (let group = groups - 1; group >= forest.roots; group -= 1) fixNode(forest, group, most);
};

const accountsCpu = ({ rows, count }: Cells): boolean => {
  for (let position = 0; position < count; position += 1)
    if (rows[position * cell.CELL_FLOATS + cell.ACCOUNTS_CPU] === 1) return true;
  return false;
};

/** At least one cell. Scores stand for no kind of work yet. */
export const createForest = (cells: Cells, offers: number, corner: Corner): BidForest => {
  // each group below the roots parts a range in two or more
  const most = offers + cells.count;
  const memory = new ArrayBuffer(most * GROUP_INTS * Int32Array.BYTES_PER_ELEMENT);
  const forest: BidForest = {
    cells,
    leaf: new Int32Array(cells.count),
    floats: new Float64Array(memory),
    singles: new Float32Array(memory),
    ints: new Int32Array(memory),
    parent: new Int32Array(most).fill(NO_PARENT),
    near: new Uint8Array(most * SLOTS),
    alike: new Uint8Array(most * SLOTS),
    corner,
    countsCpu: accountsCpu(cells),
    roots: offers,
    groups: 0,
    kind: undefined,
    weights: { starting: 0, neighbour: 0, index: 0 },
  };
  layOut(forest, offers);
  fix(forest);
  return forest;
};
