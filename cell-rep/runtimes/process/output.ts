/** Reads the bounded rotating output files that a supervisor writes; the format is described in supervise.pl. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { OutputReader } from '../../core/container-runtime.js';

/** A supervisor never begins a new generation before the current file has this size; the least configurable size. */
export const MIN_OUTPUT_FILE_BYTES = 64 * 1024;

const FILE_HEADER = 16;
const RECORD_HEADER = 16;
/** the longest record, 64 KiB and its header, and little more */
const WINDOW = 66 * 1024;
/** Lines given out in one turn of the event loop, at most: a window may hold tens of thousands. */
export const LINES_AT_ONCE = 1_000;
const NEWLINE = 10;

interface Position {
  generation: number;
  /** where a record begins */
  offset: number;
  /** bytes of that record that have been given out */
  given: number;
}

const parseCursor = (cursor: string): Position | undefined => {
  const match = /^(\d+):(\d+)(?::(\d+))?$/.exec(cursor);
  return match
    ? { generation: Number(match[1]), offset: Number(match[2]), given: Number(match[3] ?? 0) }
    : undefined;
};

const formatCursor = ({ generation, offset, given }: Position): string =>
  `${generation}:${offset}${given > 0 ? `:${given}` : ''}`;

interface FileHeader {
  generation: number;
  /** bytes of records that came before this file; undefined = the supervisor did not count them yet */
  before: number | undefined;
}

const readHeader = async (file: FileHandle): Promise<FileHeader | undefined> => {
  const header = Buffer.alloc(FILE_HEADER);
  const { bytesRead } = await file.read(header, 0, FILE_HEADER, 0);
  if (bytesRead !== FILE_HEADER || header.toString('latin1', 0, 4) !== 'OUTC') return undefined;
  const generation = header.readUInt32BE(4);
  const before = header.readUInt32BE(8) * 2 ** 32 + header.readUInt32BE(12);
  return { generation, before: generation > 0 && before === 0 ? undefined : before };
};

interface OutputFile extends FileHeader {
  file: FileHandle;
}

const openSlot = async (dir: string, slot: number): Promise<OutputFile | undefined> => {
  let file: FileHandle | undefined;
  try {
    file = await open(join(dir, `out.${slot}`), 'r');
    const header = await readHeader(file);
    if (header !== undefined) return { ...header, file };
  } catch {
    // not there (yet)
  }
  await file?.close();
  return undefined;
};

/** the oldest file that is still kept of generation `least` or later */
const openFrom = async (dir: string, least: number): Promise<OutputFile | undefined> => {
  const found = [await openSlot(dir, 0), await openSlot(dir, 1)].filter((slot) => slot !== undefined);
  found.sort((a, b) => a.generation - b.generation);
  const chosen = found.find((slot) => slot.generation >= least);
  for (const slot of found) if (slot !== chosen) await slot.file.close();
  return chosen;
};

const newestGeneration = async (dir: string, slot: number): Promise<number> => {
  const other = await openSlot(dir, slot);
  await other?.file.close();
  return other?.generation ?? -1;
};

/** Where so many lines end, or the end; and how many lines there are before it: at least one, however it ends. */
const cutAfter = (data: Buffer, lines: number): { end: number; lines: number } => {
  let end = 0;
  for (let seen = 0; seen < lines; seen += 1) {
    const at = data.indexOf(NEWLINE, end);
    if (at < 0) return { end: data.length, lines: seen + 1 };
    end = at + 1;
    if (end === data.length) return { end, lines: seen + 1 };
  }
  return { end, lines };
};

