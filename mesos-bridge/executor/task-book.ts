/** The tasks of one executor: what has become of them, what Mesos knows of it, and what they were given. */
import type { Logger } from '../../common/ports/logger.js';
import type { ExecutorStatus } from '../protocol/executor/client.js';
import type { Earlier } from '../protocol/executor/unacknowledged.js';
import type { Draft, TaskInfo, TaskStatus } from '../protocol/messages.js';
import { NO_ROOM, addRoom } from './core/needs.js';
import type { Room } from './core/needs.js';
import { LAUNCHED, nextStep } from './core/task-life.js';
import type { Happening, TaskLife, Told } from './core/task-life.js';
import type { TaskNotes, TaskRecord } from './task-notes.js';
import type { LaunchedWork } from './work-of-task.js';
import { readTask } from './work-of-task.js';

/** One Mesos task. */
export interface Held {
  readonly taskId: string;
  readonly task: TaskInfo;
  /** undefined: there is no sense in it, and it was refused */
  readonly work: LaunchedWork | undefined;
  life: TaskLife;
  /** the agent has acknowledged a status of it */
  acknowledged: boolean;
  /** what the agent has been told, and has not acknowledged, in order */
  updates: readonly Draft<TaskStatus>[];
}

export interface TaskBookOptions {
  notes: TaskNotes;
  logger: Logger;
  /** tells the agent, again until it acknowledges; answers what it is told */
  send(status: ExecutorStatus): Draft<TaskStatus>;
}

export interface TaskBook {
  /** what an earlier life of the executor has noted, and what of it the agent must be told */
  load(): Promise<Earlier>;
  held(taskId: string): Held | undefined;
  /** the task, not ended, whose container that is */
  ofGuid(guid: string): Held | undefined;
  /** those that have not ended */
  alive(): Held[];
  open(task: TaskInfo, work: LaunchedWork | undefined): Held;
  tell(held: Held, told: Told): void;
  happened(held: Held, happening: Happening): void;
  acknowledged(taskId: string, uuid: Uint8Array): void;
  /** of all that has not ended */
  room(): Room;
}

const recordOf = ({ task, life, acknowledged, updates }: Held): TaskRecord => ({
  task,
  life,
  acknowledged,
  updates,
});

const restored = ({ task, ...record }: TaskRecord): Held => {
  const read = readTask(task);
  return { ...record, taskId: task.taskId.value, task, work: read.ok ? read.value : undefined };
};

const isSame = (left: Uint8Array | undefined, right: Uint8Array): boolean =>
  left !== undefined && Buffer.compare(left, right) === 0;

/** The tasks by their ids, and by the guids of their containers. */
const createShelf = () => {
  const tasks = new Map<string, Held>();
  const byGuid = new Map<string, Held>();
  return {
    put(held: Held): Held {
      tasks.set(held.taskId, held);
      if (held.work !== undefined && held.life.phase !== 'ended') byGuid.set(held.work.guid, held);
      return held;
    },
    /** its container is gone: another may come by that guid */
    freeGuid(held: Held): void {
      const guid = held.work?.guid;
      if (guid !== undefined && byGuid.get(guid) === held) byGuid.delete(guid);
    },
    remove: (taskId: string) => void tasks.delete(taskId),
    get: (taskId: string) => tasks.get(taskId),
    ofGuid: (guid: string) => byGuid.get(guid),
    all: () => [...tasks.values()],
    alive: () => [...tasks.values()].filter(({ life }) => life.phase !== 'ended'),
  };
};

export const createTaskBook = ({ logger, notes, send }: TaskBookOptions): TaskBook => {
  const shelf = createShelf();

  const tell = (held: Held, told: Told): void => {
    logger.info('status-update', { taskId: held.taskId, ...told });
    held.updates = [...held.updates, send({ taskId: { value: held.taskId }, ...told })];
    void notes.save(recordOf(held));
  };

  /** forgotten is what has ended and of which Mesos knows it */
  const settled = (held: Held): void => {
    if (held.life.phase === 'launched') return;
    if (held.life.phase !== 'ended') return notes.acknowledged(recordOf(held));
    shelf.remove(held.taskId);
    notes.remove(held.taskId);
  };

  return {
    async load() {
      for (const record of await notes.load()) shelf.put(restored(record));
      const all = shelf.all();
      return {
        tasks: all.filter(({ acknowledged }) => !acknowledged).map(({ task }) => task),
        updates: all.flatMap(({ updates }) => updates.map((status) => ({ status }))),
      };
    },
    held: shelf.get,
    ofGuid: shelf.ofGuid,
    alive: shelf.alive,
    open: (task, work) =>
      shelf.put({
        taskId: task.taskId.value,
        task,
        work,
        life: LAUNCHED,
        acknowledged: false,
        updates: [],
      }),
    tell,
    happened(held, happening) {
      const { life, told } = nextStep(held.life, happening);
      held.life = life;
      if (life.phase === 'ended') shelf.freeGuid(held);
      if (told !== undefined) tell(held, told);
    },
    acknowledged(taskId, uuid) {
      const held = shelf.get(taskId);
      const left = held?.updates.filter((status) => !isSame(status.uuid, uuid)) ?? [];
      if (held === undefined || left.length === held.updates.length) return;
      held.updates = left;
      held.acknowledged = true;
      if (left.length === 0) settled(held);
    },
    room: () => shelf.alive().reduce((sum, { work }) => (work ? addRoom(sum, work.room) : sum), NO_ROOM),
  };
};
