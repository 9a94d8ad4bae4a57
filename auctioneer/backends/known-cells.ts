import type { Work } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { CellStates } from './cell-backend.js';
import { createPreparation } from '../core/prepare.js';
import { createCellList } from './cell-list.js';

/**
 * What is known of cells: their latest states, and which of them are present. Disposable: whatever it lacks or has
 * wrong is put right by asking, and a cell's own books have the last word.
 */
export interface KnownCells {
  /** what a cell says of itself; what is older than what is known changes nothing. False: there is no room to keep it. */
  hear(state: CellState): boolean;
  /** a cell has taken work, of which it tells later: what it had then, it has no more */
  reserve(work: Work): void;
  /** it no longer counts until it is heard again */
  forget(cellId: string): void;
  /**
   * Those that have a presence from now on; undefined: nobody can say, and whoever is heard takes part. Who has come
   * and gone since the round began, in which that was asked, is known better.
   */
  setPresent(cellIds: ReadonlySet<string> | undefined): void;
  /** all are asked; rounds do not overlap */
  beginRound(): KnownCellsRound;
  appeared(cellId: string): void;
  disappeared(cellId: string): void;
  isHeard(cellId: string): boolean;
  /** of all that are present; `missed`: those that have not been heard */
  states(): CellStates;
  clear(): void;
}

export interface KnownCellsRound {
  /** whether all that are present have been heard in it; false while nobody can say who is */
  hasAll(): boolean;
  /** forgets those that have not been heard in it, and what cells in the round know nothing of */
  end(): void;
}

/** States kept of cells that have no presence yet: theirs may be on its way. */
const MOST_STRANGERS = 1_000;
/** States kept while nobody can say who is present: a storm of them is not to fill the memory. */
const MOST_CELLS = 100_000;

/** Of one life of a rep the highest version is the latest; of two lives, the one heard last. */
const isOlder = (state: CellState, than: CellState): boolean =>
  state.incarnation === than.incarnation && state.version < than.version;

type Counts = CellState['lrpCounts'];

const oneMore = (counts: Counts, added: readonly string[]): Map<string, number> => {
  const more = new Map<string, number>();
  for (const guid of added) more.set(guid, (more.get(guid) ?? counts.get(guid) ?? 0) + 1);
  return more;
};

/** Counts with more in them, put together when somebody looks through them: most cells tell theirs anew before anybody does. */
const countsWith = (counts: Counts, added: readonly string[]): Counts => {
  const more = oneMore(counts, added);
  let whole: Map<string, number> | undefined;
  const all = (): Map<string, number> => (whole ??= new Map([...counts, ...more]));
  return {
    get size() {
      return all().size;
    },
    get: (guid) => more.get(guid) ?? counts.get(guid),
    has: (guid) => more.has(guid) || counts.has(guid),
    forEach: (callback) => all().forEach(callback),
    keys: () => all().keys(),
    values: () => all().values(),
    entries: () => all().entries(),
    [Symbol.iterator]: () => all()[Symbol.iterator](),
  };
};

/** The state of a cell that has taken work, as it will tell it itself; an LRP also takes the memory of its proxy. */
const lessWork = (state: CellState, { lrps, tasks }: Work, processes: readonly string[]): CellState => {
  const { memoryMb, diskMb, containers } = state.available;
  const available = { memoryMb, diskMb, containers: containers - lrps.length - tasks.length };
  let cpuMilliAvailable = state.cpuMilliAvailable;
  const lrpCounts = lrps.length === 0 ? state.lrpCounts : countsWith(state.lrpCounts, processes);
  for (const one of [...lrps, ...tasks]) {
    available.memoryMb -= one.memoryMb + ('processGuid' in one ? state.proxyMemoryMb : 0);
    available.diskMb -= one.diskMb;
    if (state.cpuMilliTotal > 0) cpuMilliAvailable -= one.cpuMilli;
  }
  const taskCount = state.taskCount + tasks.length;
  const startingContainerCount = state.startingContainerCount + lrps.length + tasks.length;
  return { ...state, available, cpuMilliAvailable, lrpCounts, taskCount, startingContainerCount };
};

