import type { Policy } from '../policy.js';
import * as cell from './cells.js';
import type { Cells } from './cells.js';
import type { Matcher } from './offers.js';
import { type BidTree, type Corner, NO_LEAF, createTree, refresh, refreshAll, slopesOf } from './tree.js';

/**
 * The trees of a batch: one for each kind of work, over the cells that match it, so that a search meets no others.
 * A tree is made when its kind of work is first looked for, and catches up with placements when it is looked at again.
 */
export interface Pools {
  /** up to date; undefined when no cell matches */
  tree(matcher: Matcher, kind: 'lrp' | 'task'): BidTree | undefined;
  /** the row of a cell has changed */
  changed(position: number): void;
}

interface Pool {
  tree: BidTree;
  /** changes that it knows */
  known: number;
}

/** Nodes of all trees together, 64 bytes each: when there are more, those least recently made go, to be made again. */
const MOST_NODES = 8_000_000;

/** Changes per cell above which all of a tree is brought up to date at once: a change goes up some fifteen levels. */
const CHANGES_PER_CELL = 1 / 6;

const matchingPositions = ({ rows, count }: Cells, { matching }: Matcher): Int32Array => {
  const found = new Int32Array(count);
  let length = 0;
  for (let position = 0; position < count; position += 1) {
    if (matching[rows[position * cell.CELL_FLOATS + cell.OFFER]!] === 1) found[length++] = position;
  }
  return found.slice(0, length);
};

/** `corner`: asked when the first tree is made. */
export const createPools = (cells: Cells, policy: Policy, corner: () => Corner): Pools => {
  const slopes = slopesOf(cells);
  let most: Corner | undefined;
  const pools = new Map<Matcher, Pool>();
  /** the one that was asked for last; most batches have one or few kinds of work */
  let [lastMatcher, lastPool] = [undefined as Matcher | undefined, undefined as Pool | undefined];
  let changes = new Int32Array(1_024);
  let changeCount = 0;
  let nodes = 0;

  const makeRoom = (): void => {
    for (const [matcher, { tree }] of pools) {
      if (nodes <= MOST_NODES) return;
      nodes -= tree.nodes;
      pools.delete(matcher);
    }
  };

  const open = (matcher: Matcher): Pool | undefined => {
    const positions = matchingPositions(cells, matcher);
    if (positions.length === 0) return undefined;
    const pool = { tree: createTree({ cells, positions, slopes, corner: (most ??= corner()) }), known: 0 };
    nodes += pool.tree.nodes;
    makeRoom();
    pools.set(matcher, pool);
    return pool;
  };

  const catchUp = (pool: Pool, kind: 'lrp' | 'task'): void => {
    const { tree } = pool;
    const news = changeCount - pool.known;
    if (tree.kind !== kind || news > tree.positions.length * CHANGES_PER_CELL + 1)
      refreshAll(tree, kind, policy);
    else {
      for (let at = pool.known; at < changeCount; at += 1) {
        if (tree.leaf[changes[at]!] !== NO_LEAF) refresh(tree, changes[at]!);
      }
    }
    pool.known = changeCount;
  };

  const find = (matcher: Matcher): Pool | undefined => {
    if (matcher !== lastMatcher || lastPool === undefined) {
      lastMatcher = matcher;
      lastPool = pools.get(matcher) ?? open(matcher);
    }
    return lastPool;
  };

  return {
    tree(matcher, kind) {
      if (matcher.stage !== 'matched') return undefined;
      const pool = find(matcher);
      if (pool === undefined) return undefined;
      if (pool.known !== changeCount || pool.tree.kind !== kind) catchUp(pool, kind);
      return pool.tree;
    },
    changed(position) {
      if (changeCount === changes.length) {
        const larger = new Int32Array(2 * changeCount);
        larger.set(changes);
        changes = larger;
      }
      changes[changeCount++] = position;
    },
  };
};
