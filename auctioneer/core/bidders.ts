import type { CellState } from '../../common/model/cell.js';

/** A cell state that takes no part, and why. */
export interface Excluded {
  cellId: string;
  reason: string;
}

export interface Bidders {
  /** in the order that settles ties: by cell index, then cell id */
  bidding: CellState[];
  /** present for its counts only: its instances count in its zone (design §7) */
  counting: CellState[];
  excluded: Excluded[];
}

const MAX_AMOUNT = 2 ** 31 - 1;

const isAmount = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= MAX_AMOUNT;

const RESOURCES = ['memoryMb', 'diskMb', 'containers'] as const;

const resourceProblem = ({ available, total }: CellState): string | undefined => {
  for (const name of RESOURCES) {
    if (!isAmount(total[name]) || total[name] === 0) return `invalid total ${name}: ${total[name]}`;
    if (!Number.isInteger(available[name]) || available[name] < -MAX_AMOUNT)
      return `invalid available ${name}: ${available[name]}`;
    if (available[name] > total[name])
      return `available ${name} above its total: ${available[name]} of ${total[name]}`;
  }
  return undefined;
};

const COUNTS = [
  'cellIndex',
  'taskCount',
  'startingContainerCount',
  'proxyMemoryMb',
  'cpuMilliTotal',
] as const;

const countProblem = (state: CellState): string | undefined => {
  const bad = COUNTS.find((name) => !isAmount(state[name]));
  if (bad !== undefined) return `invalid ${bad}: ${state[bad]}`;
  if (!Number.isInteger(state.cpuMilliAvailable) || state.cpuMilliAvailable > state.cpuMilliTotal)
    return `invalid cpuMilliAvailable: ${state.cpuMilliAvailable} of ${state.cpuMilliTotal}`;
  const guid = Object.keys(state.lrpCounts).find((name) => !isAmount(state.lrpCounts[name] ?? 0));
  return guid === undefined ? undefined : `invalid number of instances of ${guid}`;
};

/** Why a state cannot be reckoned with; undefined when it can. Less than nothing may be available: a cell that promised too much. */
const problemOf = (state: CellState): string | undefined => {
  if (state.cellId === '') return 'the cell id is empty';
  if (state.evacuating) return 'evacuating';
  return resourceProblem(state) ?? countProblem(state);
};

const byIndexThenId = (a: CellState, b: CellState): number =>
  a.cellIndex - b.cellIndex || (a.cellId < b.cellId ? -1 : 1);

/** Of several states under one id: the newest of one incarnation; none when two reps claim the id. */
const oneOf = (states: readonly CellState[]): CellState | undefined => {
  const newest = states.reduce((a, b) => (b.version > a.version ? b : a));
  const contested = states.some(
    (state) =>
      state.incarnation !== newest.incarnation || (state !== newest && state.version === newest.version),
  );
  return contested ? undefined : newest;
};

const byId = (states: readonly CellState[]): Map<string, CellState[]> => {
  const found = new Map<string, CellState[]>();
  for (const state of states) {
    const same = found.get(state.cellId);
    if (same === undefined) found.set(state.cellId, [state]);
    else same.push(state);
  }
  return found;
};

/** Sorts out who takes part. Never throws: a state that makes no sense is left out with its reason. */
export const biddersOf = (states: readonly CellState[]): Bidders => {
  const bidders: Bidders = { bidding: [], counting: [], excluded: [] };
  for (const [cellId, same] of byId(states)) {
    const state = same.length === 1 ? same[0] : oneOf(same);
    if (state === undefined) {
      bidders.excluded.push({ cellId, reason: `${same.length} cells have this id` });
      continue;
    }
    if (same.length > 1) bidders.excluded.push({ cellId, reason: 'an older state of the same cell' });
    const reason = problemOf(state);
    if (reason !== undefined) bidders.excluded.push({ cellId, reason });
    else if (state.placeable) bidders.bidding.push(state);
    else bidders.counting.push(state);
  }
  bidders.bidding.sort(byIndexThenId);
  bidders.excluded.sort((a, b) => (a.cellId < b.cellId ? -1 : a.cellId > b.cellId ? 1 : 0));
  return bidders;
};
