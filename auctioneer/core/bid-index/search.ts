import { NONE } from '../bids.js';
import { meanUse, useAfter, weigh } from '../score.js';
import type { Spread } from './instances.js';
import type { Matcher } from './offers.js';
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
  if (offer !== SEVERAL) return matcher.matches(offer);
  return (
    (ints[i + ROOTFS]! & matcher.rootfs) !== 0 &&
    (ints[i + OFFERS]! & matcher.offers) === matcher.offers &&
    (ints[i + REQUIRES]! & matcher.unwanted) === 0
  );
};

/** Whether any cell below a node can have the room. */
const mayHold = (ints: Int32Array, node: number, { memory, disk, cpu }: Wanted): boolean => {
  const i = node * NODE_INTS;
  return ints[i + MEMORY]! >= memory && ints[i + DISK]! >= disk && ints[i + CPU]! >= cpu;
};

/** The bid of one cell, exactly as the exhaustive scorer reckons it. */
const scoreAt = (
  { columns, kind, weights }: BidTree,
  position: number,
  wanted: Wanted,
  instances: number,
): number => {
  const lrp = kind === 'lrp';
  const need = wanted.memory + (lrp ? columns.proxy[position]! : 0);
  const use = meanUse(
    useAfter(columns.memory[position]!, need, columns.totalMemory[position]!),
    useAfter(columns.disk[position]!, wanted.disk, columns.totalDisk[position]!),
    useAfter(columns.containers[position]!, 1, columns.totalContainers[position]!),
  );
  const neighbours = lrp ? instances : columns.tasks[position]!;
  const burden = { starting: columns.starting[position]!, neighbours, index: columns.index[position]! };
  return weigh(use, burden, weights);
};

export interface Search {
  /** the position of the best bid in zones with that many instances (ANY: in all zones), or NONE */
  best(wanted: Wanted, spread: Spread, zoneCount: number): number;
}

/** Deeper than any tree: each level at least halves, or parts off, a range of zones, offers and sizes. */
const STACK = 256;

/** Branch and bound: the more promising child first; what cannot beat the best so far is passed over. */
export const createSearch = (tree: BidTree): Search => {
  const { floats, ints, columns, leaf } = tree;
  const stack = new Int32Array(STACK);
  const bounds = new Float64Array(STACK);

  /** No cell below can score less; Infinity when none is in question. */
  const boundOf = (node: number, wanted: Wanted, spread: Spread, zoneCount: number): number => {
    if (!mayHold(ints, node, wanted)) return Infinity;
    const zone = ints[node * NODE_INTS + ZONE]!;
    if (zoneCount !== ANY && zone !== SEVERAL && spread.perZone[zone] !== zoneCount) return Infinity;
    if (!mayMatch(ints, node, wanted)) return Infinity;
    const f = node * NODE_FLOATS;
    return (
      floats[f + BASE]! +
      wanted.memory * floats[f + MEMORY_SLOPE]! +
      wanted.disk * floats[f + DISK_SLOPE]! +
      (tree.kind === 'lrp' ? tree.weights.neighbour * spread.perNode[node]! : 0)
    );
  };

  /** The cell that is best below a node without looking further, or NONE. */
  const settledBelow = (node: number, wanted: Wanted, spread: Spread, zoneCount: number): number => {
    const left = ints[node * NODE_INTS + LEFT]!;
    if (left < 0) return -1 - left;
    const champion = ints[node * NODE_INTS + CHAMPION]!;
    if (champion < 0) return NONE;
    const at = leaf[champion]!;
    const instances = spread.perNode[at]!;
    const settled =
      instances === spread.perNode[node] &&
      instances * tree.weights.neighbour < SETTLED_PENALTY &&
      boundOf(at, wanted, spread, zoneCount) !== Infinity;
    return settled ? champion : NONE;
  };

  return {
    best(wanted, spread, zoneCount) {
      let [best, lowest, limit] = [NONE, Infinity, Number.MAX_VALUE];
      let depth = 0;
      const push = (node: number, bound: number): void => {
        stack[depth] = node;
        bounds[depth] = bound;
        depth += 1;
      };
      push(ROOT, boundOf(ROOT, wanted, spread, zoneCount));
      while (depth > 0) {
        depth -= 1;
        if (bounds[depth]! > limit) continue;
        const node = stack[depth]!;
        const settled = settledBelow(node, wanted, spread, zoneCount);
        if (settled !== NONE) {
          const own = scoreAt(tree, settled, wanted, spread.perNode[leaf[settled]!]!);
          if (own < lowest || (own === lowest && columns.number[settled]! < columns.number[best]!)) {
            [best, lowest, limit] = [settled, own, own + slack(own)];
          }
          continue;
        }
        const left = ints[node * NODE_INTS + LEFT]!;
        const [a, b] = [
          boundOf(left, wanted, spread, zoneCount),
          boundOf(left + 1, wanted, spread, zoneCount),
        ];
        if (a <= b) {
          if (b <= limit) push(left + 1, b);
          if (a <= limit) push(left, a);
        } else {
          if (a <= limit) push(left, a);
          if (b <= limit) push(left + 1, b);
        }
      }
      return best;
    },
  };
};
