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

const removeChild = (node: PathNode, segment: string): void => {
  node.children?.delete(segment);
  if (node.children?.size === 0) node.children = undefined;
};

/**
 * Drops the pool of that path and every node that held nothing else; true when the root is bare now. A registration
 * may have a path of any depth: nothing here recurses.
 */
export const dropPool = (root: PathNode, segments: readonly string[]): boolean => {
  const way: PathNode[] = [root];
  for (const segment of segments) {
    const child = way.at(-1)?.children?.get(segment);
    if (!child) return isBare(root);
    way.push(child);
  }
  const last = way.at(-1);
  if (last) last.pool = undefined;
  for (let depth = segments.length; depth > 0; depth -= 1) {
    const [node, parent] = [way[depth], way[depth - 1]];
    if (!node || !parent || !isBare(node)) break;
    removeChild(parent, segments[depth - 1] ?? '');
  }
  return isBare(root);
};

/** Every pool of the host. */
export const poolsBelow = (root: PathNode): RoutePool[] => {
  const pools: RoutePool[] = [];
  const open: PathNode[] = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    if (node.pool) pools.push(node.pool);
    for (const child of node.children?.values() ?? []) open.push(child);
  }
  return pools;
};
