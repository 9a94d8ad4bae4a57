/** Unpacks archives that nobody vouches for: by streams, under the rules of common/model/archive-rules. */
import { open, stat } from 'node:fs/promises';
import { checkEntryName, createArchiveMeter } from '../../common/model/archive-rules.js';
import type { ArchiveLimits } from '../../common/model/archive-rules.js';
import { ArchiveError } from './entry.js';
import type { ArchiveEntry } from './entry.js';
import { readTar } from './tar.js';
import { createTree } from './tree.js';
import type { Tree } from './tree.js';
import { readZip } from './zip.js';

export interface UnpackOptions {
  /** zip, tar or tgz; found by content */
  file: string;
  /** a directory that does not exist yet */
  to: string;
  /** owner of everything unpacked; default: who we are */
  uid?: number;
  gid?: number;
  limits: ArchiveLimits;
}

export type UnpackResult =
  | { ok: true; entries: number; totalBytes: number }
  /** what is wrong with the archive, in plain words; parts of it may lie in `to` */
  | { ok: false; reason: string };

type Format = 'zip' | 'tar' | 'tgz';

const TAR_MAGIC_AT = 257;

const formatOf = (head: Buffer): Format | undefined => {
  if (
    head.length >= 4 &&
    head.readUInt16BE(0) === 0x504b &&
    [0x0304, 0x0506].includes(head.readUInt16BE(2))
  ) {
    return 'zip';
  }
  if (head.length >= 2 && head.readUInt16BE(0) === 0x1f8b) return 'tgz';
  if (head.toString('latin1', TAR_MAGIC_AT, TAR_MAGIC_AT + 5) === 'ustar') return 'tar';
  return undefined;
};

const readHead = async (path: string): Promise<Buffer> => {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};

const readEntries = (file: string, format: Format): AsyncIterable<ArchiveEntry> =>
  format === 'zip' ? readZip(file) : readTar(file, format === 'tgz');

const cleanName = (name: string): string => {
  const checked = checkEntryName(name);
  if (!checked.ok) throw new ArchiveError(checked.error);
  return checked.value;
};

const complain = (problem: string | undefined): void => {
  if (problem !== undefined) throw new ArchiveError(problem);
};

const addEntry = async (tree: Tree, entry: ArchiveEntry, count: (bytes: number) => void): Promise<void> => {
  const name = cleanName(entry.name);
  switch (entry.kind) {
    case 'directory':
      return tree.directory(name, entry.mode);
    case 'file':
      return tree.file(name, { mode: entry.mode, content: entry.content, count });
    case 'symlink':
      return tree.symlink(name, entry.target);
    case 'hardlink':
      return tree.hardlink(name, cleanName(entry.target));
  }
};

const unpackTrusting = async (options: UnpackOptions): Promise<UnpackResult> => {
  const format = formatOf(await readHead(options.file));
  if (!format) return { ok: false, reason: 'neither a zip nor a tar archive' };
  const meter = createArchiveMeter(options.limits, (await stat(options.file)).size);
  const tree = await createTree(options);
  for await (const entry of readEntries(options.file, format)) {
    complain(meter.entry());
    await addEntry(tree, entry, (bytes) => complain(meter.bytes(bytes)));
  }
  await tree.finish();
  return { ok: true, entries: meter.entries, totalBytes: meter.totalBytes };
};

const ARCHIVE_CODES = /^Z_|^ENOTDIR$|^EISDIR$|^EEXIST$|^ENAMETOOLONG$|^ENOTEMPTY$/;

/** Never throws for what an archive holds. */
export const unpack = async (options: UnpackOptions): Promise<UnpackResult> => {
  try {
    return await unpackTrusting(options);
  } catch (error) {
    if (error instanceof ArchiveError) return { ok: false, reason: error.message };
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (ARCHIVE_CODES.test(code))
      return { ok: false, reason: `damaged or contradictory archive: ${message}` };
    throw error;
  }
};
