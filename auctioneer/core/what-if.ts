import type {
  AddedCells,
  CellAfter,
  Tally,
  WhatIf,
  WithoutPlace,
  ZoneAfter,
} from '../../common/model/auction-questions.js';
import type { CellState } from '../../common/model/cell.js';
import { nearest } from '../../common/model/nearest.js';
import { type Auction, guidOf } from './auction.js';
import { beyond } from './bounded.js';
import type { Decision, DecisionInput, Placement } from './decide.js';
import { explainFailure } from './explain.js';
import { cellsTogether, decideRounds } from './rounds.js';

/** How things stand, and what would change. */
export interface Situation extends Pick<DecisionInput, 'policy' | 'scorer'> {
  /** the live states, of each backend in the order in which they are asked */
  rounds: readonly (readonly CellState[])[];
  /** present, but without a state */
  silent: readonly string[];
  /** ids of cells that would go */
  removed: ReadonlySet<string>;
  added: readonly AddedCells[];
  /** instances that run on the removed cells */
  moved: readonly Auction[];
  /** what has no place now */
  waiting: readonly Auction[];
  /** tasks that run on the removed cells */
  lostTasks: readonly string[];
}

/** Zones, cells, reasons and ids that are told at most. */
const MANY_ZONES = 50;
const MANY = 30;

/** What must be alike for cells to be of one kind. */
const kindOf = ({ rootfsProviders, total, volumeDrivers, proxyMemoryMb }: CellState): string =>
  JSON.stringify([
    Object.entries(rootfsProviders).sort(([a], [b]) => (a < b ? -1 : 1)),
    total.containers,
    volumeDrivers,
    proxyMemoryMb,
  ]);

