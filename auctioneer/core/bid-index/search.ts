import { NONE } from '../bids.js';
import { meanUse, useAfter, weigh } from '../score.js';
import * as cell from './cells.js';
import { type Spread, instancesAt } from './instances.js';
import type { Matcher } from './offers.js';
import {
  type BidForest,
  BELOW,
  CHAMPION,
  CPU,
  DISK,
  GROUP_FLOATS,
  GROUP_INTS,
  MEMORY,
  MORE_DISK,
  MORE_MEMORY,
  OF_LEAST,
  SEVERAL,
  SLOTS,
  ZONE,
  floatsOf,
  intsOf,
} from './forest.js';
import { SETTLED_PENALTY } from './refresh.js';

/** What a search looks for. MB and milli-CPU; memory without the cell's proxy. */
export interface Wanted {
  readonly memory: number;
  readonly disk: number;
  readonly cpu: number;
  readonly matcher: Matcher;
}

/** Every zone. */
export const ANY = -1;

/** What a linear bound and the score itself may differ by, for scores of this size. */
const slack = (score: number): number => 1e-13 * (10 + Math.abs(score));

/** The bid of one cell, exactly as the exhaustive scorer reckons it. */
const scoreAt = (forest: BidForest, position: number, wanted: Wanted, instances: number): number => {
  const { rows } = forest.cells;
  const at = position * cell.CELL_FLOATS;
  const lrp = forest.view.kind === 'lrp';
  const need = wanted.memory + (lrp ? rows[at + cell.PROXY]! : 0);
  const use = meanUse(
    useAfter(rows[at + cell.MEMORY]!, need, rows[at + cell.TOTAL_MEMORY]!),
    useAfter(rows[at + cell.DISK]!, wanted.disk, rows[at + cell.TOTAL_DISK]!),
    useAfter(rows[at + cell.CONTAINERS]!, 1, rows[at + cell.TOTAL_CONTAINERS]!),
  );
  const neighbours = lrp ? instances : rows[at + cell.TASKS]!;
  const burden = { starting: rows[at + cell.STARTING]!, neighbours, index: rows[at + cell.INDEX]! };
  return weigh(use, burden, forest.view.weights);
};

/** Whether a cell has the room. */
const hasRoom = ({ floats, ints, leaf }: BidForest, position: number, wanted: Wanted): boolean => {
  const node = leaf[position]!;
  const i = intsOf(node);
  return (
    floats[floatsOf(node) + OF_LEAST]! < Infinity &&
    ints[i + MEMORY]! >= wanted.memory &&
    ints[i + DISK]! >= wanted.disk &&
    ints[i + CPU]! >= wanted.cpu
  );
};

/**
 * Whether the champion of a node is the best cell below it for this search: nobody below has fewer instances of the
 * process, and it has the room. A leaf's always is.
 */
const isSettled = (forest: BidForest, node: number, wanted: Wanted, spread: Spread): boolean => {
  const champion = forest.ints[intsOf(node) + CHAMPION]!;
  if (champion < 0 || !hasRoom(forest, champion, wanted)) return false;
  if (forest.leaf[champion] === node) return true;
  const instances = instancesAt(spread, champion);
  const fewest = spread.perNode === undefined ? 0 : spread.perNode[node]!;
  return instances === fewest && instances * forest.view.weights.neighbour < SETTLED_PENALTY;
};

/** Ties fall to the lower number. */
const isBefore = (rows: Float64Array, a: number, b: number): boolean =>
  rows[a * cell.CELL_FLOATS + cell.NUMBER]! < rows[b * cell.CELL_FLOATS + cell.NUMBER]!;

/** Whether a node's cells are all in zones with another number of instances. */
const isElsewhere = (perZone: Int32Array, zone: number, zoneCount: number): boolean =>
  zone !== SEVERAL && perZone[zone] !== zoneCount;

/**
 * The roots of the trees in question into the forest's scratch, the most promising first. Answers how many.
 */
const rootsInTurn = (forest: BidForest, wanted: Wanted, spread: Spread, zoneCount: number): number => {
  const { floats, singles, ints, view, scratch } = forest;
  const { perNode, perZone } = spread;
  const { offers } = wanted.matcher;
  const ofMemory = (wanted.memory - view.frame.leastMemory) / view.frame.memory;
  const ofDisk = (wanted.disk - view.frame.leastDisk) / view.frame.disk;
  const penalty = view.kind === 'lrp' ? view.weights.neighbour : 0;
  let count = 0;
  for (let at = 0; at < offers.length; at += 1) {
    const root = offers[at]! * SLOTS;
    const i = intsOf(root);
    const zone = ints[i + ZONE]!;
    if (zoneCount !== ANY && zone !== SEVERAL && perZone[zone] !== zoneCount) continue;
    const few = perNode === undefined ? 0 : penalty * perNode[root]!;
    const least = floats[floatsOf(root) + OF_LEAST]! + few;
    const bound = least + ofMemory * singles[i + MORE_MEMORY]! + ofDisk * singles[i + MORE_DISK]!;
    if (bound === Infinity) continue;
    const isFirst = count > 0 && bound < scratch.rootBounds[0]!;
    scratch.roots[count] = isFirst ? scratch.roots[0]! : root;
    scratch.rootBounds[count] = isFirst ? scratch.rootBounds[0]! : bound;
    if (isFirst) {
      scratch.roots[0] = root;
      scratch.rootBounds[0] = bound;
    }
    count += 1;
  }
  return count;
};

