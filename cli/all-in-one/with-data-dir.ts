import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireDataLock, dataLockError } from '../../common/store/data-lock.js';
import type { Context } from '../context.js';
import { checkDepth } from './data-dir.js';

export interface DataDirOptions {
  readonly dataDir: string;
  /** a temporary one instead, removed afterwards */
  readonly once: boolean;
  /** how the holder is named to whoever finds the directory in use */
  readonly command: string;
  /** longest path below it of a socket */
  readonly longestSocket: string;
}

/** Holds the data directory while `use` runs. */
export const withDataDir = async <T>(
  context: Context,
  options: DataDirOptions,
  use: (dataDir: string) => Promise<T>,
): Promise<T> => {
  const dataDir = options.once ? mkdtempSync(join(tmpdir(), 'outcry-once-')) : options.dataDir;
  checkDepth(dataDir, options.longestSocket);
  const lock = acquireDataLock(dataDir, {
    pid: process.pid,
    startedAt: new Date(context.now()).toISOString(),
    command: `${options.command} --data ${dataDir}`,
  });
  if (!lock.ok) throw dataLockError(lock.error, '--data DIR');
  try {
    return await use(dataDir);
  } finally {
    lock.value.release();
    if (options.once) rmSync(dataDir, { recursive: true, force: true });
  }
};
