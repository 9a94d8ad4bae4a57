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
  /** resolves when it, or a later one of that task, is on disk; never rejects */
  save(record: TaskRecord): Promise<void>;
  remove(taskId: string): Promise<void>;
}

interface Written {
  life: TaskLife;
  acknowledged: boolean;
  task: string;
  updates: string[];
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');

/** A task's own words never change, and are written with each of its steps. */
const taskTexts = new WeakMap<TaskInfo, string>();

const taskText = (task: TaskInfo): string => {
  const known = taskTexts.get(task);
  if (known !== undefined) return known;
  const text = base64(encode('TaskInfo', task, 'protobuf'));
  taskTexts.set(task, text);
  return text;
};

const toText = ({ task, life, acknowledged, updates }: TaskRecord): string => {
  const written: Written = {
    life,
    acknowledged,
    task: taskText(task),
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

/** What of a task is to be on disk. */
interface Turn {
  /** undefined: nothing */
  wanted: TaskRecord | undefined;
  isWritten: boolean;
  done: Promise<void>;
}

/** Writes one task's notes one after the other. What comes while one is written takes the place of what waits: only the latest is ever read. */
const createTurns = (
  write: (taskId: string, record: TaskRecord | undefined) => Promise<void>,
): ((taskId: string, record: TaskRecord | undefined) => Promise<void>) => {
  const turns = new Map<string, Turn>();
  const take = async (taskId: string, turn: Turn): Promise<void> => {
    while (!turn.isWritten) {
      turn.isWritten = true;
      await write(taskId, turn.wanted);
    }
    turns.delete(taskId);
  };
  return (taskId, record) => {
    const under = turns.get(taskId);
    if (under !== undefined) {
      Object.assign(under, { wanted: record, isWritten: false });
      return under.done;
    }
    const turn: Turn = { wanted: record, isWritten: false, done: Promise.resolve() };
    turns.set(taskId, turn);
    turn.done = turn.done.then(() => take(taskId, turn));
    return turn.done;
  };
};

/** One file for each task, in a directory of its own. */
export const createFileTaskNotes = (dir: string, logger: Logger): TaskNotes => {
  const note = createTurns(async (taskId, record) => {
    const path = join(dir, fileOf(taskId));
    try {
      await (record === undefined ? rm(path, { force: true }) : writeWhole(path, toText(record)));
    } catch (error) {
      logger.error('task-not-noted', { taskId, reason: fileReason(error) });
    }
  });

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
    save: (record) => note(record.task.taskId.value, record),
    remove: (taskId) => note(taskId, undefined),
  };
};
