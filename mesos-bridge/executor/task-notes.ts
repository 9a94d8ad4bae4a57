/** What an executor keeps of its tasks on disk, so that its next life goes on with them. */
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileReason } from '../../common/model/file-reason.js';
import type { Logger } from '../../common/ports/logger.js';
import { writeWhole } from '../../common/runtime/whole-file.js';
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
  /** in the order in which it is called for one task; never rejects */
  save(record: TaskRecord): Promise<void>;
  remove(taskId: string): Promise<void>;
}

/** For an executor that has but one life. */
export const createNoTaskNotes = (): TaskNotes => ({
  load: () => Promise.resolve([]),
  save: () => Promise.resolve(),
  remove: () => Promise.resolve(),
});

interface Written {
  life: TaskLife;
  acknowledged: boolean;
  task: string;
  updates: string[];
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');

const toText = ({ task, life, acknowledged, updates }: TaskRecord): string => {
  const written: Written = {
    life,
    acknowledged,
    task: base64(encode('TaskInfo', task, 'protobuf')),
    updates: updates.map((status) => base64(encode('TaskStatus', status, 'protobuf'))),
  };
  return JSON.stringify(written);
};

const must = <T>(read: { ok: true; value: T } | { ok: false; error: { detail: string } }): T => {
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
};

const fromText = (text: string): TaskRecord => {
  const written = JSON.parse(text) as Written;
  return {
    life: written.life,
    acknowledged: written.acknowledged,
    task: must(decode('TaskInfo', bytesOf(written.task), 'protobuf')),
    updates: written.updates.map((one) => must(decode('TaskStatus', bytesOf(one), 'protobuf'))),
  };
};

const SUFFIX = '.task';

/** Task ids may be longer than a file's name. */
const fileOf = (taskId: string): string =>
  createHash('sha256').update(taskId).digest('hex').slice(0, 32) + SUFFIX;

/** One file for each task, in a directory of its own. */
export const createFileTaskNotes = (dir: string, logger: Logger): TaskNotes => {
  const turns = new Map<string, Promise<void>>();
  /** one write of a task at a time, in order */
  const inTurn = (taskId: string, work: () => Promise<void>): Promise<void> => {
    const turn = (turns.get(taskId) ?? Promise.resolve()).then(work).catch((error: unknown) => {
      logger.error('task-not-noted', { taskId, reason: fileReason(error) });
    });
    turns.set(taskId, turn);
    void turn.then(() => turns.get(taskId) === turn && turns.delete(taskId));
    return turn;
  };

  const loadOne = async (name: string): Promise<TaskRecord[]> => {
    try {
      return [fromText(await readFile(join(dir, name), 'utf8'))];
    } catch (error) {
      logger.error('task-note-unreadable', { name, error });
      return [];
    }
  };

  return {
    async load() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX));
      return (await Promise.all(names.map(loadOne))).flat();
    },
    save: (record) => {
      const { value: taskId } = record.task.taskId;
      const text = toText(record);
      return inTurn(taskId, () => writeWhole(join(dir, fileOf(taskId)), text));
    },
    remove: (taskId) => inTurn(taskId, () => rm(join(dir, fileOf(taskId)), { force: true })),
  };
};
