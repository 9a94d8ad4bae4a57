import * as cell from './cells.js';
import {
  type BidForest,
  CHAMPION,
  CPU,
  DISK,
  GROUP_FLOATS,
  GROUP_INTS,
  MEMORY,
  MORE_DISK,
  MORE_MEMORY,
  NO_PARENT,
  OF_LEAST,
  SLOTS,
  UNSETTLED,
  type View,
  floatsOf,
  intsOf,
  roundDown,
} from './forest.js';

const NO_POSITION = -1;

/** Fills in what a leaf says of its cell as it stands now. */
const refreshLeaf = (forest: BidForest, position: number): void => {
  const { floats, ints, view } = forest;
  const { weights, frame } = view;
  const { rows } = forest.cells;
  const node = forest.leaf[position]!;
  const i = intsOf(node);
  const at = position * cell.CELL_FLOATS;
  const isLrp = view.kind === 'lrp';
  const memory = isLrp ? rows[at + cell.MEMORY]! - rows[at + cell.PROXY]! : rows[at + cell.MEMORY]!;
  const disk = rows[at + cell.DISK]!;
  const containers = rows[at + cell.CONTAINERS]!;
  const shares =
    (memory - frame.leastMemory) / rows[at + cell.TOTAL_MEMORY]! +
    (disk - frame.leastDisk) / rows[at + cell.TOTAL_DISK]! +
    (containers - 1) / rows[at + cell.TOTAL_CONTAINERS]!;
  const burden = rows[at + cell.STARTING]! * weights.starting + rows[at + cell.INDEX]! * weights.index;
  const tasks = isLrp ? 0 : rows[at + cell.TASKS]! * weights.neighbour;
  const hasRoom = containers >= 1 && memory >= frame.leastMemory && disk >= frame.leastDisk;
  floats[floatsOf(node) + OF_LEAST] = hasRoom ? 1 - shares / 3 + burden + tasks : Infinity;
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
const sameBurden = ({ cells, view }: BidForest, left: number, right: number): boolean => {
  const { rows } = cells;
  const { kind, weights } = view;
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

/** The least score in a group of a request for the least. */
const leastOf = (floats: Float64Array, group: number): number => {
  const f = group * GROUP_FLOATS + OF_LEAST;
  return Math.min(Math.min(floats[f]!, floats[f + 1]!), Math.min(floats[f + 2]!, floats[f + 3]!));
};

/** The most in a group of what is left. */
const mostOf = (ints: Int32Array, group: number, field: number): number => {
  const i = group * GROUP_INTS + field;
  return Math.max(Math.max(ints[i]!, ints[i + 1]!), Math.max(ints[i + 2]!, ints[i + 3]!));
};

/** The least in a group of one of the MORE_ fields. */
const leastSingle = (singles: Float32Array, group: number, field: number): number => {
  const i = group * GROUP_INTS + field;
  return Math.min(Math.min(singles[i]!, singles[i + 1]!), Math.min(singles[i + 2]!, singles[i + 3]!));
};

/** The champion of a group from those of its nodes that may score best. */
const championOf = (forest: BidForest, group: number): number => {
  const { cells, floats, ints } = forest;
  const least = leastOf(floats, group);
  if (least === Infinity) return ints[group * GROUP_INTS + CHAMPION]!;
  const near = least + haze(least);
  const number = (position: number): number => cells.rows[position * cell.CELL_FLOATS + cell.NUMBER]!;
  let champion = UNSETTLED;
  for (let child = group * SLOTS; child < (group + 1) * SLOTS; child += 1) {
    if (floats[floatsOf(child) + OF_LEAST]! > near) continue;
    const other = ints[intsOf(child) + CHAMPION]!;
    if (other < 0) return UNSETTLED;
    if (champion === UNSETTLED) champion = other;
    else if (!scoreAlike(forest, champion, other)) return UNSETTLED;
    else if (number(other) < number(champion)) champion = other;
  }
  return champion;
};

/** The same for a node, from the group below; says whether it changed. */
const refreshLeast = (floats: Float64Array, node: number, group: number): boolean => {
  const least = leastOf(floats, group);
  const own = floatsOf(node) + OF_LEAST;
  if (floats[own] === least) return false;
  floats[own] = least;
  return true;
};

/** How much more the least score in a group is than the node's, with one of the MORE_ fields added to each. */
const moreOf = ({ floats, singles }: BidForest, group: number, field: number): number => {
  const nothing = leastOf(floats, group);
  if (nothing === Infinity) return 0;
  let least = Infinity;
  for (let child = group * SLOTS; child < (group + 1) * SLOTS; child += 1)
    least = Math.min(least, floats[floatsOf(child) + OF_LEAST]! + singles[intsOf(child) + field]!);
  return roundDown(least - nothing);
};

/** All three, where cells are of different size. */
const refreshScores = (forest: BidForest, node: number, group: number): boolean => {
  const { floats, singles } = forest;
  const own = intsOf(node);
  const memory = moreOf(forest, group, MORE_MEMORY);
  const disk = moreOf(forest, group, MORE_DISK);
  const same = singles[own + MORE_MEMORY] === memory && singles[own + MORE_DISK] === disk;
  singles[own + MORE_MEMORY] = memory;
  singles[own + MORE_DISK] = disk;
  return refreshLeast(floats, node, group) || !same;
};

/** What is left, from the group below; says whether it changed. */
const refreshRoom = ({ ints, countsCpu }: BidForest, node: number, group: number): boolean => {
  const own = intsOf(node);
  const memory = mostOf(ints, group, MEMORY);
  const disk = mostOf(ints, group, DISK);
  const cpu = countsCpu ? mostOf(ints, group, CPU) : cell.UNCOUNTED;
  if (ints[own + MEMORY] === memory && ints[own + DISK] === disk && ints[own + CPU] === cpu) return false;
  ints[own + MEMORY] = memory;
  ints[own + DISK] = disk;
  ints[own + CPU] = cpu;
  return true;
};

/** Whether the nodes above depend on what is new: another champion, or the same one in another state. */
const refreshChampion = (forest: BidForest, node: number, group: number, position: number): boolean => {
  const own = intsOf(node) + CHAMPION;
  const before = forest.ints[own]!;
  const champion = championOf(forest, group);
  forest.ints[own] = champion;
  return champion !== before || champion === position;
};

/** To be called when the row of a cell has changed: goes up as long as anything changes that nodes above depend on. */
export const refresh = (forest: BidForest, position: number): void => {
  const { floats, parent, near, alike } = forest;
  refreshLeaf(forest, position);
  let scores = true;
  let room = true;
  let champion = true;
  let group = forest.leaf[position]! >> 2;
  let node = parent[group]!;
  while (node !== NO_PARENT && (scores || room || champion)) {
    champion = (scores || champion) && alike[node] === 1 && refreshChampion(forest, node, group, position);
    if (scores)
      scores = near[node] === 1 ? refreshLeast(floats, node, group) : refreshScores(forest, node, group);
    if (room) room = refreshRoom(forest, node, group);
    group = node >> 2;
    node = parent[group]!;
  }
};

/** How much more each cell scores for the frame's memory and disk, and at least those below a node. */
const drawSlopes = ({ cells, leaf, parent, singles, groups, roots, view }: BidForest): void => {
  const { memory, disk } = view.frame;
  for (let position = 0; position < cells.count; position += 1) {
    const own = intsOf(leaf[position]!);
    const at = position * cell.CELL_FLOATS;
    singles[own + MORE_MEMORY] = roundDown(memory / (3 * cells.rows[at + cell.TOTAL_MEMORY]!));
    singles[own + MORE_DISK] = roundDown(disk / (3 * cells.rows[at + cell.TOTAL_DISK]!));
  }
  for (let group = groups - 1; group >= roots; group -= 1) {
    const own = intsOf(parent[group]!);
    singles[own + MORE_MEMORY] = leastSingle(singles, group, MORE_MEMORY);
    singles[own + MORE_DISK] = leastSingle(singles, group, MORE_DISK);
  }
};

/** Makes the bounds stand for other work: of the other kind, or within another frame. */
export const lookAt = (forest: BidForest, view: View): void => {
  const { cells, floats, parent, near, alike } = forest;
  const framed = forest.view.frame;
  forest.view = view;
  forest.looked = 0;
  if (view.frame !== framed) drawSlopes(forest);
  for (let position = 0; position < cells.count; position += 1) refreshLeaf(forest, position);
  for (let group = forest.groups - 1; group >= forest.roots; group -= 1) {
    const node = parent[group]!;
    if (near[node] === 1) refreshLeast(floats, node, group);
    else refreshScores(forest, node, group);
    refreshRoom(forest, node, group);
    if (alike[node] === 1) refreshChampion(forest, node, group, NO_POSITION);
  }
};
