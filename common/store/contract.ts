import type { OutcryError } from '../model/errors.js';
import type { Result } from '../model/result.js';
import type { Row } from './engine.js';

/** What is known of a row that has not been decoded. */
export interface Glimpse {
  readonly key: string;
  /** whether it is found by that index at all */
  isIn(index: string): boolean;
}

/** Rows of one moment, whatever changes meanwhile; a list is one. Those of deferred tables are decoded as they are taken. */
export interface RowList<T> {
  readonly length: number;
  slice(from: number, to: number): T[];
}

/**
 * Group commit over tables held in memory (design §8.4). Decisions see pending state; reads see
 * committed state only. While one batch is being made durable the next one gathers.
 * Rows are immutable: whoever changes one puts a new object, since both sides may hold the same one.
 */
export interface TableView<T> {
  get(key: string): T | undefined;
  /** rows whose index `name` has `value`; order unspecified but stable */
  byIndex(name: string, value: string): Iterable<T>;
  /** the same, or all rows; looks at none of them yet */
  list(by?: { index: string; value: string }): RowList<T>;
  /** rows found so, by what they are found by alone; looks at none of them */
  glance(by: { index: string; value: string }): Iterable<Glimpse>;
  /** what a row is found by in that index; looks at no row */
  indexedUnder(key: string, index: string): string | undefined;
  /** every value of index `name` under which a row is found, by either side; looks at no row */
  indexed(name: string): Iterable<string>;
  entries(): Iterable<[key: string, row: T]>;
  /** the keys alone; looks at no row */
  keys(): Iterable<string>;
  has(key: string): boolean;
  count(): number;
}

export interface PendingTable<T> extends TableView<T> {
  put(key: string, row: T): void;
  delete(key: string): void;
}

export interface TableSpec<T> {
  encode(row: T): string;
  decode(text: string): T;
  /** index name → the value a row is found under; undefined leaves it out */
  indexes: Record<string, (row: T) => string | undefined>;
  /**
   * Rows are decoded when they are first looked at: for tables that may be large. What they are found by is then stored
   * beside them, so that another meaning of an index takes a migration.
   */
  deferred?: true;
}

/** `Tables` maps table names to row types, e.g. `{ desired_lrps: DesiredLrp; tasks: Task }`. */
export type Pending<Tables> = { readonly [K in keyof Tables]: PendingTable<Tables[K]> };
export type Committed<Tables> = { readonly [K in keyof Tables]: TableView<Tables[K]> };

export interface CommitError {
  /** 'STORE_FAILED' nothing was stored; 'STORE_CLOSED' the owner stepped down or is stopping */
  code: 'STORE_FAILED' | 'STORE_CLOSED';
  message: string;
  /** where a person can help: the disk is full, for one */
  error?: OutcryError;
}

export interface Snapshot {
  /** how many there are of each table, the journal's included */
  readonly counts: Readonly<Record<string, number>>;
  rows(): Iterable<Row>;
}

export interface GroupStore<Tables, Event> {
  /** committed state */
  readonly committed: Committed<Tables>;
  /**
   * Runs `decide` at once against pending state. It may put and delete, and returns a value and the
   * events to tell once durable. Resolves after the commit: with the value, or with the error when that
   * commit, or one it was built on, failed. A `decide` that throws changes nothing and rejects.
   * A decision without changes still waits for what it has read to be committed.
   */
  transact<R>(
    decide: (tables: Pending<Tables>) => { value: R; events: readonly Event[] },
  ): Promise<Result<R, CommitError>>;
  /** called per commit, in order, with that commit's events, after the committed state shows them */
  onCommit(listener: (events: readonly Event[]) => void): void;
  /** called once if the store has to step down (fenced, or an outcome that could not be settled) */
  onLost(listener: (reason: string) => void): void;
  /** why the last commit could not be stored; undefined when it was, or there has been none */
  trouble(): string | undefined;
  /** every committed row as of now, while work goes on; each as its spec encodes it */
  snapshot(): Snapshot;
  readonly epoch: number;
  close(): Promise<void>;
}
