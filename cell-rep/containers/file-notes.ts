import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../common/ports/logger.js';
import { createTurns } from '../../common/runtime/turns.js';
import { writeWhole } from '../../common/runtime/whole-file.js';
import type { RunPlan } from '../core/run-plan.js';
import type { ContainerNotes, ContainerRecord, StoredContainer } from './memory.js';

const PLAN = '.plan.json';
const RECORD = '.json';
const NOTE = /^([A-Za-z0-9_-]+)(?:\.plan)?\.json$/;

/** Of a container whose rep was killed between its plan and its first record. */
const UNKNOWN: ContainerRecord = { state: 'initializing', setUp: false, done: [], started: {}, outputs: {} };

const writeNote = (path: string, value: unknown): Promise<void> => writeWhole(path, JSON.stringify(value));

const readJson = async <T>(path: string): Promise<T | undefined> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
};

/**
 * Notes as two files per container below `dir` (0600: plans hold the application's environment). A note
 * that cannot be written is logged, since the container matters more.
 */
export const createFileNotes = (dir: string, logger: Logger): ContainerNotes => {
  /** writes for one container follow one another, and the last state wins over those that waited */
  const queue = createTurns();
  const latest = new Map<string, ContainerRecord>();
  let made: Promise<unknown> | undefined;

  const attempt = (guid: string, job: () => Promise<void>): Promise<void> =>
    queue(guid, async () => {
      try {
        made ??= mkdir(dir, { recursive: true, mode: 0o700 });
        await made;
        await job();
      } catch (error) {
        made = undefined; // it may have been that
        logger.error('failed-to-write-container-notes', { guid, error });
      }
    });

  const stored = async (guid: string): Promise<StoredContainer | undefined> => {
    const record = await readJson<ContainerRecord>(join(dir, guid + RECORD));
    const plan = await readJson<RunPlan>(join(dir, guid + PLAN));
    if (record === undefined && plan === undefined) return undefined;
    return { guid, record: record ?? UNKNOWN, ...(plan === undefined ? {} : { plan }) };
  };

  return {
    async load() {
      const names = await readdir(dir).catch(() => []);
      const guids = new Set(names.flatMap((name) => NOTE.exec(name)?.[1] ?? []));
      const all = await Promise.all([...guids].map(stored));
      return all.filter((one) => one !== undefined);
    },
    savePlan: (plan) =>
      attempt(plan.identity.guid, () => writeNote(join(dir, plan.identity.guid + PLAN), plan)),
    async save(guid, record) {
      const waiting = latest.has(guid);
      latest.set(guid, record);
      // the write that waits takes the latest; its end is the end of this one
      if (waiting) return queue(guid, () => Promise.resolve());
      await attempt(guid, async () => {
        const last = latest.get(guid);
        latest.delete(guid);
        if (last !== undefined) await writeNote(join(dir, guid + RECORD), last);
      });
    },
    remove(guid) {
      latest.delete(guid);
      return attempt(guid, async () => {
        await rm(join(dir, guid + PLAN), { force: true });
        await rm(join(dir, guid + RECORD), { force: true });
      });
    },
  };
};

/** For cells whose containers do not outlive the rep. */
export const createNoNotes = (): ContainerNotes => ({
  load: () => Promise.resolve([]),
  savePlan: () => Promise.resolve(),
  save: () => Promise.resolve(),
  remove: () => Promise.resolve(),
});
