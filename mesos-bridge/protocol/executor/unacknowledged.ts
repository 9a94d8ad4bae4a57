import type { KnownExecutorEvent } from '../events.js';
import type { Draft, ExecutorCallUpdate, TaskInfo, TaskStatus } from '../messages.js';

export type Update = Draft<ExecutorCallUpdate>;

/** What the agent has not taken over yet, and must be told again when it comes back. */
export interface Unacknowledged {
  add(update: Update): void;
  /** it will never be taken */
  drop(update: Update): void;
  /** of tasks that came, and of updates that were acknowledged */
  heard(event: KnownExecutorEvent): void;
  tasks(): readonly TaskInfo[];
  /** in the order in which they were made */
  updates(): readonly Update[];
}

const keyOf = (uuid: Uint8Array): string => Buffer.from(uuid).toString('hex');

const uuidOf = ({ status }: { status: Pick<TaskStatus, 'uuid'> | Draft<TaskStatus> }): string =>
  keyOf(status.uuid ?? new Uint8Array());

/** What an earlier life of the executor has left to be told. */
export interface Earlier {
  readonly tasks: readonly TaskInfo[];
  readonly updates: readonly Update[];
}

const NOTHING: Earlier = { tasks: [], updates: [] };

/** A task counts as unacknowledged until the first of its updates is acknowledged, as Mesos has it. */
export const createUnacknowledged = (earlier: Earlier = NOTHING): Unacknowledged => {
  const tasks = new Map<string, TaskInfo>();
  const updates = new Map<string, Update>();
  const launched = (launchedTasks: readonly TaskInfo[]): void => {
    for (const task of launchedTasks) tasks.set(task.taskId.value, task);
  };
  launched(earlier.tasks);
  for (const update of earlier.updates) updates.set(uuidOf(update), update);
  return {
    add: (update) => void updates.set(uuidOf(update), update),
    drop: (update) => void updates.delete(uuidOf(update)),
    heard(event) {
      if (event.type === 'LAUNCH') launched([event.launch.task]);
      else if (event.type === 'LAUNCH_GROUP') launched(event.launchGroup.taskGroup.tasks);
      else if (event.type === 'ACKNOWLEDGED') {
        updates.delete(keyOf(event.acknowledged.uuid));
        tasks.delete(event.acknowledged.taskId.value);
      }
    },
    tasks: () => [...tasks.values()],
    updates: () => [...updates.values()],
  };
};
