import { open as openZip } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { entryKind } from '../../common/model/archive-rules.js';
import { ArchiveError } from './entry.js';
import type { ArchiveEntry } from './entry.js';

const MAX_TARGET = 4096;

const openFile = (file: string): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    openZip(file, { lazyEntries: true, autoClose: false, validateEntrySizes: true }, (error, zip) =>
      error ? reject(new ArchiveError(error.message)) : resolve(zip),
    );
  });

const nextEntry = (zip: ZipFile): Promise<Entry | undefined> =>
  new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      zip.removeAllListeners('entry');
      zip.removeAllListeners('end');
      zip.removeAllListeners('error');
      settle();
    };
    zip.on('entry', (entry: Entry) => done(() => resolve(entry)));
    zip.on('end', () => done(() => resolve(undefined)));
    zip.on('error', (error: Error) => done(() => reject(new ArchiveError(error.message))));
    zip.readEntry();
  });

/** the bytes of an entry; what is wrong with them (size, checksum, method) is the archive's fault */
async function* contentOf(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    zip.openReadStream(entry, (error, opened) =>
      error ? reject(new ArchiveError(error.message)) : resolve(opened),
    );
  });
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    throw new ArchiveError(`${entry.fileName}: ${(error as Error).message}`);
  }
}

const readTarget = async (zip: ZipFile, entry: Entry): Promise<string> => {
  if (entry.uncompressedSize > MAX_TARGET) throw new ArchiveError(`${entry.fileName}: link target too long`);
  const pieces: Uint8Array[] = [];
  for await (const piece of contentOf(zip, entry)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

const UNIX = 3;
const MAC = 19;

const toEntry = async (zip: ZipFile, entry: Entry): Promise<ArchiveEntry> => {
  const name = entry.fileName;
  const host = entry.versionMadeBy >>> 8;
  const mode = host === UNIX || host === MAC ? entry.externalFileAttributes >>> 16 : 0;
  const kind = name.endsWith('/') ? 'directory' : entryKind(mode);
  switch (kind) {
    case 'directory':
      return { kind, name, mode };
    case 'symlink':
      return { kind, name, target: await readTarget(zip, entry) };
    case 'file':
      return { kind, name, mode, content: contentOf(zip, entry) };
    case undefined:
      throw new ArchiveError(`neither file, directory nor link: ${JSON.stringify(name)}`);
  }
};

/** The entries of a zip, in the order of its directory. */
export async function* readZip(file: string): AsyncGenerator<ArchiveEntry> {
  const zip = await openFile(file);
  try {
    for (let entry = await nextEntry(zip); entry; entry = await nextEntry(zip))
      yield await toEntry(zip, entry);
  } finally {
    zip.close();
  }
}
