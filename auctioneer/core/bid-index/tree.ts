import { type Policy, type Weights, weightsOf } from '../policy.js';
import * as cell from './cells.js';
import type { Cells } from './cells.js';

/**
 * A binary tree over some of the cells, by position. A node says of the cells below it what a search must know to
 * pass them over: the least that any of them could score, and the most that any has left.
 *
 * A cell's score is a linear function of the memory and disk that are asked, so the least score below a node is a
 * concave one: between requests whose least scores are known it is nowhere below what lies straight between them. Each
 * node knows four: of a request for nothing, for the most memory of the batch, for the most disk, for both. Nodes are
 * 64 bytes, one cache line; siblings lie side by side.
 */
export interface BidTree {
  readonly cells: Cells;
  /** the positions in it, rising */
  readonly positions: Int32Array;
  /** of each of all positions, its leaf here, or NO_LEAF */
  readonly leaf: Int32Array;
  /** nodes seen as 64-bit floats: NODE_FLOATS each */
  readonly floats: Float64Array;
  /** the same memory seen as 32-bit integers: NODE_INTS each */
  readonly ints: Int32Array;
  readonly parent: Int32Array;
  readonly nodes: number;
  /** the most that is asked; MB */
  readonly corner: Corner;
  /** for which kind of work the bases stand now */
  kind: 'lrp' | 'task' | undefined;
  weights: Weights;
}

/** The largest request, in each dimension for itself. MB, at least 1. */
export interface Corner {
  readonly memory: number;
  readonly disk: number;
}

export const NODE_FLOATS = 8;
export const NODE_INTS = 16;

/** Floats: the least scores below; Infinity when no cell below has a container left. */
export const OF_NOTHING = 0;
export const OF_MEMORY = 1;
export const OF_DISK = 2;
export const OF_BOTH = 3;
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
/** Integers: the left child, the right one follows it; in a leaf, −1 − position. */
export const LEFT = 13;

export const SEVERAL = -1;
export const NO_LEAF = -1;
const UNSETTLED = -1;
/** cells of different size: never settled */
const UNLIKE = -2;

export const ROOT = 0;

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
const createSplit = ({ cells, positions }: BidTree) => {
  const fields = [cell.ZONE, cell.TOTAL_MEMORY, cell.TOTAL_DISK].map(
    (field): Field =>
      (at) =>
        cells.rows[positions[at]! * cell.CELL_FLOATS + field]!,
  );
  return (from: number, to: number): number => {
    for (const field of fields) {
      const at = boundary(field, from, to);
      if (at !== 0) return at;
    }
    return (from + to) >>> 1;
  };
};

/** Lays the nodes out: children after their parent, siblings side by side. */
const layOut = (tree: BidTree): void => {
  const { positions, ints, parent, leaf } = tree;
  const split = createSplit(tree);
  let next = ROOT + 1;
  const grow = (node: number, from: number, to: number): void => {
    if (to - from === 1) {
      ints[node * NODE_INTS + LEFT] = -1 - positions[from]!;
      leaf[positions[from]!] = node;
      return;
    }
    const left = next;
    next += 2;
    ints[node * NODE_INTS + LEFT] = left;
    parent[left] = parent[left + 1] = node;
    const middle = split(from, to);
    grow(left, from, middle);
    grow(left + 1, middle, to);
  };
  grow(ROOT, 0, positions.length);
};

const fixLeaf = ({ cells, ints, leaf }: BidTree, position: number): void => {
  const i = leaf[position]! * NODE_INTS;
  ints[i + CHAMPION] = position;
  ints[i + ZONE] = cells.rows[position * cell.CELL_FLOATS + cell.ZONE]!;
};

const ofOneSize = ({ rows }: Cells, a: number, b: number): boolean => {
  const [l, r] = [a * cell.CELL_FLOATS, b * cell.CELL_FLOATS];
  return (
    rows[l + cell.TOTAL_MEMORY] === rows[r + cell.TOTAL_MEMORY] &&
    rows[l + cell.TOTAL_DISK] === rows[r + cell.TOTAL_DISK]
  );
};

/** What does not change while a batch lasts. Meanwhile the champion is any cell, as long as all are of one size. */
const fixNode = ({ cells, ints }: BidTree, node: number): void => {
  const left = ints[node * NODE_INTS + LEFT]!;
  const [i, l, r] = [node * NODE_INTS, left * NODE_INTS, (left + 1) * NODE_INTS];
  ints[i + ZONE] = ints[l + ZONE] === ints[r + ZONE] ? ints[l + ZONE]! : SEVERAL;
  const [a, b] = [ints[l + CHAMPION]!, ints[r + CHAMPION]!];
  ints[i + CHAMPION] = a !== UNLIKE && b !== UNLIKE && ofOneSize(cells, a, b) ? a : UNLIKE;
};

