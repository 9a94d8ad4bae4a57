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
 * Nodes are 64 bytes, one cache line; siblings lie side by side, up to four, so that their lines are fetched at one go.
 * The first nodes are the roots, numbered as their offers.
 */
export interface BidForest {
  readonly cells: Cells;
  /** of each position, its leaf */
  readonly leaf: Int32Array;
  /** of each position, a third of the share that one MB of memory, one of disk, one container is */
  readonly slopes: Float64Array;
  /** nodes seen as 64-bit floats: NODE_FLOATS each */
  readonly floats: Float64Array;
  /** the same memory seen as 32-bit integers: NODE_INTS each */
  readonly ints: Int32Array;
  /** of each node; of a root NO_PARENT */
  readonly parent: Int32Array;
  readonly corner: Corner;
  nodes: number;
  /** for which kind of work the scores stand now */
  kind: 'lrp' | 'task' | undefined;
  weights: Weights;
}

/** Memory and disk of the two requests that are known beside the one for nothing. MB, at least 1. */
export interface Corner {
  readonly memory: number;
  readonly disk: number;
}

export const NODE_FLOATS = 8;
export const NODE_INTS = 16;

/** Floats: the least score below of a request for nothing; Infinity when no cell below has a container left. */
export const OF_NOTHING = 0;
/** Floats: how much more, at least, the least score of a request for the corner's memory is, and for its disk. */
export const MORE_MEMORY = 1;
export const MORE_DISK = 2;
/** Integers: the most that is left below, MB and milli-CPU. */
export const MEMORY = 8;
export const DISK = 9;
export const CPU = 10;
/**
 * Integers: the position of the cell that scores best below whatever is asked, as far as it has room. Known where all
 * cells are of one size and only cells that score alike come near the best; else UNSETTLED or UNLIKE.
 */
export const CHAMPION = 11;
/** Integers: the zone of all cells below, or SEVERAL. */
export const ZONE = 12;
/** Integers: the first of the children, which follow each other; in a leaf, −1 − position. */
export const FIRST = 13;
/** Integers: the node after the last child. */
export const END = 14;
/** Integers: 1 where all cells below are nearly of one size. */
export const NEAR = 15;

export const SEVERAL = -1;
export const NO_PARENT = -1;
export const UNSETTLED = -1;
/** cells of different size: never settled */
export const UNLIKE = -2;

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

/** Lays the nodes out: children after their parent, siblings side by side. */
const layOut = (forest: BidForest, offers: number): void => {
  const { cells, ints, parent, leaf } = forest;
  const split = createSplit(cells);
  const grow = (node: number, from: number, to: number): void => {
    if (to - from === 1) {
      ints[node * NODE_INTS + FIRST] = -1 - from;
      leaf[from] = node;
      return;
    }
    const bounds = partition(split, from, to);
    const first = forest.nodes;
    forest.nodes += bounds.length - 1;
    ints[node * NODE_INTS + FIRST] = first;
    ints[node * NODE_INTS + END] = forest.nodes;
    parent.fill(node, first, forest.nodes);
    for (let at = 0; at + 1 < bounds.length; at += 1) grow(first + at, bounds[at]!, bounds[at + 1]!);
  };
  const bounds = offerBounds(cells, offers);
  forest.nodes = offers;
  for (let offer = 0; offer < offers; offer += 1) grow(offer, bounds[offer]!, bounds[offer + 1]!);
};

