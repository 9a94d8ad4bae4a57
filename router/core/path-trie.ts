import type { RoutePool } from './pool.js';

/** A segment of a host's paths; the root stands for the host itself. */
export interface PathNode {
  pool: RoutePool | undefined;
  children: Map<string, PathNode> | undefined;
}

export const createPathNode = (): PathNode => ({ pool: undefined, children: undefined });

const hasEndpoints = (pool: RoutePool | undefined): pool is RoutePool =>
  pool !== undefined && pool.entries.length > 0;

/**
 * The pool with endpoints of the longest matching prefix. When there is none, the empty pool of the deepest
 * node that matched: the route is known, and has nobody to serve it.
 */
export const findPool = (root: PathNode, segments: readonly string[]): RoutePool | undefined => {
  let node = root;
  let best = hasEndpoints(root.pool) ? root.pool : undefined;
  for (const segment of segments) {
    const child = node.children?.get(segment);
    if (!child) break;
    node = child;
    if (hasEndpoints(child.pool)) best = child.pool;
  }
  return best ?? node.pool;
};

/** The node of exactly that path, if there is one. */
export const findNode = (root: PathNode, segments: readonly string[]): PathNode | undefined => {
  let node: PathNode | undefined = root;
  for (const segment of segments) node = node?.children?.get(segment);
  return node;
};

/** The node of that path, made when absent. */
export const makeNode = (root: PathNode, segments: readonly string[]): PathNode => {
  let node = root;
  for (const segment of segments) {
    node.children ??= new Map();
    let child = node.children.get(segment);
    if (!child) node.children.set(segment, (child = createPathNode()));
    node = child;
  }
  return node;
};

const isBare = (node: PathNode): boolean => node.pool === undefined && node.children === undefined;

/** Drops the pool of that path and every node that held nothing else; true when the root is bare now. */
export const dropPool = (node: PathNode, segments: readonly string[], depth = 0): boolean => {
  const segment = segments[depth];
  if (segment === undefined) {
    node.pool = undefined;
    return isBare(node);
  }
  const child = node.children?.get(segment);
  if (child && dropPool(child, segments, depth + 1)) {
    node.children?.delete(segment);
    if (node.children?.size === 0) node.children = undefined;
  }
  return isBare(node);
};
