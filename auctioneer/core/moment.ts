import { type Excluded, biddersOf } from './bidders.js';
import { type BatchCell, reserve } from './cell.js';
import type { DecisionInput, Placement } from './decide.js';
import { type Zone, zonesOf } from './exhaustive.js';
import { type ScoreOf, scoreBy } from './scorer.js';

/** The cells of a batch as one auction finds them: for looking at every one, where `Bids` tells the winner alone. */
export interface Moment {
  readonly zones: readonly Zone[];
  readonly cells: readonly BatchCell[];
  readonly excluded: Excluded[];
  readonly scoreOf: ScoreOf;
  /** on to the moment after this placement */
  take(placement: Placement): void;
}

/** The moment before anything was placed. */
export const openMoment = ({
  cells: states,
  policy,
  scorer,
}: Pick<DecisionInput, 'cells' | 'policy' | 'scorer'>): Moment => {
  const { bidding, counting, excluded } = biddersOf(states);
  const zones = zonesOf({ bidding, counting, policy });
  const cells = zones.flatMap((zone) => zone.cells);
  const byId = new Map(cells.map((cell) => [cell.state.cellId, cell]));
  return {
    zones,
    cells,
    excluded,
    scoreOf: scoreBy(policy, scorer),
    take({ auction, cellId }) {
      const cell = byId.get(cellId);
      if (cell !== undefined) reserve(cell, auction, policy);
    },
  };
};
