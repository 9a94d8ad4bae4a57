import type { Glimpse, PendingTable, RowList, TableSpec, TableView } from './contract.js';
import { addToIndex, loadIntoIndex, removeFromIndex, slotsOfIndex } from './row-index.js';
import type { SlotIndex } from './row-index.js';
import { Deferred, decodeRow, findRow, indexedText, textOf } from './row-text.js';
import type { FoundRow } from './row-text.js';

/**
 * One key. `committed` and `pending` are the same object while nothing is undecided; undefined means
 * absent on that side, and a slot absent on both is dropped. Rows are immutable: a change is a new object.
 */
interface Slot<T> {
  readonly key: string;
  committed: T | Deferred | undefined;
  pending: T | Deferred | undefined;
}

interface Index<T> {
  /** its place among those of the spec */
  readonly nth: number;
  readonly valueOf: (row: T) => string | undefined;
  readonly slots: SlotIndex<Slot<T>>;
}

/** Told before the pending side of a key changes. */
export type Touch<T> = (key: string, before: T | undefined) => void;

export interface RowTable<T> {
  readonly committed: TableView<T>;
  pending(touch: Touch<T>): PendingTable<T>;
  /** a row found in the store, its key for the first time: committed and pending at once. Throws when it cannot be read */
  load(key: string, text: string): void;
  /** what is committed now, as text that is made when it is asked for */
  snapshot(): { key: string; text(): string }[];
  /** the pending row */
  latest(key: string): T | undefined;
  setPending(key: string, row: T | undefined): void;
  setCommitted(key: string, row: T | undefined): void;
}

type Side = 'committed' | 'pending';

// A NUL or half a surrogate pair would come back from SQLite as another key.
const UNSTORABLE_KEY = /[\0\p{Cs}]/u;

/** Whoever makes the error that is thrown when a row cannot be decoded, as it is loaded or first looked at. */
export type OnDamage = (key: string, cause: unknown) => Error;

/** Looks at slots, which may hold what nobody has decoded yet. */
const createReader = <T>(spec: TableSpec<T>, onDamage: OnDamage) => {
  const orDamage = <R>(key: string, read: () => R): R => {
    try {
      return read();
    } catch (cause) {
      throw onDamage(key, cause);
    }
  };

  const see = (slot: Slot<T>, side: Side): T | undefined => {
    const found = slot[side];
    if (!(found instanceof Deferred)) return found;
    // neither side has changed since it was loaded
    return (slot.committed = slot.pending = orDamage(slot.key, () => decodeRow(spec, found.text)));
  };

  /** of what a slot held once, which may have been replaced since */
  const seeThen = (slot: Slot<T>, then: T | Deferred): T => {
    if (!(then instanceof Deferred)) return then;
    const now = slot.committed === then ? see(slot, 'committed') : undefined;
    return now ?? orDamage(slot.key, () => decodeRow(spec, then.text));
  };

  return {
    see,
    /** what is in the slots now; `isWanted` is asked of rows that have been decoded */
    list(slots: Iterable<Slot<T>>, side: Side, isWanted: (row: T) => boolean): RowList<T> {
      const from: Slot<T>[] = [];
      const rows: (T | Deferred)[] = [];
      for (const slot of slots) {
        const row = slot[side];
        if (row === undefined || !(row instanceof Deferred || isWanted(row))) continue;
        from.push(slot);
        rows.push(row);
      }
      return {
        length: rows.length,
        slice: (begin, end) =>
          rows.slice(begin, end).map((row, nth) => seeThen(from[begin + nth] as Slot<T>, row)),
      };
    },
    find: (key: string, text: string): FoundRow<T> => orDamage(key, () => findRow(spec, text)),
    rowsOfIndex(index: Index<T>, value: string, side: Side): T[] {
      const rows: T[] = [];
      for (const slot of slotsOfIndex(index.slots, value)) {
        const row = see(slot, side);
        if (row !== undefined && index.valueOf(row) === value) rows.push(row);
      }
      return rows;
    },
  };
};

/** Every index of one table. */
const createIndexes = <T>(name: string, spec: TableSpec<T>) => {
  const indexes = new Map<string, Index<T>>(
    Object.entries(spec.indexes).map(([index, valueOf], nth) => [index, { nth, valueOf, slots: new Map() }]),
  );
  return {
    named(indexName: string): Index<T> {
      const index = indexes.get(indexName);
      if (!index) throw new Error(`table ${name} has no index ${indexName}`);
      return index;
    },
    load(slot: Slot<T>, indexed: FoundRow<T>['indexed']): void {
      let at = 0;
      for (const index of indexes.values()) {
        const value = indexed[at] ?? null;
        at += 1;
        if (value !== null) loadIntoIndex(index.slots, value, slot);
      }
    },
    /** `other`: the row of the side that has not changed */
    change(slot: Slot<T>, before: T | undefined, after: T | undefined, other: T | undefined): void {
      for (const index of indexes.values()) {
        const from = before === undefined ? undefined : index.valueOf(before);
        const to = after === undefined ? undefined : index.valueOf(after);
        if (from === to) continue;
        if (to !== undefined) addToIndex(index.slots, to, slot);
        const kept = other === undefined ? undefined : index.valueOf(other);
        if (from !== undefined && from !== kept) removeFromIndex(index.slots, from, slot);
      }
    },
  };
};

