import type { OutcryError } from '../model/errors.js';

/** One row changed. `value` null deletes it. Values are JSON text; the engine never looks inside. */
export interface RowChange {
  table: string;
  key: string;
  value: string | null;
}

export interface Row {
  table: string;
  key: string;
  value: string;
}

/** A step from schema version `to - 1`. Forward only. Rows in, rows out; runs before anything is served. */
export interface Migration {
  to: number;
  /** changes one row of `table`; null drops it */
  migrate(row: Row): Row | null;
}

/** What a component keeps. `bbs/store` and `api/store` are schemas. */
export interface StoreSchema {
  /** names the file or database schema: 'bbs', 'api' */
  name: string;
  version: number;
  tables: readonly string[];
  migrations: readonly Migration[];
}

export type CommitOutcome =
  | { ok: true }
  /** nothing of the batch is stored; `error` where a person can help */
  | { ok: false; reason: 'failed'; message: string; error?: OutcryError }
  /** another owner has taken over: step down */
  | { ok: false; reason: 'fenced'; message: string }
  /** may or may not be stored: read the sequence back before answering */
  | { ok: false; reason: 'unknown'; message: string };

/**
 * Port: durable rows under one owner at a time (design §4, §8.4, §8.5).
 * Adapters: SQLite (a file, in a worker thread), in-memory (tests); PostgreSQL later.
 */
export interface StoreEngine {
  /** takes ownership (epoch + 1), migrates, and streams every row */
  open(schema: StoreSchema): Promise<OpenedStore>;
}

export interface OpenedStore {
  /** fencing token of this owner */
  readonly epoch: number;
  /** of the last commit found */
  readonly sequence: number;
  /** every row, a page at a time: a step of its own for each of 250,000 rows costs half a second */
  rows(): AsyncIterable<readonly Row[]>;
  /** atomically stores all changes and `sequence`, durable when it resolves; sequences rise by one */
  commit(batch: { sequence: number; changes: readonly RowChange[] }): Promise<CommitOutcome>;
  /** the stored sequence, to settle an unknown outcome */
  readSequence(): Promise<number>;
  close(): Promise<void>;
}
