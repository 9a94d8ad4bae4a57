import { closeSync, existsSync, openSync } from 'node:fs';
import Database from 'libsql';
import { failureOf, StoreFileError } from './sqlite-failure.js';
import type {
  Cursor,
  FlatChange,
  OpenAnswer,
  PageAnswer,
  WorkerFailure,
  WorkerOutcome,
  WorkerRequest,
} from './sqlite-protocol.js';

type OpenRequest = Extract<WorkerRequest, { op: 'open' }>;
type CommitRequest = Extract<WorkerRequest, { op: 'commit' }>;

/** One database file, used from one thread. Everything is synchronous and throws SQLite's errors. */
export interface SqliteFile {
  readonly opened: OpenAnswer;
  page(table: string, after: Cursor | null): PageAnswer;
  /** part of the next commit, or of the migration; what is staged before a failure is rolled back with it */
  stage(changes: readonly FlatChange[]): void;
  commit(request: CommitRequest): WorkerOutcome;
  finishMigration(): void;
  sequence(): number;
  close(): void;
}

export interface Owner {
  schema: string;
  version: number;
  epoch: number;
  sequence: number;
}

export const OWNER = 'store_owner';
const OLD = 'migrating_';
const TABLE_NAME = /^(?!migrating_|store_|sqlite_)[a-z][a-z0-9_]*$/;

// How long a second process waits for the lock of one that is just ending.
const BUSY_MS = 200;
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 1024 * 1024;

// EXCLUSIVE before WAL: the lock is then held from the first read to the end, and no shared-memory
// file is needed. cache_size is in KiB when negative; journal_size_limit in bytes.
const SETTINGS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -2000;
  PRAGMA journal_size_limit = 33554432;`;

// Rows lie in the order in which they came. Kept in order of keys, one of more than 1 KB would take another 4 KB of its
// own, and every change of one would write all its neighbours.
const createTable = (name: string): string =>
  `CREATE TABLE IF NOT EXISTS ${name} (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL)`;

// Opened by SQLite itself the file would be readable to all whom the umask lets. An existing file must
// not be touched: closing any descriptor of it drops the locks that this process holds on it.
const createPrivately = (path: string): void => {
  if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600));
};

const rollBack = (db: Database.Database): void => {
  if (db.inTransaction) db.exec('ROLLBACK');
};

const describe = (error: unknown): string => {
  const { code, message } = error as Error & { code?: string };
  return code === undefined ? message : `${code}: ${message}`;
};

const refuse = (kind: WorkerFailure['kind'], code: string, message: string): StoreFileError =>
  new StoreFileError({ kind, code, message });

export const existingTables = (db: Database.Database): string[] =>
  (db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all() as { name: string }[])
    .map((row) => row.name)
    .filter((name) => name !== OWNER && !name.startsWith('sqlite_') && !name.startsWith('libsql_'));

export const readOwner = (db: Database.Database): Owner | undefined =>
  db.prepare(`SELECT schema, version, epoch, sequence FROM ${OWNER} WHERE id = 1`).get() as Owner | undefined;

const checkOwner = (owner: Owner | undefined, schema: OpenRequest['schema'], tables: string[]): void => {
  if (!owner && tables.length > 0) throw refuse('sqlite', 'SQLITE_NOTADB', 'it holds something else');
  if (!owner) return;
  if (owner.schema !== schema.name) throw refuse('sqlite', 'SQLITE_NOTADB', `it belongs to ${owner.schema}`);
  if (owner.version <= schema.version) return;
  throw new StoreFileError({ kind: 'newer', code: '', message: 'newer schema', found: owner.version });
};

const createOwner = (db: Database.Database): void =>
  void db.exec(`CREATE TABLE IF NOT EXISTS ${OWNER} (
    id INTEGER PRIMARY KEY CHECK (id = 1), schema TEXT NOT NULL, version INTEGER NOT NULL,
    epoch INTEGER NOT NULL, sequence INTEGER NOT NULL)`);

/**
 * Takes ownership in one transaction. With rows of an earlier version to migrate it stays open, the old
 * rows set aside: they come back with any crash before finishMigration.
 */
const takeOver = (db: Database.Database, schema: OpenRequest['schema']): OpenAnswer => {
  db.exec('BEGIN IMMEDIATE');
  createOwner(db);
  const owner = readOwner(db);
  const tables = existingTables(db);
  checkOwner(owner, schema, tables);
  const migrateFrom = owner && owner.version < schema.version ? owner.version : null;
  if (migrateFrom !== null)
    for (const table of tables) db.exec(`ALTER TABLE ${table} RENAME TO ${OLD}${table}`);
  for (const table of schema.tables) db.exec(createTable(table));
  const epoch = (owner?.epoch ?? 0) + 1;
  const sequence = owner?.sequence ?? 0;
  db.prepare(`INSERT OR REPLACE INTO ${OWNER} VALUES (1, ?, ?, ?, ?)`).run(
    schema.name,
    schema.version,
    epoch,
    sequence,
  );
  if (migrateFrom === null) db.exec('COMMIT');
  return { epoch, sequence, tables: migrateFrom === null ? [...schema.tables] : tables, migrateFrom };
};

const connect = ({ path, schema }: OpenRequest): { db: Database.Database; opened: OpenAnswer } => {
  const bad = schema.tables.find((table) => !TABLE_NAME.test(table));
  if (bad !== undefined) throw refuse('defect', '', `table name ${bad}`);
  createPrivately(path);
  const db = new Database(path, { timeout: BUSY_MS });
  try {
    db.exec(SETTINGS);
    return { db, opened: takeOver(db, schema) };
  } catch (error) {
    release(db);
    throw error;
  }
};

// Prepared statements keep a closed connection and its lock alive until they are collected: leaving WAL
// gives the lock up at once, and leaves one file behind instead of two.
export const release = (db: Database.Database): void => {
  try {
    rollBack(db);
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; BEGIN IMMEDIATE; ROLLBACK');
  } catch {
    // A full disk or a damaged file: the lock then goes with the worker.
  }
  db.close();
};

export type Statement = Database.Statement<unknown[]>;

export const createStatements = (db: Database.Database): ((sql: string) => Statement) => {
  const prepared = new Map<string, Statement>();
  return (sql) => {
    const found = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, found);
    return found;
  };
};

const applyChanges = (statement: (sql: string) => Statement, changes: readonly FlatChange[]): void => {
  for (let at = 0; at < changes.length; at += 3) {
    const [table, key, value] = [changes[at], changes[at + 1], changes[at + 2]];
    if (value === null) statement(`DELETE FROM ${table} WHERE key = ?`).run(key);
    else {
      statement(
        `INSERT INTO ${table} (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      ).run(key, value);
    }
  }
};

