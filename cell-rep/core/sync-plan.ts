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
  /** LRPs whose row does not say how they are: told again; of those that do not run yet, claimed again */
  reportLrps: string[];
  /** LRPs that run here without a row: wanted still, or orphans */
  judgeLrps: string[];
  /** tasks that are here and are not Running here for the BBS */
  judgeTasks: string[];
}

/** The BBS has heard of what is in these. */
const CLAIMED: readonly ContainerState[] = ['initializing', 'created', 'running'];

/** Those that were in one of `states` when the BBS was asked, and are the same now. */
const steady = ({ before, now }: SyncInput, states: readonly ContainerState[]): KnownContainer[] => {
  const stateNow = new Map(now.map(({ guid, state }) => [guid, state]));
  return before.filter(({ guid, state }) => states.includes(state) && stateNow.get(guid) === state);
};

const guidsOf = (containers: readonly KnownContainer[]): string[] => containers.map(({ guid }) => guid);

/** Compares the BBS's picture of the cell with the rep's (Diego's bulk sync). Pure: the answers are carried out by the caller. */
export const planSync = (input: SyncInput): SyncPlan => {
  const { cellId, before, now, rows, tasks, evacuating } = input;
  const known = new Set([...before, ...now].map(({ guid }) => guid));
  const settled = steady(input, CLAIMED);
  const rowOf = new Map(rows.map((row) => [row.instanceGuid, row]));
  const runningHere = new Set(
    tasks
      .filter((task) => task.state === 'Running' && task.cellId === cellId)
      .map(({ taskGuid }) => taskGuid),
  );
  const lost = rows.filter(
    ({ instanceGuid, state }) => (state === 'CLAIMED' || state === 'RUNNING') && !known.has(instanceGuid),
  );
  const lrps = settled.filter(({ kind }) => kind === 'lrp');
  const running = guidsOf(lrps.filter(({ state }) => state === 'running'));
  const starting = guidsOf(lrps.filter(({ state }) => state !== 'running'));
  return {
    removeRows: lost.filter(({ presence }) => presence === 'ORDINARY'),
    removeEvacuating: lost.filter(({ presence }) => presence === 'EVACUATING'),
    unsettled: lost.some(({ presence }) => presence === 'SUSPECT'),
    failTasks: tasks.filter(({ taskGuid }) => runningHere.has(taskGuid) && !known.has(taskGuid)),
    reportLrps: [
      ...running.filter((guid) => evacuating || rowOf.get(guid)?.state === 'CLAIMED'),
      ...starting.filter((guid) => !rowOf.has(guid)),
    ],
    judgeLrps: running.filter((guid) => !evacuating && !rowOf.has(guid)),
    judgeTasks: guidsOf(settled.filter(({ kind, guid }) => kind === 'task' && !runningHere.has(guid))),
  };
};
