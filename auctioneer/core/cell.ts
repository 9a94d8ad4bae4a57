import type { CellState, Resources } from '../../common/model/cell.js';
import type { Auction } from './auction.js';
import { LOCALITY_OFFSET, type Policy } from './policy.js';

/** What placing takes from a cell: the one effective request used by match, score and reserve. */
export interface Need {
  memoryMb: number;
  diskMb: number;
  cpuMilli: number;
}

export type Lack = 'containers' | 'cpu' | 'disk' | 'memory';

/** A cell within one batch: its state, less what the batch has placed on it so far. */
export interface BatchCell {
  readonly state: CellState;
  /** position in the bin-pack order */
  readonly index: number;
  readonly available: Resources;
  cpuMilli: number;
  starting: number;
  tasks: number;
  readonly lrpCounts: Map<string, number>;
}

export const createBatchCell = (state: CellState, index: number): BatchCell => ({
  state,
  index,
  available: { ...state.available },
  cpuMilli: state.cpuMilliAvailable,
  starting: state.startingContainerCount,
  tasks: state.taskCount,
  lrpCounts: new Map(Object.entries(state.lrpCounts)),
});

/** An LRP also needs the memory of the cell's proxy; a task has none. */
export const needOn = (cell: BatchCell, auction: Auction): Need => ({
  memoryMb: auction.work.memoryMb + (auction.kind === 'lrp' ? cell.state.proxyMemoryMb : 0),
  diskMb: auction.work.diskMb,
  cpuMilli: auction.work.cpuMilli,
});

/** What the cell lacks for this need; empty when it fits. Pids are no dimension of placement, as in Diego. */
export const lacking = (cell: BatchCell, need: Need): Lack[] => {
  const lacks: Lack[] = [];
  if (cell.available.containers < 1) lacks.push('containers');
  if (cell.state.cpuMilliTotal > 0 && cell.cpuMilli < need.cpuMilli) lacks.push('cpu');
  if (cell.available.diskMb < need.diskMb) lacks.push('disk');
  if (cell.available.memoryMb < need.memoryMb) lacks.push('memory');
  return lacks;
};

/** Mean share of the cell in use after placing. The order of operations is Diego's, so that ties fall alike. */
const resourceScore = (cell: BatchCell, need: Need): number => {
  const total = cell.state.total;
  const memory = 1 - (cell.available.memoryMb - need.memoryMb) / total.memoryMb;
  const disk = 1 - (cell.available.diskMb - need.diskMb) / total.diskMb;
  const containers = 1 - (cell.available.containers - 1) / total.containers;
  return (memory + disk + containers) / 3;
};

const neighbours = (cell: BatchCell, auction: Auction): number =>
  auction.kind === 'lrp' ? (cell.lrpCounts.get(auction.work.processGuid) ?? 0) : cell.tasks;

/** Lower is better. */
export const score = (cell: BatchCell, auction: Auction, policy: Policy): number => {
  const base = resourceScore(cell, needOn(cell, auction)) + cell.starting * policy.startingContainerWeight;
  const locality = base + LOCALITY_OFFSET * neighbours(cell, auction);
  return auction.kind === 'lrp' ? locality + cell.index * policy.binPackFirstFitWeight : locality;
};

/** Takes the place. Diego leaves the proxy's memory out here, and so over-promises; `compat` keeps that. */
export const reserve = (cell: BatchCell, auction: Auction, policy: Policy): void => {
  const need = needOn(cell, auction);
  cell.available.memoryMb -= policy.compat === 'diego' ? auction.work.memoryMb : need.memoryMb;
  cell.available.diskMb -= need.diskMb;
  cell.available.containers -= 1;
  cell.cpuMilli -= need.cpuMilli;
  cell.starting += 1;
  if (auction.kind === 'task') cell.tasks += 1;
  else cell.lrpCounts.set(auction.work.processGuid, neighbours(cell, auction) + 1);
};