interface Reading {
  table: string;
  /** the column by which the table is read; tables of earlier versions have no `id` */
  by: 'id' | 'key';
  after: Cursor | null;
}

const fits = (sizes: readonly number[]): number => {
  let bytes = 0;
  const over = sizes.findIndex((size) => (bytes += size) > PAGE_BYTES);
  return over === -1 ? sizes.length : Math.max(1, over);
};

/** Whole pages are joined by SQLite itself, which takes half the time of a thousand rows handed over one by one. */
export const readPage = (
  statement: (sql: string) => Statement,
  { table, by, after }: Reading,
): PageAnswer => {
  const where = `FROM ${table} ${after === null ? '' : `WHERE ${by} > ?`} ORDER BY ${by} LIMIT ?`;
  const from = after === null ? [] : [after];
  const sizes = `SELECT octet_length(value) AS size ${where}`;
  const joined = (column: string): string => `CAST(group_concat(${column}, char(0)) AS BLOB)`;

  // Sizes first, so that a thousand rows of a megabyte never meet in the worker's small heap.
  const [there, bytes] = statement(`SELECT count(*), sum(size) FROM (${sizes})`)
    .raw()
    .get(...from, PAGE_ROWS) as [number, number | null];
  const isSmall = (bytes ?? 0) <= PAGE_BYTES;
  const each = (): [number][] =>
    statement(sizes)
      .raw()
      .all(...from, PAGE_ROWS) as [number][];
  const count = isSmall ? there : fits(each().map(([size]) => size));
  if (count === 0) return { count, keys: '', values: '', next: null };

  const [keys, values, last] = statement(
    `SELECT ${joined('key')}, ${joined('value')}, max(place) FROM (SELECT key, value, ${by} AS place ${where})`,
  )
    .raw()
    .get(...from, count) as [Buffer, Buffer, Cursor];
  const next = count < PAGE_ROWS && count === there ? null : last;
  return { count, keys: keys.toString(), values: values.toString(), next };
};

export const openSqliteFile = (request: OpenRequest): SqliteFile => {
  const { db, opened } = connect(request);
  const statement = createStatements(db);
  let migrating = opened.migrateFrom !== null;

  const sequence = (): number =>
    (statement(`SELECT sequence FROM ${OWNER} WHERE id = 1`).raw().get() as [number])[0];

  const stage = (changes: readonly FlatChange[]): void => {
    try {
      if (!db.inTransaction) db.exec('BEGIN IMMEDIATE');
      applyChanges(statement, changes);
    } catch (error) {
      rollBack(db);
      throw error;
    }
  };

  /** undefined when this owner may write `sequence` */
  const advance = ({ epoch, sequence: to }: CommitRequest): WorkerOutcome | undefined => {
    const sql = `UPDATE ${OWNER} SET sequence = ? WHERE id = 1 AND epoch = ? AND sequence = ?`;
    if (statement(sql).run(to, epoch, to - 1).changes === 1) return undefined;
    const owner = readOwner(db);
    rollBack(db);
    if (owner?.epoch !== epoch) {
      return { ok: false, reason: 'fenced', message: `epoch ${owner?.epoch} took over from ${epoch}` };
    }
    return { ok: false, reason: 'failed', message: `sequence ${to} does not follow ${owner.sequence}` };
  };

  // A COMMIT that fails may still have reached the file: what the file says now decides.
  const settle = (error: unknown, to: number): WorkerOutcome => {
    const message = describe(error);
    try {
      rollBack(db);
      return sequence() === to
        ? { ok: true }
        : { ok: false, reason: 'failed', message, failure: failureOf(error) };
    } catch {
      return { ok: false, reason: 'unknown', message };
    }
  };

  return {
    opened,
    page: (table, after) =>
      readPage(statement, migrating ? { table: OLD + table, by: 'key', after } : { table, by: 'id', after }),
    stage,
    sequence,
    commit(commit) {
      try {
        stage(commit.changes);
        const refused = advance(commit);
        if (refused) return refused;
        db.exec('COMMIT');
        return { ok: true };
      } catch (error) {
        return settle(error, commit.sequence);
      }
    },
    finishMigration() {
      for (const table of opened.tables) db.exec(`DROP TABLE ${OLD}${table}`);
      db.exec('COMMIT');
      migrating = false;
    },
    close: () => release(db),
  };
};
