import type { PendingTable, TableSpec, TableView } from './contract.js';

/**
 * One key. `committed` and `pending` are the same object while nothing is undecided; undefined means
 * absent on that side, and a slot absent on both is dropped. Rows are immutable: a change is a new object.
 */
interface Slot<T> {
  readonly key: string;
  committed: T | undefined;
  pending: T | undefined;
}

/** Told before the pending side of a key changes. */
export type Touch<T> = (key: string, before: T | undefined) => void;

export interface RowTable<T> {
  readonly committed: TableView<T>;
  pending(touch: Touch<T>): PendingTable<T>;
  /** a row found in the store, its key for the first time: committed and pending at once */
  load(key: string, row: T): void;
  /** the pending row */
  latest(key: string): T | undefined;
  setPending(key: string, row: T | undefined): void;
  setCommitted(key: string, row: T | undefined): void;
}

/**
 * Slots by the value of one index. Most values of most indexes lead to one row, so a Set is made only
 * for the second: at 250,000 rows the difference is tens of MB per index.
 */
interface Index<T> {
  readonly valueOf: (row: T) => string | undefined;
  readonly slots: Map<string, Slot<T> | Set<Slot<T>>>;
}

type Side = 'committed' | 'pending';

// A NUL or half a surrogate pair would come back from SQLite as another key.
const UNSTORABLE_KEY = /[\0\p{Cs}]/u;

const addToIndex = <T>({ slots }: Index<T>, value: string, slot: Slot<T>): void => {
  const found = slots.get(value);
  if (found === undefined) slots.set(value, slot);
  else if (found instanceof Set) found.add(slot);
  else if (found !== slot) slots.set(value, new Set([found, slot]));
};

const removeFromIndex = <T>({ slots }: Index<T>, value: string, slot: Slot<T>): void => {
  const found = slots.get(value);
  if (found === slot) slots.delete(value);
  else if (found instanceof Set && found.delete(slot) && found.size === 0) slots.delete(value);
};

const rowsOfIndex = <T>(index: Index<T>, value: string, side: Side): T[] => {
  const found = index.slots.get(value);
  const slots = found === undefined ? [] : found instanceof Set ? found : [found];
  const rows: T[] = [];
  for (const slot of slots) {
    const row = slot[side];
    if (row !== undefined && index.valueOf(row) === value) rows.push(row);
  }
  return rows;
};

/**
 * Rows of one table in memory, seen from two sides. Both sides share the slots, and an index holds a slot
 * under a value exactly when either side has that value: a lookup filters by its side.
 */
export const createRowTable = <T>(name: string, spec: TableSpec<T>): RowTable<T> => {
  const slots = new Map<string, Slot<T>>();
  const indexes = new Map<string, Index<T>>(
    Object.entries(spec.indexes).map(([index, valueOf]) => [index, { valueOf, slots: new Map() }]),
  );
  const counts = { committed: 0, pending: 0 };

  const reindex = (
    slot: Slot<T>,
    before: T | undefined,
    after: T | undefined,
    other: T | undefined,
  ): void => {
    for (const index of indexes.values()) {
      const from = before === undefined ? undefined : index.valueOf(before);
      const to = after === undefined ? undefined : index.valueOf(after);
      if (from === to) continue;
      if (to !== undefined) addToIndex(index, to, slot);
      const kept = other === undefined ? undefined : index.valueOf(other);
      if (from !== undefined && from !== kept) removeFromIndex(index, from, slot);
    }
  };

  const set = (side: Side, key: string, row: T | undefined): void => {
    const slot = slots.get(key) ?? { key, committed: undefined, pending: undefined };
    const before = slot[side];
    if (before === row) return;
    slot[side] = row;
    counts[side] += Number(row !== undefined) - Number(before !== undefined);
    reindex(slot, before, row, side === 'pending' ? slot.committed : slot.pending);
    if (slot.committed === undefined && slot.pending === undefined) slots.delete(key);
    else if (before === undefined) slots.set(key, slot);
  };

  const view = (side: Side): TableView<T> => ({
    get: (key) => slots.get(key)?.[side],
    byIndex(indexName, value) {
      const index = indexes.get(indexName);
      if (!index) throw new Error(`table ${name} has no index ${indexName}`);
      return rowsOfIndex(index, value, side);
    },
    *entries() {
      for (const slot of slots.values()) {
        const row = slot[side];
        if (row !== undefined) yield [slot.key, row];
      }
    },
    count: () => counts[side],
  });

  return {
    committed: view('committed'),
    pending: (touch) => ({
      ...view('pending'),
      put(key, row) {
        if (UNSTORABLE_KEY.test(key))
          throw new Error(`table ${name} cannot hold the key ${JSON.stringify(key)}`);
        touch(key, slots.get(key)?.pending);
        set('pending', key, row);
      },
      delete(key) {
        const before = slots.get(key)?.pending;
        if (before === undefined) return;
        touch(key, before);
        set('pending', key, undefined);
      },
    }),
    load(key, row) {
      const slot: Slot<T> = { key, committed: row, pending: row };
      slots.set(key, slot);
      counts.committed += 1;
      counts.pending += 1;
      reindex(slot, undefined, row, undefined);
    },
    latest: (key) => slots.get(key)?.pending,
    setPending: (key, row) => set('pending', key, row),
    setCommitted: (key, row) => set('committed', key, row),
  };
};
