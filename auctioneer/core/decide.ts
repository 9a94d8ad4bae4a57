import type { CellState } from '../../common/model/cell.js';
import { type Auction, consideredOrder } from './auction.js';
import { type BatchCell, type Lack, createBatchCell, lacking, needOn, reserve, score } from './cell.js';
import {
  IN_FLIGHT_LIMIT,
  NO_CELLS,
  type Stage,
  furthest,
  insufficientText,
  matchStage,
  mismatchText,
} from './constraints.js';
import type { Policy } from './policy.js';

export interface Placement {
  auction: Auction;
  cellId: string;
}

/** The cell that came nearest to taking the work, and what it is short of (0 = enough). */
export interface NearestMiss {
  cellId: string;
  memoryMb: number;
  diskMb: number;
  containers: number;
  cpuMilli: number;
}

export interface Failure {
  auction: Auction;
  /** Diego's text */
  reason: string;
  nearest?: NearestMiss;
}

export interface Decision {
  consideredOrder: Auction[];
  placements: Placement[];
  failures: Failure[];
}

export interface DecisionInput {
  cells: readonly CellState[];
  auctions: readonly Auction[];
  policy: Policy;
}

interface Zone {
  name: string;
  cells: BatchCell[];
}

interface ZoneMatch {
  cells: BatchCell[];
  instances: number;
}

export type Choice = { cell: BatchCell } | { reason: string; nearest?: NearestMiss };

const byIndexThenId = (a: CellState, b: CellState): number =>
  a.cellIndex - b.cellIndex || (a.cellId < b.cellId ? -1 : 1);

const byName = (a: Zone, b: Zone): number => (a.name < b.name ? -1 : 1);

/** With a bin-pack weight the cells of each zone are renumbered 0…n-1, as in Diego. */
const zonesOf = (states: readonly CellState[], policy: Policy): Zone[] => {
  const zones = new Map<string, BatchCell[]>();
  for (const state of [...states].sort(byIndexThenId)) {
    const cells = zones.get(state.zone) ?? [];
    zones.set(state.zone, cells);
    cells.push(createBatchCell(state, policy.binPackFirstFitWeight > 0 ? cells.length : state.cellIndex));
  }
  return [...zones].map(([name, cells]) => ({ name, cells })).sort(byName);
};

const instancesIn = (zone: Zone, auction: Auction): number => {
  if (auction.kind === 'task') return 0;
  const guid = auction.work.processGuid;
  return zone.cells.reduce((sum, cell) => sum + (cell.lrpCounts.get(guid) ?? 0), 0);
};

const matching = (zones: readonly Zone[], auction: Auction): { zones: ZoneMatch[]; stage: Stage } => {
  const stages: Stage[] = [];
  const matches: ZoneMatch[] = [];
  for (const zone of zones) {
    const cells = zone.cells.filter((cell) => {
      const stage = matchStage(cell.state, auction.work);
      stages.push(stage);
      return stage === 'matched';
    });
    if (cells.length > 0) matches.push({ cells, instances: instancesIn(zone, auction) });
  }
  return { zones: matches, stage: furthest(stages) };
};

/** Groups of zones with equally few instances, the fewest first. Tasks see one group: all zones. */
const zoneGroups = (zones: readonly ZoneMatch[]): BatchCell[][] => {
  const groups = new Map<number, BatchCell[]>();
  for (const { cells, instances } of zones) {
    const group = groups.get(instances) ?? [];
    groups.set(instances, group);
    group.push(...cells);
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, cells]) => cells);
};

/** The best of some cells; ties fall to the lower cell index, then the lower cell id. */
const bestOf = (cells: readonly BatchCell[], auction: Auction, policy: Policy): BatchCell | undefined => {
  let winner: BatchCell | undefined;
  let lowest = Infinity;
  for (const cell of cells) {
    if (lacking(cell, needOn(cell, auction)).length > 0) continue;
    const own = score(cell, auction, policy);
    const better = own < lowest || (own === lowest && winner && byIndexThenId(cell.state, winner.state) < 0);
    if (better) [winner, lowest] = [cell, own];
  }
  return winner;
};

