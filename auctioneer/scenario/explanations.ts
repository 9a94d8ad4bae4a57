import { type Auction, auctionId } from '../core/auction.js';
import type { Decision, Failure } from '../core/decide.js';
import { explainFailure } from '../core/explain.js';
import { type Explanation, type Standing, explainAt } from '../core/explanation.js';
import { type Moment, openMoment } from '../core/moment.js';
import type { OpenedScenario } from './open.js';
import type { Unsettled } from './outcomes.js';

/** How cells stood to an auction when it was decided. */
interface StandingReport {
  cells: number;
  /** that dropped out, by what they do not match */
  filtered: { rootfs: number; volume_drivers: number; placement_tags: number };
  /** that match and are short of it */
  lacking: Standing['lacking'];
  /** that match and have room */
  room: number;
}

interface Told {
  kind: Auction['kind'];
  id: string;
  /** in words */
  explanation: string;
}

/** Work that found no place. */
export interface UnplacedReport extends Told, StandingReport {
  zones: ({ zone: string; instances: number } & StandingReport)[];
  /** what would have to change, the least change first, in words */
  would_fit: string[];
}

/** Work that a cell was to have, and refused, or did not answer for. */
export interface UnsettledReport extends Told {
  cell: string;
}

export interface Explanations {
  unplaced: UnplacedReport[];
  refused: UnsettledReport[];
  unknown: UnsettledReport[];
  /** that took no part, and why */
  excluded_cells: { cell: string; reason: string }[];
  /** requests that make no sense */
  dropped_requests: { id: string; reason: string }[];
}

const standingReport = ({ cells, lacking, room, ...standing }: Standing): StandingReport => ({
  cells,
  filtered: {
    rootfs: standing.rootfs,
    volume_drivers: standing.volumeDrivers,
    placement_tags: standing.placementTags,
  },
  lacking,
  room,
});

const unplacedReport = (failure: Failure, found: Explanation): UnplacedReport => ({
  kind: failure.auction.kind,
  id: auctionId(failure.auction),
  explanation: explainFailure(failure),
  ...standingReport(found),
  zones: found.zones.map((zone) => ({
    zone: zone.zone,
    instances: zone.instances,
    ...standingReport(zone),
  })),
  would_fit: found.wouldFit,
});

/** Instances of one request find the same until something is placed. */
const createExplainer = (moment: Moment) => {
  const known = new Map<Auction['request'], Explanation>();
  return {
    at(auction: Auction): Explanation {
      const found = known.get(auction.request) ?? explainAt(moment, auction);
      known.set(auction.request, found);
      return found;
    },
    forget: () => known.clear(),
  };
};

/** Goes through the batch once more, and looks at every cell wherever something found no place. */
const explainUnplaced = (input: OpenedScenario, decision: Decision): UnplacedReport[] => {
  const moment = openMoment(input);
  const explainer = createExplainer(moment);
  const placements = new Map(decision.placements.map((one) => [one.auction, one]));
  const failures = new Map(decision.failures.map((one) => [one.auction, one]));
  return decision.consideredOrder.flatMap((auction) => {
    const [placement, failure] = [placements.get(auction), failures.get(auction)];
    if (placement !== undefined) {
      moment.take(placement);
      explainer.forget();
    }
    return failure === undefined ? [] : [unplacedReport(failure, explainer.at(auction))];
  });
};

const unsettledReports = (open: readonly Unsettled[], wanted: Unsettled['outcome']): UnsettledReport[] =>
  open
    .filter(({ outcome }) => outcome === wanted)
    .map(({ placement: { auction, cellId }, reason }) => ({
      kind: auction.kind,
      id: auctionId(auction),
      cell: cellId,
      explanation: reason,
    }));

export const explanationsOf = (
  input: OpenedScenario,
  decision: Decision,
  open: readonly Unsettled[],
): Explanations => ({
  unplaced: explainUnplaced(input, decision),
  refused: unsettledReports(open, 'refused'),
  unknown: unsettledReports(open, 'unknown'),
  excluded_cells: [...input.leftOut, ...decision.excluded].map(({ cellId, reason }) => ({
    cell: cellId,
    reason,
  })),
  dropped_requests: input.dropped,
});