/**
 * The position of the best bid in zones with that many instances (ANY: in all zones), or NONE. Branch and bound: the
 * most promising child first; what cannot beat the best so far is passed over. One function, few branches and no
 * objects: it is run for every auction, and most of its time is spent on the four bounds of a group.
 */
export const findBest = (forest: BidForest, wanted: Wanted, spread: Spread, zoneCount: number): number => {
  const { floats, singles, ints, scratch, view } = forest;
  const { perNode, perZone } = spread;
  const [memory, disk, cpu] = [wanted.memory, wanted.disk, forest.countsCpu ? wanted.cpu : 0];
  const { groups, bounds } = scratch;
  const penalty = view.kind === 'lrp' && perNode !== undefined ? view.weights.neighbour : 0;
  // where the request lies between the three whose least scores are known
  const ofMemory = (memory - view.frame.leastMemory) / view.frame.memory;
  const ofDisk = (disk - view.frame.leastDisk) / view.frame.disk;
  let [best, lowest, limit] = [NONE, Infinity, Number.MAX_VALUE];
  let [depth, looked] = [0, 0];
  const roots = rootsInTurn(forest, wanted, spread, zoneCount);
  for (let turn = 0; turn < roots; turn += 1) {
    let next = scratch.rootBounds[turn]! <= limit ? scratch.roots[turn]! : NONE;
    // whether all cells below the group of `next` are in zones in question
    let inZone = zoneCount === ANY;
    for (;;) {
      while (next === NONE && depth > 0) {
        depth -= 1;
        inZone = groups[depth >> 2]! < 0;
        const group = inZone ? ~groups[depth >> 2]! : groups[depth >> 2]!;
        if (bounds[depth]! <= limit) next = group * SLOTS + (depth & 3);
        bounds[depth] = Infinity;
      }
      if (next === NONE) break;
      const node = next;
      const own = intsOf(node);
      next = NONE;
      if (ints[own + MEMORY]! < memory || ints[own + DISK]! < disk) continue;
      if (cpu > 0 && ints[own + CPU]! < cpu) continue;
      const group = ints[own + BELOW]!;
      const champion = ints[own + CHAMPION]!;
      const anyZone = inZone || ints[own + ZONE]! !== SEVERAL;
      if (group < 0 || (champion >= 0 && anyZone && isSettled(forest, node, wanted, spread))) {
        const score = scoreAt(forest, champion, wanted, instancesAt(spread, champion));
        if (score < lowest || (score === lowest && isBefore(forest.cells.rows, champion, best))) {
          best = champion;
          lowest = score;
          limit = score + slack(score);
        }
        continue;
      }
      looked += 1;
      const f = group * GROUP_FLOATS + OF_LEAST;
      const m = group * GROUP_INTS + MORE_MEMORY;
      const d = group * GROUP_INTS + MORE_DISK;
      let b0 = floats[f]! + (ofMemory * singles[m]! + ofDisk * singles[d]!);
      let b1 = floats[f + 1]! + (ofMemory * singles[m + 1]! + ofDisk * singles[d + 1]!);
      let b2 = floats[f + 2]! + (ofMemory * singles[m + 2]! + ofDisk * singles[d + 2]!);
      let b3 = floats[f + 3]! + (ofMemory * singles[m + 3]! + ofDisk * singles[d + 3]!);
      if (perNode !== undefined) {
        const n = group * SLOTS;
        b0 += penalty * perNode[n]!;
        b1 += penalty * perNode[n + 1]!;
        b2 += penalty * perNode[n + 2]!;
        b3 += penalty * perNode[n + 3]!;
      }
      if (!anyZone) {
        const z = group * GROUP_INTS + ZONE;
        if (isElsewhere(perZone, ints[z]!, zoneCount)) b0 = Infinity;
        if (isElsewhere(perZone, ints[z + 1]!, zoneCount)) b1 = Infinity;
        if (isElsewhere(perZone, ints[z + 2]!, zoneCount)) b2 = Infinity;
        if (isElsewhere(perZone, ints[z + 3]!, zoneCount)) b3 = Infinity;
      }
      depth = (depth + 3) & ~3;
      groups[depth >> 2] = anyZone ? ~group : group;
      inZone = anyZone;
      bounds[depth] = b0;
      bounds[depth + 1] = b1;
      bounds[depth + 2] = b2;
      bounds[depth + 3] = b3;
      const low = b1 < b0 ? 1 : 0;
      const high = b3 < b2 ? 3 : 2;
      const first = Math.min(b2, b3) < Math.min(b0, b1) ? high : low;
      if (bounds[depth + first]! <= limit) next = group * SLOTS + first;
      bounds[depth + first] = Infinity;
      depth += SLOTS;
    }
  }
  forest.looked += looked;
  return best;
};
