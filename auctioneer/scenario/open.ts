import type { CellState } from '../../common/model/cell.js';
import type { Excluded } from '../core/bidders.js';
import type { DecisionInput } from '../core/decide.js';
import { withoutDuplicates } from '../core/order.js';
import { type Admitted, admit } from '../core/requests.js';
import type { CellBehaviour } from './read-cells.js';
import type { Scenario } from './read.js';

/** What there is to decide, when the cells have told their states and the requests have been admitted. */
export interface OpenedScenario extends DecisionInput {
  /** cells that told no state, or under an id that is not theirs */
  leftOut: Excluded[];
  dropped: Admitted['dropped'];
}

const whyLeftOut = (behaviour: CellBehaviour | undefined): string | undefined => {
  if (typeof behaviour?.stateError === 'string') return `told no state: ${behaviour.stateError}`;
  return typeof behaviour?.registeredAs === 'string'
    ? `is registered as ${behaviour.registeredAs}`
    : undefined;
};

export const openScenario = ({ cells: told, behaviour, request, policy }: Scenario): OpenedScenario => {
  const cells: CellState[] = [];
  const leftOut: Excluded[] = [];
  for (const cell of told) {
    const reason = whyLeftOut(behaviour.get(cell.cellId));
    if (reason === undefined) cells.push(cell);
    else leftOut.push({ cellId: cell.cellId, reason });
  }
  const { auctions, dropped } = admit(request);
  return { cells, policy, auctions: withoutDuplicates(auctions), leftOut, dropped };
};
