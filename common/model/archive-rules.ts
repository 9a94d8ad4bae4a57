/**
 * What an archive may hold before anyone unpacks it: one set of rules for uploads and for unpacking on a cell.
 * Pure: names, link targets and sums only; bytes are somebody else's.
 */
import { err, ok } from './result.js';
import type { Result } from './result.js';

export interface ArchiveLimits {
  /** entries of any kind */
  maxEntries: number;
  /** bytes of all entries, unpacked */
  maxTotalBytes: number;
  /** unpacked ÷ packed; applies once `ratioFloorBytes` have been unpacked */
  maxRatio: number;
  /** bytes that may always be unpacked, however well they were packed */
  ratioFloorBytes: number;
}

/** Cloud Foundry allows 1 GB of bits and files in the ten thousands; node_modules trees set the number of entries. */
export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = {
  maxEntries: 200_000,
  maxTotalBytes: 4 * 1024 ** 3,
  maxRatio: 200,
  ratioFloorBytes: 64 * 1024 ** 2,
};

const MAX_NAME = 4096;
const MAX_PART = 255;
const DRIVE = /^[A-Za-z]:/;

/**
 * The entry's name as a clean relative path ('' = the root itself), or why it is refused: absolute paths, `..`
 * (behind a backslash too), NUL, and names no file system takes.
 */
export const checkEntryName = (name: string): Result<string, string> => {
  const shown = JSON.stringify(name.length > 120 ? name.slice(0, 120) + '…' : name);
  if (name === '') return err('an entry has no name');
  if (name.includes('\0')) return err(`entry name with NUL: ${shown}`);
  if (name.startsWith('/') || name.startsWith('\\') || DRIVE.test(name))
    return err(`absolute path: ${shown}`);
  if (name.length > MAX_NAME) return err(`entry name too long: ${shown}`);
  if (name.split(/[/\\]/).includes('..')) return err(`path leads outside: ${shown}`);
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.some((part) => part.length > MAX_PART)) return err(`entry name too long: ${shown}`);
  return ok(parts.join('/'));
};

/**
 * Whether a symbolic link stays inside. Leading `..` are exact, because a link's own directory is a real one
 * (links are created last); a `..` after a name could climb out through another link, and is refused.
 * @param entry the link's clean name, from {@link checkEntryName}
 */
export const checkLinkTarget = (entry: string, target: string): Result<string, string> => {
  const shown = `${JSON.stringify(entry)} -> ${JSON.stringify(target.slice(0, 120))}`;
  if (target === '' || target.includes('\0') || target.length > MAX_NAME)
    return err(`bad link target: ${shown}`);
  if (target.startsWith('/') || target.startsWith('\\') || DRIVE.test(target)) {
    return err(`link leads outside: ${shown}`);
  }
  const parts = target.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  const climbs = parts.findIndex((part) => part !== '..');
  const up = climbs === -1 ? parts.length : climbs;
  const depth = entry.split('/').length - 1;
  if (up > depth) return err(`link leads outside: ${shown}`);
  if (parts.slice(up).includes('..')) return err(`link climbs after descending: ${shown}`);
  return ok(target);
};

export interface ArchiveMeter {
  /** counts an entry; the problem when there are too many */
  entry(): string | undefined;
  /** counts unpacked bytes; the problem when a limit is passed */
  bytes(count: number): string | undefined;
  readonly entries: number;
  readonly totalBytes: number;
}

/** Sums up what is being unpacked. `packedBytes` is the archive's own size. */
export const createArchiveMeter = (limits: ArchiveLimits, packedBytes: number): ArchiveMeter => {
  let entries = 0;
  let totalBytes = 0;
  const tooDense = (): boolean =>
    totalBytes > limits.ratioFloorBytes && totalBytes > packedBytes * limits.maxRatio;
  return {
    entry() {
      entries += 1;
      return entries > limits.maxEntries ? `more than ${limits.maxEntries} entries` : undefined;
    },
    bytes(count) {
      totalBytes += count;
      if (totalBytes > limits.maxTotalBytes) return `more than ${limits.maxTotalBytes} bytes unpacked`;
      if (tooDense()) return `unpacks to more than ${limits.maxRatio} times its size`;
      return undefined;
    },
    get entries() {
      return entries;
    },
    get totalBytes() {
      return totalBytes;
    },
  };
};

/** What an entry may be. Anything else (devices, pipes, sockets) is refused. */
export type EntryKind = 'file' | 'directory' | 'symlink';

const FORMAT_BITS = 0o170000;

/** The kind by a Unix mode as zip and tar carry it; 0 in the format bits means not stated: a file. */
export const entryKind = (mode: number): EntryKind | undefined => {
  switch (mode & FORMAT_BITS) {
    case 0:
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    default:
      return undefined;
  }
};
