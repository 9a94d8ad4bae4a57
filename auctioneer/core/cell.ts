import type { CellState, Resources } from '../../common/model/cell.js';
import type { Entry, NearestMiss } from './bids.js';
import { type Policy, weightsOf } from './policy.js';
import { meanUse, useAfter, weigh } from './score.js';

/** What placing takes from a cell: the one effective request used by match, score and reserve. */
interface Need {
  memoryMb: number;
  diskMb: number;
  cpuMilli: number;
}

export type Lack = 'containers' | 'cpu' | 'disk' | 'memory';

/** A cell within one batch: its state, less what the batch has placed on it so far. */
export interface BatchCell {
  readonly state: CellState;
  /** its place in the order that settles ties */
  readonly number: number;
  /** position in the bin-pack order */
  readonly index: number;
  readonly available: Resources;
  cpuMilli: number;
  starting: number;
  tasks: number;
  readonly lrpCounts: Map<string, number>;
}

export const createBatchCell = (
  state: CellState,
  { number, index }: Pick<BatchCell, 'number' | 'index'>,
): BatchCell => ({
  state,
  number,
  index,
  available: { ...state.available },
  cpuMilli: state.cpuMilliAvailable,
  starting: state.startingContainerCount,
  tasks: state.taskCount,
  lrpCounts: new Map(state.lrpCounts),
});

/** An LRP also needs the memory of the cell's proxy; a task has none. */
const needOn = (cell: BatchCell, { kind, request }: Entry): Need => ({
  memoryMb: request.memoryMb + (kind === 'lrp' ? cell.state.proxyMemoryMb : 0),
  diskMb: request.diskMb,
  cpuMilli: request.cpuMilli,
});

/** What the cell is short of for this work. Pids are no dimension of placement, as in Diego. */
export const missOf = (cell: BatchCell, entry: Entry): NearestMiss => {
  const need = needOn(cell, entry);
  const cpu = cell.state.cpuMilliTotal > 0 ? need.cpuMilli - cell.cpuMilli : 0;
  return {
    cellId: cell.state.cellId,
    memoryMb: Math.max(0, need.memoryMb - cell.available.memoryMb),
    diskMb: Math.max(0, need.diskMb - cell.available.diskMb),
    containers: Math.max(0, 1 - cell.available.containers),
    cpuMilli: Math.max(0, cpu),
  };
};

/** The dimensions in which the cell is short; empty when the work fits. */
export const lacking = (cell: BatchCell, entry: Entry): Lack[] => {
  const miss = missOf(cell, entry);
  const lacks: Lack[] = [];
  if (miss.containers > 0) lacks.push('containers');
  if (miss.cpuMilli > 0) lacks.push('cpu');
  if (miss.diskMb > 0) lacks.push('disk');
  if (miss.memoryMb > 0) lacks.push('memory');
  return lacks;
};

/** How far off a cell is: the sum of what is missing as shares of what is asked. */
export const distance = (miss: NearestMiss, { request }: Entry): number =>
  miss.memoryMb / Math.max(1, request.memoryMb) +
  miss.diskMb / Math.max(1, request.diskMb) +
  miss.cpuMilli / Math.max(1, request.cpuMilli) +
  miss.containers;

const neighbours = (cell: BatchCell, entry: Entry): number =>
  entry.kind === 'lrp' ? (cell.lrpCounts.get(entry.request.processGuid) ?? 0) : cell.tasks;

/** Lower is better. */
export const score = (cell: BatchCell, entry: Entry, policy: Policy): number => {
  const { memoryMb, diskMb } = needOn(cell, entry);
  const { available, state } = cell;
  const use = meanUse(
    useAfter(available.memoryMb, memoryMb, state.total.memoryMb),
    useAfter(available.diskMb, diskMb, state.total.diskMb),
    useAfter(available.containers, 1, state.total.containers),
  );
  const burden = { starting: cell.starting, neighbours: neighbours(cell, entry), index: cell.index };
  return weigh(use, burden, weightsOf(policy, entry.kind));
};

/** Takes the place. Diego leaves the proxy's memory out here, and so over-promises; `compat` keeps that. */
export const reserve = (cell: BatchCell, entry: Entry, policy: Policy): void => {
  const need = needOn(cell, entry);
  cell.available.memoryMb -= policy.compat === 'diego' ? entry.request.memoryMb : need.memoryMb;
  cell.available.diskMb -= need.diskMb;
  cell.available.containers -= 1;
  cell.cpuMilli -= need.cpuMilli;
  cell.starting += 1;
  if (entry.kind === 'task') cell.tasks += 1;
  else cell.lrpCounts.set(entry.request.processGuid, neighbours(cell, entry) + 1);
};