const lackingEverywhere = (cells: readonly BatchCell[], auction: Auction): Lack[] => {
  let common: Lack[] = ['containers', 'cpu', 'disk', 'memory'];
  for (const cell of cells) {
    const lacks = lacking(cell, needOn(cell, auction));
    common = common.filter((lack) => lacks.includes(lack));
  }
  return common;
};

const missOf = (cell: BatchCell, auction: Auction): NearestMiss => {
  const need = needOn(cell, auction);
  const cpu = cell.state.cpuMilliTotal > 0 ? need.cpuMilli - cell.cpuMilli : 0;
  return {
    cellId: cell.state.cellId,
    memoryMb: Math.max(0, need.memoryMb - cell.available.memoryMb),
    diskMb: Math.max(0, need.diskMb - cell.available.diskMb),
    containers: Math.max(0, 1 - cell.available.containers),
    cpuMilli: Math.max(0, cpu),
  };
};

/** How far off a cell is: the sum of what is missing as shares of what is asked. */
const distance = (miss: NearestMiss, auction: Auction): number =>
  miss.memoryMb / Math.max(1, auction.work.memoryMb) +
  miss.diskMb / Math.max(1, auction.work.diskMb) +
  miss.cpuMilli / Math.max(1, auction.work.cpuMilli) +
  miss.containers;

const nearestOf = (cells: readonly BatchCell[], auction: Auction): NearestMiss | undefined => {
  let best: NearestMiss | undefined;
  for (const cell of cells) {
    const miss = missOf(cell, auction);
    if (best === undefined || distance(miss, auction) < distance(best, auction)) best = miss;
  }
  return best;
};

const unplaced = (cells: readonly BatchCell[], auction: Auction): Choice => {
  const nearest = nearestOf(cells, auction);
  const reason = insufficientText(lackingEverywhere(cells, auction));
  return nearest === undefined ? { reason } : { reason, nearest };
};

const choose = (zones: readonly Zone[], auction: Auction, policy: Policy): Choice => {
  const match = matching(zones, auction);
  if (match.stage !== 'matched') return { reason: mismatchText(match.stage, auction.work) };
  for (const group of zoneGroups(match.zones)) {
    const cell = bestOf(group, auction, policy);
    if (cell !== undefined) return { cell };
  }
  return unplaced(
    match.zones.flatMap(({ cells }) => cells),
    auction,
  );
};

const isBidder = (state: CellState): boolean => state.placeable && !state.evacuating;

/** A batch in progress: what is decided for one auction depends on what was taken before. */
export interface Batch {
  consider(auction: Auction): Choice;
  /** takes the place for the auction */
  take(auction: Auction, cell: BatchCell): void;
  /** a cell of this batch by id */
  cell(cellId: string): BatchCell | undefined;
}

/**
 * Decides by scoring every cell for every auction: the meaning of every other way to decide, and the oracle
 * that they are tested against. Pure: the states handed in are not changed.
 */
export const openBatch = ({ cells, policy }: { cells: readonly CellState[]; policy: Policy }): Batch => {
  const zones = zonesOf(cells.filter(isBidder), policy);
  const everyCell = zones.flatMap((zone) => zone.cells);
  let starting = everyCell.reduce((sum, cell) => sum + cell.starting, 0);
  const limit = policy.startingContainerMaximum;
  return {
    consider(auction) {
      if (everyCell.length === 0) return { reason: NO_CELLS };
      if (limit > 0 && starting >= limit) return { reason: IN_FLIGHT_LIMIT };
      return choose(zones, auction, policy);
    },
    take(auction, cell) {
      reserve(cell, auction, policy);
      starting += 1;
    },
    cell: (cellId) => everyCell.find(({ state }) => state.cellId === cellId),
  };
};

/** Decides a whole batch in Diego's order. */
export const decide = ({ cells, auctions, policy }: DecisionInput): Decision => {
  const batch = openBatch({ cells, policy });
  const decision: Decision = { consideredOrder: consideredOrder(auctions), placements: [], failures: [] };
  for (const auction of decision.consideredOrder) {
    const choice = batch.consider(auction);
    if ('cell' in choice) {
      batch.take(auction, choice.cell);
      decision.placements.push({ auction, cellId: choice.cell.state.cellId });
    } else {
      decision.failures.push({ auction, ...choice });
    }
  }
  return decision;
};
