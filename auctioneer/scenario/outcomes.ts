import { type Auction, auctionId } from '../core/auction.js';
import type { Decision, DecisionInput, Placement } from '../core/decide.js';
import type { CellBehaviour } from './read-cells.js';
import type { Scenario } from './read.js';

/** What became of one auction, as it was recorded of Diego, and with what Diego does not tell. */
export interface PlacementReport {
  kind: Auction['kind'];
  /** `process_guid.index` or the task guid */
  id: string;
  /** absent when it has failed */
  cell?: string;
  failed: boolean;
  placement_error: string;
  attempts: number;
  /** nobody knows whether the cell took the work; Diego counts that as placed */
  outcome?: 'unknown';
}

/** A placement that did not come to its end. */
export interface Unsettled {
  placement: Placement;
  outcome: 'refused' | 'unknown';
  /** for people */
  reason: string;
}

const isRefused = ({ auction }: Placement, { rejectLrps, rejectTasks }: CellBehaviour): boolean =>
  (auction.kind === 'lrp' ? rejectLrps : rejectTasks).includes(auctionId(auction));

const unsettled = (placement: Placement, behaviour: CellBehaviour | undefined): Unsettled | undefined => {
  const { cellId } = placement;
  if (behaviour === undefined) return undefined;
  if (behaviour.performError !== null)
    return { placement, outcome: 'unknown', reason: `${cellId} did not answer: ${behaviour.performError}` };
  if (!isRefused(placement, behaviour)) return undefined;
  return { placement, outcome: 'refused', reason: `${cellId} refused the work` };
};

/** What the cells answer to the work that they are sent. */
export const unsettledOf = (
  placements: readonly Placement[],
  behaviour: Scenario['behaviour'],
): Unsettled[] =>
  placements.flatMap((placement) => unsettled(placement, behaviour.get(placement.cellId)) ?? []);

const head = (auction: Auction) => ({ kind: auction.kind, id: auctionId(auction) });

const failedReport = (auction: Auction, error: string): PlacementReport => ({
  ...head(auction),
  failed: true,
  placement_error: error,
  attempts: 1,
});

const placedReport = ({ auction, cellId }: Placement): PlacementReport => ({
  ...head(auction),
  cell: cellId,
  failed: false,
  placement_error: '',
  attempts: 1,
});

/** Instances, then tasks, each in the order of their ids' bytes: as recorded. */
const byKindAndId = (a: PlacementReport, b: PlacementReport): number => {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.id < b.id ? -1 : 1;
};

/** Diego keeps no reason for refused work, and takes work whose outcome it does not know for placed. */
export const reportPlacements = (
  { placements, failures }: Decision,
  open: readonly Unsettled[],
  { compat }: DecisionInput['policy'],
): PlacementReport[] => {
  const byPlacement = new Map(open.map((one) => [one.placement, one]));
  const told = placements.map((placement): PlacementReport => {
    const { outcome, reason = '' } = byPlacement.get(placement) ?? {};
    if (outcome === 'refused') return failedReport(placement.auction, compat === 'diego' ? '' : reason);
    const placed = placedReport(placement);
    return outcome === 'unknown' && compat !== 'diego' ? { ...placed, outcome } : placed;
  });
  return [...told, ...failures.map(({ auction, reason }) => failedReport(auction, reason))].sort(byKindAndId);
};
