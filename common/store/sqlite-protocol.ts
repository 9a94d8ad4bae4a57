import type { CommitOutcome, StoreSchema } from './engine.js';

/**
 * What the main thread asks of the SQLite worker. `store` tells open files apart. Rows and changes
 * travel flat, `[table, key, value, …]`: one array clones several times faster than objects do.
 */
export type WorkerRequest =
  | { op: 'open'; store: number; path: string; schema: Pick<StoreSchema, 'name' | 'version' | 'tables'> }
  | { op: 'page'; store: number; table: string; after: Cursor | null }
  | { op: 'stage'; store: number; changes: FlatChange[] }
  | { op: 'commit'; store: number; epoch: number; sequence: number; changes: FlatChange[] }
  | { op: 'finish-migration'; store: number }
  | { op: 'sequence'; store: number }
  | { op: 'close'; store: number };

export type FlatChange = string | null;

/** Between keys, and between values, of a page: neither holds any. */
export const SEPARATOR = '\0';

/** Where in a table a page ends. */
export type Cursor = string | number;

export interface OpenAnswer {
  epoch: number;
  sequence: number;
  /** tables that hold rows to read */
  tables: string[];
  /** version of the rows when it is an earlier one: they have to be migrated first */
  migrateFrom: number | null;
}

export interface PageAnswer {
  count: number;
  /** All in one: what a thousand short strings cost to hand over and to collect around. Those cut from it share it. */
  keys: string;
  values: string;
  /** where the next page goes on; null after the last */
  next: Cursor | null;
}

/** What went wrong, before it is given a code: SQLite's own name of it, if it has one. */
export interface WorkerFailure {
  kind: 'sqlite' | 'newer' | 'defect';
  code: string;
  message: string;
  found?: number;
}

/** As the worker tells it: what went wrong has no words for people yet. */
export type WorkerOutcome =
  | Exclude<CommitOutcome, { reason: 'failed' }>
  | { ok: false; reason: 'failed'; message: string; failure?: WorkerFailure };

export type WorkerAnswer = OpenAnswer | PageAnswer | WorkerOutcome | number | null;

export type WorkerReply =
  { id: number; ok: true; value: WorkerAnswer } | { id: number; ok: false; failure: WorkerFailure };
