import type { BbsEvent } from '../../common/model/events.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { CRASH_RESET } from '../../bbs/core/crash-policy.js';
import { actualLrpRowKey } from '../../bbs/core/rows.js';
import type { CommittedTables } from '../../bbs/store/schema.js';

interface Board {
  desired: Map<string, DesiredLrp>;
  actual: Map<string, ActualLrp>;
  tasks: Map<string, Task>;
}

/** What somebody knows of the board who reads it once and then only listens. */
export interface Fold {
  /** begins anew from what is committed */
  reset(tables: CommittedTables): void;
  tell(event: BbsEvent): void;
  /** how the board differs from what the events say; [] = not at all */
  differences(tables: CommittedTables): string[];
  counts: Map<BbsEvent['kind'], number>;
  rows(): Iterable<ActualLrp>;
  task(guid: string): Task | undefined;
}

const copyOf = (tables: CommittedTables): Board => ({
  desired: new Map(tables.desired_lrps.entries()),
  actual: new Map(tables.actual_lrps.entries()),
  tasks: new Map(tables.tasks.entries()),
});

const compare = <T>(
  what: string,
  told: Map<string, T>,
  real: { get(key: string): T | undefined; entries(): Iterable<[string, T]> },
): string[] => {
  const wrong: string[] = [];
  for (const [key, row] of real.entries()) {
    const known = told.get(key);
    if (known !== row && JSON.stringify(known) !== JSON.stringify(row))
      wrong.push(`${what} ${key}: events say otherwise`);
  }
  for (const key of told.keys())
    if (real.get(key) === undefined) wrong.push(`${what} ${key}: gone without an event`);
  return wrong;
};

const isSameRow = (a: ActualLrp | undefined, b: ActualLrp): boolean =>
  a !== undefined &&
  a.modificationTag.epoch === b.modificationTag.epoch &&
  a.modificationTag.index === b.modificationTag.index;

const TASK_STEPS: Record<string, readonly string[]> = {
  Pending: ['Pending', 'Running', 'Completed'],
  Running: ['Pending', 'Completed'],
  Completed: ['Resolving'],
  Resolving: ['Completed'],
};

/** `complain` is told of events that cannot follow from what was told before. */
export const createFold = (complain: (problem: string) => void): Fold => {
  const counts = new Map<BbsEvent['kind'], number>();
  let board: Board = { desired: new Map(), actual: new Map(), tasks: new Map() };

  const crashed = (event: Extract<BbsEvent, { kind: 'actual_lrp_crashed' }>): void => {
    const row = board.actual.get(actualLrpRowKey({ ...event, presence: 'ORDINARY' }));
    if (row === undefined || row.instanceGuid !== event.instanceGuid) {
      return complain(`crash of ${event.instanceGuid}, which holds no slot`);
    }
    const ran = row.state === 'RUNNING' && event.since - row.since > CRASH_RESET;
    const expected = ran ? 1 : row.crashCount + 1;
    if (event.crashCount !== expected) complain(`crash count ${row.crashCount} → ${event.crashCount}`);
  };

  const changedRow = (before: ActualLrp, after: ActualLrp): void => {
    const key = actualLrpRowKey(before);
    const known = board.actual.get(key);
    if (!isSameRow(known, before)) complain(`${key} changed from what it was not`);
    // a copy that begins to drain begins an epoch of its own; the slot goes on with the other
    const drains = after.presence === 'EVACUATING' && before.presence !== 'EVACUATING';
    const next = drains ? 0 : before.modificationTag.index + 1;
    if (after.modificationTag.index !== next) complain(`${key} skipped a tag`);
    if (key !== actualLrpRowKey(after)) board.actual.delete(key);
    board.actual.set(actualLrpRowKey(after), after);
  };

  const changedTask = (before: Task, after: Task): void => {
    const known = board.tasks.get(before.taskGuid);
    if (known?.state !== before.state) complain(`task ${before.taskGuid} changed from what it was not`);
    if (!TASK_STEPS[before.state]?.includes(after.state)) {
      complain(`task ${before.taskGuid}: ${before.state} → ${after.state}`);
    }
    board.tasks.set(after.taskGuid, after);
  };

  return {
    counts,
    rows: () => board.actual.values(),
    task: (guid) => board.tasks.get(guid),
    reset: (tables) => void (board = copyOf(tables)),
    tell(event) {
      counts.set(event.kind, (counts.get(event.kind) ?? 0) + 1);
      switch (event.kind) {
        case 'desired_lrp_created':
          return void board.desired.set(event.desiredLrp.processGuid, event.desiredLrp);
        case 'desired_lrp_changed':
          return void board.desired.set(event.after.processGuid, event.after);
        case 'desired_lrp_removed':
          return void board.desired.delete(event.desiredLrp.processGuid);
        case 'actual_lrp_instance_created':
          return void board.actual.set(actualLrpRowKey(event.actualLrp), event.actualLrp);
        case 'actual_lrp_instance_changed':
          return changedRow(event.before, event.after);
        case 'actual_lrp_instance_removed': {
          // the removal of an instance that was given up follows the creation of the slot's new row
          const key = actualLrpRowKey(event.actualLrp);
          if (isSameRow(board.actual.get(key), event.actualLrp)) board.actual.delete(key);
          return;
        }
        case 'actual_lrp_crashed':
          return crashed(event);
        case 'task_created':
          return void board.tasks.set(event.task.taskGuid, event.task);
        case 'task_changed':
          return changedTask(event.before, event.after);
        case 'task_removed':
          return void board.tasks.delete(event.task.taskGuid);
        default:
      }
    },
    differences: (tables) => [
      ...compare('desired', board.desired, tables.desired_lrps),
      ...compare('actual', board.actual, tables.actual_lrps),
      ...compare('task', board.tasks, tables.tasks),
    ],
  };
};
