import { NONE } from '../bids.js';
import { meanUse, useAfter, weigh } from '../score.js';
import * as cell from './cells.js';
import type { Spread } from './instances.js';
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
  const instances = spread.perCell[champion]!;
  const fewest = spread.perNode === undefined ? 0 : spread.perNode[node]!;
  return instances === fewest && instances * forest.view.weights.neighbour < SETTLED_PENALTY;
};

/** Ties fall to the lower number. */
const isBefore = (rows: Float64Array, a: number, b: number): boolean =>
  rows[a * cell.CELL_FLOATS + cell.NUMBER]! < rows[b * cell.CELL_FLOATS + cell.NUMBER]!;

/** More than any tree needs: each level quarters a range, or parts off the largest zone or size in it. */
const STACK = 512;
let stack = new Int32Array(STACK);
let bounds = new Float64Array(STACK);

/** Room for all roots of a search beside the nodes below one of them. */
const growStack = (roots: number): void => {
  if (roots + STACK <= stack.length) return;
  stack = new Int32Array(2 * (roots + STACK));
  bounds = new Float64Array(stack.length);
};

/** The roots of the trees in question, as if they were children of one node: the most promising on top. Answers how many. */
const pushRoots = (forest: BidForest, wanted: Wanted, spread: Spread, zoneCount: number): number => {
  const { floats, singles, ints, view } = forest;
  const { kind, weights, frame } = view;
  const { perNode, perZone } = spread;
  const { offers } = wanted.matcher;
  growStack(offers.length);
  const ofMemory = (wanted.memory - frame.leastMemory) / frame.memory;
  const ofDisk = (wanted.disk - frame.leastDisk) / frame.disk;
  const penalty = kind === 'lrp' ? weights.neighbour : 0;
  let depth = 0;
  for (let at = 0; at < offers.length; at += 1) {
    const root = offers[at]! * SLOTS;
    const i = intsOf(root);
    if (ints[i + MEMORY]! < wanted.memory || ints[i + DISK]! < wanted.disk || ints[i + CPU]! < wanted.cpu)
      continue;
    const zone = ints[i + ZONE]!;
    if (zoneCount !== ANY && zone !== SEVERAL && perZone[zone] !== zoneCount) continue;
    const few = perNode === undefined ? 0 : penalty * perNode[root]!;
    const least = floats[floatsOf(root) + OF_LEAST]! + few;
    const bound = least + ofMemory * singles[i + MORE_MEMORY]! + ofDisk * singles[i + MORE_DISK]!;
    if (bound === Infinity) continue;
    const better = depth > 0 && bounds[depth - 1]! < bound;
    stack[depth] = better ? stack[depth - 1]! : root;
    bounds[depth] = better ? bounds[depth - 1]! : bound;
    if (better) {
      stack[depth - 1] = root;
      bounds[depth - 1] = bound;
    }
    depth += 1;
  }
  return depth;
};

/**
 * The position of the best bid in zones with that many instances (ANY: in all zones), or NONE. Branch and bound: the
 * more promising child first; what cannot beat the best so far is passed over. One function and no objects: it is run
 * for every auction, and most of its time is spent in the loop over children.
 */
export const findBest = (forest: BidForest, wanted: Wanted, spread: Spread, zoneCount: number): number => {
  const { floats, singles, ints } = forest;
  const { rows } = forest.cells;
  const { perNode, perZone } = spread;
  const { memory, disk } = wanted;
  const cpu = forest.countsCpu ? wanted.cpu : 0;
  const penalty = forest.view.kind === 'lrp' && perNode !== undefined ? forest.view.weights.neighbour : 0;
  // where the request lies between the three whose least scores are known
  const { frame } = forest.view;
  const ofMemory = (memory - frame.leastMemory) / frame.memory;
  const ofDisk = (disk - frame.leastDisk) / frame.disk;
  let best = NONE;
  let lowest = Infinity;
  let limit = Number.MAX_VALUE;
  let depth = pushRoots(forest, wanted, spread, zoneCount);
  const nodes = stack;
  const limits = bounds;
  let next = NONE;
  let looked = 0;
  for (;;) {
    while (next === NONE && depth > 0) {
      depth -= 1;
      if (limits[depth]! <= limit) next = nodes[depth]!;
    }
    if (next === NONE) {
      forest.looked += looked;
      return best;
    }
    const node = next;
    const own = intsOf(node);
    next = NONE;
    const anyZone = zoneCount === ANY || ints[own + ZONE] !== SEVERAL;
    const champion = ints[own + CHAMPION]!;
    if (champion >= 0 && anyZone && isSettled(forest, node, wanted, spread)) {
      const score = scoreAt(forest, champion, wanted, spread.perCell[champion]!);
      if (score < lowest || (score === lowest && isBefore(rows, champion, best))) {
        best = champion;
        lowest = score;
        limit = score + slack(score);
      }
      continue;
    }
    const group = ints[own + BELOW]!;
    if (group < 0) continue;
    looked += 1;
    const f = group * GROUP_FLOATS;
    const i = group * GROUP_INTS;
    let nextBound = Infinity;
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const c = i + slot;
      let bound =
        floats[f + slot + OF_LEAST]! +
        (ofMemory * singles[c + MORE_MEMORY]! + ofDisk * singles[c + MORE_DISK]!);
      if (bound > limit || ints[c + MEMORY]! < memory || ints[c + DISK]! < disk) continue;
      if (cpu > 0 && ints[c + CPU]! < cpu) continue;
      if (!anyZone && ints[c + ZONE]! !== SEVERAL && perZone[ints[c + ZONE]!] !== zoneCount) continue;
      const child = group * SLOTS + slot;
      if (perNode !== undefined) {
        bound += penalty * perNode[child]!;
        if (bound > limit) continue;
      }
      const later = bound < nextBound ? next : child;
      if (later !== NONE) {
        nodes[depth] = later;
        limits[depth] = later === child ? bound : nextBound;
        depth += 1;
      }
      if (bound < nextBound) {
        next = child;
        nextBound = bound;
      }
    }
  }
};
