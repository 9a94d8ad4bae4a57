/** What is added to a bid's share in use; the lowest sum wins. */
export interface Weights {
  /** per container that is starting on the cell */
  readonly starting: number;
  /** per instance of the same process on the cell; for tasks: per task on it */
  readonly neighbour: number;
  /** per step of the cell index */
  readonly index: number;
}

/** `diego`: as the original. `spread`: by share in use alone. `binpack`: the fewest cells. */
export type Strategy = 'diego' | 'spread' | 'binpack';

/** How places are chosen. The numbers are Diego's (auctioneer job); absent: as the strategy has them. */
export interface Policy {
  readonly strategy: Strategy;
  /** added to a cell's score per container that is starting there; `diego`: 0.25 */
  readonly startingContainerWeight?: number;
  /** starting containers over all cells at which auctions are put off; 0 = no limit */
  readonly startingContainerMaximum: number;
  /** added per cell index, so that low cells fill first; `diego`: 0 = off */
  readonly binPackFirstFitWeight?: number;
  /**
   * 'diego' switches our deliberate differences off: reserving leaves out the proxy's memory, as the original does.
   */
  readonly compat: 'outcry' | 'diego';
}

export const DEFAULT_POLICY: Policy = {
  strategy: 'diego',
  startingContainerMaximum: 0,
  compat: 'outcry',
};

/**
 * Per instance of the same process (for tasks: per task) already on the cell. So much larger than any
 * resource score (0…1) that spreading always comes first. Diego's LocalityOffset.
 */
const LOCALITY_OFFSET = 1000;

/**
 * One step of the cell index outweighs any share in use (above 0, at most 1), so that a cell is begun only when those
 * before it are full. Zones alone keep instances of one process apart: anything more would begin a cell for each.
 */
const BINPACK = { starting: 0, index: 1, neighbour: 0 };

const STRATEGIES: Record<Strategy, Record<'lrp' | 'task', Weights>> = {
  diego: {
    lrp: { starting: 0.25, neighbour: LOCALITY_OFFSET, index: 0 },
    task: { starting: 0.25, neighbour: LOCALITY_OFFSET, index: 0 },
  },
  spread: {
    lrp: { starting: 0, neighbour: LOCALITY_OFFSET, index: 0 },
    task: { starting: 0, neighbour: 0, index: 0 },
  },
  binpack: { lrp: BINPACK, task: BINPACK },
};

/** Diego's bin-pack weight is for LRPs alone: tasks have no index term there. */
export const weightsOf = (policy: Policy, kind: 'lrp' | 'task'): Weights => {
  const { starting, neighbour, index } = STRATEGIES[policy.strategy][kind];
  return {
    starting: policy.startingContainerWeight ?? starting,
    neighbour,
    index: (kind === 'lrp' ? policy.binPackFirstFitWeight : undefined) ?? index,
  };
};

/** With an index weight, cells are numbered 0…n-1 within their zone (Diego: when the bin-pack weight is above 0). */
export const countsCellsByZone = (policy: Policy): boolean => weightsOf(policy, 'lrp').index > 0;
