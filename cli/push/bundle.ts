import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdtemp, readFile, readdir, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { OutcryError } from '../../common/model/errors.js';

/** The application's files in one zip, in a temporary place. */
export interface Bundle {
  file: string;
  /** bytes of the zip */
  size: number;
  /** files in it */
  count: number;
  remove(): Promise<void>;
}

/** Left out always, as the cf CLI does. */
const ALWAYS_IGNORED = [
  '.git',
  '.hg',
  '.svn',
  '.DS_Store',
  '.cfignore',
  '.gitignore',
  '.outcryignore',
  'manifest.yml',
  'manifest.yaml',
];

type Ignores = (path: string, isDirectory: boolean) => boolean;

const patternToRegExp = (pattern: string): { matches: RegExp; directoryOnly: boolean; negated: boolean } => {
  const negated = pattern.startsWith('!');
  const body = pattern.replace(/^!/, '');
  const directoryOnly = body.endsWith('/');
  const trimmed = body.replace(/\/$/, '');
  const anchored = trimmed.includes('/');
  const source = trimmed
    .replace(/^\//, '')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*\/?/g, '\u0000')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
    .replaceAll('\u0000', '.*');
  return { matches: new RegExp(anchored ? `^${source}$` : `(^|/)${source}$`), directoryOnly, negated };
};

/** The rules of `.cfignore` (gitignore's patterns; the last that matches decides). */
const readIgnores = async (dir: string): Promise<Ignores> => {
  const text = await readFile(join(dir, '.cfignore'), 'utf8').catch(() => '');
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(patternToRegExp);
  return (path, isDirectory) => {
    if (ALWAYS_IGNORED.includes(path)) return true;
    let ignored = false;
    for (const rule of rules) {
      if ((isDirectory || !rule.directoryOnly) && rule.matches.test(path)) ignored = !rule.negated;
    }
    return ignored;
  };
};

const FILE_TYPE = 0o100000;
const LINK_TYPE = 0o120000;

const addTree = async (zip: ZipFile, dir: string, ignores: Ignores): Promise<number> => {
  let count = 0;
  const visit = async (path: string): Promise<void> => {
    const entries = await readdir(join(dir, path), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inside = path === '' ? entry.name : `${path}/${entry.name}`;
      if (ignores(inside, entry.isDirectory())) continue;
      if (entry.isDirectory()) await visit(inside);
      else if (entry.isSymbolicLink()) {
        zip.addBuffer(Buffer.from(await readlink(join(dir, inside))), inside, {
          mode: LINK_TYPE | 0o777,
          compress: false,
        });
        count += 1;
      } else if (entry.isFile()) {
        const { mode } = await lstat(join(dir, inside));
        zip.addReadStreamLazy(inside, { mode: FILE_TYPE | (mode & 0o777) }, (done) => {
          done(null, createReadStream(join(dir, inside)));
        });
        count += 1;
      }
    }
  };
  await visit('');
  return count;
};

/** Fails with PATH_NOT_FOUND or APP_DIR_EMPTY; what it made is removed again by then. */
export const bundle = async (dir: string): Promise<Bundle> => {
  const found = await stat(dir).catch(() => undefined);
  if (found === undefined || !found.isDirectory()) throw new OutcryError('PATH_NOT_FOUND', { path: dir });
  const place = await mkdtemp(join(tmpdir(), 'outcry-push-'));
  const remove = (): Promise<void> => rm(place, { recursive: true, force: true });
  try {
    const zip = new ZipFile();
    const file = join(place, 'package.zip');
    const written = pipeline(zip.outputStream, createWriteStream(file, { mode: 0o600 }));
    const count = await addTree(zip, dir, await readIgnores(dir));
    zip.end();
    await written;
    if (count === 0) throw new OutcryError('APP_DIR_EMPTY', { path: dir });
    return { file, size: (await stat(file)).size, count, remove };
  } catch (error) {
    await remove();
    throw error;
  }
};
