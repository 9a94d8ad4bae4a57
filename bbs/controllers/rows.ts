import type { ActualLrp } from '../../common/model/lrp.js';
import type { RowList, TableView } from '../../common/store/contract.js';
import type { ActualLrpFilter } from '../client.js';
import { actualLrpRowKey } from '../core/rows.js';
import type { Slot } from '../core/rows.js';
import type { Process } from '../core/desired-lrps.js';
import type { CommittedTables, PendingTables } from '../store/schema.js';

type Tables = CommittedTables | PendingTables;

export const slotAt = (
  tables: Tables,
  { processGuid, index }: { processGuid: string; index: number },
): Slot => {
  const row = (presence: ActualLrp['presence']): ActualLrp | undefined =>
    tables.actual_lrps.get(actualLrpRowKey({ processGuid, index, presence }));
  return {
    desired: tables.desired_lrps.get(processGuid),
    ordinary: row('ORDINARY'),
    suspect: row('SUSPECT'),
    evacuating: row('EVACUATING'),
  };
};

/** Without copying what is a list already. */
const listOf = <T>(rows: Iterable<T>): readonly T[] => (Array.isArray(rows) ? rows : [...rows]);

export const processAt = (tables: Tables, processGuid: string): Process => ({
  desired: tables.desired_lrps.get(processGuid),
  rows: listOf<ActualLrp>(tables.actual_lrps.byIndex('process', processGuid)),
});

/** Rows that are the slots' own, and RUNNING. */
export const runningInstances = (tables: Tables, processGuid: string): number => {
  let running = 0;
  for (const row of tables.actual_lrps.byIndex('process', processGuid)) {
    if (row.presence === 'ORDINARY' && row.state === 'RUNNING') running += 1;
  }
  return running;
};

export const values = function* <T>(table: TableView<T>): Generator<T> {
  for (const [, row] of table.entries()) yield row;
};

/** The smallest set of rows that surely holds all that pass the filter. */
const candidates = (tables: Tables, filter: ActualLrpFilter): Iterable<ActualLrp> => {
  const table: TableView<ActualLrp> = tables.actual_lrps;
  if (filter.processGuid) return table.byIndex('process', filter.processGuid);
  if (filter.cellId) return table.byIndex('cell', filter.cellId);
  if (filter.domain) return table.byIndex('domain', filter.domain);
  return values(table);
};

/** Empty texts filter nothing, as in Diego's requests. */
export const actualLrpsIn = (tables: Tables, filter: ActualLrpFilter): ActualLrp[] => {
  const found: ActualLrp[] = [];
  for (const row of candidates(tables, filter)) {
    if (
      (!filter.cellId || row.cellId === filter.cellId) &&
      (!filter.domain || row.domain === filter.domain) &&
      (filter.index === undefined || row.index === filter.index)
    ) {
      found.push(row);
    }
  }
  return found;
};

/** The same; where all rows are asked for, or one index has them, none of them is looked at yet. */
export const actualLrpRows = (tables: Tables, filter: ActualLrpFilter): RowList<ActualLrp> => {
  const { processGuid, cellId, domain, index } = filter;
  const wanted = Object.entries({ process: processGuid, cell: cellId, domain }).flatMap(([name, value]) =>
    value ? [{ index: name, value }] : [],
  );
  if (wanted.length > 1 || index !== undefined) return actualLrpsIn(tables, filter);
  return tables.actual_lrps.list(wanted[0]);
};
