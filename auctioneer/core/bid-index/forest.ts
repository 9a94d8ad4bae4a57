import { type Policy, type Weights, weightsOf } from '../policy.js';
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

/** Floats: the least scores below; Infinity when no cell below has a container left. */
export const OF_NOTHING = 0;
export const OF_MEMORY = 1;
export const OF_DISK = 2;
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

export const SEVERAL = -1;
export const NO_PARENT = -1;
const NO_POSITION = -1;
const UNSETTLED = -1;
/** cells of different size: never settled */
const UNLIKE = -2;

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

const fixLeaf = ({ cells, ints, leaf }: BidForest, position: number): void => {
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
const fixNode = ({ cells, ints }: BidForest, node: number): void => {
  const i = node * NODE_INTS;
  const [first, end] = [ints[i + FIRST]!, ints[i + END]!];
  let zone = ints[first * NODE_INTS + ZONE]!;
  let champion = ints[first * NODE_INTS + CHAMPION]!;
  for (let child = first + 1; child < end; child += 1) {
    const other = ints[child * NODE_INTS + CHAMPION]!;
    if (ints[child * NODE_INTS + ZONE] !== zone) zone = SEVERAL;
    if (champion !== UNLIKE && (other === UNLIKE || !ofOneSize(cells, champion, other))) champion = UNLIKE;
  }
  ints[i + ZONE] = zone;
  ints[i + CHAMPION] = champion;
};

const SLOPES = 4;

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

/** Fills in what a leaf says of its cell as it stands now. */
const refreshLeaf = (forest: BidForest, position: number): void => {
  const { floats, ints, weights, slopes, corner } = forest;
  const { rows } = forest.cells;
  const node = forest.leaf[position]!;
  const i = node * NODE_INTS;
  const f = node * NODE_FLOATS;
  const at = position * cell.CELL_FLOATS;
  const isLrp = forest.kind === 'lrp';
  const ofMemory = slopes[position * SLOPES]!;
  const ofDisk = slopes[position * SLOPES + 1]!;
  const memory = isLrp ? rows[at + cell.MEMORY]! - rows[at + cell.PROXY]! : rows[at + cell.MEMORY]!;
  const disk = rows[at + cell.DISK]!;
  const containers = rows[at + cell.CONTAINERS]!;
  const use = 1 - memory * ofMemory - disk * ofDisk - (containers - 1) * slopes[position * SLOPES + 2]!;
  const burden = rows[at + cell.STARTING]! * weights.starting + rows[at + cell.INDEX]! * weights.index;
  const tasks = isLrp ? 0 : rows[at + cell.TASKS]! * weights.neighbour;
  const base = containers < 1 ? Infinity : use + burden + tasks;
  floats[f + OF_NOTHING] = base;
  floats[f + OF_MEMORY] = base + corner.memory * ofMemory;
  floats[f + OF_DISK] = base + corner.disk * ofDisk;
  ints[i + MEMORY] = memory < -cell.UNCOUNTED ? -cell.UNCOUNTED : memory;
  ints[i + DISK] = disk;
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
const sameBurden = ({ cells, kind, weights }: BidForest, left: number, right: number): boolean => {
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
const scoreAlike = (forest: BidForest, a: number, b: number): boolean => {
  const { rows } = forest.cells;
  const [l, r] = [a * cell.CELL_FLOATS, b * cell.CELL_FLOATS];
  if (!sameBurden(forest, l, r)) return false;
  if (rows[l + cell.MEMORY] === rows[r + cell.MEMORY] && rows[l + cell.DISK] === rows[r + cell.DISK])
    return true;
  const [memory, disk] = [rows[l + cell.TOTAL_MEMORY]!, rows[l + cell.TOTAL_DISK]!];
  if (!isPowerOfTwo(memory) || !isPowerOfTwo(disk)) return false;
  const left = rows[l + cell.MEMORY]! / memory + rows[l + cell.DISK]! / disk;
  return left === rows[r + cell.MEMORY]! / memory + rows[r + cell.DISK]! / disk;
};

/** The champion of a node from those of its children that may score best. */
const championOf = (forest: BidForest, first: number, end: number): number => {
  const { cells, floats, ints } = forest;
  let least = Infinity;
  for (let child = first; child < end; child += 1)
    least = Math.min(least, floats[child * NODE_FLOATS + OF_NOTHING]!);
  if (least === Infinity) return ints[first * NODE_INTS + CHAMPION]!;
  const near = least + haze(least);
  const number = (position: number): number => cells.rows[position * cell.CELL_FLOATS + cell.NUMBER]!;
  let champion = UNLIKE;
  for (let child = first; child < end; child += 1) {
    if (floats[child * NODE_FLOATS + OF_NOTHING]! > near) continue;
    const other = ints[child * NODE_INTS + CHAMPION]!;
    if (other < 0) return UNSETTLED;
    if (champion === UNLIKE) champion = other;
    else if (!scoreAlike(forest, champion, other)) return UNSETTLED;
    else if (number(other) < number(champion)) champion = other;
  }
  return champion;
};

/** The least scores of a node from those of its children; says whether any changed. No branches: they would be a toss. */
const refreshScores = (floats: Float64Array, node: number, first: number, end: number): boolean => {
  let f = first * NODE_FLOATS;
  let ofNothing = floats[f + OF_NOTHING]!;
  let ofMemory = floats[f + OF_MEMORY]!;
  let ofDisk = floats[f + OF_DISK]!;
  for (let child = first + 1; child < end; child += 1) {
    f += NODE_FLOATS;
    ofNothing = Math.min(ofNothing, floats[f + OF_NOTHING]!);
    ofMemory = Math.min(ofMemory, floats[f + OF_MEMORY]!);
    ofDisk = Math.min(ofDisk, floats[f + OF_DISK]!);
  }
  const own = node * NODE_FLOATS;
  const same =
    floats[own + OF_NOTHING] === ofNothing &&
    floats[own + OF_MEMORY] === ofMemory &&
    floats[own + OF_DISK] === ofDisk;
  if (same) return false;
  floats[own + OF_NOTHING] = ofNothing;
  floats[own + OF_MEMORY] = ofMemory;
  floats[own + OF_DISK] = ofDisk;
  return true;
};

const refreshRoom = (ints: Int32Array, node: number, first: number, end: number): boolean => {
  let i = first * NODE_INTS;
  let memory = ints[i + MEMORY]!;
  let disk = ints[i + DISK]!;
  let cpu = ints[i + CPU]!;
  for (let child = first + 1; child < end; child += 1) {
    i += NODE_INTS;
    memory = Math.max(memory, ints[i + MEMORY]!);
    disk = Math.max(disk, ints[i + DISK]!);
    cpu = Math.max(cpu, ints[i + CPU]!);
  }
  const own = node * NODE_INTS;
  if (ints[own + MEMORY] === memory && ints[own + DISK] === disk && ints[own + CPU] === cpu) return false;
  ints[own + MEMORY] = memory;
  ints[own + DISK] = disk;
  ints[own + CPU] = cpu;
  return true;
};

/** Whether the nodes above depend on what is new: another champion, or the same one in another state. */
const refreshChampion = (forest: BidForest, node: number, position: number): boolean => {
  const { ints } = forest;
  const i = node * NODE_INTS;
  const before = ints[i + CHAMPION]!;
  if (before === UNLIKE) return false;
  const champion = championOf(forest, ints[i + FIRST]!, ints[i + END]!);
  ints[i + CHAMPION] = champion;
  return champion !== before || champion === position;
};

/** To be called when the row of a cell has changed: goes up as long as anything changes that nodes above depend on. */
export const refresh = (forest: BidForest, position: number): void => {
  const { floats, ints, parent } = forest;
  refreshLeaf(forest, position);
  let scores = true;
  let room = true;
  let champion = true;
  let node = parent[forest.leaf[position]!]!;
  while (node !== NO_PARENT && (scores || room || champion)) {
    const first = ints[node * NODE_INTS + FIRST]!;
    const end = ints[node * NODE_INTS + END]!;
    const unlike = ints[node * NODE_INTS + CHAMPION] === UNLIKE;
    champion = !unlike && (scores || champion) && refreshChampion(forest, node, position);
    scores &&= refreshScores(floats, node, first, end);
    room &&= refreshRoom(ints, node, first, end);
    node = parent[node]!;
  }
};

/** Nodes that are no leaves, children before their parents. */
const innerNodes = function* ({ ints, nodes }: BidForest): Generator<number> {
  for (let node = nodes - 1; node >= 0; node -= 1) if (ints[node * NODE_INTS + FIRST]! >= 0) yield node;
};

/** Makes scores stand for that kind of work: they differ between LRPs and tasks. */
export const changeKind = (forest: BidForest, kind: 'lrp' | 'task', policy: Policy): void => {
  const { cells, floats, ints } = forest;
  forest.kind = kind;
  forest.weights = weightsOf(policy, kind);
  for (let position = 0; position < cells.count; position += 1) refreshLeaf(forest, position);
  for (const node of innerNodes(forest)) {
    const first = ints[node * NODE_INTS + FIRST]!;
    const end = ints[node * NODE_INTS + END]!;
    refreshScores(floats, node, first, end);
    refreshRoom(ints, node, first, end);
    refreshChampion(forest, node, NO_POSITION);
  }
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
