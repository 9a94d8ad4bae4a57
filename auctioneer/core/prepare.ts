import type { CellState } from '../../common/model/cell.js';
import { checkState } from './bidders.js';
import { findOfferKey } from './bid-index/offers.js';
import { createStandingInstances } from './bid-index/standing-instances.js';

/**
 * Does what the first batch with a state would have to do as soon as the state is known: cells tell something new at any
 * time, while thousands that have done so since the batch before would hold up the next. It changes no decision.
 */
export interface Preparation {
  /** a cell's state in place of the one before, if it was known */
  told(state: CellState, before: CellState | undefined): void;
  /** the same where nothing but instances of those processes, one each, was added */
  taken(state: CellState, before: CellState, added: readonly string[]): void;
  gone(state: CellState): void;
}

export const createPreparation = (): Preparation => {
  const standing = createStandingInstances();
  return {
    told(state, before) {
      checkState(state);
      findOfferKey(state);
      if (before === undefined) standing.list(state.lrpCounts);
      else standing.relist(before.lrpCounts, state.lrpCounts);
    },
    taken: (state, before, added) => standing.extend(before.lrpCounts, state.lrpCounts, added),
    gone: (state) => standing.unlist(state.lrpCounts),
  };
};
