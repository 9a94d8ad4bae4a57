import type { Weights } from '../policy.js';
import type { Cells } from './cells.js';

/**
 * Trees over the cells, by position: one for each offer, so that a kind of work looks into those that it matches. A node
 * says of the cells below it what a search must know to pass them over: the least that any of them could score, and the
 * most that any has left.
 *
 * A cell's score is a linear function of the memory and disk that are asked, so the least score below a node is a
 * concave one: between requests whose least scores are known it is nowhere below what lies straight between them. Each
 * node knows three, between which others lie: for the least, for so much more memory, for so much more disk.
 * What the second and third are more than the first hardly changes where cells are nearly of one size, and is fixed there.
 *
 * Siblings form a group of up to four: node n is slot n mod 4 of group n div 4. A group is three cache lines, the fields
 * of its four slots side by side: what every search and every placement reads is in the first, what a search goes on by
 * in the second, the rest in the third. A slot without a node never bids. The roots come first, each alone in its group,
 * numbered as their offers.
 */
export interface BidForest {
  readonly cells: Cells;
  /** of each position, its leaf */
  readonly leaf: Int32Array;
  /** groups seen as 64-bit floats: GROUP_FLOATS each */
  readonly floats: Float64Array;
  /** the same memory seen as 32-bit floats: GROUP_INTS each */
  readonly singles: Float32Array;
  /** the same memory seen as 32-bit integers: GROUP_INTS each */
  readonly ints: Int32Array;
  /** of each group, the node above it; of a root's NO_PARENT */
  readonly parent: Int32Array;
  /** of each node, 1 where all cells below are nearly of one size */
  readonly near: Uint8Array;
  /** of each node, 1 where all cells below are of one size */
  readonly alike: Uint8Array;
  /** whether any cell accounts CPU */
  readonly countsCpu: boolean;
  /** groups of one root each, before all others */
  readonly roots: number;
  groups: number;
  readonly scratch: Scratch;
  view: View;
  /** groups that searches have looked into since it has been so */
  looked: number;
}

/** Where a search notes what it has yet to look into. */
export interface Scratch {
  readonly roots: Int32Array;
  readonly rootBounds: Float64Array;
  /** on the way down, one in each level; its complement where all cells below are in zones in question */
  readonly groups: Int32Array;
  /** of their nodes; Infinity: looked into already */
  readonly bounds: Float64Array;
}

/** What work the bounds stand for: that of one kind, which asks for some memory and disk. */
export interface View {
  readonly kind: 'lrp' | 'task';
  readonly weights: Weights;
  readonly frame: Frame;
}

export const NOTHING_SEEN: View = {
  kind: 'lrp',
  weights: { starting: 0, neighbour: 0, index: 0 },
  frame: { leastMemory: 0, leastDisk: 0, memory: 1, disk: 1 },
};

/** Requests between which others lie: for the least, for so much more memory, for so much more disk. MB. */
export interface Frame {
  readonly leastMemory: number;
  readonly leastDisk: number;
  /** at least 1 */
  readonly memory: number;
  readonly disk: number;
}

export const SLOTS = 4;
export const GROUP_FLOATS = 24;
export const GROUP_INTS = 48;

/** Floats: the least score below of a request for the least; Infinity when no cell below has room for it. */
export const OF_LEAST = 0;
/** Integers: the most that is left below, MB. */
export const MEMORY = 8;
export const DISK = 12;
/**
 * 32-bit floats, rounded down: how much more, at least, the least score of a request for the frame's memory is, and
 * for its disk.
 */
export const MORE_MEMORY = 16;
export const MORE_DISK = 20;
/** Integers: the group of the children; in a leaf, −1 − position. */
export const BELOW = 24;
/**
 * Integers: the position of the cell that scores best below whatever is asked, as far as it has room. Known where all
 * cells are of one size and only cells that score alike come near the best; else UNSETTLED.
 */
export const CHAMPION = 28;
/** Integers: the most that is left below, milli-CPU. */
export const CPU = 32;
/** Integers: the zone of all cells below, or SEVERAL. */
export const ZONE = 36;

export const SEVERAL = -1;
export const NO_PARENT = -1;
export const UNSETTLED = -1;
/** BELOW of a slot without a node; nothing at all left there. */
export const NO_NODE = -0x8000_0000;
/** MORE_ fields of a slot without a node: finite, so that no part of it is not a number. */
export const NO_SLOPE = 3e38;

/** Where a node's fields of integers and 32-bit floats begin. */
export const intsOf = (node: number): number => (node >> 2) * GROUP_INTS + (node & 3);
/** Where a node's fields of 64-bit floats begin. */
export const floatsOf = (node: number): number => (node >> 2) * GROUP_FLOATS + (node & 3);

/** The nearest 32-bit float that is not above. */
export const roundDown = (value: number): number => {
  const near = Math.fround(value);
  return near <= value ? near : Math.fround(value * (1 - 2 ** -23));
};

export const isNode = ({ ints }: BidForest, node: number): boolean => ints[intsOf(node) + BELOW] !== NO_NODE;

/** The slots of a group that are nodes come before those that are not. */
export const endOf = (forest: BidForest, group: number): number => {
  let end = group * SLOTS;
  while (end < (group + 1) * SLOTS && isNode(forest, end)) end += 1;
  return end;
};

/** The nodes below a node; none below a leaf. */
export const childrenOf = (forest: BidForest, node: number): number[] => {
  const group = forest.ints[intsOf(node) + BELOW]!;
  if (group < 0) return [];
  const first = group * SLOTS;
  return Array.from({ length: endOf(forest, group) - first }, (_, slot) => first + slot);
};
