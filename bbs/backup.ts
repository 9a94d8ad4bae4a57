/** Door of `outcry bbs dump` and `outcry bbs restore`: the whole board as lines of text, and back. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { OutcryError } from '../common/model/errors.js';
import { configError } from '../common/runtime/config.js';
import { readConfig } from '../common/runtime/config-file.js';
import type { DoorAddress } from '../common/runtime/door.js';
import type { Endpoint } from '../common/runtime/endpoint.js';
import { acquireDataLock, dataLockError } from '../common/store/data-lock.js';
import type { Row } from '../common/store/engine.js';
import { createSqliteEngine } from '../common/store/sqlite-engine.js';
import { openStoreFile, raiseEpoch } from '../common/store/store-files.js';
import type { StoreFile } from '../common/store/store-files.js';
import { askForDump } from './http-dump.js';
import { bbsProcessConfig } from './process-config.js';
import { dumpLines, readDump, rowsByTrailer } from './store/dump.js';
import { HISTORY_TABLE } from './store/history.js';
import { BBS_SCHEMA } from './store/schema.js';

/** Where a board is, whether its BBS runs or not. */
export interface BoardPlace {
  readonly dataDir: string;
  readonly endpoint: Endpoint;
}

/** The certificate made for people lies beside the BBS's own, as `outcry config init` writes them. */
const endpointOf = (address: DoorAddress): Endpoint => {
  if ('socketPath' in address) return address;
  const { host, port, tls } = address;
  const dir = dirname(tls.certFile);
  const [certFile, keyFile] = [join(dir, 'operator.pem'), join(dir, 'operator.key')];
  return { url: `https://${host}:${port}`, tls: { certFile, keyFile, caFile: tls.caFile } };
};

/** As the configuration of a BBS says. */
export const boardOfConfig = (file: string): BoardPlace => {
  const config = readConfig(file, bbsProcessConfig);
  if (!config.ok) throw configError(config.error);
  const { store, bbs } = config.value;
  return { dataDir: store.dataDir, endpoint: endpointOf(bbs.listen) };
};

/** Of a system in one process. */
export const boardOfSystem = (dataDir: string): BoardPlace => ({
  dataDir,
  endpoint: { socketPath: join(dataDir, 'bbs.sock') },
});

const fileOf = ({ dataDir }: BoardPlace): string => join(dataDir, 'db', `${BBS_SCHEMA.name}.db`);

/** Holds the directory of a board that does not run. */
const holding = async <T>(place: BoardPlace, command: string, use: () => Promise<T>): Promise<T> => {
  const startedAt = new Date(createSystemClock().now()).toISOString();
  const lock = acquireDataLock(place.dataDir, { pid: process.pid, startedAt, command });
  if (!lock.ok) throw dataLockError(lock.error, '--data DIR');
  try {
    return await use();
  } finally {
    lock.value.release();
  }
};

const fileLines = function* (file: StoreFile): Generator<string> {
  const { version, epoch, counts } = file;
  const at = new Date(createSystemClock().now()).toISOString();
  yield* dumpLines({ format: 1, version, epoch, at, counts: { ...counts } }, file.rows());
};

const dumpStopped = (place: BoardPlace, write: WriteLines): Promise<void> =>
  holding(place, 'outcry bbs dump', async () => {
    const file = openStoreFile(fileOf(place), BBS_SCHEMA);
    if (!file) throw new OutcryError('BOARD_UNKNOWN', { path: fileOf(place) });
    try {
      for (const lines of fileLines(file)) await write(lines);
    } finally {
      file.close();
    }
  });

/** Takes whole lines, each with its end. */
export type WriteLines = (lines: string) => Promise<void>;

/**
 * Writes the board as it is at one moment: of a BBS that runs by asking it, else of its data directory; how many rows.
 * Rejects when it could not be written to the end: what has been written is no dump then, and has no trailer.
 */
export const dumpBoard = async (place: BoardPlace, write: WriteLines): Promise<number> => {
  let last = '';
  const writing: WriteLines = (lines) => {
    last = lines;
    return write(lines);
  };
  const live = await askForDump(place.endpoint);
  if (live) await live(writing);
  else if (existsSync(fileOf(place))) await dumpStopped(place, writing);
  else throw new OutcryError('BOARD_UNKNOWN', { path: fileOf(place) });
  const rows = rowsByTrailer(last);
  if (rows === undefined) throw new OutcryError('BBS_UNAVAILABLE', { reason: 'it broke off' });
  return rows;
};

/** What a board holds that nobody would want to lose; leases and history come by themselves. */
const contentsOf = ({ counts }: StoreFile): string =>
  Object.entries(counts)
    .filter(([table, count]) => count > 0 && table !== 'leases' && table !== HISTORY_TABLE)
    .map(([table, count]) => `${count} ${table.replaceAll('_', ' ')}`)
    .join(', ');

/** The epoch of what is there. With `force` it does not matter what it is, so long as nobody uses it. */
const checkPresent = (path: string, force: boolean): number => {
  try {
    const file = openStoreFile(path, BBS_SCHEMA);
    const what = file ? contentsOf(file) : '';
    file?.close();
    if (what !== '' && !force) throw new OutcryError('BOARD_NOT_EMPTY', { path, what });
    return file?.epoch ?? 0;
  } catch (error) {
    if (!force || (error instanceof OutcryError && error.code === 'STORE_LOCKED')) throw error;
    return 0;
  }
};

const TOGETHER = 1_000;

/** Makes a file of its own, whole, before anything is touched. */
const writeBeside = async (dir: string, rows: AsyncIterable<Row>): Promise<number> => {
  const store = await createSqliteEngine({ dir }).open(BBS_SCHEMA);
  let count = 0;
  let { sequence } = store;
  let changes: Row[] = [];
  const flush = async (): Promise<void> => {
    sequence += 1;
    const outcome = await store.commit({ sequence, changes });
    const path = join(dir, `${BBS_SCHEMA.name}.db`);
    if (!outcome.ok) throw new OutcryError('STORE_UNREADABLE', { path, reason: outcome.message });
    count += changes.length;
    changes = [];
  };
  try {
    for await (const row of rows) {
      changes.push(row);
      if (changes.length === TOGETHER) await flush();
    }
    await flush();
  } finally {
    await store.close();
  }
  return count;
};

const syncDirectory = (dir: string): void => {
  const descriptor = openSync(dir, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
};

export interface RestoreOptions {
  /** of the dump, for errors */
  readonly path: string;
  /** … and its lines, without their ends */
  readonly lines: AsyncIterable<string>;
  /** what is there may be replaced */
  readonly force: boolean;
}

/** Puts a dump into a board whose BBS does not run; how many rows. Until all of it is read and right, nothing is changed. */
export const restoreBoard = (place: BoardPlace, options: RestoreOptions): Promise<number> =>
  holding(place, 'outcry bbs restore', async () => {
    const path = fileOf(place);
    const dir = dirname(path);
    const beside = join(dir, 'restoring');
    const epoch = checkPresent(path, options.force);
    rmSync(beside, { recursive: true, force: true });
    try {
      const { header, rows } = await readDump(options.path, options.lines);
      const count = await writeBeside(beside, rows());
      const made = join(beside, `${BBS_SCHEMA.name}.db`);
      raiseEpoch(made, BBS_SCHEMA, Math.max(epoch, header.epoch));
      // what a file has not taken in of its journal is not the next one's
      rmSync(`${path}-wal`, { force: true });
      renameSync(made, path);
      syncDirectory(dir);
      return count;
    } finally {
      rmSync(beside, { recursive: true, force: true });
    }
  });
