import { auctionId } from '../core/auction.js';
import { decide } from '../core/decide.js';
import type { Scorer } from '../core/scorer.js';
import { type Explanations, explanationsOf } from './explanations.js';
import { openScenario } from './open.js';
import { type PlacementReport, reportPlacements, unsettledOf } from './outcomes.js';
import type { Scenario } from './read.js';
import { type TraceStep, traceOf } from './trace.js';

/** What became of a scenario, in the names in which decisions of Diego's scheduler were recorded. */
export interface ScenarioReport {
  /** `lrp process_guid.index` or `task guid` */
  considered_order: string[];
  placements: PlacementReport[];
  explanations: Explanations;
}

export interface ScenarioRun {
  report: ScenarioReport;
  /** step by step, made as it is read: it has a line for each auction and cell */
  trace(): Iterable<TraceStep>;
}

/** Runs one batch through: what an auctioneer does between asking for states and reporting, without the wires. */
export const runScenario = (scenario: Scenario, scorer?: Scorer): ScenarioRun => {
  const input = { ...openScenario(scenario), scorer };
  const decision = decide(input);
  const open = unsettledOf(decision.placements, scenario.behaviour);
  return {
    report: {
      considered_order: decision.consideredOrder.map((auction) => `${auction.kind} ${auctionId(auction)}`),
      placements: reportPlacements(decision, open, scenario.policy),
      explanations: explanationsOf(input, decision, open),
    },
    trace: () => traceOf(input, decision),
  };
};