/** Fills in what a leaf says of its cell as it stands now. */
const refreshLeaf = (tree: BidTree, position: number): void => {
  const { floats, ints, weights, kind } = tree;
  const { rows } = tree.cells;
  const node = tree.leaf[position]!;
  const i = node * NODE_INTS;
  const at = position * cell.CELL_FLOATS;
  const memory = rows[at + cell.MEMORY]! - (kind === 'lrp' ? rows[at + cell.PROXY]! : 0);
  const use =
    3 -
    memory / rows[at + cell.TOTAL_MEMORY]! -
    rows[at + cell.DISK]! / rows[at + cell.TOTAL_DISK]! -
    (rows[at + cell.CONTAINERS]! - 1) / rows[at + cell.TOTAL_CONTAINERS]!;
  const tasks = kind === 'task' ? rows[at + cell.TASKS]! * weights.neighbour : 0;
  const burden = rows[at + cell.STARTING]! * weights.starting + rows[at + cell.INDEX]! * weights.index;
  const base = rows[at + cell.CONTAINERS]! < 1 ? Infinity : use / 3 + burden + tasks;
  const ofMemory = tree.corner.memory / (3 * rows[at + cell.TOTAL_MEMORY]!);
  const ofDisk = tree.corner.disk / (3 * rows[at + cell.TOTAL_DISK]!);
  const f = node * NODE_FLOATS;
  floats[f + OF_NOTHING] = base;
  floats[f + OF_MEMORY] = base + ofMemory;
  floats[f + OF_DISK] = base + ofDisk;
  floats[f + OF_BOTH] = base + ofMemory + ofDisk;
  ints[i + MEMORY] = Math.max(-cell.UNCOUNTED, memory);
  ints[i + DISK] = rows[at + cell.DISK]!;
  ints[i + CPU] = rows[at + cell.CPU]!;
};

/**
 * How near two bases may be for rounding to decide between their cells, penalties up to SETTLED_PENALTY added. Far
 * less than one MB of any real cell makes, far more than the few operations on numbers of this size can lose.
 */
const haze = (base: number): number => 1e-11 * (10 + Math.abs(base));
/** Beyond this penalty rounding may put a champion and a lower number on a par. */
export const SETTLED_PENALTY = 1e5;

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** What, beside the memory and disk that are left, makes a score; sizes are known to be the same. */
const sameBurden = ({ cells, kind, weights }: BidTree, left: number, right: number): boolean => {
  const { rows } = cells;
  const same = (field: number): boolean => rows[left + field] === rows[right + field];
  return (
    same(cell.CONTAINERS) &&
    same(cell.STARTING) &&
    same(cell.TOTAL_CONTAINERS) &&
    same(cell.PROXY) &&
    (weights.index === 0 || same(cell.INDEX)) &&
    (kind === 'lrp' || same(cell.TASKS))
  );
};

/**
 * Whether two cells of one size score alike to the last bit, whatever is asked: in the same state; or where the shares
 * of memory and disk are reckoned without rounding, as they are by powers of two, with the same sum of them.
 */
const scoreAlike = (tree: BidTree, a: number, b: number): boolean => {
  const { rows } = tree.cells;
  const [l, r] = [a * cell.CELL_FLOATS, b * cell.CELL_FLOATS];
  if (!sameBurden(tree, l, r)) return false;
  if (rows[l + cell.MEMORY] === rows[r + cell.MEMORY] && rows[l + cell.DISK] === rows[r + cell.DISK])
    return true;
  const [memory, disk] = [rows[l + cell.TOTAL_MEMORY]!, rows[l + cell.TOTAL_DISK]!];
  if (!isPowerOfTwo(memory) || !isPowerOfTwo(disk)) return false;
  const left = rows[l + cell.MEMORY]! / memory + rows[l + cell.DISK]! / disk;
  return left === rows[r + cell.MEMORY]! / memory + rows[r + cell.DISK]! / disk;
};

/** The champion of a node from those of its children. */
const championOf = (tree: BidTree, left: number): number => {
  const { cells, floats, ints } = tree;
  const [leftBase, rightBase] = [
    floats[left * NODE_FLOATS + OF_NOTHING]!,
    floats[(left + 1) * NODE_FLOATS + OF_NOTHING]!,
  ];
  const [a, b] = [ints[left * NODE_INTS + CHAMPION]!, ints[(left + 1) * NODE_INTS + CHAMPION]!];
  const gap = haze(Math.min(leftBase, rightBase));
  if (leftBase < rightBase - gap || rightBase === Infinity) return a;
  if (rightBase < leftBase - gap) return b;
  if (a < 0 || b < 0 || !scoreAlike(tree, a, b)) return UNSETTLED;
  const number = (position: number): number => cells.rows[position * cell.CELL_FLOATS + cell.NUMBER]!;
  return number(a) < number(b) ? a : b;
};

