import type { CommitError, TableSpec } from './contract.js';
import type { RowChange } from './engine.js';
import type { RowTable } from './row-table.js';
import { encodeRow } from './row-text.js';

/** A table with its rows in memory. Row types are known at the edges only. */
export interface StoredTable {
  readonly name: string;
  readonly spec: TableSpec<unknown>;
  readonly rows: RowTable<unknown>;
}

/** The row that a decision leaves under a key; undefined deletes it. */
export interface Write {
  readonly table: StoredTable;
  readonly key: string;
  readonly row: unknown;
}

/** What one caller decided, waiting to be durable. */
export interface Decision<Event> {
  readonly writes: readonly Write[];
  readonly events: readonly Event[];
  /** answers the caller; without an error the decision is durable */
  settle(error?: CommitError): void;
}

export interface Batch<Event> {
  readonly decisions: Decision<Event>[];
  /** per table, the last row that any decision of the batch leaves under a key */
  readonly writes: ReadonlyMap<StoredTable, ReadonlyMap<string, unknown>>;
}

// A batch is encoded in one go on the main thread: about 10 ms at this size.
const MAX_DECISIONS = 1_000;
const MAX_WRITES = 5_000;

const countThatFit = (decisions: readonly Decision<unknown>[]): number => {
  let writes = 0;
  let count = 0;
  for (const decision of decisions) {
    writes += decision.writes.length;
    if (count > 0 && (writes > MAX_WRITES || count === MAX_DECISIONS)) break;
    count += 1;
  }
  return count;
};

/** Takes the next batch off the head of the queue: at least one decision, however large. */
export const takeBatch = <Event>(gathered: Decision<Event>[]): Batch<Event> => {
  const decisions = gathered.splice(0, countThatFit(gathered));
  const writes = new Map<StoredTable, Map<string, unknown>>();
  for (const { table, key, row } of decisions.flatMap((decision) => decision.writes)) {
    const rows = writes.get(table) ?? new Map<string, unknown>();
    if (rows.size === 0) writes.set(table, rows);
    rows.set(key, row);
  }
  return { decisions, writes };
};

export const encodeBatch = <Event>(batch: Batch<Event>): RowChange[] => {
  const changes: RowChange[] = [];
  for (const [table, rows] of batch.writes) {
    for (const [key, row] of rows) {
      changes.push({ table: table.name, key, value: row === undefined ? null : encodeRow(table.spec, row) });
    }
  }
  return changes;
};

/** Shows the batch to readers. */
export const applyBatch = <Event>(batch: Batch<Event>): void => {
  for (const [table, rows] of batch.writes) {
    for (const [key, row] of rows) table.rows.setCommitted(key, row);
  }
};

/** Takes back what the decisions left pending: readers never saw it. */
export const rollBack = <Event>(decisions: readonly Decision<Event>[]): void => {
  for (const { table, key } of decisions.flatMap((decision) => decision.writes)) {
    table.rows.setPending(key, table.rows.committed.get(key));
  }
};
