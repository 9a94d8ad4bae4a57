import { NONE } from '../bids.js';
import { meanUse, useAfter, weigh } from '../score.js';
import * as cell from './cells.js';
import type { Spread } from './instances.js';
import {
  type BidTree,
  CHAMPION,
  CPU,
  DISK,
  LEFT,
  MEMORY,
  NODE_FLOATS,
  NODE_INTS,
  OF_BOTH,
  OF_DISK,
  OF_MEMORY,
  OF_NOTHING,
  ROOT,
  SETTLED_PENALTY,
  SEVERAL,
  ZONE,
} from './tree.js';

/** What a search looks for. MB and milli-CPU; memory without the cell's proxy. */
export interface Wanted {
  readonly memory: number;
  readonly disk: number;
  readonly cpu: number;
}

/** Every zone. */
export const ANY = -1;

/** What a linear bound and the score itself may differ by, for scores of this size. */
const slack = (score: number): number => 1e-13 * (10 + Math.abs(score));

/** The bid of one cell, exactly as the exhaustive scorer reckons it. */
const scoreAt = (tree: BidTree, position: number, wanted: Wanted, instances: number): number => {
  const { rows } = tree.cells;
  const at = position * cell.CELL_FLOATS;
  const lrp = tree.kind === 'lrp';
  const need = wanted.memory + (lrp ? rows[at + cell.PROXY]! : 0);
  const use = meanUse(
    useAfter(rows[at + cell.MEMORY]!, need, rows[at + cell.TOTAL_MEMORY]!),
    useAfter(rows[at + cell.DISK]!, wanted.disk, rows[at + cell.TOTAL_DISK]!),
    useAfter(rows[at + cell.CONTAINERS]!, 1, rows[at + cell.TOTAL_CONTAINERS]!),
  );
  const neighbours = lrp ? instances : rows[at + cell.TASKS]!;
  const burden = { starting: rows[at + cell.STARTING]!, neighbours, index: rows[at + cell.INDEX]! };
  return weigh(use, burden, tree.weights);
};

/** Whether any cell below a node can have the room. */
const mayHold = (ints: Int32Array, node: number, wanted: Wanted): boolean => {
  const i = node * NODE_INTS;
  return ints[i + MEMORY]! >= wanted.memory && ints[i + DISK]! >= wanted.disk && ints[i + CPU]! >= wanted.cpu;
};

/** Whether a node can hold a cell in question. */
const isOpen = (ints: Int32Array, node: number, wanted: Wanted, zones: ZoneChoice): boolean => {
  if (!mayHold(ints, node, wanted)) return false;
  const zone = ints[node * NODE_INTS + ZONE]!;
  return zones.count === ANY || zone === SEVERAL || zones.perZone[zone] === zones.count;
};

/** Zones with so many instances, or ANY. */
interface ZoneChoice {
  readonly perZone: Int32Array;
  readonly count: number;
}

/** The cell that is best below a node without looking further, or NONE. */
const settledBelow = (tree: BidTree, node: number, wanted: Wanted, search: SpreadSearch): number => {
  const { ints, floats, leaf } = tree;
  const champion = ints[node * NODE_INTS + CHAMPION]!;
  if (champion < 0) return NONE;
  const at = leaf[champion]!;
  if (at === node) return champion;
  const { perCell, perNode } = search.spread;
  const instances = perCell[champion]!;
  const settled =
    instances === (perNode === undefined ? 0 : perNode[node]!) &&
    instances * tree.weights.neighbour < SETTLED_PENALTY &&
    floats[at * NODE_FLOATS + OF_NOTHING]! < Infinity &&
    isOpen(ints, at, wanted, search.zones);
  return settled ? champion : NONE;
};

interface SpreadSearch {
  spread: Spread;
  zones: ZoneChoice;
}

/** Deeper than any tree: each level halves a range, or parts off the largest zone or size in it. */
const STACK = 256;
const stack = new Int32Array(STACK);
const bounds = new Float64Array(STACK);

/**
 * The position of the best bid in zones with that many instances (ANY: in all zones), or NONE. Branch and bound: the
 * more promising child first; what cannot beat the best so far is passed over.
 */
export const findBest = (tree: BidTree, wanted: Wanted, spread: Spread, zoneCount: number): number => {
  const { floats, ints } = tree;
  const { rows } = tree.cells;
  const { perCell, perNode } = spread;
  // where the request lies between the corners; beyond the last it is bounded by what it is there
  const x = Math.min(1, wanted.memory / tree.corner.memory);
  const y = Math.min(1, wanted.disk / tree.corner.disk);
  const [nothing, ofMemory, ofDisk, ofBoth] = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  const zones = { perZone: spread.perZone, count: zoneCount };
  const search = { spread, zones };
  const penalty = tree.kind === 'lrp' && perNode !== undefined ? tree.weights.neighbour : 0;
  let best = NONE;
  let lowest = Infinity;
  let limit = Number.MAX_VALUE;
  let depth = 0;
  if (isOpen(ints, ROOT, wanted, zones)) {
    stack[0] = ROOT;
    bounds[0] = floats[OF_NOTHING]!;
    depth = 1;
  }
  while (depth > 0) {
    depth -= 1;
    if (bounds[depth]! > limit) continue;
    const node = stack[depth]!;
    const settled = settledBelow(tree, node, wanted, search);
    if (settled !== NONE) {
      const own = scoreAt(tree, settled, wanted, perCell[settled]!);
      const lower = (): boolean =>
        rows[settled * cell.CELL_FLOATS + cell.NUMBER]! < rows[best * cell.CELL_FLOATS + cell.NUMBER]!;
      if (own < lowest || (own === lowest && lower())) {
        best = settled;
        lowest = own;
        limit = own + slack(own);
      }
      continue;
    }
    const left = ints[node * NODE_INTS + LEFT]!;
    const base = depth;
    for (let child = left; child < left + 2; child += 1) {
      if (!isOpen(ints, child, wanted, zones)) continue;
      const f = child * NODE_FLOATS;
      const few = perNode === undefined ? 0 : penalty * perNode[child]!;
      const bound =
        nothing * floats[f + OF_NOTHING]! +
        ofMemory * floats[f + OF_MEMORY]! +
        ofDisk * floats[f + OF_DISK]! +
        ofBoth * floats[f + OF_BOTH]! +
        few;
      // not a number: none of the cells below has a container left
      if (!(bound <= limit)) continue;
      const below = depth > base && bounds[base]! < bound;
      stack[depth] = below ? stack[base]! : child;
      bounds[depth] = below ? bounds[base]! : bound;
      if (below) {
        stack[base] = child;
        bounds[base] = bound;
      }
      depth += 1;
    }
  }
  return best;
};
