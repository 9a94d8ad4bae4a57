/** How places are chosen. The defaults are Diego's (auctioneer job). */
export interface Policy {
  /** added to a cell's score per container that is starting there; default 0.25 */
  startingContainerWeight: number;
  /** starting containers over all cells at which auctions are put off; 0 = no limit */
  startingContainerMaximum: number;
  /** added per cell index, so that low cells fill first; 0 = off */
  binPackFirstFitWeight: number;
  /**
   * 'diego' switches our deliberate differences off: reserving leaves out the proxy's memory, as the original does.
   */
  compat: 'outcry' | 'diego';
}

export const DEFAULT_POLICY: Policy = {
  startingContainerWeight: 0.25,
  startingContainerMaximum: 0,
  binPackFirstFitWeight: 0,
  compat: 'outcry',
};

/**
 * Added per instance of the same process (for tasks: per task) already on the cell. So much larger than any
 * resource score (0…1) that spreading always comes first. Diego's LocalityOffset.
 */
export const LOCALITY_OFFSET = 1000;
