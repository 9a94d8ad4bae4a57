import type { Work } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import { createPreparation } from '../core/prepare.js';
import type { CellStates } from './cell-backend.js';
import { createMoreCounts } from './more-counts.js';

/** The latest state of each cell, ready for the next batch: between two of them, few of many tell something else. */
export interface LatestStates {
  get(cellId: string): CellState | undefined;
  size(): number;
  /** cells may be dropped, and tell something else, meanwhile */
  all(): Iterable<CellState>;
  tell(state: CellState): void;
  /** of a cell with this state: it has taken work, of which it tells later */
  take(state: CellState, work: Work): void;
  /** whether it was known */
  drop(cellId: string): boolean;
  /** who is present, or in which turn, is no longer what it was */
  reorder(): void;
  /** of those that are present, else of all; whoever was given a list keeps it as it was */
  states(present: Iterable<string> | undefined): CellStates;
}

/** The state of a cell that has taken work, as it will tell it itself; an LRP also takes the memory of its proxy. */
const lessWork = (state: CellState, { lrps, tasks }: Work, processes: readonly string[]): CellState => {
  const { memoryMb, diskMb, containers } = state.available;
  const available = { memoryMb, diskMb, containers: containers - lrps.length - tasks.length };
  let cpuMilliAvailable = state.cpuMilliAvailable;
  const lrpCounts = lrps.length === 0 ? state.lrpCounts : createMoreCounts(state.lrpCounts, processes);
  for (const one of [...lrps, ...tasks]) {
    available.memoryMb -= one.memoryMb + ('processGuid' in one ? state.proxyMemoryMb : 0);
    available.diskMb -= one.diskMb;
    if (state.cpuMilliTotal > 0) cpuMilliAvailable -= one.cpuMilli;
  }
  const taskCount = state.taskCount + tasks.length;
  const startingContainerCount = state.startingContainerCount + lrps.length + tasks.length;
  return { ...state, available, cpuMilliAvailable, lrpCounts, taskCount, startingContainerCount };
};

const sortOut = (order: Iterable<string>, latest: ReadonlyMap<string, CellState>): CellStates => {
  const cells: CellState[] = [];
  const missed: string[] = [];
  for (const cellId of order) {
    const state = latest.get(cellId);
    if (state === undefined) missed.push(cellId);
    else cells.push(state);
  }
  return { cells, missed };
};

/** The list of states as it was told last, and what has changed in it. */
const createList = () => {
  let told: CellStates | undefined;
  /** where each of its cells is; made when the first of them changes */
  let places: Map<string, number> | undefined;
  const replaced = new Map<string, CellState>();

  const withReplaced = ({ cells, missed }: CellStates): CellStates => {
    places ??= new Map(cells.map(({ cellId }, at) => [cellId, at]));
    const changed = cells.slice();
    for (const state of replaced.values()) {
      const at = places.get(state.cellId);
      if (at !== undefined) changed[at] = state;
    }
    replaced.clear();
    return { cells: changed, missed };
  };

  return {
    reorder(): void {
      told = places = undefined;
      replaced.clear();
    },
    replace(state: CellState): void {
      if (told !== undefined) replaced.set(state.cellId, state);
    },
    states(order: Iterable<string>, latest: ReadonlyMap<string, CellState>): CellStates {
      if (told === undefined) told = sortOut(order, latest);
      else if (replaced.size > 0) told = withReplaced(told);
      return told;
    },
  };
};

export const createLatestStates = (): LatestStates => {
  const latest = new Map<string, CellState>();
  const list = createList();
  const preparation = createPreparation();

  return {
    get: (cellId) => latest.get(cellId),
    size: () => latest.size,
    all: () => latest.values(),
    tell(state) {
      const before = latest.get(state.cellId);
      latest.set(state.cellId, state);
      preparation.told(state, before);
      if (before === undefined) list.reorder();
      else list.replace(state);
    },
    take(state, work) {
      const processes = work.lrps.map(({ processGuid }) => processGuid);
      const less = lessWork(state, work, processes);
      if (processes.length > 0) preparation.taken(less, state, processes);
      latest.set(less.cellId, less);
      list.replace(less);
    },
    drop(cellId) {
      const known = latest.get(cellId);
      if (known === undefined) return false;
      preparation.gone(known);
      return latest.delete(cellId);
    },
    reorder: list.reorder,
    states: (present) => list.states(present ?? latest.keys(), latest),
  };
};
