import type { CellState } from '../../common/model/cell.js';
import { MAX_AMOUNT, isAmount } from './amounts.js';

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

type Resource = 'memoryMb' | 'diskMb' | 'containers';

const resourceProblem = ({ available, total }: CellState, name: Resource): string | undefined => {
  if (!isAmount(total[name]) || total[name] === 0) return `invalid total ${name}: ${total[name]}`;
  if (!Number.isInteger(available[name]) || available[name] < -MAX_AMOUNT)
    return `invalid available ${name}: ${available[name]}`;
  return available[name] > total[name]
    ? `available ${name} above its total: ${available[name]} of ${total[name]}`
    : undefined;
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
  return bad && `invalid ${bad}: ${state[bad]}`;
};

const hasCpu = ({ cpuMilliAvailable, cpuMilliTotal }: CellState): boolean =>
  Number.isInteger(cpuMilliAvailable) && cpuMilliAvailable <= cpuMilliTotal;

const cpuProblem = (state: CellState): string | undefined =>
  hasCpu(state)
    ? undefined
    : `invalid cpuMilliAvailable: ${state.cpuMilliAvailable} of ${state.cpuMilliTotal}`;

const instancesProblem = ({ lrpCounts }: CellState): string | undefined => {
  for (const [guid, instances] of lrpCounts)
    if (!isAmount(instances)) return `invalid number of instances of ${guid}`;
  return undefined;
};

const isSize = (available: number, total: number): boolean =>
  isAmount(total) &&
  total > 0 &&
  Number.isInteger(available) &&
  available >= -MAX_AMOUNT &&
  available <= total;

/** Whether all numbers make sense: thousands of states are checked before a decision, so at one go. */
export const isSound = (state: CellState): boolean =>
  isSize(state.available.memoryMb, state.total.memoryMb) &&
  isSize(state.available.diskMb, state.total.diskMb) &&
  isSize(state.available.containers, state.total.containers) &&
  isAmount(state.cellIndex) &&
  isAmount(state.taskCount) &&
  isAmount(state.startingContainerCount) &&
  isAmount(state.proxyMemoryMb) &&
  isAmount(state.cpuMilliTotal) &&
  hasCpu(state);

/** States found to make sense: most are the same from batch to batch, and are not looked through again. */
const checked = new WeakSet<CellState>();

/** Why a state cannot be reckoned with; undefined when it can. Less than nothing may be available: a cell that promised too much. */
const problemOf = (state: CellState): string | undefined => {
  if (state.cellId === '') return 'the cell id is empty';
  if (state.evacuating) return 'evacuating';
  if (checked.has(state)) return undefined;
  if (isSound(state)) {
    const problem = instancesProblem(state);
    if (problem === undefined) checked.add(state);
    return problem;
  }
  return (
    resourceProblem(state, 'memoryMb') ??
    resourceProblem(state, 'diskMb') ??
    resourceProblem(state, 'containers') ??
    countProblem(state) ??
    cpuProblem(state)
  );
};

/** Looks through a state ahead of the batches that it takes part in: what has been found to make sense is remembered. */
export const checkState = (state: CellState): void => void problemOf(state);

const byIndexThenId = (a: CellState, b: CellState): number =>
  a.cellIndex - b.cellIndex || (a.cellId < b.cellId ? -1 : 1);

/** Of one incarnation's states the newest counts; when two reps claim the id, none does. */
const rivalProblem = (state: CellState, rivals: readonly CellState[]): string | undefined => {
  const others = rivals.filter((rival) => rival !== state);
  const contested = others.some(
    ({ incarnation, version }) => incarnation !== state.incarnation || version === state.version,
  );
  if (contested) return `${rivals.length} cells have this id`;
  return others.some(({ version }) => version > state.version)
    ? 'an older state of the same cell'
    : undefined;
};

/** The ids of the latest states that had no two of the same: as a rule the next ones' are the same. */
let distinctIds: readonly string[] = [];

const areTheSame = (states: readonly CellState[], ids: readonly string[]): boolean => {
  if (states.length !== ids.length) return false;
  for (let at = 0; at < ids.length; at += 1) if (states[at]?.cellId !== ids[at]) return false;
  return true;
};

/** States under the same id, where there are several. */
const sharedIds = (states: readonly CellState[]): Map<string, CellState[]> => {
  const shared = new Map<string, CellState[]>();
  if (areTheSame(states, distinctIds)) return shared;
  const ids = new Set<string>();
  for (const { cellId } of states) {
    if (ids.has(cellId)) shared.set(cellId, []);
    ids.add(cellId);
  }
  if (shared.size === 0) distinctIds = [...ids];
  else for (const state of states) shared.get(state.cellId)?.push(state);
  return shared;
};

/** Sorts out who takes part. Never throws: a state that makes no sense is left out with its reason. */
export const biddersOf = (states: readonly CellState[]): Bidders => {
  const bidders: Bidders = { bidding: [], counting: [], excluded: [] };
  const shared = sharedIds(states);
  for (const state of states) {
    const rivals = shared.size > 0 ? shared.get(state.cellId) : undefined;
    const reason = (rivals && rivalProblem(state, rivals)) ?? problemOf(state);
    if (reason !== undefined) bidders.excluded.push({ cellId: state.cellId, reason });
    else if (state.placeable) bidders.bidding.push(state);
    else bidders.counting.push(state);
  }
  bidders.bidding.sort(byIndexThenId);
  bidders.excluded.sort((a, b) => (a.cellId < b.cellId ? -1 : a.cellId > b.cellId ? 1 : 0));
  return bidders;
};
