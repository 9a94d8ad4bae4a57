/** Tar as the engine takes and gives content. */
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';

const BLOCK = 512;
const NAME_BYTES = 100;
/** above it a size does not fit into a header's digits */
const MOST_DIGITS = 0o77777777777;
const EXTENDED = new Set(['x', 'g', 'L', 'K']);

export interface Owner {
  uid: number;
  gid: number;
}

interface Header extends Owner {
  name: string;
  type: '0' | '2' | '5' | 'x';
  mode: number;
  size: number;
  linkName: string;
  /** s since the epoch */
  mtime: number;
}

const digits = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

const headerBlock = (header: Header): Buffer => {
  const block = Buffer.alloc(BLOCK);
  block.write(header.name, 0, NAME_BYTES);
  block.write(digits(header.mode & 0o7777, 8), 100);
  // ids and sizes too long for their fields are in the extended header
  block.write(digits(header.uid <= 0o7777777 ? header.uid : 0, 8), 108);
  block.write(digits(header.gid <= 0o7777777 ? header.gid : 0, 8), 116);
  block.write(digits(header.size <= MOST_DIGITS ? header.size : 0, 12), 124);
  block.write(digits(header.mtime, 12), 136);
  block.write(header.type, 156);
  block.write(header.linkName, 157, NAME_BYTES);
  block.write('ustar\x0000', 257);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
};

const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** "LENGTH KEY=VALUE\n", where the length counts its own digits */
const record = (key: string, value: string): string => {
  const bytes = Buffer.byteLength(` ${key}=${value}\n`);
  let length = bytes;
  while (length !== bytes + String(length).length) length = bytes + String(length).length;
  return `${length} ${key}=${value}\n`;
};

const withExtension = (header: Header): Buffer => {
  const records = Buffer.from(
    [
      record('path', header.name),
      record('uid', String(header.uid)),
      record('gid', String(header.gid)),
      record('size', String(header.size)),
      ...(header.linkName === '' ? [] : [record('linkpath', header.linkName)]),
    ].join(''),
  );
  const extension: Header = { ...header, name: 'pax', type: 'x', size: records.length, linkName: '' };
  return Buffer.concat([headerBlock(extension), records, padding(records.length), headerBlock(header)]);
};

/** What stands in an archive: a directory, a link, or a file whose bytes are on this machine or given here. */
export type TarEntry = Owner & {
  name: string;
  mode: number;
  /** s since the epoch */
  mtime: number;
} & (
    | { kind: 'directory' }
    | { kind: 'link'; target: string }
    | { kind: 'file'; path: string; size: number }
    | { kind: 'text'; text: string }
  );

/** What `path` is on this machine, with another name and owner. */
export const entryOf = async (path: string, name: string, { uid, gid }: Owner): Promise<TarEntry> => {
  const stat = await lstat(path);
  const mtime = Math.max(0, Math.floor(stat.mtimeMs / 1000));
  const common = { name, uid, gid, mode: stat.mode, mtime };
  if (stat.isDirectory()) return { ...common, kind: 'directory' };
  if (stat.isSymbolicLink()) return { ...common, kind: 'link', target: await readlink(path) };
  return { ...common, kind: 'file', path, size: stat.size };
};

async function* writeContent(entry: TarEntry): AsyncGenerator<Buffer> {
  const { name, mode, mtime, uid, gid } = entry;
  const common = { name, mode, mtime, uid, gid, size: 0, linkName: '' };
  if (entry.kind === 'directory') {
    yield withExtension({ ...common, type: '5' });
  } else if (entry.kind === 'link') {
    yield withExtension({ ...common, type: '2', linkName: entry.target });
  } else if (entry.kind === 'text') {
    const bytes = Buffer.from(entry.text);
    yield withExtension({ ...common, type: '0', size: bytes.length });
    yield Buffer.concat([bytes, padding(bytes.length)]);
  } else {
    yield withExtension({ ...common, type: '0', size: entry.size });
    if (entry.size > 0) {
      // a file that grows meanwhile is cut: its size has been told
      for await (const piece of createReadStream(entry.path, { end: entry.size - 1 })) yield piece as Buffer;
    }
    yield padding(entry.size);
  }
}

/** Entries as an archive, in their order: a directory comes before what is in it. */
export async function* packEntries(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
): AsyncGenerator<Buffer> {
  for await (const entry of entries) yield* writeContent(entry);
  yield Buffer.alloc(2 * BLOCK);
}

/** A file or a tree of this machine, under another name. */
export async function* entriesOf(path: string, name: string, owner: Owner): AsyncGenerator<TarEntry> {
  const entry = await entryOf(path, name, owner);
  // the place to which a tree goes keeps what it is
  if (entry.kind !== 'directory' || name !== '.') yield entry;
  if (entry.kind !== 'directory') return;
  for (const child of (await readdir(path)).sort()) {
    yield* entriesOf(join(path, child), posix.join(name, child), owner);
  }
}

async function* withParents(from: string, to: string, owner: Owner): AsyncGenerator<TarEntry> {
  const parts = to.split('/').slice(0, -1);
  for (let count = 1; count <= parts.length; count += 1) {
    const name = parts.slice(0, count).join('/');
    yield { kind: 'directory', name, mode: 0o755, mtime: 0, ...owner };
  }
  yield* entriesOf(from, to, owner);
}

/** A file or tree of this machine as a tar archive in which it is called `to`; directories on the way included. */
export const writeTar = (from: string, to: string, owner: Owner): AsyncGenerator<Buffer> =>
  packEntries(withParents(from, to, owner));

/** The content of an archive's first file; undefined when there is none. */
export const firstFile = (archive: Buffer): Buffer | undefined => {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const type = archive.toString('latin1', at + 156, at + 157);
    const size = parseInt(archive.toString('latin1', at + 124, at + 136), 8) || 0;
    const content = at + BLOCK;
    if (type === '0' || type === '\0') return archive.subarray(content, content + size);
    if (!EXTENDED.has(type)) return undefined;
    at = content + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
};
