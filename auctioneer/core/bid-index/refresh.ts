import { type Policy, weightsOf } from '../policy.js';
import * as cell from './cells.js';
import {
  type BidForest,
  CHAMPION,
  CPU,
  DISK,
  END,
  FIRST,
  MEMORY,
  MORE_DISK,
  MORE_MEMORY,
  NEAR,
  NODE_FLOATS,
  NODE_INTS,
  NO_PARENT,
  OF_NOTHING,
  SLOPES,
  UNLIKE,
  UNSETTLED,
  innerNodes,
} from './forest.js';

const NO_POSITION = -1;

/** Fills in what a leaf says of its cell as it stands now. */
const refreshLeaf = (forest: BidForest, position: number): void => {
  const { floats, ints, weights, slopes } = forest;
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

/** The least score for nothing, from those of the children; says whether it changed. */
const refreshNothing = (floats: Float64Array, node: number, first: number, end: number): boolean => {
  let least = Infinity;
  for (let child = first; child < end; child += 1)
    least = Math.min(least, floats[child * NODE_FLOATS + OF_NOTHING]!);
  if (floats[node * NODE_FLOATS + OF_NOTHING] === least) return false;
  floats[node * NODE_FLOATS + OF_NOTHING] = least;
  return true;
};

/** All three, where cells are of different size. */
const refreshScores = (floats: Float64Array, node: number, first: number, end: number): boolean => {
  let nothing = Infinity;
  let memory = Infinity;
  let disk = Infinity;
  for (let child = first; child < end; child += 1) {
    const f = child * NODE_FLOATS;
    nothing = Math.min(nothing, floats[f + OF_NOTHING]!);
    memory = Math.min(memory, floats[f + OF_NOTHING]! + floats[f + MORE_MEMORY]!);
    disk = Math.min(disk, floats[f + OF_NOTHING]! + floats[f + MORE_DISK]!);
  }
  const own = node * NODE_FLOATS;
  const moreMemory = nothing === Infinity ? 0 : memory - nothing;
  const moreDisk = nothing === Infinity ? 0 : disk - nothing;
  const same =
    floats[own + OF_NOTHING] === nothing &&
    floats[own + MORE_MEMORY] === moreMemory &&
    floats[own + MORE_DISK] === moreDisk;
  if (same) return false;
  floats[own + OF_NOTHING] = nothing;
  floats[own + MORE_MEMORY] = moreMemory;
  floats[own + MORE_DISK] = moreDisk;
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
    const isNear = ints[node * NODE_INTS + NEAR] === 1;
    scores &&= (isNear ? refreshNothing : refreshScores)(floats, node, first, end);
    room &&= refreshRoom(ints, node, first, end);
    node = parent[node]!;
  }
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
    if (ints[node * NODE_INTS + NEAR] === 1) refreshNothing(floats, node, first, end);
    else refreshScores(floats, node, first, end);
    refreshRoom(ints, node, first, end);
    refreshChampion(forest, node, NO_POSITION);
  }
};
