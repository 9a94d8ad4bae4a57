import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { ContainerState } from './life-cycle.js';

/** A container as the rep knows it. */
export interface KnownContainer {
  guid: string;
  kind: 'lrp' | 'task';
  state: ContainerState;
}

export interface SyncInput {
  cellId: string;
  /** what was known before the BBS was asked: only these are judged by its answer, which may be older than the rest */
  before: KnownContainer[];
  /** what is known now: never taken for lost */
  now: KnownContainer[];
  /** the BBS's rows on this cell */
  rows: ActualLrp[];
  tasks: Task[];
  /** the cell drains: of everything that runs the BBS is asked whether it is needed still */
  evacuating: boolean;
}

export interface SyncPlan {
  /** rows that claim a container which is not there: removed, not crashed, as in Diego */
  removeRows: ActualLrp[];
  /** the same, of copies that drained */
  removeEvacuating: ActualLrp[];
  /** rows of containers that are not there are still SUSPECT: the BBS has not yet found the cell back, and keeps them */
  unsettled: boolean;
  /** tasks said to run here without a container */
  failTasks: Task[];
  /** running LRPs whose row does not say so: told again */
  reportLrps: string[];
  /** LRPs that run here without a row: wanted still, or orphans */
  judgeLrps: string[];
  /** tasks that run here and are not Running here for the BBS */
  judgeTasks: string[];
}

const SETTLED: readonly ContainerState[] = ['running'];

/** Compares the BBS's picture of the cell with the rep's (Diego's bulk sync). Pure: the answers are carried out by the caller. */
export const planSync = (input: SyncInput): SyncPlan => {
  const { cellId, before, now, rows, tasks, evacuating } = input;
  const known = new Set([...before, ...now].map(({ guid }) => guid));
  const running = before.filter(
    ({ guid, state }) =>
      SETTLED.includes(state) && now.some((one) => one.guid === guid && one.state === state),
  );
  const rowOf = new Map(rows.map((row) => [row.instanceGuid, row]));
  const runningHere = new Set(
    tasks
      .filter((task) => task.state === 'Running' && task.cellId === cellId)
      .map(({ taskGuid }) => taskGuid),
  );
  const lost = rows.filter(
    ({ instanceGuid, state }) => (state === 'CLAIMED' || state === 'RUNNING') && !known.has(instanceGuid),
  );
  const lrps = running.filter(({ kind }) => kind === 'lrp').map(({ guid }) => guid);
  return {
    removeRows: lost.filter(({ presence }) => presence === 'ORDINARY'),
    removeEvacuating: lost.filter(({ presence }) => presence === 'EVACUATING'),
    unsettled: lost.some(({ presence }) => presence === 'SUSPECT'),
    failTasks: tasks.filter(({ taskGuid }) => runningHere.has(taskGuid) && !known.has(taskGuid)),
    reportLrps: lrps.filter((guid) => evacuating || rowOf.get(guid)?.state === 'CLAIMED'),
    judgeLrps: lrps.filter((guid) => !evacuating && !rowOf.has(guid)),
    judgeTasks: running
      .filter(({ kind, guid }) => kind === 'task' && !runningHere.has(guid))
      .map(({ guid }) => guid),
  };
};
