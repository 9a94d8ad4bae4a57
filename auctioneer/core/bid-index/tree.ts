import { weightsOf } from '../policy.js';
import type { Policy, Weights } from '../policy.js';
import * as cell from './cells.js';
import type { Cells } from './cells.js';
import type { Offers } from './offers.js';

/**
 * A binary tree over the cells' positions. A node says of the cells below it what a search must know to pass them
 * over: the least that any of them could score, the most that any has left, and what they offer.
 *
 * A bid's score is a linear function of what is asked: base + memory × slope + disk × slope. Base changes with every
 * placement; slopes are the cell's size. Nodes are 64 bytes, one cache line; the children of a node lie side by side.
 */
export interface BidTree {
  readonly cells: Cells;
  /** nodes seen as 64-bit floats: NODE_FLOATS each */
  readonly floats: Float64Array;
  /** the same memory seen as 32-bit integers: NODE_INTS each */
  readonly ints: Int32Array;
  readonly parent: Int32Array;
  /** of each position, its leaf */
  readonly leaf: Int32Array;
  readonly nodes: number;
  /** for which kind of work the bases stand now */
  kind: 'lrp' | 'task' | undefined;
  weights: Weights;
}

export const NODE_FLOATS = 8;
export const NODE_INTS = 16;

/** Floats: the least base below; Infinity when no cell below has a container left. */
export const BASE = 0;
/** Floats: the least share that one MB takes, divided by three. */
export const MEMORY_SLOPE = 1;
export const DISK_SLOPE = 2;
/** Integers: the most that is left below, MB and milli-CPU. */
export const MEMORY = 6;
export const DISK = 7;
export const CPU = 8;
/** Integers: masks of what any cell below offers, and of what all of them require. */
export const ROOTFS = 9;
export const OFFERS = 10;
export const REQUIRES = 11;
/**
 * Integers: the position of the cell that scores best below whatever is asked, as far as it has room and matches. Known
 * where all cells are of one size and only cells in the same state come near the best; else UNSETTLED or UNLIKE.
 */
export const CHAMPION = 12;
/** Integers: the zone and the offer of all cells below, or SEVERAL. */
export const ZONE = 13;
export const OFFER = 14;
/** Integers: the left child, the right one follows it; in a leaf, −1 − position. */
export const LEFT = 15;

export const SEVERAL = -1;
const UNSETTLED = -1;
/** cells of different size: never settled */
const UNLIKE = -2;

export const ROOT = 0;

/** The place nearest to the middle where the field changes; 0 when it does not. */
const boundary = ({ rows }: Cells, field: number, from: number, to: number): number => {
  const value = (position: number): number => rows[position * cell.CELL_FLOATS + field]!;
  if (value(from) === value(to - 1)) return 0;
  const middle = (from + to) >>> 1;
  for (let step = 0; ; step += 1) {
    const below = middle - step;
    if (below > from && value(below) !== value(below - 1)) return below;
    const above = middle + step;
    if (above > from && above < to && value(above) !== value(above - 1)) return above;
  }
};

/** Where to part a range: at a border of zones, else of offers, else of sizes, so that nodes are as alike as can be. */
const split = (cells: Cells, from: number, to: number): number =>
  boundary(cells, cell.ZONE, from, to) ||
  boundary(cells, cell.OFFER, from, to) ||
  boundary(cells, cell.TOTAL_MEMORY, from, to) ||
  boundary(cells, cell.TOTAL_DISK, from, to) ||
  (from + to) >>> 1;

/** Lays the nodes out: children after their parent, siblings side by side. */
const layOut = (tree: BidTree): void => {
  const { cells, ints, parent, leaf } = tree;
  let next = ROOT + 1;
  const grow = (node: number, from: number, to: number): void => {
    if (to - from === 1) {
      ints[node * NODE_INTS + LEFT] = -1 - from;
      leaf[from] = node;
      return;
    }
    const left = next;
    next += 2;
    ints[node * NODE_INTS + LEFT] = left;
    parent[left] = parent[left + 1] = node;
    const middle = split(cells, from, to);
    grow(left, from, middle);
    grow(left + 1, middle, to);
  };
  grow(ROOT, 0, cells.count);
};

const fixLeaf = ({ cells, floats, ints, leaf }: BidTree, position: number, offers: Offers): void => {
  const [f, i] = [leaf[position]! * NODE_FLOATS, leaf[position]! * NODE_INTS];
  const at = position * cell.CELL_FLOATS;
  const offer = cells.rows[at + cell.OFFER]!;
  const masks = offers.masks(offer);
  floats[f + MEMORY_SLOPE] = 1 / (3 * cells.rows[at + cell.TOTAL_MEMORY]!);
  floats[f + DISK_SLOPE] = 1 / (3 * cells.rows[at + cell.TOTAL_DISK]!);
  ints[i + ROOTFS] = masks.rootfs;
  ints[i + OFFERS] = masks.offers;
  ints[i + REQUIRES] = masks.requires;
  ints[i + CHAMPION] = position;
  ints[i + ZONE] = cells.rows[at + cell.ZONE]!;
  ints[i + OFFER] = offer;
};