/** Writes a float where it differs; says whether it did. */
const setFloat = (floats: Float64Array, at: number, value: number): boolean => {
  if (floats[at] === value) return false;
  floats[at] = value;
  return true;
};

const setInt = (ints: Int32Array, at: number, value: number): boolean => {
  if (ints[at] === value) return false;
  ints[at] = value;
  return true;
};

/** The least scores of a node from those of its children; says whether any changed. One line each: no loop is as fast. */
const refreshScores = (floats: Float64Array, node: number, left: number): boolean => {
  const f = node * NODE_FLOATS;
  const l = left * NODE_FLOATS;
  const r = l + NODE_FLOATS;
  const nothing = setFloat(
    floats,
    f + OF_NOTHING,
    Math.min(floats[l + OF_NOTHING]!, floats[r + OF_NOTHING]!),
  );
  const memory = setFloat(floats, f + OF_MEMORY, Math.min(floats[l + OF_MEMORY]!, floats[r + OF_MEMORY]!));
  const disk = setFloat(floats, f + OF_DISK, Math.min(floats[l + OF_DISK]!, floats[r + OF_DISK]!));
  const both = setFloat(floats, f + OF_BOTH, Math.min(floats[l + OF_BOTH]!, floats[r + OF_BOTH]!));
  return nothing || memory || disk || both;
};

const refreshRoom = (ints: Int32Array, node: number, left: number): boolean => {
  const i = node * NODE_INTS;
  const l = left * NODE_INTS;
  const r = l + NODE_INTS;
  const memory = setInt(ints, i + MEMORY, Math.max(ints[l + MEMORY]!, ints[r + MEMORY]!));
  const disk = setInt(ints, i + DISK, Math.max(ints[l + DISK]!, ints[r + DISK]!));
  const cpu = setInt(ints, i + CPU, Math.max(ints[l + CPU]!, ints[r + CPU]!));
  return memory || disk || cpu;
};

/** Sums a node up from its children; says whether anything changed that nodes above it depend on. */
const refreshNode = (tree: BidTree, node: number, position: number): boolean => {
  const { floats, ints } = tree;
  const left = ints[node * NODE_INTS + LEFT]!;
  const i = node * NODE_INTS;
  const scores = refreshScores(floats, node, left);
  const room = refreshRoom(ints, node, left);
  const before = ints[i + CHAMPION]!;
  if (before === UNLIKE) return scores || room;
  const champion = championOf(tree, left);
  ints[i + CHAMPION] = champion;
  return scores || room || champion !== before || champion === position;
};

/** To be called when the row of a cell in it has changed. */
export const refresh = (tree: BidTree, position: number): void => {
  refreshLeaf(tree, position);
  const { parent } = tree;
  let node = tree.leaf[position]!;
  while (node !== ROOT) {
    node = parent[node]!;
    if (!refreshNode(tree, node, position)) return;
  }
};

/** Brings the whole tree up to date, for that kind of work: bases differ between LRPs and tasks. */
export const refreshAll = (tree: BidTree, kind: 'lrp' | 'task', policy: Policy): void => {
  tree.kind = kind;
  tree.weights = weightsOf(policy, kind);
  for (const position of tree.positions) refreshLeaf(tree, position);
  for (let node = tree.nodes - 1; node >= ROOT; node -= 1) {
    if (tree.ints[node * NODE_INTS + LEFT]! >= 0) refreshNode(tree, node, SEVERAL);
  }
};

/** Over at least one position, rising. Bases stand for no kind of work yet. */
export const createTree = (cells: Cells, positions: Int32Array, corner: Corner): BidTree => {
  const nodes = 2 * positions.length - 1;
  const memory = new ArrayBuffer(nodes * NODE_INTS * Int32Array.BYTES_PER_ELEMENT);
  const tree: BidTree = {
    cells,
    positions,
    leaf: new Int32Array(cells.count).fill(NO_LEAF),
    floats: new Float64Array(memory),
    ints: new Int32Array(memory),
    parent: new Int32Array(nodes),
    nodes,
    corner,
    kind: undefined,
    weights: { starting: 0, neighbour: 0, index: 0 },
  };
  layOut(tree);
  for (const position of positions) fixLeaf(tree, position);
  for (let node = nodes - 1; node >= ROOT; node -= 1) {
    if (tree.ints[node * NODE_INTS + LEFT]! >= 0) fixNode(tree, node);
  }
  return tree;
};
