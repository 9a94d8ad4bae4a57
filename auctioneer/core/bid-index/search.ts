import { NONE } from '../bids.js';
import { meanUse, useAfter, weigh } from '../score.js';
import * as cell from './cells.js';
import type { Spread } from './instances.js';
import { MATCHED, type Matcher } from './offers.js';
import {
  BASE,
  type BidTree,
  CHAMPION,
  CPU,
  DISK,
  DISK_SLOPE,
  LEFT,
  MEMORY,
  MEMORY_SLOPE,
  NODE_FLOATS,
  NODE_INTS,
  OFFER,
  OFFERS,
  REQUIRES,
  ROOT,
  ROOTFS,
  SETTLED_PENALTY,
  SEVERAL,
  ZONE,
} from './tree.js';

/** What a search looks for. */
export interface Wanted {
  /** MB, without the cell's proxy */
  readonly memory: number;
  readonly disk: number;
  /** milli-CPU */
  readonly cpu: number;
  readonly matcher: Matcher;
}

/** Every zone. */
export const ANY = -1;

/** What a linear bound and the score itself may differ by, for scores of this size. */
const slack = (score: number): number => 1e-13 * (10 + Math.abs(score));

/** Whether the cells below a node can match at all, by what they offer. */
export const mayMatch = (ints: Int32Array, node: number, { matcher }: Wanted): boolean => {
  const i = node * NODE_INTS;
  const offer = ints[i + OFFER]!;
  if (offer !== SEVERAL) return (matcher.known[offer]! || matcher.reach(offer)) === MATCHED;
  return (
    (ints[i + ROOTFS]! & matcher.rootfs) !== 0 &&
    (ints[i + OFFERS]! & matcher.offers) === matcher.offers &&
    (ints[i + REQUIRES]! & matcher.unwanted) === 0
  );
};

/** Whether any cell below a node can have the room. */
const mayHold = (ints: Int32Array, node: number, wanted: Wanted): boolean => {
  const i = node * NODE_INTS;
  return ints[i + MEMORY]! >= wanted.memory && ints[i + DISK]! >= wanted.disk && ints[i + CPU]! >= wanted.cpu;
};

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

/** Deeper than any tree: each level halves a range, or parts off the largest zone, offer or size in it. */
const STACK = 256;

export interface Search {
  /** the position of the best bid in zones with that many instances (ANY: in all zones), or NONE */
  best(wanted: Wanted, spread: Spread, zoneCount: number): number;
}

/** Branch and bound: the more promising child first; what cannot beat the best so far is passed over. */
export const createSearch = (tree: BidTree): Search => {
  const { floats, ints, leaf } = tree;
  const numberOf = (position: number): number => tree.cells.rows[position * cell.CELL_FLOATS + cell.NUMBER]!;
  const stack = new Int32Array(STACK);
  const bounds = new Float64Array(STACK);

  /** Whether a node can hold a cell in question. */
  const isOpen = (node: number, wanted: Wanted, perZone: Int32Array, zoneCount: number): boolean => {
    if (!mayHold(ints, node, wanted)) return false;
    const zone = ints[node * NODE_INTS + ZONE]!;
    if (zoneCount !== ANY && zone !== SEVERAL && perZone[zone] !== zoneCount) return false;
    return mayMatch(ints, node, wanted);
  };

  /** The cell that is best below a node without looking further, or NONE. */
  const settledBelow = (node: number, wanted: Wanted, spread: Spread, zoneCount: number): number => {
    const champion = ints[node * NODE_INTS + CHAMPION]!;
    if (champion < 0) return NONE;
    const at = leaf[champion]!;
    if (at === node) return champion;
    const instances = spread.perNode[at]!;
    const settled =
      instances === spread.perNode[node] &&
      instances * tree.weights.neighbour < SETTLED_PENALTY &&
      floats[at * NODE_FLOATS + BASE]! < Infinity &&
      isOpen(at, wanted, spread.perZone, zoneCount);
    return settled ? champion : NONE;
  };

  return {
    best(wanted, spread, zoneCount) {
      const { perNode, perZone } = spread;
      const { memory, disk } = wanted;
      const penalty = tree.kind === 'lrp' ? tree.weights.neighbour : 0;
      let best = NONE;
      let lowest = Infinity;
      let limit = Number.MAX_VALUE;
      let depth = 0;
      if (isOpen(ROOT, wanted, perZone, zoneCount)) {
        stack[0] = ROOT;
        bounds[0] = floats[ROOT + BASE]!;
        depth = 1;
      }
      while (depth > 0) {
        depth -= 1;
        if (bounds[depth]! > limit) continue;
        const node = stack[depth]!;
        const settled = settledBelow(node, wanted, spread, zoneCount);
        if (settled !== NONE) {
          const own = scoreAt(tree, settled, wanted, perNode[leaf[settled]!]!);
          if (own < lowest || (own === lowest && numberOf(settled) < numberOf(best))) {
            best = settled;
            lowest = own;
            limit = own + slack(own);
          }
          continue;
        }
        const left = ints[node * NODE_INTS + LEFT]!;
        const base = depth;
        for (let child = left; child < left + 2; child += 1) {
          if (!isOpen(child, wanted, perZone, zoneCount)) continue;
          const f = child * NODE_FLOATS;
          const bound =
            floats[f + BASE]! +
            memory * floats[f + MEMORY_SLOPE]! +
            disk * floats[f + DISK_SLOPE]! +
            penalty * perNode[child]!;
          if (bound > limit) continue;
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
    },
  };
};
