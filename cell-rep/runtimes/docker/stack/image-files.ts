/** The files of an image on their way into an archive: each once, under /usr where the root has links to it. */
import { realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { entriesOf, entryOf } from '../tar.js';
import type { Owner, TarEntry } from '../tar.js';

export const ROOT: Owner = { uid: 0, gid: 0 };

/** Of the file system's root; what is said to be in them is below /usr. */
const MERGED = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

/** Where a path of this machine stands in the image, without the first slash. */
export const placeOf = (path: string): string => {
  const [, ...parts] = posix.resolve('/', path).split('/');
  return MERGED.includes(parts[0] ?? '') && parts.length > 1 ? ['usr', ...parts].join('/') : parts.join('/');
};

export interface ImageFiles {
  /** a file of this machine, whatever links lead to it */
  copy(from: string, to: string): Promise<void>;
  /** a tree of this machine; answers the programs in it */
  copyTree(from: string, to: string): Promise<string[]>;
  text(name: string, text: string): void;
  link(name: string, target: string): void;
  directory(name: string, mode: number, owner?: Owner): void;
  has(name: string): boolean;
  /** directories before what is in them, those that nobody named included */
  entries(): TarEntry[];
}

/** no set-user-id, nothing that others may write */
const fileMode = (mode: number): number => ((mode & 0o111) === 0 ? 0o644 : 0o755);

const parentsOf = (name: string): string[] => {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
};

export const createImageFiles = (): ImageFiles => {
  const found = new Map<string, TarEntry>();
  const given = { ...ROOT, mtime: 0 };

  const put = (entry: TarEntry): void => {
    found.set(entry.name, entry);
    for (const name of parentsOf(entry.name)) {
      if (!found.has(name)) found.set(name, { ...given, kind: 'directory', name, mode: 0o755 });
    }
  };
  const plain = (entry: TarEntry): TarEntry =>
    entry.kind === 'directory' ? { ...entry, mode: 0o755 } : { ...entry, mode: fileMode(entry.mode) };

  for (const name of MERGED) {
    put({ ...given, kind: 'directory', name: `usr/${name}`, mode: 0o755 });
    put({ ...given, kind: 'link', name, mode: 0o777, target: `usr/${name}` });
  }
  return {
    async copy(from, to) {
      put(plain(await entryOf(await realpath(from), to, ROOT)));
    },
    async copyTree(from, to) {
      const programs: string[] = [];
      for await (const entry of entriesOf(await realpath(from), to, ROOT)) {
        put(plain(entry));
        if (entry.kind === 'file' && (entry.mode & 0o111) !== 0) programs.push(entry.path);
      }
      return programs;
    },
    text: (name, text) => put({ ...given, kind: 'text', name, mode: 0o644, text }),
    link: (name, target) => put({ ...given, kind: 'link', name, mode: 0o777, target }),
    directory: (name, mode, owner = ROOT) => put({ ...given, ...owner, kind: 'directory', name, mode }),
    has: (name) => found.has(name),
    entries: () => [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
};
