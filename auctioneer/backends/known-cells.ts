import type { Work } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { CellStates } from './cell-backend.js';
import { type LatestStates, createLatestStates } from './latest-states.js';

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
  /** nobody is asked in it after all: whoever is known stays so */
  abandon(): void;
}

/** States kept of cells that have no presence yet: theirs may be on its way. */
const MOST_STRANGERS = 1_000;
/** States kept while nobody can say who is present: a storm of them is not to fill the memory. */
const MOST_CELLS = 100_000;

/** Of one life of a rep the highest version is the latest; of two lives, the one heard last. */
const isOlder = (state: CellState, than: CellState): boolean =>
  state.incarnation === than.incarnation && state.version < than.version;

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
    settle(latest: LatestStates, remove: (cellId: string) => void): void {
      for (const known of latest.all()) {
        const state = heard.get(known.cellId);
        if (state === undefined) remove(known.cellId);
        else if (isOlder(state, known)) latest.tell(state);
      }
    },
  };
};

export const createKnownCells = (): KnownCells => {
  const latest = createLatestStates();
  let round: ReturnType<typeof createRound> | undefined;
  let present: Set<string> | undefined;
  let strangers = 0;

  const isPresent = (cellId: string): boolean => present?.has(cellId) ?? true;

  const remove = (cellId: string): void => {
    if (latest.drop(cellId) && !isPresent(cellId)) strangers -= 1;
  };

  const hasRoomFor = (cellId: string): boolean =>
    isPresent(cellId) ? latest.size() < MOST_CELLS || present !== undefined : strangers < MOST_STRANGERS;

  return {
    hear(state) {
      const { cellId } = state;
      const known = latest.get(cellId);
      if (known === undefined && !hasRoomFor(cellId)) return false;
      round?.note(state);
      if (known !== undefined && isOlder(state, known)) return true;
      if (known === undefined && !isPresent(cellId)) strangers += 1;
      latest.tell(state);
      return true;
    },
    reserve(work) {
      const known = latest.get(work.cellId);
      if (known === undefined || known.incarnation !== work.incarnation) return;
      latest.take(known, work);
    },
    forget(cellId) {
      remove(cellId);
      latest.reorder();
    },
    setPresent(cellIds) {
      present = cellIds && new Set(cellIds);
      if (present !== undefined) round?.correct(present);
      for (const { cellId } of latest.all()) if (!isPresent(cellId)) latest.drop(cellId);
      strangers = 0;
      latest.reorder();
    },
    beginRound() {
      const own = (round = createRound());
      return {
        hasAll: () => present !== undefined && own.hasAll(present),
        end() {
          round = undefined;
          own.settle(latest, remove);
          latest.reorder();
        },
        abandon() {
          if (round === own) round = undefined;
        },
      };
    },
    appeared(cellId) {
      round?.notePresence(cellId, true);
      if (isPresent(cellId)) return;
      if (latest.get(cellId) !== undefined) strangers -= 1;
      present?.add(cellId);
      latest.reorder();
    },
    disappeared(cellId) {
      round?.notePresence(cellId, false);
      remove(cellId);
      present?.delete(cellId);
      latest.reorder();
    },
    isHeard: (cellId) => latest.get(cellId) !== undefined,
    states: () => latest.states(present),
    clear() {
      for (const { cellId } of latest.all()) latest.drop(cellId);
      present = undefined;
      strangers = 0;
      latest.reorder();
    },
  };
};
