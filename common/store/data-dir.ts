import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { err, ok } from '../model/result.js';
import type { Result } from '../model/result.js';

/** Where a data directory is named: on the command line, in a component's configuration, or to an executor. */
export type DataDirSetting = '--data DIR' | 'data_dir in its configuration' | 'OUTCRY_EXECUTOR_DATA_DIR';

export interface DataDirError {
  code: 'DATA_DIR_UNREADABLE';
  path: string;
  reason: string;
}

const REASONS: Record<string, string> = {
  EACCES: 'permission denied',
  EEXIST: 'not a directory',
  EDQUOT: 'disk quota exceeded',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'not a directory',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
};

export const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? (code || message);
};

/** One level at a time: Node's own recursive way never ends where the system refuses new directories, as below /proc. */
const makeDirectories = (dir: string, mode: number): void => {
  if (existsSync(dir)) return;
  makeDirectories(dirname(dir), mode);
  try {
    mkdirSync(dir, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/** Creates `dir` with `mode` when absent, and checks that files in it can be made, read and written. */
export const prepareDataDir = (dir: string, mode = 0o700): Result<void, DataDirError> => {
  try {
    makeDirectories(dir, mode);
    if (!statSync(dir).isDirectory()) {
      return err({ code: 'DATA_DIR_UNREADABLE', path: dir, reason: 'not a directory' });
    }
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(undefined);
  } catch (error) {
    return err({ code: 'DATA_DIR_UNREADABLE', path: dir, reason: reasonOf(error) });
  }
};
