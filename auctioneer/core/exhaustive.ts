import type { CellState } from '../../common/model/cell.js';
import type { Bidders } from './bidders.js';
import { type Bids, type Entry, NONE, type NearestMiss, type Refusal } from './bids.js';
import { type BatchCell, type Lack, createBatchCell, distance, lacking, missOf, reserve } from './cell.js';
import { NO_SCORE, type Stage, furthest, insufficientText, matchStage, mismatchText } from './constraints.js';
import { type Policy, countsCellsByZone } from './policy.js';
import { type ScoreOf, type Scorer, scoreBy } from './scorer.js';

export interface Zone {
  name: string;
  cells: BatchCell[];
  /** present for their counts only */
  counting: CellState[];
}

interface ZoneMatch {
  cells: BatchCell[];
  instances: number;
}

interface Entrants extends Pick<Bidders, 'bidding' | 'counting'> {
  policy: Policy;
  /** in place of the policy's own score */
  scorer?: Scorer | undefined;
}

const byName = (a: Zone, b: Zone): number => (a.name < b.name ? -1 : 1);

/** The cells of a batch by zone, in the order of zones' names. */
export const zonesOf = ({ bidding, counting, policy }: Entrants): Zone[] => {
  const zones = new Map<string, Zone>();
  const zoneOf = (name: string): Zone => {
    const zone = zones.get(name) ?? { name, cells: [], counting: [] };
    zones.set(name, zone);
    return zone;
  };
  for (const [number, state] of bidding.entries()) {
    const { cells } = zoneOf(state.zone);
    const index = countsCellsByZone(policy) ? cells.length : state.cellIndex;
    cells.push(createBatchCell(state, { number, index }));
  }
  for (const state of counting) zoneOf(state.zone).counting.push(state);
  return [...zones.values()].sort(byName);
};

/** Instances of the same process in a zone, on any of its cells; tasks are not counted by zone. */
export const instancesIn = (zone: Zone, entry: Entry): number => {
  if (entry.kind === 'task') return 0;
  const guid = entry.request.processGuid;
  const here = zone.cells.reduce((sum, cell) => sum + (cell.lrpCounts.get(guid) ?? 0), 0);
  return zone.counting.reduce((sum, { lrpCounts }) => sum + (lrpCounts.get(guid) ?? 0), here);
};

const matching = (zones: readonly Zone[], entry: Entry): { zones: ZoneMatch[]; stage: Stage } => {
  const stages: Stage[] = [];
  const matches: ZoneMatch[] = [];
  for (const zone of zones) {
    const cells = zone.cells.filter((cell) => {
      const stage = matchStage(cell.state, entry.request);
      stages.push(stage);
      return stage === 'matched';
    });
    if (cells.length > 0) matches.push({ cells, instances: instancesIn(zone, entry) });
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
const bestOf = (cells: readonly BatchCell[], entry: Entry, scoreOf: ScoreOf): BatchCell | undefined => {
  let winner: BatchCell | undefined;
  let lowest = Infinity;
  for (const cell of cells) {
    if (lacking(cell, entry).length > 0) continue;
    const own = scoreOf(cell, entry);
    const better = own < lowest || (own === lowest && winner !== undefined && cell.number < winner.number);
    if (better) [winner, lowest] = [cell, own];
  }
  return winner;
};

const lackingEverywhere = (cells: readonly BatchCell[], entry: Entry): Lack[] => {
  let common: Lack[] = ['containers', 'cpu', 'disk', 'memory'];
  for (const cell of cells) {
    const lacks = lacking(cell, entry);
    common = common.filter((lack) => lacks.includes(lack));
  }
  return common;
};

const nearestOf = (cells: readonly BatchCell[], entry: Entry): NearestMiss | undefined => {
  let best: NearestMiss | undefined;
  let least = Infinity;
  for (const cell of cells) {
    const miss = missOf(cell, entry);
    const own = distance(miss, entry);
    if (own < least) [best, least] = [miss, own];
  }
  return best;
};

/**
 * Decides by scoring every cell for every auction: the meaning of every other way to decide, and the oracle
 * that they are tested against. Pure: the states handed in are not changed.
 */
export const openExhaustive = (entrants: Entrants): Bids => {
  const { policy, scorer } = entrants;
  const scoreOf = scoreBy(policy, scorer);
  const zones = zonesOf(entrants);
  const cells = zones.flatMap((zone) => zone.cells).sort((a, b) => a.number - b.number);

  const entries: Entry[] = [];
  const entryOf = (request: number): Entry => {
    const entry = entries[request];
    if (entry === undefined) throw new RangeError(`no request ${request} was entered`);
    return entry;
  };

  return {
    count: cells.length,
    starting: cells.reduce((sum, cell) => sum + cell.starting, 0),
    cellId: (cell) => cells[cell]?.state.cellId ?? '',
    enter: (entry) => entries.push(entry) - 1,
    winner(request) {
      const entry = entryOf(request);
      for (const group of zoneGroups(matching(zones, entry).zones)) {
        const cell = bestOf(group, entry, scoreOf);
        if (cell !== undefined) return cell.number;
      }
      return NONE;
    },
    refusal(request): Refusal {
      const entry = entryOf(request);
      const match = matching(zones, entry);
      if (match.stage !== 'matched') return { reason: mismatchText(match.stage, entry.request) };
      const matched = match.zones.flatMap((zone) => zone.cells);
      if (matched.some((cell) => lacking(cell, entry).length === 0)) return { reason: NO_SCORE };
      const nearest = nearestOf(matched, entry);
      const reason = insufficientText(lackingEverywhere(matched, entry));
      return nearest === undefined ? { reason } : { reason, nearest };
    },
    take(request, number) {
      const cell = cells[number];
      if (cell !== undefined) reserve(cell, entryOf(request), policy);
    },
  };
};
