import { join } from 'node:path';
import { OutcryError } from '../model/errors.js';
import { prepareDataDir } from './data-dir.js';
import type { CommitOutcome, OpenedStore, Row, RowChange, StoreEngine, StoreSchema } from './engine.js';
import { migrationFrom } from './migration.js';
import { SEPARATOR } from './sqlite-protocol.js';
import type {
  Cursor,
  FlatChange,
  OpenAnswer,
  PageAnswer,
  WorkerFailure,
  WorkerOutcome,
  WorkerRequest,
} from './sqlite-protocol.js';
import { storeFileFailure } from './sqlite-failure.js';
import { startWorker, WorkerRequestError } from './sqlite-worker-client.js';
import type { WorkerClient } from './sqlite-worker-client.js';

export interface SqliteEngineOptions {
  /** holds `<schema>.db` per schema; created with mode 0700 when absent */
  dir: string;
}

/** One open file, as the main thread sees it. */
interface Connection {
  readonly client: WorkerClient;
  readonly store: number;
  readonly path: string;
  readonly schema: StoreSchema;
}

// Text per message to the worker, whose heap is small.
const CHUNK_CHARS = 1024 * 1024;
// A row that could exhaust the worker's heap would take the whole store with it.
const MAX_ROW_CHARS = 16 * 1024 * 1024;

const ask = async <A extends OpenAnswer | PageAnswer | null>(
  connection: Connection,
  request: WorkerRequest,
): Promise<A> => {
  try {
    return await connection.client.request<A>(request);
  } catch (error) {
    throw error instanceof WorkerRequestError ? storeFileFailure(error.failure, connection) : error;
  }
};

const open = (connection: Connection): Promise<OpenAnswer> => {
  const { store, path } = connection;
  // Migrations are functions, which do not cross to another thread.
  const { name, version, tables } = connection.schema;
  return ask(connection, { op: 'open', store, path, schema: { name, version, tables } });
};

const rowsOf = (table: string, { count, keys, values }: PageAnswer): Row[] => {
  if (count === 0) return [];
  const texts = values.split(SEPARATOR);
  return keys.split(SEPARATOR).map((key, at) => ({ table, key, value: texts[at] ?? '' }));
};

/** Rows of one table by pages, the next on its way while one is read. */
const tableRows = async function* (connection: Connection, table: string): AsyncGenerator<readonly Row[]> {
  const fetch = (after: Cursor | null): Promise<PageAnswer> => {
    const page = ask<PageAnswer>(connection, { op: 'page', store: connection.store, table, after });
    // Whoever stops reading never looks at the page already asked for.
    page.catch(() => undefined);
    return page;
  };
  let coming: Promise<PageAnswer> | undefined = fetch(null);
  while (coming) {
    const page: PageAnswer = await coming;
    coming = page.next === null ? undefined : fetch(page.next);
    yield rowsOf(table, page);
  }
};

const allRows = async function* (
  connection: Connection,
  tables: readonly string[],
): AsyncGenerator<readonly Row[]> {
  for (const table of tables) yield* tableRows(connection, table);
};

/** Splits changes into messages of bounded size; the last one, perhaps empty, goes with the commit. */
const chunksOf = (changes: readonly RowChange[]): FlatChange[][] => {
  let chunk: FlatChange[] = [];
  const chunks = [chunk];
  let chars = 0;
  for (const { table, key, value } of changes) {
    chars += key.length + (value?.length ?? 0);
    if (chars > CHUNK_CHARS && chunk.length > 0) {
      chunk = [];
      chunks.push(chunk);
      chars = key.length + (value?.length ?? 0);
    }
    chunk.push(table, key, value);
  }
  return chunks;
};

/** All in the transaction that the worker left open: a crash on the way leaves the earlier version. */
const migrate = async (connection: Connection, opened: OpenAnswer): Promise<void> => {
  if (opened.migrateFrom === null) return;
  const { store, schema } = connection;
  const migrateRow = migrationFrom(schema, opened.migrateFrom);
  let changes: FlatChange[] = [];
  let chars = 0;
  const flush = async (): Promise<void> => {
    await ask(connection, { op: 'stage', store, changes });
    changes = [];
    chars = 0;
  };
  for await (const page of allRows(connection, opened.tables)) {
    for (const original of page) {
      const row = migrateRow(original);
      if (!row) continue;
      changes.push(row.table, row.key, row.value);
      chars += row.key.length + row.value.length;
      if (chars > CHUNK_CHARS) await flush();
    }
  }
  await flush();
  await ask(connection, { op: 'finish-migration', store });
};

