import type { ActualLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { lrpGuid } from './processes.js';
import type { ProcessRow, ReadTables } from './rows.js';

/** Instances of one process, or tasks of one application, that wait for a place, all for one reason. */
export interface WaitingGroup {
  kind: 'instances' | 'tasks';
  /** of their application, and of a process other than web; what the BBS calls them where there is none */
  name: string;
  /** by which the one that waits longest can be explained */
  id: string;
  count: number;
  /** ms since the epoch: that one's */
  since: number;
  /** what the last auction ended with; '' before the first */
  reason: string;
}

export interface Waiting {
  instances: number;
  tasks: number;
  /** those that wait longest first */
  groups: WaitingGroup[];
  moreGroups: number;
}

const NS_PER_MS = 1e6;
const GUID_LENGTH = 36;

/** The process whose LRP is called so. */
const processOf = (tables: ReadTables, guid: string): ProcessRow | undefined => {
  const process = tables.processes.get(guid.slice(0, GUID_LENGTH));
  return process && lrpGuid(process) === guid ? process : undefined;
};

const appName = (tables: ReadTables, appGuid: string | undefined): string | undefined =>
  appGuid === undefined ? undefined : tables.apps.get(appGuid)?.name;

const processName = (tables: ReadTables, guid: string): string => {
  const process = processOf(tables, guid);
  const app = appName(tables, process?.appGuid);
  if (process === undefined || app === undefined) return guid;
  return process.type === 'web' ? app : `${app} ${process.type}`;
};

const instancesOf = (row: ActualLrp): WaitingGroup => ({
  kind: 'instances',
  name: row.processGuid,
  id: `${row.processGuid}.${row.index}`,
  count: 1,
  since: row.since / NS_PER_MS,
  reason: row.placementError,
});

const tasksOf = (task: Task, tables: ReadTables): WaitingGroup => ({
  kind: 'tasks',
  name: appName(tables, tables.tasks.get(task.taskGuid)?.appGuid) ?? task.domain,
  id: task.taskGuid,
  count: 1,
  since: task.createdAt / NS_PER_MS,
  reason: task.rejectionReason,
});

const joined = (rows: Iterable<WaitingGroup>): WaitingGroup[] => {
  const groups = new Map<string, WaitingGroup>();
  for (const row of rows) {
    const key = JSON.stringify([row.kind, row.name, row.reason]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, row);
    else {
      group.count += 1;
      if (row.since < group.since) [group.since, group.id] = [row.since, row.id];
    }
  }
  return [...groups.values()];
};

/** What waits for a place, as the BBS has it, and why. */
export const waitingOf = (
  board: { actuals: readonly ActualLrp[]; tasks: readonly Task[] },
  { tables, limit }: { tables: ReadTables; limit: number },
): Waiting => {
  const rows = board.actuals.filter(({ state }) => state === 'UNCLAIMED');
  const pending = board.tasks.filter(({ state }) => state === 'Pending');
  const groups = joined([...rows.map(instancesOf), ...pending.map((task) => tasksOf(task, tables))]);
  groups.sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
  return {
    instances: rows.length,
    tasks: pending.length,
    groups: groups
      .slice(0, limit)
      .map((group) => (group.kind === 'tasks' ? group : { ...group, name: processName(tables, group.name) })),
    moreGroups: Math.max(0, groups.length - limit),
  };
};
