/** Where an archive's entries become files. Nobody else may write below it meanwhile. */
import { chmod, chown, lchown, link, lstat, mkdir, open, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkLinkTarget } from '../../common/model/archive-rules.js';
import { ArchiveError } from './entry.js';

export interface Tree {
  directory(name: string, mode: number): Promise<void>;
  file(name: string, from: FileSource): Promise<void>;
  /** noted; made by `finish`, so that no entry is ever written through a link */
  symlink(name: string, target: string): Promise<void>;
  /** to a file that came earlier */
  hardlink(name: string, target: string): Promise<void>;
  finish(): Promise<void>;
}

export interface FileSource {
  mode: number;
  content: AsyncIterable<Uint8Array>;
  /** told of every piece; throws when it is too much */
  count(bytes: number): void;
}

/** set-uid, set-gid and sticky bits are dropped; the owner keeps at least reading and writing */
const fileMode = (mode: number): number => (mode & 0o777 || 0o644) | 0o600;
const directoryMode = (mode: number): number => (mode & 0o777 || 0o755) | 0o700;

export const createTree = async (options: { to: string; uid?: number; gid?: number }): Promise<Tree> => {
  const { to, uid, gid } = options;
  const directories = new Set<string>();
  const files = new Set<string>();
  const links = new Map<string, string>();

  const own = async (path: string): Promise<void> => {
    if (uid !== undefined) await chown(path, uid, gid ?? uid);
  };
  const makeDirectory = async (name: string): Promise<void> => {
    if (directories.has(name)) return;
    if (name !== '') await makeDirectory(parentOf(name));
    if (files.has(name)) throw new ArchiveError(`both a file and a directory: ${JSON.stringify(name)}`);
    await mkdir(join(to, name), { mode: 0o755 });
    await chmod(join(to, name), 0o755);
    await own(join(to, name));
    directories.add(name);
  };
  /** a later entry of the same name wins */
  const clear = async (name: string): Promise<void> => {
    if (name === '' || directories.has(name)) {
      throw new ArchiveError(`both a file and a directory: ${JSON.stringify(name)}`);
    }
    await makeDirectory(parentOf(name));
    links.delete(name);
    if (files.delete(name)) await unlink(join(to, name));
  };

  await makeDirectory('');

  return {
    async directory(name, mode) {
      await makeDirectory(name);
      if (name !== '') await chmod(join(to, name), directoryMode(mode));
    },
    async file(name, { mode, content, count }) {
      await clear(name);
      const path = join(to, name);
      const handle = await open(path, 'wx', 0o600);
      files.add(name);
      try {
        for await (const piece of content) {
          count(piece.length);
          await handle.write(piece);
        }
        await handle.chmod(fileMode(mode));
        if (uid !== undefined) await handle.chown(uid, gid ?? uid);
      } finally {
        await handle.close();
      }
    },
    async symlink(name, target) {
      const checked = checkLinkTarget(name, target);
      if (!checked.ok) throw new ArchiveError(checked.error);
      await clear(name);
      links.set(name, target);
    },
    async hardlink(name, target) {
      if (!files.has(target)) throw new ArchiveError(`hard link to nothing: ${JSON.stringify(target)}`);
      if (name === target) return;
      await clear(name);
      await link(join(to, target), join(to, name));
      files.add(name);
    },
    async finish() {
      for (const [name, target] of links) {
        const path = join(to, name);
        if (directories.has(name) || (await lstat(path).catch(() => undefined))) {
          throw new ArchiveError(`both a link and something else: ${JSON.stringify(name)}`);
        }
        await symlink(target, path);
        if (uid !== undefined) await lchown(path, uid, gid ?? uid);
      }
    },
  };
};

const parentOf = (name: string): string => {
  const parent = dirname(name);
  return parent === '.' ? '' : parent;
};
