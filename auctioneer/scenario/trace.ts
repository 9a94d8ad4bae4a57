import { type Auction, auctionId } from '../core/auction.js';
import { type BatchCell, lacking } from '../core/cell.js';
import { furthest, insufficientText, matchStage, mismatchText } from '../core/constraints.js';
import type { Decision, DecisionInput } from '../core/decide.js';
import { type Zone, instancesIn } from '../core/exhaustive.js';
import { type Moment, openMoment } from '../core/moment.js';

/** How one zone stood to an instance. */
export interface TracedZone {
  zone: string;
  instances_of_this_process_guid: number;
  /** none of its cells matches */
  filtered_out_because?: string;
  /** whether its cells were compared: zones with fewer instances come first, and had room */
  scored: boolean;
}

/** A cell that matches: its score, lower is better, or what it is short of. */
export type TracedScore = { cell: string; zone: string } & ({ score: number } | { error: string });

/** One decision, as decisions of Diego's scheduler were recorded. */
export interface TraceStep {
  step: number;
  kind: Auction['kind'];
  id: string;
  inflight_container_starts_before: number;
  /** of instances; for tasks all zones are one */
  zones?: TracedZone[];
  /** absent where cells were not looked at: there are none, or enough containers are starting */
  scores?: TracedScore[];
  /** those with the lowest score; of several the lower cell index wins, then the cell id */
  acceptable_cells?: string[];
  chosen_cell?: string;
  error?: string;
}

interface ZoneLook {
  zone: Zone;
  instances: number;
  /** of its cells that match */
  scores: TracedScore[];
  /** where none of its cells matches */
  filtered: string | undefined;
}

type Scored = TracedScore & { score: number };

const isScored = (traced: TracedScore): traced is Scored => 'score' in traced;

const scoreOf = (moment: Moment, cell: BatchCell, auction: Auction): TracedScore => {
  const where = { cell: cell.state.cellId, zone: cell.state.zone };
  const lacks = lacking(cell, auction);
  if (lacks.length > 0) return { ...where, error: insufficientText(lacks) };
  const score = moment.scoreOf(cell, auction);
  return score < Infinity ? { ...where, score } : { ...where, error: 'the policy gave it no score' };
};

const lookAt = (moment: Moment, zone: Zone, auction: Auction): ZoneLook => {
  const stages = zone.cells.map(({ state }) => matchStage(state, auction.request));
  const cells = zone.cells.filter((_, at) => stages[at] === 'matched');
  const stage = furthest(stages);
  return {
    zone,
    instances: instancesIn(zone, auction),
    scores: cells.map((cell) => scoreOf(moment, cell, auction)),
    filtered: stage === 'matched' ? undefined : mismatchText(stage, auction.request),
  };
};

/** Zones with equally many instances are compared together, the fewest first, until some have room. */
const compared = (looks: readonly ZoneLook[]): Set<ZoneLook> => {
  const open = looks.filter(({ filtered }) => filtered === undefined);
  const roomy = open.filter(({ scores }) => scores.some(isScored));
  const most = roomy.reduce((least, { instances }) => Math.min(least, instances), Infinity);
  return new Set(open.filter(({ instances }) => instances <= most));
};

const tracedZone = ({ zone, instances, filtered }: ZoneLook, scored: boolean): TracedZone => ({
  zone: zone.name,
  instances_of_this_process_guid: instances,
  ...(filtered !== undefined && { filtered_out_because: filtered }),
  scored,
});

const cheapest = (scores: readonly TracedScore[]): string[] => {
  const bids = scores.filter(isScored);
  const lowest = bids.reduce((least, { score }) => Math.min(least, score), Infinity);
  return bids.filter(({ score }) => score === lowest).map(({ cell }) => cell);
};

const look = (moment: Moment, auction: Auction): Pick<TraceStep, 'zones' | 'scores' | 'acceptable_cells'> => {
  const looks = moment.zones
    .filter(({ cells }) => cells.length > 0)
    .map((zone) => lookAt(moment, zone, auction));
  const chosen = compared(looks);
  const scores = [...chosen].flatMap((zone) => zone.scores);
  return {
    ...(auction.kind === 'lrp' && { zones: looks.map((zone) => tracedZone(zone, chosen.has(zone))) }),
    scores,
    acceptable_cells: cheapest(scores),
  };
};

/** Goes through the batch once more, and tells of every decision what was compared. */
export function* traceOf(input: DecisionInput, decision: Decision): Generator<TraceStep> {
  const moment = openMoment(input);
  const placements = new Map(decision.placements.map((one) => [one.auction, one]));
  const errors = new Map(decision.failures.map(({ auction, reason }) => [auction, reason]));
  const most = input.policy.startingContainerMaximum || Infinity;
  let starting = moment.cells.reduce((sum, cell) => sum + cell.starting, 0);
  for (const [step, auction] of decision.consideredOrder.entries()) {
    const placement = placements.get(auction);
    const isLooked = moment.cells.length > 0 && starting < most;
    yield {
      step,
      kind: auction.kind,
      id: auctionId(auction),
      inflight_container_starts_before: starting,
      ...(isLooked ? look(moment, auction) : {}),
      ...(placement === undefined ? { error: errors.get(auction) ?? '' } : { chosen_cell: placement.cellId }),
    };
    if (placement === undefined) continue;
    moment.take(placement);
    starting += 1;
  }
}
