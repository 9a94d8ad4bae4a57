import type { BbsEvent } from '../../common/model/events.js';
import type { BbsResult } from '../../common/model/bbs-error.js';
import { ok } from '../../common/model/result.js';
import type { HistoryEntry, HistoryQuery } from '../../common/model/history.js';
import type { Nanoseconds } from '../../common/model/lrp.js';
import type { TableView } from '../../common/store/contract.js';
import type { HistoryApi } from '../client.js';
import type { BbsConfig } from '../config.js';
import { concerns, historyOf } from '../core/history.js';
import type { Noted } from '../core/history.js';
import { historyKey, historyRow } from '../store/schema.js';
import type { BbsStore, PendingTables } from '../store/schema.js';

export interface HistoryRecorder {
  /** writes down what a decision does, in the decision's own commit */
  record(tables: PendingTables, events: readonly BbsEvent[], now: Nanoseconds): void;
}

/** Those over the limit go together now and then: one for each new entry would be twice the writing. */
const SLACK = 64;
/** … and no more at once than a commit takes easily, as when the limit has become smaller. */
const MOST_AT_ONCE = 1_000;

const firstOf = (keys: Iterable<string>, count: number): string[] => {
  const first: string[] = [];
  for (const key of keys) {
    if (first.length >= count) break;
    first.push(key);
  }
  return first;
};

const latestNumber = (keys: Iterable<string>): number => {
  let latest = '0';
  for (const key of keys) latest = key;
  return Number(latest);
};

/** Keys rise with the entries, and rows come in the order of their keys: the first is the oldest. */
export const createHistoryRecorder = (
  store: BbsStore,
  { historyEntries, historyPerGuid }: Pick<BbsConfig, 'historyEntries' | 'historyPerGuid'>,
): HistoryRecorder => {
  let number = latestNumber(store.committed.history.keys());

  const trim = ({ history }: PendingTables): void => {
    const over = history.count() - historyEntries;
    if (over <= (historyEntries > 0 ? SLACK : 0)) return;
    for (const key of firstOf(history.keys(), Math.min(over, MOST_AT_ONCE))) history.delete(key);
  };

  const put = ({ history }: PendingTables, note: Noted, at: Nanoseconds): void => {
    number += 1;
    const row = historyRow({ ...note, number, at });
    const earlier = [...history.byIndex('subject', row.subject)];
    for (const old of earlier.slice(0, Math.max(0, earlier.length + 1 - historyPerGuid))) {
      history.delete(historyKey(old.number));
    }
    history.put(historyKey(number), row);
  };

  return {
    record(tables, events, now) {
      if (historyEntries > 0) for (const note of historyOf(events)) put(tables, note, now);
      trim(tables);
    },
  };
};

const ofInstanceOrGuid = (
  history: TableView<HistoryEntry>,
  { guid, index }: HistoryQuery,
): HistoryEntry[] => {
  const ofGuid = [...history.byIndex('guid', guid)].filter((entry) => concerns(entry, index));
  return ofGuid.length > 0 ? ofGuid : [...history.byIndex('instance', guid)];
};

export const createHistoryApi = ({ store }: { store: BbsStore }): HistoryApi => ({
  async history(query): Promise<BbsResult<HistoryEntry[]>> {
    const found = ofInstanceOrGuid(store.committed.history, query).sort((a, b) => a.number - b.number);
    return ok(query.limit > 0 ? found.slice(-query.limit) : found);
  },
});
