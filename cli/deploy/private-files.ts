/** Files that hold secrets: readable by their owner only. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';

/** What is in each file, by its path. */
export type Files = Record<string, string>;

/** undefined when it is not there; FILE_UNREADABLE when it cannot be read */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new OutcryError('FILE_UNREADABLE', { path, reason: fileReason(error) }, { cause: error });
  }
};

const writePrivately = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // renamed into place: a file that was there keeps neither its mode nor half of its content
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
};

/** Writes files below `dir`; FILE_UNWRITABLE with the path of the first that cannot be written. */
export const writeAll = async (dir: string, files: Files): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    const path = join(dir, name);
    await writePrivately(path, text).catch((error: unknown) => {
      throw new OutcryError('FILE_UNWRITABLE', { path, reason: fileReason(error) }, { cause: error });
    });
  }
};
