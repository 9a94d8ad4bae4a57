import { stat } from 'node:fs/promises';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import type { ArchiveLimits, ArchiveMeter, EntryKind } from '../../common/model/archive-rules.js';
import {
  checkEntryName,
  checkLinkTarget,
  createArchiveMeter,
  entryKind,
} from '../../common/model/archive-rules.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import type { ApiFailure } from '../core/failure.js';
import { codedFailure } from '../core/failure.js';

/** Reading zips that strangers made. Nothing is unpacked here; every byte is counted. */

/** Longest link target; file systems allow no more. */
const MAX_TARGET = 4096;
/** Files that staging looks into are read up to this. */
const MAX_TEXT = 1024 * 1024;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Raised within a check for what an entry is; anything else that fails means the zip itself is broken. */
class EntryRefused extends Error {}

const accept = <T>(result: Result<T, string>): T => {
  if (!result.ok) throw new EntryRefused(result.error);
  return result.value;
};

const withinLimits = (problem: string | undefined): void => {
  if (problem !== undefined) throw new EntryRefused(problem);
};

const kindOf = (entry: Entry, name: string): EntryKind => {
  const kind = entryKind(entry.externalFileAttributes >>> 16);
  if (kind === undefined) throw new EntryRefused(`neither file, directory nor link: ${JSON.stringify(name)}`);
  return name.endsWith('/') ? 'directory' : kind;
};

/** Reads an entry to its end; what it holds is checked against what it says by the reader. */
const readThrough = async (zip: ZipFile, entry: Entry, onChunk: (chunk: Buffer) => void): Promise<void> => {
  const stream = await zip.openReadStreamPromise(entry);
  for await (const chunk of stream) onChunk(chunk as Buffer);
};

const readText = async (zip: ZipFile, entry: Entry, limit: number): Promise<string> => {
  if (entry.uncompressedSize > limit) throw new EntryRefused(`too long: ${JSON.stringify(entry.fileName)}`);
  const chunks: Buffer[] = [];
  await readThrough(zip, entry, (chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks).toString('utf8');
};

interface Seen {
  kinds: Map<string, EntryKind>;
  meter: ArchiveMeter;
}

const checkEntry = async (zip: ZipFile, entry: Entry, seen: Seen): Promise<void> => {
  withinLimits(seen.meter.entry());
  const name = accept(checkEntryName(entry.fileName));
  const kind = kindOf(entry, entry.fileName);
  if (kind !== 'directory' && name === '') throw new EntryRefused('a file without a name');
  if (!entry.canDecodeFileData())
    throw new EntryRefused(`encrypted or packed in an unknown way: ${JSON.stringify(name)}`);
  const known = seen.kinds.get(name);
  if (known !== undefined && !(known === 'directory' && kind === 'directory')) {
    throw new EntryRefused(`named twice: ${JSON.stringify(name)}`);
  }
  seen.kinds.set(name, kind);
  if (kind === 'symlink') accept(checkLinkTarget(name, await readText(zip, entry, MAX_TARGET)));
  else if (kind === 'file') {
    await readThrough(zip, entry, (chunk) => withinLimits(seen.meter.bytes(chunk.length)));
  }
};

/** Nothing may lie below a link or a file: unpacking it would write through the link. */
const checkParents = (kinds: ReadonlyMap<string, EntryKind>): void => {
  for (const name of kinds.keys()) {
    for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
      const kind = kinds.get(name.slice(0, end));
      if (kind === 'symlink' || kind === 'file') {
        throw new EntryRefused(`${JSON.stringify(name)} lies below a ${kind === 'file' ? 'file' : 'link'}`);
      }
    }
  }
};

const openZip = (path: string): Promise<ZipFile> =>
  // the rules judge names; the reader must not rewrite backslashes before they do
  openPromise(path, { autoClose: false, strictFileNames: true, validateEntrySizes: true });

/** yauzl tells of bad names itself, before any rule sees them. */
const NAME_PROBLEM = /^(absolute path|invalid relative path|invalid characters in fileName)/;

const refusal = (error: unknown): ApiFailure => {
  const reason = messageOf(error);
  const code =
    error instanceof EntryRefused || NAME_PROBLEM.test(reason) ? 'UPLOAD_ENTRY_REFUSED' : 'UPLOAD_NOT_ZIP';
  return codedFailure(code, { reason });
};

/** Checks an uploaded archive: structure, names, links, kinds, and how much it unpacks to. */
export const checkArchive = async (
  path: string,
  limits: ArchiveLimits,
): Promise<Result<void, ApiFailure>> => {
  let zip: ZipFile | undefined;
  try {
    const { size } = await stat(path);
    zip = await openZip(path);
    const seen: Seen = { kinds: new Map(), meter: createArchiveMeter(limits, size) };
    for await (const entry of zip.eachEntry()) await checkEntry(zip, entry, seen);
    checkParents(seen.kinds);
    if (![...seen.kinds.values()].includes('file')) throw new EntryRefused('it holds no file');
    return ok(undefined);
  } catch (error) {
    return err(refusal(error));
  } finally {
    zip?.close();
  }
};

export interface ArchiveContents {
  names: ReadonlySet<string>;
  /** of those asked for that are there and short enough */
  texts: ReadonlyMap<string, string>;
}

/** Names of an archive that has been checked, and the text of some of its files. */
export const readArchive = async (
  path: string,
  wanted: readonly string[],
): Promise<Result<ArchiveContents, string>> => {
  let zip: ZipFile | undefined;
  try {
    zip = await openZip(path);
    const names = new Set<string>();
    const texts = new Map<string, string>();
    for await (const entry of zip.eachEntry()) {
      const name = accept(checkEntryName(entry.fileName));
      names.add(name);
      if (wanted.includes(name)) texts.set(name, await readText(zip, entry, MAX_TEXT));
    }
    return ok({ names, texts });
  } catch (error) {
    return err(messageOf(error));
  } finally {
    zip?.close();
  }
};