const mostCommon = <T>(items: readonly T[], key: (item: T) => string): T | undefined => {
  const counts = new Map<string, { item: T; count: number }>();
  for (const item of items) {
    const known = counts.get(key(item)) ?? { item, count: 0 };
    known.count += 1;
    counts.set(key(item), known);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.item;
};

/** A cell as most are, empty and without tags; undefined when there is none to go by. */
const modelCell = (cells: readonly CellState[]): CellState | undefined => {
  const placeable = cells.filter((cell) => cell.placeable && !cell.evacuating);
  const model = mostCommon(placeable, kindOf);
  return (
    model && {
      ...model,
      zone: mostCommon(placeable, ({ zone }) => zone)?.zone ?? '',
      incarnation: 'what-if',
      version: 1,
      cpuMilliAvailable: model.cpuMilliTotal,
      lrpCounts: new Map(),
      taskCount: 0,
      startingContainerCount: 0,
      placementTags: [],
      optionalPlacementTags: [],
    }
  );
};

/** The cells that would come: `new-1`, `new-2`, … after all others in the order that settles ties. */
export const cellsToAdd = (cells: readonly CellState[], added: readonly AddedCells[]): CellState[] => {
  const model = modelCell(cells);
  if (model === undefined) return [];
  const taken = new Set(cells.map(({ cellId }) => cellId));
  let index = cells.reduce((most, { cellIndex }) => Math.max(most, cellIndex), -1);
  const result: CellState[] = [];
  for (const { count, memoryMb, diskMb, zone } of added) {
    for (let number = 0; number < count; number += 1) {
      let cellId = `new-${result.length + 1}`;
      while (taken.has(cellId)) cellId = `${cellId}x`;
      const total = { memoryMb, diskMb, containers: model.total.containers };
      index += 1;
      result.push({
        ...model,
        cellId,
        cellIndex: index,
        zone: zone || model.zone,
        total,
        available: { ...total },
      });
    }
  }
  return result;
};

const tallyOf = (auctions: readonly Auction[], placed: ReadonlySet<Auction>): Tally => ({
  instances: auctions.length,
  placed: auctions.filter((auction) => placed.has(auction)).length,
});

const zonesAfter = (cells: readonly CellState[], placements: readonly Placement[]): ZoneAfter[] => {
  const zoneOf = new Map(cells.map(({ cellId, zone }) => [cellId, zone]));
  const zones = new Map<string, ZoneAfter>();
  for (const { zone } of cells) {
    const known = zones.get(zone) ?? { zone, cells: 0, placed: 0 };
    known.cells += 1;
    zones.set(zone, known);
  }
  for (const { cellId } of placements) {
    const zone = zones.get(zoneOf.get(cellId) ?? '');
    if (zone !== undefined) zone.placed += 1;
  }
  return [...zones.values()].sort((a, b) => (a.zone < b.zone ? -1 : 1));
};

/** Cells that would be given work: those that get the most first. */
const placesAfter = (cells: readonly CellState[], placements: readonly Placement[]): CellAfter[] => {
  const states = new Map(cells.map((cell) => [cell.cellId, cell]));
  const places = new Map<string, CellAfter>();
  for (const { auction, cellId } of placements) {
    const state = states.get(cellId);
    if (state === undefined) continue;
    const { zone, available, proxyMemoryMb } = state;
    const place = places.get(cellId) ?? {
      cellId,
      zone,
      placed: 0,
      memoryMb: available.memoryMb,
      diskMb: available.diskMb,
    };
    place.placed += 1;
    place.memoryMb -= auction.request.memoryMb + (auction.kind === 'lrp' ? proxyMemoryMb : 0);
    place.diskMb -= auction.request.diskMb;
    places.set(cellId, place);
  }
  return [...places.values()].sort((a, b) => b.placed - a.placed || (a.cellId < b.cellId ? -1 : 1));
};

/** What finds no place, by process and Diego's reason; the nearest miss is the first one's. */
const withoutPlace = (failures: Decision['failures'], waiting: ReadonlySet<Auction>): WithoutPlace[] => {
  const groups = new Map<string, WithoutPlace>();
  for (const failure of failures) {
    const [id, waits] = [guidOf(failure.auction), waiting.has(failure.auction)];
    const key = JSON.stringify([id, failure.reason, waits]);
    const known = groups.get(key) ?? { id, instances: 0, reason: explainFailure(failure), waits };
    known.instances += 1;
    groups.set(key, known);
  }
  return [...groups.values()];
};

/** Everything that is asked for, and nothing that is known to be wrong. */
export const noAnswer = (problem: string): WhatIf => ({
  problem,
  unknownCells: [],
  unknownZones: [],
  known: [],
  moreKnown: 0,
  cells: 0,
  silent: [],
  moreSilent: 0,
  removed: [],
  moreRemoved: 0,
  added: 0,
  moved: { instances: 0, placed: 0 },
  waiting: { instances: 0, placed: 0 },
  zones: [],
  moreZones: 0,
  places: [],
  morePlaces: 0,
  withoutPlace: [],
  moreWithoutPlace: 0,
  lostTasks: [],
  moreLostTasks: 0,
});

/** The names that are known, first those that were probably meant. */
const likeliestFirst = (names: readonly string[], known: readonly string[]): string[] => {
  const meant = names.slice(0, MANY).flatMap((name) => nearest(name, known) ?? []);
  return [...new Set([...meant, ...known])];
};

/** Names that are not known, and those that are. */
export const unknownNames = (
  { unknownCells, unknownZones }: Pick<WhatIf, 'unknownCells' | 'unknownZones'>,
  known: readonly string[],
): WhatIf => ({
  ...noAnswer(''),
  unknownCells: unknownCells.slice(0, MANY),
  unknownZones: unknownZones.slice(0, MANY),
  known: likeliestFirst([...unknownCells, ...unknownZones], known).slice(0, MANY),
  moreKnown: beyond(known, MANY),
});

/** Decides the batch that would follow. Pure: nothing is changed by it. */
export const whatIf = (situation: Situation): WhatIf => {
  const { rounds, removed, moved, waiting, policy, scorer, silent, lostTasks } = situation;
  const cells = cellsTogether(rounds);
  const added = cellsToAdd(cells, situation.added);
  const [first = [], ...others] = rounds.map((some) => some.filter(({ cellId }) => !removed.has(cellId)));
  const backends = [[...first, ...added], ...others];
  const left = cellsTogether(backends);
  const { placements, failures } = decideRounds(backends, {
    auctions: [...moved, ...waiting],
    policy,
    scorer,
  });
  const placed = new Set(placements.map(({ auction }) => auction));
  const [zones, places] = [zonesAfter(left, placements), placesAfter(left, placements)];
  const unplaced = withoutPlace(failures, new Set(waiting));
  const gone = [...removed].sort();
  return {
    ...noAnswer(''),
    cells: cells.length,
    silent: silent.slice(0, MANY),
    moreSilent: beyond(silent, MANY),
    removed: gone.slice(0, MANY),
    moreRemoved: beyond(gone, MANY),
    added: added.length,
    moved: tallyOf(moved, placed),
    waiting: tallyOf(waiting, placed),
    zones: zones.slice(0, MANY_ZONES),
    moreZones: beyond(zones, MANY_ZONES),
    places: places.slice(0, MANY),
    morePlaces: beyond(places, MANY),
    withoutPlace: unplaced.slice(0, MANY),
    moreWithoutPlace: beyond(unplaced, MANY),
    lostTasks: lostTasks.slice(0, MANY),
    moreLostTasks: beyond(lostTasks, MANY),
  };
};
