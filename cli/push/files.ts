import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { checkEntryName, checkLinkTarget } from '../../common/model/archive-rules.js';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import { type Ignores, readIgnores } from './ignores.js';

/** What of a directory is pushed; paths are relative to it, with `/`. */
export type SourceEntry =
  | { kind: 'file'; path: string; mode: number; modified: Date }
  | { kind: 'link'; path: string; target: string }
  | { kind: 'emptyDirectory'; path: string };

export const unreadable = (path: string, error: unknown): OutcryError =>
  new OutcryError('FILE_UNREADABLE', { path, reason: fileReason(error) }, { cause: error });

const refuse = (reason: string): OutcryError => new OutcryError('PUSH_UPLOAD_REFUSED', { reason });

/** PATH_NOT_FOUND when there is no directory at `dir`. */
export const checkDirectory = async (dir: string): Promise<void> => {
  const found = await stat(dir).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new OutcryError('PATH_NOT_FOUND', { path: dir });
};

const checkedName = (path: string): string => {
  const name = checkEntryName(path);
  if (!name.ok) throw refuse(name.error);
  // zip has one separator only, and would make a directory of it
  if (path.includes('\\')) throw refuse(`file name with a backslash: ${JSON.stringify(path)}`);
  return path;
};

const linkEntry = async (dir: string, path: string): Promise<SourceEntry> => {
  const target = await readlink(join(dir, path));
  const inside = checkLinkTarget(path, target);
  if (!inside.ok) throw refuse(inside.error);
  return { kind: 'link', path, target };
};

const fileEntry = async (dir: string, path: string): Promise<SourceEntry> => {
  const { mode, mtime } = await lstat(join(dir, path));
  return { kind: 'file', path, mode: mode & 0o777, modified: mtime };
};

const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1);

const walk = async (dir: string, ignores: Ignores, path: string): Promise<SourceEntry[]> => {
  const found: SourceEntry[] = [];
  const children = await readdir(join(dir, path), { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(join(dir, path), error);
  });
  for (const child of children.sort(byName)) {
    const inside = path === '' ? child.name : `${path}/${child.name}`;
    if (ignores(inside, child.isDirectory())) continue;
    checkedName(inside);
    if (child.isDirectory()) {
      for (const entry of await walk(dir, ignores, inside)) found.push(entry);
    } else if (child.isSymbolicLink()) found.push(await linkEntry(dir, inside));
    else if (child.isFile()) found.push(await fileEntry(dir, inside));
    // sockets, pipes and devices are nobody's application
  }
  if (found.length === 0 && path !== '') found.push({ kind: 'emptyDirectory', path });
  return found;
};

/** All that is pushed of `dir`, in the order of names. Fails with APP_DIR_EMPTY when no file is left. */
export const listFiles = async (dir: string): Promise<SourceEntry[]> => {
  await checkDirectory(dir);
  const entries = await walk(dir, await readIgnores(dir), '');
  if (!entries.some(({ kind }) => kind === 'file')) throw new OutcryError('APP_DIR_EMPTY', { path: dir });
  return entries;
};