/** Hands out what is in `data`, so many lines at most, and moves `at` on; whether it was moved. */
const deliver = (data: Buffer, at: Position, reader: OutputReader): boolean => {
  let used = 0;
  let left = LINES_AT_ONCE;
  while (left > 0 && data.length - used >= RECORD_HEADER) {
    const end = used + RECORD_HEADER + data.readUInt32BE(used + 4);
    if (end > data.length) break;
    const rest = data.subarray(used + RECORD_HEADER + at.given, end);
    const cut = cutAfter(rest, left);
    left -= cut.lines;
    const isWhole = cut.end === rest.length;
    const nanoseconds = String(data.readUInt32BE(used + 12)).padStart(9, '0');
    const chunk = {
      stream: data[used] === 2 ? ('ERR' as const) : ('OUT' as const),
      timestamp: `${data.readUInt32BE(used + 8)}${nanoseconds}`,
      data: rest.subarray(0, cut.end),
    };
    if (isWhole) Object.assign(at, { offset: at.offset + end - used, given: 0 });
    else at.given += cut.end;
    used = end;
    reader.onChunk(chunk, formatCursor(at));
  }
  return left < LINES_AT_ONCE;
};

export interface Follower {
  /** reads what is there; resolves when everything written before the call has been handed out */
  wake(): Promise<void>;
  stop(): void;
}

export interface FollowerOptions {
  dir: string;
  from: string;
  reader: OutputReader;
  onError(error: unknown): void;
}

export const createFollower = ({ dir, from, reader, onError }: FollowerOptions): Follower => {
  const start = parseCursor(from);
  const at: Position = start ?? { generation: 0, offset: FILE_HEADER, given: 0 };
  let file: FileHandle | undefined;
  /** bytes of records before the file that is read; undefined = not known */
  let before: number | undefined;
  /** bytes of records that were read or are told to be missing; undefined = not known */
  let known = start === undefined ? 0 : undefined;
  let stopped = false;

  /** Told where a reader met what it did not expect: a later file, or one with more before it than it has seen. */
  const tellLoss = (found: OutputFile): void => {
    if (known !== undefined && found.before !== undefined) {
      if (found.before > known) reader.onLost?.(found.before - known);
    } else if (found.generation !== at.generation) reader.onLost?.(undefined);
  };

  const openNext = async (): Promise<boolean> => {
    const found = await openFrom(dir, at.generation);
    if (!found) return false;
    const isExpected = found.generation === at.generation;
    // what a reader of an earlier life has seen is known by its place in the file
    if (known !== undefined || !isExpected) tellLoss(found);
    if (!isExpected) Object.assign(at, { generation: found.generation, offset: FILE_HEADER, given: 0 });
    ({ file, before } = found);
    return true;
  };

  const readOn = async (source: FileHandle): Promise<boolean> => {
    const { size } = await source.stat();
    if (size <= at.offset) return false;
    const window = Buffer.allocUnsafe(Math.min(size - at.offset, WINDOW));
    const { bytesRead } = await source.read(window, 0, window.length, at.offset);
    if (stopped) return false;
    return deliver(window.subarray(0, bytesRead), at, reader);
  };

  const closeFile = async (): Promise<void> => {
    const old = file;
    file = undefined;
    known = before === undefined ? undefined : before + at.offset - FILE_HEADER;
    await old?.close();
  };

  const pump = async (): Promise<void> => {
    while (!stopped) {
      if (!file && !(await openNext())) return;
      if (!file) return;
      // asked before reading: when a newer file exists, what is read afterwards is all of this one
      const mayBeFull = (await file.stat()).size >= MIN_OUTPUT_FILE_BYTES;
      const complete = mayBeFull && (await newestGeneration(dir, (at.generation + 1) % 2)) > at.generation;
      if (await readOn(file)) continue;
      if (!complete) return;
      await closeFile();
      Object.assign(at, { generation: at.generation + 1, offset: FILE_HEADER, given: 0 });
    }
  };

  let queue: Promise<void> = Promise.resolve();
  let waiting = false;
  return {
    wake() {
      if (waiting) return queue;
      waiting = true;
      queue = queue
        .then(() => {
          waiting = false;
          return pump();
        })
        .catch(onError);
      return queue;
    },
    stop() {
      stopped = true;
      queue = queue.then(closeFile).catch(onError);
    },
  };
};
