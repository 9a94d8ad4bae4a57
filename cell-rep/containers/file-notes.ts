import { appendFile, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../common/ports/logger.js';
import type { RunPlan } from '../core/run-plan.js';
import type { ContainerNotes, ContainerRecord, StoredContainer } from './memory.js';

/** of a container's plan, of how far it has got, or of its end */
type Line = { guid: string } & ({ plan: RunPlan } | { record: ContainerRecord } | { gone: true });

type Known = Partial<Pick<StoredContainer, 'plan' | 'record'>>;

const FILE = 'notes.jsonl';

/** Of a container whose rep was killed between its plan and its first record. */
const UNKNOWN: ContainerRecord = { state: 'initializing', setUp: false, done: [], started: {}, outputs: {} };

/** bytes by which a file may outgrow what it holds: then it is written anew, of what there is */
const OUTGROWN_BYTES = 4 * 1024 * 1024;
/** characters given to the file at once */
const PIECE = 1024 * 1024;

const parseLine = (text: string): Line | undefined => {
  try {
    const line = JSON.parse(text) as Line;
    return typeof line.guid === 'string' ? line : undefined;
  } catch {
    return undefined; // its rep was killed over it
  }
};

const textOf = (line: Line): string => `${JSON.stringify(line)}\n`;

const readNotes = async (path: string): Promise<Map<string, Known>> => {
  const known = new Map<string, Known>();
  const text = await readFile(path, 'utf8').catch(() => '');
  for (const line of text.split('\n').map(parseLine)) {
    if (line === undefined) continue;
    const { guid, ...said } = line;
    if ('gone' in said) known.delete(guid);
    else known.set(guid, { ...known.get(guid), ...said });
  }
  return known;
};

const linesOf = (guid: string, { plan, record }: Known): string =>
  (plan === undefined ? '' : textOf({ guid, plan })) + (record === undefined ? '' : textOf({ guid, record }));

/** Whole or not at all; answers its size. */
const writeAnew = async (path: string, known: ReadonlyMap<string, Known>): Promise<number> => {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  let size = 0;
  try {
    let piece = '';
    const put = async (): Promise<void> => {
      size += (await file.write(piece)).bytesWritten;
      piece = '';
    };
    for (const [guid, one] of known) {
      piece += linesOf(guid, one);
      if (piece.length >= PIECE) await put();
    }
    await put();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  return size;
};

/**
 * Notes on all containers as lines of one file below `dir` (0600: plans hold the application's environment), added to
 * in one write whatever has changed meanwhile: short-lived containers come by the hundred, and every file of its own
 * is dear. To be loaded before anything is saved. What cannot be written is logged, since the containers matter more,
 * and written with what comes next.
 */
export const createFileNotes = (dir: string, logger: Logger): ContainerNotes => {
  const path = join(dir, FILE);
  let known = new Map<string, Known>();
  /** what the file does not say yet */
  const unwritten = new Map<string, Known>();
  /** guids of which it says something, though they are gone */
  const gone = new Set<string>();
  const written = new Set<string>();
  /** bytes of the file, and of when it was written anew; undefined = it must be written anew */
  let size: { now: number; fresh: number } | undefined;
  let tail = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const rewrite = async (): Promise<void> => {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    unwritten.clear();
    gone.clear();
    written.clear();
    // as it is in this turn: what changes from here on is added afterwards
    const now = new Map(known);
    for (const guid of now.keys()) written.add(guid);
    const fresh = await writeAnew(path, now);
    size = { now: fresh, fresh };
  };

  const append = async (file: { now: number }): Promise<void> => {
    // ends first: a guid may come again
    const ends = [...gone].map((guid) => textOf({ guid, gone: true }));
    const changes = [...unwritten].map(([guid, change]) => linesOf(guid, change));
    for (const guid of unwritten.keys()) written.add(guid);
    unwritten.clear();
    gone.clear();
    const text = [...ends, ...changes].join('');
    if (text === '') return;
    await appendFile(path, text, { mode: 0o600 });
    file.now += Buffer.byteLength(text);
  };

  const write = (): Promise<void> => {
    waiting = undefined;
    const isOutgrown = size === undefined || size.now > 2 * size.fresh + OUTGROWN_BYTES;
    return size === undefined || isOutgrown ? rewrite() : append(size);
  };

  /** what is saved while a write is under way goes with the next */
  const flush = (): Promise<void> =>
    (waiting ??= tail =
      tail.then(write).catch((error: unknown) => {
        size = undefined; // nobody knows how much of it is there
        logger.error('failed-to-write-container-notes', { error });
      }));

  const change = (guid: string, changed: Known): Promise<void> => {
    known.set(guid, { ...known.get(guid), ...changed });
    unwritten.set(guid, { ...unwritten.get(guid), ...changed });
    return flush();
  };

  return {
    async load() {
      known = await readNotes(path);
      return [...known].map(([guid, { plan, record = UNKNOWN }]): StoredContainer => ({
        guid,
        record,
        ...(plan && { plan }),
      }));
    },
    savePlan: (plan) => change(plan.identity.guid, { plan }),
    save: (guid, record) => change(guid, { record }),
    remove(guid) {
      if (!known.delete(guid)) return Promise.resolve();
      unwritten.delete(guid);
      if (written.delete(guid)) gone.add(guid);
      return flush();
    },
  };
};

/** For cells whose containers do not outlive the rep. */
export const createNoNotes = (): ContainerNotes => ({
  load: () => Promise.resolve([]),
  savePlan: () => Promise.resolve(),
  save: () => Promise.resolve(),
  remove: () => Promise.resolve(),
});
