import type { LrpWork, ResourceRequest, TaskWork } from '../../common/model/auction.js';
import type { Resources } from '../../common/model/cell.js';

/** What one container takes of its cell: MB, containers and milli-CPU; always integers ≥ 0. */
export interface Demand extends Resources {
  cpuMilli: number;
}

export const ZERO_DEMAND: Demand = { memoryMb: 0, diskMb: 0, containers: 0, cpuMilli: 0 };

export const addDemand = (left: Demand, right: Demand): Demand => ({
  memoryMb: left.memoryMb + right.memoryMb,
  diskMb: left.diskMb + right.diskMb,
  containers: left.containers + right.containers,
  cpuMilli: left.cpuMilli + right.cpuMilli,
});

export const subtractDemand = (left: Demand, right: Demand): Demand => ({
  memoryMb: left.memoryMb - right.memoryMb,
  diskMb: left.diskMb - right.diskMb,
  containers: left.containers - right.containers,
  cpuMilli: left.cpuMilli - right.cpuMilli,
});

/** One rule for admission, reservation and report: LRPs are charged the cell's proxy memory, tasks are not. */
export const demandOf = (work: LrpWork | TaskWork, proxyMemoryMb: number): Demand => ({
  memoryMb: work.memoryMb + ('processGuid' in work ? proxyMemoryMb : 0),
  diskMb: work.diskMb,
  containers: 1,
  cpuMilli: work.cpuMilli,
});

/** Above this a resource is not a request but a mistake; the wire's integers end here. */
const LARGEST = 2 ** 31 - 1;

const sound = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= LARGEST;

export const isSoundRequest = (request: ResourceRequest): boolean =>
  [request.memoryMb, request.diskMb, request.maxPids, request.cpuMilli].every(sound);

/** The resources that lack, in Diego's words and alphabetical order; empty = it fits. */
export const lackingResources = (demand: Demand, available: Demand, accountsCpu: boolean): string[] => {
  const lacking: string[] = [];
  if (demand.containers > available.containers) lacking.push('containers');
  if (accountsCpu && demand.cpuMilli > available.cpuMilli) lacking.push('cpu');
  if (demand.diskMb > available.diskMb) lacking.push('disk');
  if (demand.memoryMb > available.memoryMb) lacking.push('memory');
  return lacking;
};

export const insufficient = (lacking: string[]): string => `insufficient resources: ${lacking.join(', ')}`;