/** What comes in while all are asked. */
const createRound = () => {
  /** the latest states heard in it */
  const heard = new Map<string, CellState>();
  /** who has appeared (true) or disappeared (false) meanwhile */
  const presences = new Map<string, boolean>();
  return {
    note(state: CellState): void {
      const before = heard.get(state.cellId);
      if (before === undefined || !isOlder(state, before)) heard.set(state.cellId, state);
    },
    notePresence: (cellId: string, isThere: boolean): void => void presences.set(cellId, isThere),
    /** those that have a presence, by what was answered, and what has come in since it was asked */
    correct(present: Set<string>): void {
      for (const [cellId, isThere] of presences) {
        if (isThere) present.add(cellId);
        else present.delete(cellId);
      }
    },
    hasAll(present: ReadonlySet<string>): boolean {
      if (heard.size < present.size) return false;
      for (const cellId of present) if (!heard.has(cellId)) return false;
      return true;
    },
    /** Whatever a cell was heard to say before it was asked is no newer than its answer, whatever numbers it has. */
    settle(
      latest: ReadonlyMap<string, CellState>,
      keep: (state: CellState) => void,
      remove: (cellId: string) => void,
    ): void {
      for (const [cellId, known] of latest) {
        const state = heard.get(cellId);
        if (state === undefined) remove(cellId);
        else if (isOlder(state, known)) keep(state);
      }
    },
  };
};

export const createKnownCells = (): KnownCells => {
  const latest = new Map<string, CellState>();
  let round: ReturnType<typeof createRound> | undefined;
  let present: Set<string> | undefined;
  let strangers = 0;
  const list = createCellList();
  const preparation = createPreparation();

  const isPresent = (cellId: string): boolean => present?.has(cellId) ?? true;

  const drop = (cellId: string): boolean => {
    const known = latest.get(cellId);
    if (known !== undefined) preparation.gone(known);
    return latest.delete(cellId);
  };

  const remove = (cellId: string): void => {
    if (drop(cellId) && !isPresent(cellId)) strangers -= 1;
  };

  const put = (state: CellState, before: CellState | undefined): void => {
    latest.set(state.cellId, state);
    if (before === undefined) list.reorder();
    else list.replace(state);
  };

  const keep = (state: CellState): void => {
    const before = latest.get(state.cellId);
    preparation.told(state, before);
    put(state, before);
  };

  const hasRoomFor = (cellId: string): boolean =>
    isPresent(cellId) ? latest.size < MOST_CELLS || present !== undefined : strangers < MOST_STRANGERS;

  return {
    hear(state) {
      const { cellId } = state;
      const known = latest.get(cellId);
      if (known === undefined && !hasRoomFor(cellId)) return false;
      round?.note(state);
      if (known !== undefined && isOlder(state, known)) return true;
      if (known === undefined && !isPresent(cellId)) strangers += 1;
      keep(state);
      return true;
    },
    reserve(work) {
      const known = latest.get(work.cellId);
      if (known === undefined || known.incarnation !== work.incarnation) return;
      const processes = work.lrps.map(({ processGuid }) => processGuid);
      const less = lessWork(known, work, processes);
      if (processes.length > 0) preparation.taken(less, known, processes);
      put(less, known);
    },
    forget(cellId) {
      remove(cellId);
      list.reorder();
    },
    setPresent(cellIds) {
      present = cellIds && new Set(cellIds);
      if (present !== undefined) round?.correct(present);
      for (const cellId of latest.keys()) if (!isPresent(cellId)) drop(cellId);
      strangers = 0;
      list.reorder();
    },
    beginRound() {
      const own = (round = createRound());
      return {
        hasAll: () => present !== undefined && own.hasAll(present),
        end() {
          round = undefined;
          own.settle(latest, keep, remove);
          list.reorder();
        },
      };
    },
    appeared(cellId) {
      round?.notePresence(cellId, true);
      if (isPresent(cellId)) return;
      if (latest.has(cellId)) strangers -= 1;
      present?.add(cellId);
      list.reorder();
    },
    disappeared(cellId) {
      round?.notePresence(cellId, false);
      remove(cellId);
      present?.delete(cellId);
      list.reorder();
    },
    isHeard: (cellId) => latest.has(cellId),
    states: () => list.states(present ?? latest.keys(), latest),
    clear() {
      for (const cellId of latest.keys()) drop(cellId);
      present = undefined;
      strangers = 0;
      list.reorder();
    },
  };
};
