import type { Happening, HistoryEntry } from '../../common/model/history.js';
import type { Nanoseconds } from '../../common/model/lrp.js';

export const HISTORY_TABLE = 'history';

/** What is to be known of a page before anybody reads it. */
export interface PageKey {
  /** rises with every page */
  page: number;
  /** entries in it */
  count: number;
  /** number of the latest entry of all */
  latest: number;
}

export const historyKey = ({ page, count, latest }: PageKey): string => `${page}-${count}-${latest}`;

export const readHistoryKey = (key: string): PageKey => {
  const [page = Number.NaN, count = Number.NaN, latest = Number.NaN] = key.split('-').map(Number);
  if (![page, count, latest].every(Number.isSafeInteger)) throw new Error('it is no page of the history');
  return { page, count, latest };
};

type Listed = [number, Nanoseconds, Happening, string, number, number, string, string, number, string];

const listed = (entry: HistoryEntry): Listed => {
  const { number, at, what, guid, index, more, instanceGuid, cellId, count, reason } = entry;
  return [number, at, what, guid, index, more, instanceGuid, cellId, count, reason];
};

/** There are many of them: a list takes half of what an object with names takes. */
export const encodeHistory = (entries: readonly HistoryEntry[]): string =>
  JSON.stringify(entries.map(listed));

export const decodeHistory = (text: string): HistoryEntry[] =>
  (JSON.parse(text) as Listed[]).map(
    ([number, at, what, guid, index, more, instanceGuid, cellId, count, reason]) => ({
      number,
      at,
      what,
      guid,
      index,
      more,
      instanceGuid,
      cellId,
      count,
      reason,
    }),
  );
