import type { HistoryEntry } from '../../common/model/history.js';
import { concerns, WHOLE } from './history.js';

/** What happened, by whom it happened to: the latest so many of each instance, each task, and each process as a whole. */
export interface HistoryBook {
  /** in whatever order; what it pushes out is forgotten */
  add(entry: HistoryEntry): void;
  forget(entry: HistoryEntry): void;
  has(entry: HistoryEntry): boolean;
  count(): number;
  /** of a process, of one instance of it (and of the whole), or of a task; the oldest first */
  ofGuid(guid: string, index: number): HistoryEntry[];
  /** the oldest first; looks at all there is */
  ofInstance(instanceGuid: string): HistoryEntry[];
}

const byNumber = (a: HistoryEntry, b: HistoryEntry): number => a.number - b.number;

export const createHistoryBook = (perGuid: number): HistoryBook => {
  /** guid → index → entries, the oldest first */
  const book = new Map<string, Map<number, HistoryEntry[]>>();
  let count = 0;

  const entriesOf = ({ guid, index }: HistoryEntry): HistoryEntry[] => book.get(guid)?.get(index) ?? [];

  const forget = (entry: HistoryEntry): void => {
    const entries = entriesOf(entry);
    const at = entries.indexOf(entry);
    if (at === -1) return;
    entries.splice(at, 1);
    count -= 1;
    const { guid, index } = entry;
    if (entries.length === 0) book.get(guid)?.delete(index);
    if (book.get(guid)?.size === 0) book.delete(guid);
  };

  const add = (entry: HistoryEntry): void => {
    const { guid, index } = entry;
    const ofGuid = book.get(guid) ?? new Map<number, HistoryEntry[]>();
    const entries = ofGuid.get(index) ?? [];
    book.set(guid, ofGuid);
    ofGuid.set(index, entries);
    const isLatest = (entries.at(-1)?.number ?? 0) < entry.number;
    entries.push(entry);
    if (!isLatest) entries.sort(byNumber);
    count += 1;
    const [oldest] = entries;
    if (entries.length > perGuid && oldest) forget(oldest);
  };

  return {
    add,
    forget,
    has: (entry) => entriesOf(entry).includes(entry),
    count: () => count,
    ofGuid(guid, index) {
      const found = [...(book.get(guid)?.values() ?? [])].flat();
      return found.filter((entry) => index === WHOLE || concerns(entry, index)).sort(byNumber);
    },
    ofInstance(instanceGuid) {
      const found: HistoryEntry[] = [];
      for (const ofGuid of book.values()) {
        for (const entries of ofGuid.values())
          found.push(...entries.filter((entry) => entry.instanceGuid === instanceGuid));
      }
      return found.sort(byNumber);
    },
  };
};
