import { ok } from '../../common/model/result.js';
import type { HistoryEntry } from '../../common/model/history.js';
import type { RowChange } from '../../common/store/engine.js';
import type { Journal, JournalEntry } from '../../common/store/journal.js';
import type { HistoryApi } from '../client.js';
import type { BbsConfig } from '../config.js';
import { createHistoryBook } from '../core/history-book.js';
import type { HistoryBook } from '../core/history-book.js';
import { decodeHistory, encodeHistory, HISTORY_TABLE, historyKey, readHistoryKey } from '../store/history.js';
import type { Emission } from '../store/schema.js';

export interface History extends HistoryApi {
  readonly journal: Journal<Emission>;
}

/** The entries of one commit, as they lie in the file. */
interface Page {
  readonly key: string;
  readonly count: number;
  entries: HistoryEntry[] | undefined;
  /** of a page from before the start that nobody has asked for; '' of others */
  text: string;
}

type Limits = Pick<BbsConfig, 'historyEntries' | 'historyPerGuid'>;

/** Old entries that a commit looks through when there are too many: as often as there are new ones, and some. */
const LOOKED_AT = { each: 4, least: 64 };

/** Which pages a commit takes out, and what of them is still wanted. */
interface Clearing {
  pages: number;
  taken: number;
  kept: HistoryEntry[];
  forgotten: HistoryEntry[];
}

interface Crowd {
  /** entries that the file holds too many */
  over: number;
  fresh: number;
  limit: number;
}

/**
 * What happened is written a page per commit. When the file holds more entries than it should, the oldest pages go; what
 * is in them and belongs to the latest of its guid, and to the latest half of all, moves to the page that is written. So a
 * noisy instance, which pushes out nobody's entries but its own, costs its neighbours nothing.
 */
const clear = (pages: readonly Page[], book: HistoryBook, { over, fresh, limit }: Crowd): Clearing => {
  const clearing: Clearing = { pages: 0, taken: 0, kept: [], forgotten: [] };
  const { kept, forgotten } = clearing;
  const most = LOOKED_AT.least + LOOKED_AT.each * fresh;
  for (const { count, entries = [] } of pages) {
    const isDone = clearing.taken - kept.length >= over;
    if (isDone || (clearing.taken > 0 && clearing.taken + count > most)) break;
    clearing.pages += 1;
    clearing.taken += count;
    for (const entry of entries.filter(book.has)) {
      const isWanted = book.count() + fresh - forgotten.length <= limit / 2;
      (isWanted ? kept : forgotten).push(entry);
    }
  }
  return clearing;
};

export const createHistory = ({ historyEntries, historyPerGuid }: Limits): History => {
  const book = createHistoryBook(historyPerGuid);
  const pages: Page[] = [];
  let onFile = 0;
  let [number, page] = [0, 0];
  let isRead = true;

  /** Most that there was at the start is never asked for, and gone before it has to be looked at. */
  const readAll = (): void => {
    if (isRead) return;
    isRead = true;
    for (const one of pages) {
      one.entries ??= decodeHistory(one.text);
      one.text = '';
      one.entries.forEach(book.add);
    }
  };

  const load = (key: string, text: string): void => {
    const read = readHistoryKey(key);
    pages.push({ key, text, count: read.count, entries: undefined });
    onFile += read.count;
    [number, page] = [Math.max(number, read.latest), Math.max(page, read.page)];
    isRead = false;
  };

  const clearingFor = (fresh: number): Clearing => {
    const over = onFile + fresh - historyEntries;
    if (over <= 0) return { pages: 0, taken: 0, kept: [], forgotten: [] };
    readAll();
    // some more than need be, so that not every commit has to
    return clear(pages, book, { over: over + LOOKED_AT.least, fresh, limit: historyEntries });
  };

  const write = (emissions: readonly Emission[]): JournalEntry => {
    const noted = historyEntries === 0 ? [] : emissions.flatMap((one) => ('noted' in one ? one.noted : []));
    const fresh = noted.map((note, at): HistoryEntry => ({ number: number + at + 1, ...note }));
    const { pages: gone, kept, forgotten } = clearingFor(fresh.length);
    const entries = [...kept, ...fresh];
    const latest = number + fresh.length;
    const key = historyKey({ page: page + 1, count: entries.length, latest });
    const changes: RowChange[] = pages
      .slice(0, gone)
      .map(({ key }) => ({ table: HISTORY_TABLE, key, value: null }));
    if (entries.length > 0) changes.push({ table: HISTORY_TABLE, key, value: encodeHistory(entries) });
    return {
      changes,
      stored() {
        for (const { count } of pages.splice(0, gone)) onFile -= count;
        forgotten.forEach(book.forget);
        if (entries.length === 0) return;
        pages.push({ key, text: '', count: entries.length, entries });
        [number, page, onFile] = [latest, page + 1, onFile + entries.length];
        if (isRead) fresh.forEach(book.add);
      },
    };
  };

  return {
    journal: {
      table: HISTORY_TABLE,
      load,
      write,
      snapshot: () =>
        pages.map(({ key, text, entries }) => ({
          key,
          text: () => (text !== '' ? text : encodeHistory(entries ?? [])),
        })),
    },
    async history({ guid, index, limit }) {
      readAll();
      const ofGuid = book.ofGuid(guid, index);
      const found = ofGuid.length > 0 ? ofGuid : book.ofInstance(guid);
      return ok(limit > 0 ? found.slice(-limit) : found);
    },
  };
};