const unstorable = (changes: readonly RowChange[]): string | undefined => {
  for (const { table, key, value } of changes) {
    if (value === null) continue;
    if (value.length > MAX_ROW_CHARS) return `row ${key} of ${table} is over ${MAX_ROW_CHARS} characters`;
    if (value.includes(SEPARATOR)) return `row ${key} of ${table} is not JSON: it holds a NUL`;
  }
  return undefined;
};

/** What could not be stored, in words for people where there are any. */
const failedBy = (connection: Connection, message: string, failure?: WorkerFailure): CommitOutcome => {
  const error = failure && storeFileFailure(failure, connection);
  return { ok: false, reason: 'failed', message, ...(error instanceof OutcryError && { error }) };
};

const commitTo = async (
  connection: Connection,
  epoch: number,
  batch: { sequence: number; changes: readonly RowChange[] },
): Promise<CommitOutcome> => {
  const { client, store } = connection;
  const message = unstorable(batch.changes);
  if (message !== undefined) return { ok: false, reason: 'failed', message };
  const chunks = chunksOf(batch.changes);
  const changes = chunks.pop() ?? [];
  try {
    for (const chunk of chunks) await client.request<null>({ op: 'stage', store, changes: chunk });
  } catch (error) {
    // Staged only: without COMMIT nothing of it is stored, whatever went wrong.
    const { message } = error as Error;
    return failedBy(connection, message, error instanceof WorkerRequestError ? error.failure : undefined);
  }
  try {
    const request = { op: 'commit', store, epoch, sequence: batch.sequence, changes } as const;
    const outcome = await client.request<WorkerOutcome>(request);
    if (outcome.ok || outcome.reason !== 'failed') return outcome;
    return failedBy(connection, outcome.message, outcome.failure);
  } catch (error) {
    return { ok: false, reason: 'unknown', message: (error as Error).message };
  }
};

const openedStore = (
  connection: Connection,
  opened: OpenAnswer,
  release: () => Promise<void>,
): OpenedStore => {
  const { client, store, schema } = connection;
  const { epoch, sequence } = opened;
  let closing: Promise<void> | undefined;
  return {
    epoch,
    sequence,
    rows: () => allRows(connection, schema.tables),
    commit: (batch) => commitTo(connection, epoch, batch),
    readSequence: () => client.request<number>({ op: 'sequence', store }),
    close: () => (closing ??= release()),
  };
};

/** Counts the open files of a worker, so that the last one to close ends it. */
const createWorkerPool = () => {
  interface Shared {
    readonly client: WorkerClient;
    users: number;
  }
  let current: Shared | undefined;

  const release = async (shared: Shared): Promise<void> => {
    shared.users -= 1;
    if (shared.users > 0) return;
    if (current === shared) current = undefined;
    await shared.client.stop();
  };

  return {
    acquire(): { client: WorkerClient; release(): Promise<void> } {
      if (!current?.client.alive()) current = { client: startWorker(), users: 0 };
      const shared = current;
      shared.users += 1;
      return { client: shared.client, release: () => release(shared) };
    },
  };
};

/** What names the directory of whoever has such stores. */
const SETTING = '--data DIR, or with data_dir in its configuration';

/**
 * Stores in files of one directory, by SQLite in one worker thread that lives while any of them is open.
 * A file belongs to one process at a time: it is locked from open to close, and a dead process holds no lock.
 */
export const createSqliteEngine = ({ dir }: SqliteEngineOptions): StoreEngine => {
  const workers = createWorkerPool();
  let stores = 0;

  return {
    async open(schema) {
      const prepared = prepareDataDir(dir);
      if (!prepared.ok) throw new OutcryError(prepared.error.code, { ...prepared.error, setting: SETTING });
      const store = (stores += 1);
      const worker = workers.acquire();
      const connection = { client: worker.client, store, path: join(dir, `${schema.name}.db`), schema };
      const release = async (): Promise<void> => {
        // A worker that died has closed its files.
        await worker.client.request({ op: 'close', store }).catch(() => undefined);
        await worker.release();
      };
      try {
        const opened = await open(connection);
        await migrate(connection, opened);
        return openedStore(connection, opened, release);
      } catch (error) {
        await release();
        throw error;
      }
    },
  };
};
