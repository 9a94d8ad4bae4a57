import { type ReadStream, createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import { type SourceEntry, listFiles, unreadable } from './files.js';

/** The application's files in one zip, in a temporary place. */
export interface Bundle {
  file: string;
  /** bytes of the zip */
  size: number;
  /** files and links in it */
  count: number;
  remove(): Promise<void>;
}

export interface BundleOptions {
  /** what is packed; without: all that is pushed of the directory */
  entries?: readonly SourceEntry[];
  /** ends the packing; nothing is left of it */
  signal?: AbortSignal;
  /** told of every file that has its turn */
  onFile?(count: number): void;
}

const FILE_TYPE = 0o100000;
const LINK_TYPE = 0o120000;

/** Most of an application's files shrink with any level; the higher ones take several times as long. */
const COMPRESSION_LEVEL = 2;

interface Packing {
  zip: ZipFile;
  dir: string;
  /** the source being read */
  reading: ReadStream | undefined;
}

const addFile = (packing: Packing, entry: SourceEntry & { kind: 'file' }, onOpen: () => void): void => {
  const source = join(packing.dir, entry.path);
  const options = {
    mode: FILE_TYPE | entry.mode,
    mtime: entry.modified,
    compressionLevel: COMPRESSION_LEVEL,
  };
  // opened when its turn comes: thousands of files must not be open at once
  packing.zip.addReadStreamLazy(entry.path, options, (done) => {
    onOpen();
    packing.reading = createReadStream(source);
    packing.reading.once('error', (error) => packing.zip.emit('error', unreadable(source, error)));
    done(null, packing.reading);
  });
};

const addEntry = (packing: Packing, entry: SourceEntry, onOpen: () => void): void => {
  if (entry.kind === 'file') return addFile(packing, entry, onOpen);
  if (entry.kind === 'emptyDirectory') return packing.zip.addEmptyDirectory(entry.path);
  return packing.zip.addBuffer(Buffer.from(entry.target), entry.path, {
    mode: LINK_TYPE | 0o777,
    compress: false,
  });
};

const writeZip = async (
  file: string,
  source: { dir: string; entries: readonly SourceEntry[] },
  { signal, onFile }: BundleOptions,
): Promise<void> => {
  const zip = new ZipFile();
  const packing: Packing = { zip, dir: source.dir, reading: undefined };
  const output = zip.outputStream as NodeJS.ReadableStream & { destroy(error: Error): void };
  zip.on('error', (error) => output.destroy(error));
  const target = createWriteStream(file, { mode: 0o600 });
  const written = pipeline(output, target, ...(signal === undefined ? [] : [{ signal }]));
  let opened = 0;
  for (const entry of source.entries) addEntry(packing, entry, () => onFile?.((opened += 1)));
  zip.end();
  try {
    await written;
  } finally {
    packing.reading?.destroy();
  }
};

const failureOf = (error: unknown, dir: string): unknown => {
  if (error instanceof OutcryError || (error as Error).name === 'AbortError') return error;
  const details = { path: dir, reason: fileReason(error), place: tmpdir() };
  return new OutcryError('PACK_FAILED', details, { cause: error });
};

/**
 * Packs what is pushed of `dir`. PATH_NOT_FOUND, APP_DIR_EMPTY, FILE_UNREADABLE, PUSH_UPLOAD_REFUSED,
 * PACK_FAILED; what it made is removed again by then.
 */
export const bundle = async (dir: string, options: BundleOptions = {}): Promise<Bundle> => {
  const entries = options.entries ?? (await listFiles(dir));
  options.signal?.throwIfAborted();
  let place: string | undefined;
  const remove = async (): Promise<void> => {
    if (place !== undefined) await rm(place, { recursive: true, force: true });
  };
  try {
    place = await mkdtemp(join(tmpdir(), 'outcry-push-'));
    const file = join(place, 'package.zip');
    await writeZip(file, { dir, entries }, options);
    const count = entries.filter(({ kind }) => kind !== 'emptyDirectory').length;
    return { file, size: (await stat(file)).size, count, remove };
  } catch (error) {
    await remove();
    throw failureOf(error, dir);
  }
};
