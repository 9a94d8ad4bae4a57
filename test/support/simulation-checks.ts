import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { crashBackoff } from '../../bbs/core/crash-policy.js';
import type { Contents, SimulatedCell } from './simulation-cell.js';
import type { Simulation } from './simulation.js';

const tablesOf = (simulation: Simulation) => {
  const board = simulation.board();
  if (board === undefined) throw new Error('there is no BBS');
  return board.active.store.committed;
};

export const rowsOf = (simulation: Simulation) =>
  [...tablesOf(simulation).actual_lrps.entries()].map(([, row]) => row);
export const tasksOf = (simulation: Simulation) =>
  [...tablesOf(simulation).tasks.entries()].map(([, row]) => row);
export const desiredOf = (simulation: Simulation) =>
  [...tablesOf(simulation).desired_lrps.entries()].map(([, row]) => row);

/** What is really there, and whether there could be more. */
export interface Ground {
  contents: (Contents & { cell: { readonly cellId: string } })[];
  hasRoomFor(memoryMb: number): boolean;
}

const groundOf = (simulation: Simulation): Ground => ({
  contents: [...simulation.cells.values()].flatMap((cell) =>
    cell.contents().map((one) => ({ ...one, cell })),
  ),
  hasRoomFor: (memoryMb) => hasRoomFor(simulation, memoryMb),
});

const hasRoomFor = (simulation: Simulation, memoryMb: number): boolean =>
  [...simulation.cells.values()].some(
    (cell) => (cell.rep()?.cell.state().available.memoryMb ?? 0) >= memoryMb,
  );

/** Every desired instance that there is room for runs once: one row, one container, on the cell that the row says. */
export const instanceProblems = (simulation: Simulation, ground: Ground): string[] => {
  const problems: string[] = [];
  const rows = rowsOf(simulation);
  const { contents } = ground;
  const desired = new Map(desiredOf(simulation).map((lrp) => [lrp.processGuid, lrp]));
  // the routes of a lost instance stay for as long as its replacement finds no room
  const waitsFor = ({ processGuid, index }: ActualLrp): boolean =>
    rows.some((row) => row.processGuid === processGuid && row.index === index && row.state === 'UNCLAIMED') &&
    !ground.hasRoomFor(desired.get(processGuid)?.memoryMb ?? 0);
  for (const row of rows) {
    const name = `${row.processGuid}/${row.index}`;
    if (row.index >= (desired.get(row.processGuid)?.instances ?? 0)) problems.push(`${name} is not desired`);
    if (row.presence === 'SUSPECT' && waitsFor(row)) continue;
    if (row.presence !== 'ORDINARY') problems.push(`${name} is ${row.presence}`);
    else if (row.state === 'UNCLAIMED' && !ground.hasRoomFor(desired.get(row.processGuid)?.memoryMb ?? 0)) {
      if (row.placementError === '') problems.push(`${name} waits without a reason`);
    } else if (row.state !== 'RUNNING') problems.push(`${name} is ${row.state} ${row.placementError}`);
  }
  const byGuid = new Map(rows.map((row) => [row.instanceGuid, row]));
  for (const { identity, cell, running } of contents) {
    if (identity.kind !== 'lrp') continue;
    const row = byGuid.get(identity.guid);
    const name = `${identity.processGuid}/${identity.index} ${identity.guid} on ${cell.cellId}`;
    if (row === undefined || row.cellId !== cell.cellId) problems.push(`orphan ${name}`);
    if (!running) problems.push(`${name} does not run`);
    byGuid.delete(identity.guid);
  }
  for (const row of byGuid.values()) {
    if (row.instanceGuid !== '' && row.presence === 'ORDINARY')
      problems.push(`${row.processGuid}/${row.index} has no container`);
  }
  for (const { processGuid, instances } of desired.values()) {
    const have = new Set(rows.filter((row) => row.processGuid === processGuid).map(({ index }) => index));
    if (have.size < instances) problems.push(`${processGuid} has ${have.size} of ${instances} rows`);
  }
  return problems;
};

