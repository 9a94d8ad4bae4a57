import type { DesiredLrp, DesiredLrpUpdate } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { desiredLrp, lrpUpdate } from './desired-lrp.js';
import { hasEnded } from './tasks.js';
import type { ApiSettings, ReadTables } from './rows.js';

/** What makes the BBS hold exactly what the API wants. Old LRPs go before new ones come. */
export interface LrpPlan {
  remove: string[];
  desire: DesiredLrp[];
  update: { processGuid: string; update: DesiredLrpUpdate }[];
}

/**
 * Compares what apps want with what the BBS has in their domain. With `appGuid` only that app is looked at:
 * the caller gives only its LRPs as `existing` then.
 */
export const planLrps = (
  tables: ReadTables,
  settings: ApiSettings,
  input: { existing: readonly DesiredLrp[]; appGuid?: string },
): LrpPlan => {
  const rows =
    input.appGuid === undefined
      ? [...tables.processes.entries()].map(([, row]) => row)
      : tables.processes.byIndex('app', input.appGuid);
  const existing = new Map(input.existing.map((lrp) => [lrp.processGuid, lrp]));
  const plan: LrpPlan = { remove: [], desire: [], update: [] };
  for (const process of rows) {
    const should = desiredLrp(tables, settings, process);
    if (!should) continue;
    const is = existing.get(should.processGuid);
    existing.delete(should.processGuid);
    const update = is && lrpUpdate(is, should);
    if (!is) plan.desire.push(should);
    else if (update) plan.update.push({ processGuid: should.processGuid, update });
  }
  plan.remove.push(...existing.keys());
  return plan;
};

export interface TaskPlan {
  /** tasks of the BBS that nobody here wants any more */
  cancel: string[];
  /** have ended there: take over, then remove */
  ended: Task[];
  /** to be looked at: their state may have moved */
  live: Task[];
}

export const planTasks = (tables: ReadTables, seen: readonly Task[]): TaskPlan => {
  const plan: TaskPlan = { cancel: [], ended: [], live: [] };
  for (const task of seen) {
    const row = tables.tasks.get(task.taskGuid);
    if (task.state === 'Completed' || task.state === 'Resolving') plan.ended.push(task);
    else if (!row || row.state === 'CANCELING' || hasEnded(row.state)) plan.cancel.push(task.taskGuid);
    else plan.live.push(task);
  }
  return plan;
};
