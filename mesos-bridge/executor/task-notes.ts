/** What an executor keeps of its tasks on disk, so that its next life goes on with them. */
import { join } from 'node:path';
import { fileReason } from '../../common/model/file-reason.js';
import type { Logger } from '../../common/ports/logger.js';
import { createPartNotes } from '../../common/runtime/part-notes.js';
import { decode, encode } from '../protocol/codec.js';
import type { Draft, TaskInfo, TaskStatus } from '../protocol/messages.js';
import type { TaskLife } from './core/task-life.js';

export interface TaskRecord {
  readonly task: TaskInfo;
  readonly life: TaskLife;
  /** the agent has acknowledged a status of it */
  readonly acknowledged: boolean;
  /** not acknowledged yet, in order */
  readonly updates: readonly Draft<TaskStatus>[];
}

/** Port: the executor's notes. */
export interface TaskNotes {
  load(): Promise<TaskRecord[]>;
  /** resolves when it, or what came after it, is on disk; never rejects */
  save(record: TaskRecord): Promise<void>;
  /** the agent has acknowledged what it was told: a next life that does not know tells it once more, and hears so again */
  acknowledged(record: TaskRecord): void;
  /** as harmless when it is not known */
  remove(taskId: string): void;
}

/** Bytes as base64. What Mesos said of a task never changes, and is long; what has become of it changes often. */
type NotedTask = {
  task: string;
  now: { life: TaskLife; acknowledged: boolean; updates: string[] };
};

const FILE = 'tasks.jsonl';

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');

const must = <T>(read: { ok: true; value: T } | { ok: false; error: { detail: string } }): T => {
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
};

const taskOf = (text: string): TaskInfo => must(decode('TaskInfo', bytesOf(text), 'protobuf'));

const nowOf = ({ life, acknowledged, updates }: TaskRecord): NotedTask['now'] => ({
  life,
  acknowledged,
  updates: updates.map((status) => base64(encode('TaskStatus', status, 'protobuf'))),
});

const recordOf = ({ task, now }: NotedTask): TaskRecord => ({
  task: taskOf(task),
  life: now.life,
  acknowledged: now.acknowledged,
  updates: now.updates.map((one) => must(decode('TaskStatus', bytesOf(one), 'protobuf'))),
});

/** Of all tasks in one file below `dir`. */
export const createFileTaskNotes = (dir: string, logger: Logger): TaskNotes => {
  const notes = createPartNotes<NotedTask>({
    path: join(dir, FILE),
    keyName: 'taskId',
    onError: (error) => logger.error('tasks-not-noted', { reason: fileReason(error) }),
  });
  /** of which the task itself is noted */
  const noted = new Set<string>();

  const read = (taskId: string, { task, now }: Partial<NotedTask>): TaskRecord[] => {
    try {
      if (task === undefined || now === undefined) throw new Error('a part of it is not there');
      const record = recordOf({ task, now });
      noted.add(taskId);
      return [record];
    } catch (error) {
      logger.error('task-note-unreadable', { taskId, error });
      return [];
    }
  };

  return {
    load: async () => [...(await notes.load())].flatMap(([taskId, parts]) => read(taskId, parts)),
    save(record) {
      const { value: taskId } = record.task.taskId;
      const now = nowOf(record);
      if (noted.has(taskId)) return notes.change(taskId, { now });
      noted.add(taskId);
      return notes.change(taskId, { task: base64(encode('TaskInfo', record.task, 'protobuf')), now });
    },
    acknowledged: (record) => notes.changeLazily(record.task.taskId.value, { now: nowOf(record) }),
    remove(taskId) {
      noted.delete(taskId);
      notes.removeLazily(taskId);
    },
  };
};