/** What does not change while a batch lasts. A node is UNLIKE unless both children are alike and of the same size. */
const fixNode = ({ floats, ints }: BidTree, node: number): void => {
  const left = ints[node * NODE_INTS + LEFT]!;
  const [i, l, r] = [node * NODE_INTS, left * NODE_INTS, (left + 1) * NODE_INTS];
  const [fi, fl, fr] = [node * NODE_FLOATS, left * NODE_FLOATS, (left + 1) * NODE_FLOATS];
  for (const slope of [MEMORY_SLOPE, DISK_SLOPE])
    floats[fi + slope] = Math.min(floats[fl + slope]!, floats[fr + slope]!);
  for (const mask of [ROOTFS, OFFERS]) ints[i + mask] = ints[l + mask]! | ints[r + mask]!;
  ints[i + REQUIRES] = ints[l + REQUIRES]! & ints[r + REQUIRES]!;
  for (const name of [ZONE, OFFER])
    ints[i + name] = ints[l + name] === ints[r + name] ? ints[l + name]! : SEVERAL;
  const alike =
    ints[l + CHAMPION] !== UNLIKE &&
    ints[r + CHAMPION] !== UNLIKE &&
    floats[fl + MEMORY_SLOPE] === floats[fr + MEMORY_SLOPE] &&
    floats[fl + DISK_SLOPE] === floats[fr + DISK_SLOPE];
  ints[i + CHAMPION] = alike ? UNSETTLED : UNLIKE;
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
  floats[node * NODE_FLOATS + BASE] = rows[at + cell.CONTAINERS]! < 1 ? Infinity : use / 3 + burden + tasks;
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

const inSameState = ({ rows }: Cells, a: number, b: number): boolean => {
  const [left, right] = [a * cell.CELL_FLOATS, b * cell.CELL_FLOATS];
  for (let field = cell.MEMORY; field <= cell.ACCOUNTS_CPU; field += 1) {
    if (rows[left + field] !== rows[right + field]) return false;
  }
  return rows[left + cell.OFFER] === rows[right + cell.OFFER];
};

/** The champion of a node from those of its children. */
const championOf = ({ cells, floats, ints }: BidTree, left: number): number => {
  const [leftBase, rightBase] = [
    floats[left * NODE_FLOATS + BASE]!,
    floats[(left + 1) * NODE_FLOATS + BASE]!,
  ];
  const [a, b] = [ints[left * NODE_INTS + CHAMPION]!, ints[(left + 1) * NODE_INTS + CHAMPION]!];
  const gap = haze(Math.min(leftBase, rightBase));
  if (leftBase < rightBase - gap || rightBase === Infinity) return a;
  if (rightBase < leftBase - gap) return b;
  if (a < 0 || b < 0 || !inSameState(cells, a, b)) return UNSETTLED;
  const number = (position: number): number => cells.rows[position * cell.CELL_FLOATS + cell.NUMBER]!;
  return number(a) < number(b) ? a : b;
};

/** Sums a node up from its children; says whether anything changed that nodes above it depend on. */
const refreshNode = (tree: BidTree, node: number, changed: number): boolean => {
  const { floats, ints } = tree;
  const left = ints[node * NODE_INTS + LEFT]!;
  const [i, l, f] = [node * NODE_INTS, left * NODE_INTS, node * NODE_FLOATS];
  const r = l + NODE_INTS;
  const base = Math.min(floats[left * NODE_FLOATS + BASE]!, floats[(left + 1) * NODE_FLOATS + BASE]!);
  const memory = Math.max(ints[l + MEMORY]!, ints[r + MEMORY]!);
  const disk = Math.max(ints[l + DISK]!, ints[r + DISK]!);
  const cpu = Math.max(ints[l + CPU]!, ints[r + CPU]!);
  const before = ints[i + CHAMPION]!;
  const champion = before === UNLIKE ? UNLIKE : championOf(tree, left);
  const same =
    base === floats[f + BASE]! &&
    memory === ints[i + MEMORY]! &&
    disk === ints[i + DISK]! &&
    cpu === ints[i + CPU]! &&
    champion === before &&
    champion !== changed;
  floats[f + BASE] = base;
  ints[i + MEMORY] = memory;
  ints[i + DISK] = disk;
  ints[i + CPU] = cpu;
  ints[i + CHAMPION] = champion;
  return !same;
};

/** To be called when a cell's columns have changed. */
export const refresh = (tree: BidTree, position: number): void => {
  refreshLeaf(tree, position);
  const { parent } = tree;
  let node = tree.leaf[position]!;
  while (node !== ROOT) {
    node = parent[node]!;
    if (!refreshNode(tree, node, position)) return;
  }
};

/** Bases differ between LRPs and tasks; a batch changes over at most twice, and each time the whole tree does. */
export const changeKind = (tree: BidTree, kind: 'lrp' | 'task', policy: Policy): void => {
  if (tree.kind === kind) return;
  tree.kind = kind;
  tree.weights = weightsOf(policy, kind);
  for (let position = 0; position < tree.cells.count; position += 1) refreshLeaf(tree, position);
  for (let node = tree.nodes - 1; node >= ROOT; node -= 1) {
    if (tree.ints[node * NODE_INTS + LEFT]! >= 0) refreshNode(tree, node, SEVERAL);
  }
};

/** At least one cell. Bases stand for no kind of work yet. */
export const createTree = (cells: Cells, offers: Offers): BidTree => {
  const nodes = 2 * cells.count - 1;
  const memory = new ArrayBuffer(nodes * NODE_INTS * Int32Array.BYTES_PER_ELEMENT);
  const tree: BidTree = {
    cells,
    floats: new Float64Array(memory),
    ints: new Int32Array(memory),
    parent: new Int32Array(nodes),
    leaf: new Int32Array(cells.count),
    nodes,
    kind: undefined,
    weights: { starting: 0, neighbour: 0, index: 0 },
  };
  layOut(tree);
  for (let position = 0; position < cells.count; position += 1) fixLeaf(tree, position, offers);
  for (let node = nodes - 1; node >= ROOT; node -= 1) {
    if (tree.ints[node * NODE_INTS + LEFT]! >= 0) fixNode(tree, node);
  }
  return tree;
};