const fixLeaf = (forest: BidForest, position: number): void => {
  const { cells, floats, ints, leaf, slopes, corner } = forest;
  const i = leaf[position]! * NODE_INTS;
  const f = leaf[position]! * NODE_FLOATS;
  floats[f + MORE_MEMORY] = corner.memory * slopes[position * SLOPES]!;
  floats[f + MORE_DISK] = corner.disk * slopes[position * SLOPES + 1]!;
  ints[i + CHAMPION] = position;
  ints[i + ZONE] = cells.rows[position * cell.CELL_FLOATS + cell.ZONE]!;
  ints[i + NEAR] = 1;
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

/** The largest of one of the MORE_ fields on any cell below; read before anything else is made of the field. */
const mostBelow = (forest: BidForest, node: number, field: number): number => {
  const { floats, ints } = forest;
  const [first, end] = [ints[node * NODE_INTS + FIRST]!, ints[node * NODE_INTS + END]!];
  if (first < 0) return floats[node * NODE_FLOATS + field]!;
  let most = 0;
  for (let child = first; child < end; child += 1) most = Math.max(most, mostBelow(forest, child, field));
  return most;
};

/** What does not change while a batch lasts. Meanwhile the champion is any cell, as long as all are of one size. */
const fixNode = (forest: BidForest, node: number): void => {
  const { cells, floats, ints } = forest;
  const i = node * NODE_INTS;
  const f = node * NODE_FLOATS;
  const [first, end] = [ints[i + FIRST]!, ints[i + END]!];
  let zone = ints[first * NODE_INTS + ZONE]!;
  let champion = ints[first * NODE_INTS + CHAMPION]!;
  let near = 1;
  let memory = Infinity;
  let disk = Infinity;
  for (let child = first; child < end; child += 1) {
    const other = ints[child * NODE_INTS + CHAMPION]!;
    if (ints[child * NODE_INTS + ZONE] !== zone) zone = SEVERAL;
    if (champion !== UNLIKE && (other === UNLIKE || !ofOneSize(cells, champion, other))) champion = UNLIKE;
    near = Math.min(near, ints[child * NODE_INTS + NEAR]!);
    memory = Math.min(memory, floats[child * NODE_FLOATS + MORE_MEMORY]!);
    disk = Math.min(disk, floats[child * NODE_FLOATS + MORE_DISK]!);
  }
  if (near === 1) {
    const isNear =
      mostBelow(forest, node, MORE_MEMORY) <= memory * NEARLY &&
      mostBelow(forest, node, MORE_DISK) <= disk * NEARLY;
    near = Number(isNear);
  }
  floats[f + MORE_MEMORY] = memory;
  floats[f + MORE_DISK] = disk;
  ints[i + ZONE] = zone;
  ints[i + CHAMPION] = champion;
  ints[i + NEAR] = near;
};

export const SLOPES = 4;

const slopesOf = ({ rows, count }: Cells): Float64Array => {
  const slopes = new Float64Array(count * SLOPES);
  for (let position = 0; position < count; position += 1) {
    const at = position * cell.CELL_FLOATS;
    slopes[position * SLOPES] = 1 / (3 * rows[at + cell.TOTAL_MEMORY]!);
    slopes[position * SLOPES + 1] = 1 / (3 * rows[at + cell.TOTAL_DISK]!);
    slopes[position * SLOPES + 2] = 1 / (3 * rows[at + cell.TOTAL_CONTAINERS]!);
  }
  return slopes;
};

/** Nodes that are no leaves, children before their parents. */
export const innerNodes = function* ({ ints, nodes }: BidForest): Generator<number> {
  for (let node = nodes - 1; node >= 0; node -= 1) if (ints[node * NODE_INTS + FIRST]! >= 0) yield node;
};

/** At least one cell. Scores stand for no kind of work yet. */
export const createForest = (cells: Cells, offers: number, corner: Corner): BidForest => {
  const most = 2 * cells.count;
  const memory = new ArrayBuffer(most * NODE_INTS * Int32Array.BYTES_PER_ELEMENT);
  const forest: BidForest = {
    cells,
    leaf: new Int32Array(cells.count),
    slopes: slopesOf(cells),
    floats: new Float64Array(memory),
    ints: new Int32Array(memory),
    parent: new Int32Array(most).fill(NO_PARENT),
    corner,
    nodes: 0,
    kind: undefined,
    weights: { starting: 0, neighbour: 0, index: 0 },
  };
  layOut(forest, offers);
  for (let position = 0; position < cells.count; position += 1) fixLeaf(forest, position);
  for (const node of innerNodes(forest)) fixNode(forest, node);
  return forest;
};
