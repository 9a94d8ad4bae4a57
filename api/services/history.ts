import type { HistoryApi } from '../../bbs/index.js';
import type { HistoryEntry } from '../../common/model/history.js';
import type { Result } from '../../common/model/result.js';
import { err, ok } from '../../common/model/result.js';
import { auctionNames, slotOf } from '../core/auction-names.js';
import { type ApiFailure, refuseCoded } from '../core/failure.js';
import type { ReadTables } from '../core/rows.js';
import { bbsFailure } from './lrp-writer.js';

/**
 * What happened to whatever is called so, the oldest first: an application, or what the BBS calls it: a process guid, a task
 * guid, an instance guid; with `.index` or `/index` one instance. At most the latest `limit` of each process.
 */
export type History = (name: string, limit: number) => Promise<Result<HistoryEntry[], ApiFailure[]>>;

export interface HistoryOptions {
  bbs: HistoryApi;
  tables: ReadTables;
}

/** All of it: not one instance. */
const WHOLE = -1;

export const createHistory =
  ({ bbs, tables }: HistoryOptions): History =>
  async (name, limit) => {
    const entries: HistoryEntry[] = [];
    for (const id of auctionNames(tables, name.replace(/\/(\d+)$/, '.$1'))) {
      const { processGuid: guid, index = WHOLE } = slotOf(id);
      const found = await bbs.history({ guid, index, limit });
      if (!found.ok) return err([bbsFailure(found.error)]);
      entries.push(...found.value);
    }
    if (entries.length === 0) return refuseCoded('EVENTS_UNKNOWN', { name });
    return ok(entries.sort((a, b) => a.number - b.number));
  };
