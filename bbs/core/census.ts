import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { LeaseRow } from './decision.js';

/** How many instances there are, by what they are. Evacuating copies are in none of the numbers. */
export interface LrpCensus {
  unclaimed: number;
  claimed: number;
  running: number;
  crashed: number;
  /** processes of which at least one instance is crashed */
  crashingProcesses: number;
  suspectClaimed: number;
  suspectRunning: number;
  /** cells that hold a suspect */
  suspectCells: number;
}

const STATES = {
  UNCLAIMED: 'unclaimed',
  CLAIMED: 'claimed',
  RUNNING: 'running',
  CRASHED: 'crashed',
} as const;

export const countLrps = (rows: Iterable<ActualLrp>): LrpCensus => {
  const counts = { unclaimed: 0, claimed: 0, running: 0, crashed: 0, suspectClaimed: 0, suspectRunning: 0 };
  const crashing = new Set<string>();
  const suspectCells = new Set<string>();
  for (const row of rows) {
    if (row.presence === 'SUSPECT') {
      suspectCells.add(row.cellId);
      counts[row.state === 'RUNNING' ? 'suspectRunning' : 'suspectClaimed'] += 1;
    } else if (row.presence === 'ORDINARY') {
      counts[STATES[row.state]] += 1;
      if (row.state === 'CRASHED') crashing.add(row.processGuid);
    }
  }
  return { ...counts, crashingProcesses: crashing.size, suspectCells: suspectCells.size };
};

export const countDesired = (rows: Iterable<DesiredLrp>): number => {
  let instances = 0;
  for (const row of rows) instances += row.instances;
  return instances;
};

export type TaskCensus = Record<Task['state'], number>;

export const countTasks = (rows: Iterable<Task>): TaskCensus => {
  const counts: TaskCensus = { Invalid: 0, Pending: 0, Running: 0, Completed: 0, Resolving: 0 };
  for (const { state } of rows) counts[state] += 1;
  return counts;
};

/** Leases whose name begins so, and that somebody holds. */
export const countHeld = (rows: Iterable<LeaseRow>, prefix: string): number => {
  let held = 0;
  for (const { name, owner } of rows) if (owner !== '' && name.startsWith(prefix)) held += 1;
  return held;
};
