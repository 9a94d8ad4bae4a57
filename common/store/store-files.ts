import { existsSync } from 'node:fs';
import Database from 'libsql';
import { OutcryError } from '../model/errors.js';
import type { Row, StoreSchema } from './engine.js';
import { bareText } from './row-text.js';
import { failureOf, storeFileFailure } from './sqlite-failure.js';
import { createStatements, existingTables, OWNER, readOwner, readPage, release } from './sqlite-file.js';
import { SEPARATOR } from './sqlite-protocol.js';
import type { Cursor } from './sqlite-protocol.js';

/** A store's file that nobody has open, as it was left: nothing takes it over, and nothing is migrated. */
export interface StoreFile {
  readonly version: number;
  readonly epoch: number;
  readonly counts: Readonly<Record<string, number>>;
  /** each as its spec encodes it, at the file's own version */
  rows(): Generator<Row>;
  close(): void;
}

type Named = Pick<StoreSchema, 'name' | 'version'>;

/** Runs what asks SQLite, and tells what goes wrong as the store itself does. */
const asking = <T>(path: string, schema: Named, ask: () => T): T => {
  try {
    return ask();
  } catch (error) {
    throw error instanceof OutcryError ? error : storeFileFailure(failureOf(error), { path, schema });
  }
};

const connect = (path: string): Database.Database => {
  const db = new Database(path, { timeout: 200 });
  // the lock is held from the first read on; no shared memory is needed for what a crash has left in the journal
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  return db;
};

/** Tables of the first versions are in the order of their keys, and have nothing else to be read by. */
const orderOf = (db: Database.Database, table: string): 'id' | 'key' => {
  const columns = db.prepare(`SELECT name FROM pragma_table_info('${table}')`).all() as { name: string }[];
  return columns.some(({ name }) => name === 'id') ? 'id' : 'key';
};

const rowsIn = function* (db: Database.Database, table: string): Generator<Row> {
  const statement = createStatements(db);
  const by = orderOf(db, table);
  let after: Cursor | null = null;
  do {
    const { count, keys, values, next } = readPage(statement, { table, by, after });
    const texts = values.split(SEPARATOR);
    for (const [at, key] of keys.split(SEPARATOR).slice(0, count).entries())
      yield { table, key, value: bareText(texts[at] ?? '') };
    after = next;
  } while (after !== null);
};

/** undefined when there is none, or nothing in it. STORE_LOCKED, STORE_NEWER, STORE_CORRUPT, STORE_UNREADABLE otherwise. */
export const openStoreFile = (path: string, schema: Named): StoreFile | undefined => {
  if (!existsSync(path)) return undefined;
  return asking(path, schema, () => {
    const db = connect(path);
    const tables = existingTables(db);
    const isOwned = db.prepare(`SELECT 1 FROM sqlite_master WHERE name = '${OWNER}'`).get() !== undefined;
    const owner = isOwned ? readOwner(db) : undefined;
    if (!owner) {
      release(db);
      return undefined;
    }
    if (owner.schema !== schema.name)
      throw new OutcryError('STORE_CORRUPT', { path, reason: `it belongs to ${owner.schema}` });
    if (owner.version > schema.version)
      throw new OutcryError('STORE_NEWER', { path, found: owner.version, known: schema.version });
    const count = (table: string): number =>
      (db.prepare(`SELECT count(*) FROM ${table}`).raw().get() as [number])[0];
    return {
      version: owner.version,
      epoch: owner.epoch,
      counts: Object.fromEntries(tables.map((table) => [table, count(table)])),
      *rows() {
        for (const table of tables) yield* rowsIn(db, table);
      },
      close: () => release(db),
    };
  });
};

/** Has the file's next owner be of a later epoch than whoever had the name before. */
export const raiseEpoch = (path: string, schema: Named, epoch: number): void =>
  asking(path, schema, () => {
    const db = connect(path);
    db.prepare(`UPDATE ${OWNER} SET epoch = max(epoch, ?) WHERE id = 1`).run(epoch);
    release(db);
  });
