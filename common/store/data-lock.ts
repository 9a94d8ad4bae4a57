import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { OutcryError } from '../model/errors.js';
import { err, ok } from '../model/result.js';
import type { Result } from '../model/result.js';
import { prepareDataDir, reasonOf } from './data-dir.js';
import type { DataDirError, DataDirSetting } from './data-dir.js';

/** Who holds a data directory. */
export interface LockHolder {
  pid: number;
  /** RFC 3339 */
  startedAt: string;
  command: string;
}

export interface DataLock {
  readonly dir: string;
  /** gives the directory free; calling it again does nothing */
  release(): void;
}

export type DataLockError =
  | DataDirError
  /** `holder` is undefined when it has not said yet who it is */
  | { code: 'DATA_DIR_LOCKED'; path: string; holder: LockHolder | undefined };

const LOCK_FILE = 'lock.db';
const HOLDER_FILE = 'holder.json';

const readHolder = (dir: string): LockHolder | undefined => {
  try {
    return JSON.parse(readFileSync(join(dir, HOLDER_FILE), 'utf8')) as LockHolder;
  } catch {
    return undefined;
  }
};

// For people only, so a disk too full for it hinders nobody.
const writeHolder = (dir: string, holder: LockHolder): void => {
  const path = join(dir, HOLDER_FILE);
  try {
    writeFileSync(`${path}.new`, JSON.stringify(holder), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
};

const isBusy = (error: unknown): boolean => (error as { code?: string }).code === 'SQLITE_BUSY';

/**
 * Locks `dir` for the life of this process. The lock is SQLite's on `lock.db`, which the operating system
 * drops with the process, however it ends: nothing has to be cleaned up. Only `exec` is used, since a
 * prepared statement would outlive close(). No code of this process may open `lock.db` otherwise:
 * closing any descriptor of it would drop the lock.
 */
export const acquireDataLock = (
  dir: string,
  holder: LockHolder,
  options: { mode?: number } = {},
): Result<DataLock, DataLockError> => {
  const prepared = prepareDataDir(dir, options.mode);
  if (!prepared.ok) return prepared;
  let db: Database.Database | undefined;
  try {
    db = new Database(join(dir, LOCK_FILE), { timeout: 100 });
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    writeHolder(dir, holder);
    return ok(heldLock(dir, db));
  } catch (error) {
    db?.close();
    if (isBusy(error)) return err({ code: 'DATA_DIR_LOCKED', path: dir, holder: readHolder(dir) });
    return err({ code: 'DATA_DIR_UNREADABLE', path: dir, reason: reasonOf(error) });
  }
};

const heldLock = (dir: string, db: Database.Database): DataLock => {
  let released = false;
  return {
    dir,
    release() {
      if (released) return;
      released = true;
      rmSync(join(dir, HOLDER_FILE), { force: true });
      db.close();
    },
  };
};

/** The same, as an error to show; `setting` is what names another directory. */
export const dataLockError = (error: DataLockError, setting: DataDirSetting): OutcryError => {
  if (error.code === 'DATA_DIR_UNREADABLE') {
    return new OutcryError(error.code, { path: error.path, reason: error.reason, setting });
  }
  const { path, holder } = error;
  return new OutcryError(error.code, {
    path,
    setting,
    pid: holder?.pid ?? 'unknown',
    command: holder?.command ?? 'unknown command',
    startedAt: holder?.startedAt ?? 'just now',
  });
};
