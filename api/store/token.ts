import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Random } from '../../common/ports/random.js';

const TOKEN = /^[\x21-\x7e]{16,}$/;

const existing = async (file: string): Promise<string | undefined> => {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    await chmod(file, 0o600);
    return TOKEN.test(token) ? token : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** The API's bearer token: what the file holds, or a new one, written so that a crash leaves all of it or nothing. */
export const loadToken = async (file: string, random: Random): Promise<string> => {
  const found = await existing(file);
  if (found !== undefined) return found;
  const token = random.secret(32);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.new`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${token}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  return token;
};
