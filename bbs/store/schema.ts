import type { BbsEvent } from '../../common/model/events.js';
import type { HistoryEntry } from '../../common/model/history.js';
import type { ActualLrp, DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Committed, GroupStore, Pending, TableSpec } from '../../common/store/contract.js';
import type { Row, StoreSchema } from '../../common/store/engine.js';
import { decodeRow, encodeRow } from '../../common/store/row-text.js';
import type { Change, DomainRow, Effect, KvRow, LeaseRow } from '../core/decision.js';
import { actualLrpRowKey } from '../core/rows.js';
import { HISTORY_TABLE } from './history.js';

export interface BbsTables {
  desired_lrps: DesiredLrp;
  /** key: process guid, index, presence */
  actual_lrps: ActualLrp;
  tasks: Task;
  domains: DomainRow;
  leases: LeaseRow;
  kv: KvRow;
}

/** What a commit gives out once it is durable, in the order in which it was decided. */
export type Emission =
  | { event: BbsEvent }
  | { effect: Effect; traceId: string }
  /** for the history, which is written with the commit itself */
  | { noted: Omit<HistoryEntry, 'number'>[] };

export type BbsStore = GroupStore<BbsTables, Emission>;
export type PendingTables = Pending<BbsTables>;
export type CommittedTables = Committed<BbsTables>;

const spec = <T>(indexes: TableSpec<T>['indexes'] = {}): TableSpec<T> => ({
  encode: (row) => JSON.stringify(row),
  decode: (text) => JSON.parse(text) as T,
  indexes,
});

/** For tables that may be large. */
const deferred = <T>(indexes: TableSpec<T>['indexes']): TableSpec<T> => ({
  ...spec(indexes),
  deferred: true,
});

const cellOf = (row: ActualLrp | Task): string | undefined => (row.cellId === '' ? undefined : row.cellId);

/** The one value of an index that only says whether a row waits for a place. */
export const WAITING = 'waiting';

export const BBS_SPECS: { [K in keyof BbsTables]: TableSpec<BbsTables[K]> } = {
  desired_lrps: deferred<DesiredLrp>({
    domain: (row) => row.domain,
    // for whoever only counts
    instances: (row) => String(row.instances),
  }),
  actual_lrps: deferred<ActualLrp>({
    process: (row) => row.processGuid,
    cell: cellOf,
    domain: (row) => row.domain,
    unplaced: (row) => (row.state === 'UNCLAIMED' ? WAITING : undefined),
  }),
  tasks: deferred<Task>({
    cell: cellOf,
    domain: (row) => row.domain,
    unplaced: (row) => (row.state === 'Pending' ? WAITING : undefined),
  }),
  domains: spec(),
  leases: spec(),
  kv: spec(),
};

/** Writes a row as it is written now. */
const rewritten = (row: Row): Row => {
  const specs = BBS_SPECS as unknown as Record<string, TableSpec<unknown>>;
  const table = specs[row.table];
  return table ? { ...row, value: encodeRow(table, decodeRow(table, row.value)) } : row;
};

export const BBS_SCHEMA: StoreSchema = {
  name: 'bbs',
  version: 2,
  tables: ['desired_lrps', 'actual_lrps', 'tasks', 'domains', 'leases', 'kv', HISTORY_TABLE],
  // 2: what a row is found by is stored beside it, and there is a history
  migrations: [{ to: 2, migrate: rewritten }],
};

/** Puts a decision's changes into the tables, in their order. */
export const applyChanges = (tables: PendingTables, changes: readonly Change[]): void => {
  for (const change of changes) applyChange(tables, change);
};

const applyChange = (tables: PendingTables, change: Change): void => {
  switch (change.table) {
    case 'desired_lrps':
      if ('put' in change) return tables.desired_lrps.put(change.put.processGuid, change.put);
      return tables.desired_lrps.delete(change.remove.processGuid);
    case 'actual_lrps':
      if ('put' in change) return tables.actual_lrps.put(actualLrpRowKey(change.put), change.put);
      return tables.actual_lrps.delete(actualLrpRowKey(change.remove));
    case 'tasks':
      if ('put' in change) return tables.tasks.put(change.put.taskGuid, change.put);
      return tables.tasks.delete(change.remove.taskGuid);
    case 'domains':
      if ('put' in change) return tables.domains.put(change.put.name, change.put);
      return tables.domains.delete(change.remove.name);
    case 'leases':
      return tables.leases.put(change.put.name, change.put);
    case 'kv':
      return tables.kv.put(change.put.key, change.put);
  }
};
