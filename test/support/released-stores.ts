/** Files as every released version of a component has written them, kept as SQL. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import type { Row, StoreSchema } from '../../common/store/engine.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';

const FIXTURES = join(packageRoot(), 'test/fixtures/store');

const fixtureOf = (name: string, version: number): string => join(FIXTURES, `${name}-${version}.sql`);

const OURS = `SELECT name, sql FROM sqlite_master
  WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'libsql_%'`;

const quoted = (value: unknown): string =>
  typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`;

/** A data directory as that version has left it. */
export const restoreReleased = (dir: string, name: string, version: number): void => {
  mkdirSync(dir, { recursive: true });
  const db = new Database(join(dir, `${name}.db`));
  db.exec(readFileSync(fixtureOf(name, version), 'utf8'));
  db.close();
};

/** Keeps what the present version has written in `dir`. */
export const keepReleased = (dir: string, { name, version }: StoreSchema): void => {
  const db = new Database(join(dir, `${name}.db`));
  const tables = db.prepare(OURS).all() as { name: string; sql: string }[];
  const lines = tables.map(({ sql }) => `${sql.replace(/\s+/g, ' ')};`);
  for (const table of tables) {
    for (const row of db.prepare(`SELECT * FROM ${table.name}`).all() as Record<string, unknown>[]) {
      const values = Object.values(row).map(quoted).join(', ');
      lines.push(`INSERT INTO ${table.name} (${Object.keys(row).join(', ')}) VALUES (${values});`);
    }
  }
  db.close();
  writeFileSync(fixtureOf(name, version), `${lines.join('\n')}\n`);
};

export const isKept = ({ name, version }: StoreSchema): boolean => existsSync(fixtureOf(name, version));

/** Which versions there are files of. */
export const releasedVersions = ({ name, version }: StoreSchema): number[] =>
  Array.from({ length: version }, (_, at) => at + 1).filter((one) => existsSync(fixtureOf(name, one)));

/** What is in a store, by table and key; opening it migrates it. */
export const rowsIn = async (dir: string, schema: StoreSchema): Promise<Map<string, string>> => {
  const store = await createSqliteEngine({ dir }).open(schema);
  const rows: Row[] = [];
  for await (const page of store.rows()) rows.push(...page);
  await store.close();
  return new Map(rows.map(({ table, key, value }) => [`${table} ${key}`, value]));
};