/** Every task has ended, or runs in the one container that there is of it. */
export const taskProblems = (simulation: Simulation, ground: Ground): string[] => {
  const problems: string[] = [];
  const tasks = new Map<string, Task>(tasksOf(simulation).map((task) => [task.taskGuid, task]));
  const found = new Set<string>();
  for (const { identity, cell } of ground.contents) {
    if (identity.kind !== 'task') continue;
    const task = tasks.get(identity.guid);
    if (task?.state !== 'Running' || task.cellId !== cell.cellId) {
      problems.push(`orphan of task ${identity.guid} (${task?.state ?? 'unknown'}) on ${cell.cellId}`);
    }
    if (found.has(identity.guid)) problems.push(`task ${identity.guid} has two containers`);
    found.add(identity.guid);
  }
  for (const task of tasks.values()) {
    if (task.state === 'Pending' && ground.hasRoomFor(task.memoryMb))
      problems.push(`task ${task.taskGuid} waits: ${task.rejectionReason}`);
    if (task.state === 'Running' && !found.has(task.taskGuid))
      problems.push(`task ${task.taskGuid} runs nowhere`);
  }
  return problems;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** What a rep says of its cell is the sum of what is on it. */
const ledgerProblems = (cell: SimulatedCell): string[] => {
  const state = cell.rep()?.cell.state();
  if (state === undefined) return [`${cell.cellId} has no rep`];
  const identities = cell.contents().map(({ identity }) => identity);
  const lrps = identities.filter(({ kind }) => kind === 'lrp');
  const counts = new Map<string, number>();
  for (const { processGuid } of lrps) counts.set(processGuid, (counts.get(processGuid) ?? 0) + 1);
  const expected = {
    memoryMb: Math.max(0, cell.memoryMb - sum(identities.map(({ demand }) => demand.memoryMb))),
    diskMb: Math.max(0, cell.diskMb - sum(identities.map(({ demand }) => demand.diskMb))),
    containers: Math.max(0, cell.containers - identities.length),
  };
  const sorted = (map: ReadonlyMap<string, number>) => JSON.stringify([...map].sort());
  const problems: string[] = [];
  const check = (what: string, told: string, real: string): void => {
    if (told !== real) problems.push(`${cell.cellId} ${what}: says ${told}, has ${real}`);
  };
  check('room', JSON.stringify(state.available), JSON.stringify(expected));
  check('instances', sorted(state.lrpCounts), sorted(counts));
  check('tasks', String(state.taskCount), String(identities.length - lrps.length));
  check('starting', String(state.startingContainerCount), '0');
  if (!state.placeable) problems.push(`${cell.cellId} takes no work`);
  return problems;
};

const presenceProblems = (simulation: Simulation): string[] => {
  const present = [...tablesOf(simulation).leases.entries()]
    .map(([, lease]) => lease)
    .filter(({ name, owner }) => owner !== '' && name.startsWith('cell/'))
    .map(({ name }) => name.slice('cell/'.length));
  const expected = [...simulation.cells.keys()];
  return present.sort().join() === expected.sort().join() ? [] : [`present are ${present.join()}`];
};

/** Whether the events say what the board says; holds at every moment. */
export const eventProblems = (simulation: Simulation): string[] =>
  simulation.board() === undefined ? [] : simulation.fold.differences(tablesOf(simulation));

const SECOND = 1e9;
/** ns within which convergence finds that a back-off is over */
const ROUND = 40 * SECOND;

const isBackingOff = ({ clock }: Simulation, row: ActualLrp): boolean =>
  row.state === 'CRASHED' && clock.now() * 1e6 < row.since + crashBackoff(row.crashCount) + ROUND;

/**
 * Whether some of the problems are only waits that are meant to be long: an instance's back-off, and tasks on
 * cells that vanished together, which are left alone for ten minutes.
 */
export const isWaiting = (
  simulation: Simulation,
  isCell = (cellId: string): boolean => simulation.cells.has(cellId),
): boolean => {
  const backsOff = rowsOf(simulation).some((row) => isBackingOff(simulation, row));
  const inDoubt = tasksOf(simulation).some((task) => task.state === 'Running' && !isCell(task.cellId));
  return backsOff || inDoubt;
};

/** All that must hold once the faults have ended and time has passed; [] = all is well. */
export const problemsOf = (simulation: Simulation): string[] =>
  simulation.board() === undefined
    ? ['there is no BBS']
    : [
        ...presenceProblems(simulation),
        ...instanceProblems(simulation, groundOf(simulation)),
        ...taskProblems(simulation, groundOf(simulation)),
        ...[...simulation.cells.values()].flatMap(ledgerProblems),
        ...eventProblems(simulation),
      ];
