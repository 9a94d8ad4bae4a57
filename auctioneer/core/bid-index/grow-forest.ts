import * as cell from './cells.js';
import type { Cells } from './cells.js';
import {
  BELOW,
  type BidForest,
  CHAMPION,
  CPU,
  DISK,
  GROUP_INTS,
  MEMORY,
  MORE_DISK,
  MORE_MEMORY,
  NOTHING_SEEN,
  NO_NODE,
  NO_PARENT,
  NO_SLOPE,
  OF_LEAST,
  SEVERAL,
  SLOTS,
  type Scratch,
  UNSETTLED,
  ZONE,
  endOf,
  floatsOf,
  intsOf,
} from './forest.js';
import { NEARLY } from './shapes.js';

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

/** Where to part a range: at a border of shapes, else of zones, else of sizes, so that nodes are as alike as can be. */
const createSplit = ({ rows }: Cells) => {
  const fields = [cell.SHAPE, cell.ZONE, cell.TOTAL_MEMORY, cell.TOTAL_DISK].map(
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

/** Lays the groups out: children after their parent. Answers how deep they lie. */
const layOut = (forest: BidForest, offers: number): number => {
  const { cells, ints, parent, leaf } = forest;
  const split = createSplit(cells);
  let depth = 0;
  const grow = (node: number, from: number, to: number, level: number): void => {
    depth = Math.max(depth, level);
    if (to - from === 1) {
      ints[intsOf(node) + BELOW] = -1 - from;
      leaf[from] = node;
      return;
    }
    const bounds = partition(split, from, to);
    const group = openGroup(forest);
    ints[intsOf(node) + BELOW] = group;
    parent[group] = node;
    for (let at = 0; at + 1 < bounds.length; at += 1)
      grow(group * SLOTS + at, bounds[at]!, bounds[at + 1]!, level + 1);
  };
  const bounds = offerBounds(cells, offers);
  for (let offer = 0; offer < offers; offer += 1) openGroup(forest);
  for (let offer = 0; offer < offers; offer += 1) grow(offer * SLOTS, bounds[offer]!, bounds[offer + 1]!, 0);
  return depth;
};

/** A group without nodes: its slots never bid, and have nothing left. */
const openGroup = (forest: BidForest): number => {
  const { ints, singles } = forest;
  const group = forest.groups;
  forest.groups += 1;
  for (let node = group * SLOTS; node < (group + 1) * SLOTS; node += 1) {
    forest.floats[floatsOf(node) + OF_LEAST] = Infinity;
    const own = intsOf(node);
    ints[own + BELOW] = ints[own + MEMORY] = ints[own + DISK] = ints[own + CPU] = NO_NODE;
    singles[own + MORE_MEMORY] = singles[own + MORE_DISK] = NO_SLOPE;
  }
  return group;
};

/** Of each node, the smallest and the largest cell below. MB. */
interface Sizes {
  readonly leastMemory: Float64Array;
  readonly mostMemory: Float64Array;
  readonly leastDisk: Float64Array;
  readonly mostDisk: Float64Array;
}

const fixLeaf = ({ cells, ints, leaf, near, alike }: BidForest, position: number, sizes: Sizes): void => {
  const node = leaf[position]!;
  const at = position * cell.CELL_FLOATS;
  ints[intsOf(node) + CHAMPION] = position;
  ints[intsOf(node) + ZONE] = cells.rows[at + cell.ZONE]!;
  near[node] = 1;
  alike[node] = 1;
  sizes.leastMemory[node] = sizes.mostMemory[node] = cells.rows[at + cell.TOTAL_MEMORY]!;
  sizes.leastDisk[node] = sizes.mostDisk[node] = cells.rows[at + cell.TOTAL_DISK]!;
};

const addSizes = (sizes: Sizes, node: number, child: number): void => {
  sizes.leastMemory[node] = Math.min(sizes.leastMemory[node]!, sizes.leastMemory[child]!);
  sizes.mostMemory[node] = Math.max(sizes.mostMemory[node]!, sizes.mostMemory[child]!);
  sizes.leastDisk[node] = Math.min(sizes.leastDisk[node]!, sizes.leastDisk[child]!);
  sizes.mostDisk[node] = Math.max(sizes.mostDisk[node]!, sizes.mostDisk[child]!);
};

/** What does not change while a batch lasts. Meanwhile the champion is any cell, as long as all are of one size. */
const fixNode = (forest: BidForest, group: number, sizes: Sizes): void => {
  const { ints, near, alike } = forest;
  const node = forest.parent[group]!;
  const first = group * SLOTS;
  const end = endOf(forest, group);
  let zone = ints[intsOf(first) + ZONE]!;
  for (let child = first; child < end; child += 1) {
    if (ints[intsOf(child) + ZONE] !== zone) zone = SEVERAL;
    addSizes(sizes, node, child);
  }
  const { leastMemory, mostMemory, leastDisk, mostDisk } = sizes;
  const nearly =
    mostMemory[node]! <= leastMemory[node]! * NEARLY && mostDisk[node]! <= leastDisk[node]! * NEARLY;
  const same = mostMemory[node] === leastMemory[node] && mostDisk[node] === leastDisk[node];
  near[node] = Number(nearly);
  alike[node] = Number(same);
  ints[intsOf(node) + ZONE] = zone;
  ints[intsOf(node) + CHAMPION] = same ? ints[intsOf(first) + CHAMPION]! : UNSETTLED;
};

const fix = (forest: BidForest): void => {
  const { cells, groups } = forest;
  const all = (value: number): Float64Array => new Float64Array(groups * SLOTS).fill(value);
  const sizes = {
    leastMemory: all(Infinity),
    mostMemory: all(0),
    leastDisk: all(Infinity),
    mostDisk: all(0),
  };
  for (let position = 0; position < cells.count; position += 1) fixLeaf(forest, position, sizes);
  for (let group = groups - 1; group >= forest.roots; group -= 1) fixNode(forest, group, sizes);
};

const accountsCpu = ({ rows, count }: Cells): boolean => {
  for (let position = 0; position < count; position += 1)
    if (rows[position * cell.CELL_FLOATS + cell.ACCOUNTS_CPU] === 1) return true;
  return false;
};

const createScratch = (roots: number, depth: number): Scratch => ({
  roots: new Int32Array(roots),
  rootBounds: new Float64Array(roots),
  groups: new Int32Array(depth),
  bounds: new Float64Array(depth * SLOTS),
});

/** At least one cell. The bounds stand for nothing until `lookAt` (refresh.ts). */
export const createForest = (cells: Cells, offers: number): BidForest => {
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
    countsCpu: accountsCpu(cells),
    roots: offers,
    groups: 0,
    scratch: createScratch(offers, 0),
    view: NOTHING_SEEN,
    looked: 0,
  };
  const depth = layOut(forest, offers);
  fix(forest);
  return { ...forest, scratch: createScratch(offers, depth) };
};