/** What rows are found by, without decoding any of them. */
const createGlance = <T>(indexNamed: (name: string) => Index<T>, side: Side) => {
  const isIn = ({ nth, valueOf }: Index<T>, row: T | Deferred): boolean =>
    row instanceof Deferred ? (row.found & (1 << nth)) !== 0 : valueOf(row) !== undefined;

  return {
    *at({ index: name, value }: { index: string; value: string }): Generator<Glimpse> {
      const index = indexNamed(name);
      for (const slot of slotsOfIndex(index.slots, value)) {
        const row = slot[side];
        if (row === undefined || !(row instanceof Deferred || index.valueOf(row) === value)) continue;
        yield { key: slot.key, isIn: (other) => isIn(indexNamed(other), row) };
      }
    },
    under(row: T | Deferred | undefined, name: string): string | undefined {
      const { nth, valueOf } = indexNamed(name);
      if (row === undefined) return undefined;
      return row instanceof Deferred ? indexedText(row, nth) : valueOf(row);
    },
  };
};

const OTHER = { committed: 'pending', pending: 'committed' } as const;

/**
 * Rows of one table in memory, seen from two sides. Both sides share the slots, and an index holds a slot
 * under a value exactly when either side has that value: a lookup filters by its side.
 */
export const createRowTable = <T>(name: string, spec: TableSpec<T>, onDamage: OnDamage): RowTable<T> => {
  const slots = new Map<string, Slot<T>>();
  const indexes = createIndexes(name, spec);
  const { see, find, list, rowsOfIndex } = createReader(spec, onDamage);
  const counts = { committed: 0, pending: 0 };

  const set = (side: Side, key: string, row: T | undefined): void => {
    const slot = slots.get(key) ?? { key, committed: undefined, pending: undefined };
    const before = see(slot, side);
    if (before === row) return;
    slot[side] = row;
    counts[side] += Number(row !== undefined) - Number(before !== undefined);
    indexes.change(slot, before, row, see(slot, OTHER[side]));
    if (slot.committed === undefined && slot.pending === undefined) slots.delete(key);
    else if (before === undefined) slots.set(key, slot);
  };

  const at = (key: string, side: Side): T | undefined => {
    const slot = slots.get(key);
    return slot && see(slot, side);
  };

  const view = (side: Side): TableView<T> => {
    const glance = createGlance(indexes.named, side);
    return {
      get: (key) => at(key, side),
      has: (key) => slots.get(key)?.[side] !== undefined,
      glance: glance.at,
      indexedUnder: (key, indexName) => glance.under(slots.get(key)?.[side], indexName),
      byIndex: (indexName, value) => rowsOfIndex(indexes.named(indexName), value, side),
      list(by) {
        if (!by) return list(slots.values(), side, () => true);
        const index = indexes.named(by.index);
        // one that has not been decoded has not changed either, and is where it was found
        return list(slotsOfIndex(index.slots, by.value), side, (row) => index.valueOf(row) === by.value);
      },
      indexed: (indexName) => indexes.named(indexName).slots.keys(),
      *entries() {
        for (const slot of slots.values()) {
          const row = see(slot, side);
          if (row !== undefined) yield [slot.key, row];
        }
      },
      *keys() {
        for (const slot of slots.values()) if (slot[side] !== undefined) yield slot.key;
      },
      count: () => counts[side],
    };
  };

  return {
    committed: view('committed'),
    pending: (touch) => ({
      ...view('pending'),
      put(key, row) {
        if (UNSTORABLE_KEY.test(key))
          throw new Error(`table ${name} cannot hold the key ${JSON.stringify(key)}`);
        touch(key, at(key, 'pending'));
        set('pending', key, row);
      },
      delete(key) {
        const before = at(key, 'pending');
        if (before === undefined) return;
        touch(key, before);
        set('pending', key, undefined);
      },
    }),
    load(key, text) {
      const { row, indexed } = find(key, text);
      const slot: Slot<T> = { key, committed: row, pending: row };
      slots.set(key, slot);
      counts.committed += 1;
      counts.pending += 1;
      indexes.load(slot, indexed);
    },
    snapshot: () =>
      [...slots.values()].flatMap(({ key, committed }) =>
        committed === undefined ? [] : [{ key, text: () => textOf(spec, committed) }],
      ),
    latest: (key) => at(key, 'pending'),
    setPending: (key, row) => set('pending', key, row),
    setCommitted: (key, row) => set('committed', key, row),
  };
};
