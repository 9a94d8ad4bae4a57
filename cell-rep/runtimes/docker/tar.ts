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

interface Source extends Owner {
  /** on this machine; '' = a directory that stands for one on the way */
  path: string;
  name: string;
}

async function* writeEntry({ path, name, uid, gid }: Source): AsyncGenerator<Buffer> {
  if (path === '') {
    yield withExtension({ name, type: '5', mode: 0o755, size: 0, linkName: '', mtime: 0, uid, gid });
    return;
  }
  const stat = await lstat(path);
  const common = { name, uid, gid, mode: stat.mode, mtime: Math.max(0, Math.floor(stat.mtimeMs / 1000)) };
  if (stat.isDirectory()) {
    // the place to which a tree goes keeps what it is
    if (name !== '.') yield withExtension({ ...common, type: '5', size: 0, linkName: '' });
    for (const child of (await readdir(path)).sort()) {
      yield* writeEntry({ path: join(path, child), name: posix.join(name, child), uid, gid });
    }
  } else if (stat.isSymbolicLink()) {
    yield withExtension({ ...common, type: '2', size: 0, linkName: await readlink(path) });
  } else {
    yield withExtension({ ...common, type: '0', size: stat.size, linkName: '' });
    if (stat.size > 0) {
      // a file that grows meanwhile is cut: its size has been told
      for await (const piece of createReadStream(path, { end: stat.size - 1 })) yield piece as Buffer;
    }
    yield padding(stat.size);
  }
}

/** A file or tree of this machine as a tar archive in which it is called `to`; directories on the way included. */
export async function* writeTar(from: string, to: string, owner: Owner): AsyncGenerator<Buffer> {
  const parts = to.split('/').slice(0, -1);
  for (let count = 1; count <= parts.length; count += 1) {
    yield* writeEntry({ path: '', name: parts.slice(0, count).join('/'), ...owner });
  }
  yield* writeEntry({ path: from, name: to, ...owner });
  yield Buffer.alloc(2 * BLOCK);
}

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
