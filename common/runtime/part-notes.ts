import * as fs from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { writeAll } from './write-all.js';

/** What is kept under one key: parts, each of which is written when it changes. */
export type Parts = Readonly<Record<string, unknown>>;

/**
 * Notes as lines of one file (0600), added to in one write whatever has changed meanwhile: what lives shortly comes by the
 * hundred, and every file of its own is dear. To be loaded before anything is changed.
 */
export interface PartNotes<P extends Parts> {
  load(): Promise<ReadonlyMap<string, Partial<P>>>;
  /** resolves when it, or what came after it, is on disk, or cannot be; never rejects */
  change(key: string, parts: Partial<P>): Promise<void>;
  remove(key: string): Promise<void>;
  /** as `change`, for what does no harm when it is never written: it goes with what is written next */
  changeLazily(key: string, parts: Partial<P>): void;
  removeLazily(key: string): void;
}

export interface PartNotesOptions {
  path: string;
  /** what a line calls its key: no part has that name */
  keyName: string;
  /** what could not be written is written with what comes next */
  onError(error: unknown): void;
}

/** bytes by which a file may outgrow what it holds: then it is written anew, of what there is */
const OUTGROWN_BYTES = 4 * 1024 * 1024;
/** characters given to the file at once */
const PIECE = 1024 * 1024;

const GONE = 'gone';

const textOf = (line: Parts): string => `${JSON.stringify(line)}\n`;

const parseLine = (text: string): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined; // its writer was killed over it
  }
};

const read = async <P extends Parts>({
  path,
  keyName,
}: PartNotesOptions): Promise<Map<string, Partial<P>>> => {
  const known = new Map<string, Partial<P>>();
  const text = await readFile(path, 'utf8').catch(() => '');
  for (const line of text.split('\n').map(parseLine)) {
    const { [keyName]: key, ...said } = line ?? {};
    if (typeof key !== 'string') continue;
    if (GONE in said) known.delete(key);
    else known.set(key, { ...known.get(key), ...(said as Partial<P>) });
  }
  return known;
};

// descriptors as numbers: handles complain when whoever wrote the notes is forgotten
const [open, close] = [promisify(fs.open), promisify(fs.close)];

/** Ends of the notes are added here. */
interface OpenFile {
  readonly fd: number;
  /** bytes */
  size: number;
  /** of when it was written anew */
  readonly fresh: number;
}

/** Answers how many bytes. */
const writeText = async (fd: number, text: string): Promise<number> => {
  const bytes = Buffer.from(text);
  await writeAll(fd, bytes);
  return bytes.length;
};

const writePieces = async (fd: number, lines: Iterable<string>): Promise<number> => {
  let [size, piece] = [0, ''];
  for (const line of lines) {
    piece += line;
    if (piece.length < PIECE) continue;
    size += await writeText(fd, piece);
    piece = '';
  }
  return size + (await writeText(fd, piece));
};

/** Whole or not at all. It stays open: to open it for each addition costs more than the addition. */
const writeAnew = async (path: string, lines: Iterable<string>): Promise<OpenFile> => {
  const beside = `${path}.new`;
  const fd = await open(beside, 'w', 0o600);
  try {
    const size = await writePieces(fd, lines);
    await rename(beside, path);
    return { fd, size, fresh: size };
  } catch (error) {
    await close(fd);
    throw error;
  }
};

export const createPartNotes = <P extends Parts>(options: PartNotesOptions): PartNotes<P> => {
  const { path, keyName, onError } = options;
  let known = new Map<string, Partial<P>>();
  /** what the file does not say yet */
  const unwritten = new Map<string, Partial<P>>();
  /** keys of which it says something, though they are gone */
  const gone = new Set<string>();
  const written = new Set<string>();
  /** undefined: it must be written anew */
  let file: OpenFile | undefined;
  let tail = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const linesOf = (key: string, parts: Partial<P>): string =>
    Object.entries(parts)
      .map(([name, part]) => textOf({ [keyName]: key, [name]: part }))
      .join('');

  const rewrite = async (): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    unwritten.clear();
    gone.clear();
    written.clear();
    // as it is in this turn: what changes from here on is added afterwards
    const now = [...known];
    for (const [key] of now) written.add(key);
    const lines = (function* () {
      for (const [key, parts] of now) yield linesOf(key, parts);
    })();
    const before = file;
    file = await writeAnew(path, lines);
    if (before !== undefined) await close(before.fd);
  };

  const append = async (to: OpenFile): Promise<void> => {
    // ends first: a key may come again
    const ends = [...gone].map((key) => textOf({ [keyName]: key, [GONE]: true }));
    const changes = [...unwritten].map(([key, parts]) => linesOf(key, parts));
    for (const key of unwritten.keys()) written.add(key);
    unwritten.clear();
    gone.clear();
    const text = [...ends, ...changes].join('');
    if (text === '') return;
    to.size += await writeText(to.fd, text);
  };

  const add = (): Promise<void> => {
    waiting = undefined;
    const isOutgrown = file !== undefined && file.size > 2 * file.fresh + OUTGROWN_BYTES;
    return file === undefined || isOutgrown ? rewrite() : append(file);
  };

  /** nobody knows how much of it is there */
  const giveUp = (): void => {
    if (file !== undefined) fs.close(file.fd);
    file = undefined;
  };

  /** what is changed while a write is under way goes with the next */
  const flush = (): Promise<void> =>
    (waiting ??= tail =
      tail.then(add).catch((error: unknown) => {
        giveUp();
        onError(error);
      }));

  const changeLazily = (key: string, parts: Partial<P>): void => {
    known.set(key, { ...known.get(key), ...parts });
    unwritten.set(key, { ...unwritten.get(key), ...parts });
  };
  const removeLazily = (key: string): void => {
    known.delete(key);
    unwritten.delete(key);
    if (written.delete(key)) gone.add(key);
  };

  return {
    async load() {
      known = await read<P>(options);
      return new Map(known);
    },
    change(key, parts) {
      changeLazily(key, parts);
      return flush();
    },
    remove(key) {
      if (!known.has(key)) return Promise.resolve();
      removeLazily(key);
      return flush();
    },
    changeLazily,
    removeLazily,
  };
};
