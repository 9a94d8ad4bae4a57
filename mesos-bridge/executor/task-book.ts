/** The tasks of one executor: what has become of them, what Mesos knows of it, and what they were given. */
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { ExecutorCallSubscribe, TaskInfo, TaskStatus } from '../protocol/messages.js';
import { LAUNCHED, nextStep } from './core/task-life.js';
import type { Happening, TaskLife, Told } from './core/task-life.js';
import { NO_ROOM, addRoom } from './core/needs.js';
import type { Room } from './core/needs.js';
import { createOutbox } from './outbox.js';
import type { Outbox } from './outbox.js';
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
  acknowledged: boolean;
  readonly outbox: Outbox;
}

export interface TaskBookOptions {
  executorId: string;
  notes: TaskNotes;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** hands the agent one status; false: it has not taken it, and is to be told again */
  send(status: TaskStatus): Promise<boolean>;
}

export interface TaskBook {
  /** what an earlier life of the executor has noted */
  load(): Promise<void>;
  held(taskId: string): Held | undefined;
  /** the task, not ended, whose container that is */
  ofGuid(guid: string): Held | undefined;
  /** those that have not ended */
  alive(): Held[];
  open(task: TaskInfo, work: LaunchedWork | undefined): Held;
  tell(held: Held, told: Told): void;
  happened(held: Held, happening: Happening): void;
  acknowledged(taskId: string, uuid: Uint8Array): void;
  /** what SUBSCRIBE is to say; it counts as handed over until `disconnected` */
  subscription(): ExecutorCallSubscribe;
  connected(): void;
  disconnected(): void;
  /** hands over again what has waited for its acknowledgement for too long */
  repeat(): void;
  /** of all that has not ended */
  room(): Room;
  /** nothing waits to be acknowledged */
  isSettled(): boolean;
}

const recordOf = ({ task, life, acknowledged, outbox }: Held): TaskRecord => ({
  task,
  life,
  acknowledged,
  updates: outbox.pending(),
});

/** What the agent is told: source and id are its own to fill in, and it compares them. */
const statusOf = (
  held: Held,
  { state, ...more }: Told,
  { clock, executorId, random }: TaskBookOptions,
): TaskStatus => ({
  taskId: { value: held.taskId },
  state,
  source: 'SOURCE_EXECUTOR',
  executorId: { value: executorId },
  timestamp: clock.now() / 1000,
  uuid: Buffer.from(random.uuid().replaceAll('-', ''), 'hex'),
  ...more,
});

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
    freeGuid({ work, ...held }: Held): void {
      if (work !== undefined && byGuid.get(work.guid)?.taskId === held.taskId) byGuid.delete(work.guid);
    },
    remove: (taskId: string) => void tasks.delete(taskId),
    get: (taskId: string) => tasks.get(taskId),
    ofGuid: (guid: string) => byGuid.get(guid),
    all: () => [...tasks.values()],
    alive: () => [...tasks.values()].filter(({ life }) => life.phase !== 'ended'),
  };
};

export const createTaskBook = (options: TaskBookOptions): TaskBook => {
  const { clock, logger, notes, send } = options;
  const shelf = createShelf();
  let connected = false;
  const outbox = (before?: readonly TaskStatus[]): Outbox =>
    createOutbox({ clock, send, isConnected: () => connected }, before);

  const restore = ({ task, life, acknowledged, updates }: TaskRecord): Held => {
    const read = readTask(task);
    const work = read.ok ? read.value : undefined;
    return { taskId: task.taskId.value, task, work, life, acknowledged, outbox: outbox(updates) };
  };

  /** forgotten is what has ended and of which Mesos knows it */
  const note = (held: Held): Promise<void> => {
    if (held.life.phase !== 'ended' || held.outbox.pending().length > 0) return notes.save(recordOf(held));
    shelf.remove(held.taskId);
    return notes.remove(held.taskId);
  };

  const tell = (held: Held, told: Told): void => {
    logger.info('status-update', { taskId: held.taskId, ...told });
    held.outbox.push(statusOf(held, told, options));
    // noted first: what Mesos was told, a later life of the executor must know
    void note(held).then(held.outbox.pump);
  };

  return {
    async load() {
      for (const record of await notes.load()) shelf.put(restore(record));
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
        outbox: outbox(),
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
      if (held === undefined || !held.outbox.acknowledge(uuid)) return;
      held.acknowledged = true;
      void note(held);
    },
    subscription() {
      const all = shelf.all();
      return {
        unacknowledgedTasks: all.filter(({ acknowledged }) => !acknowledged).map(({ task }) => task),
        unacknowledgedUpdates: all.flatMap((held) => held.outbox.handOver().map((status) => ({ status }))),
      };
    },
    connected() {
      connected = true;
      for (const held of shelf.all()) held.outbox.pump();
    },
    disconnected() {
      connected = false;
      for (const held of shelf.all()) held.outbox.disconnected();
    },
    repeat() {
      for (const held of shelf.all()) held.outbox.repeat();
    },
    room: () => shelf.alive().reduce((sum, { work }) => (work ? addRoom(sum, work.room) : sum), NO_ROOM),
    isSettled: () => shelf.all().every(({ outbox: { pending } }) => pending().length === 0),
  };
};
