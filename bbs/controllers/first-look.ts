import { placeInKey } from '../core/rows.js';
import type { CommittedTables } from '../store/schema.js';
import type { Attention } from './attention.js';

/** Rows between two points at which others may have their turn. */
const ROWS_AT_ONCE = 256;

/** Nothing but steps; what is returned is what they came to. */
type Steps<T> = Generator<void, T>;

/**
 * Whether a process is as it should be, as far as the indexes say it: each desired instance is placed, and there is
 * nothing else. What its instances carry they do not say, and of a crashed one that still names a cell they would not
 * know.
 */
const seemsSettled = function* (
  { desired_lrps, actual_lrps }: CommittedTables,
  guid: string,
): Steps<boolean> {
  const instances = desired_lrps.indexedUnder(guid, 'instances');
  if (instances === undefined) return false;
  let placed = 0;
  for (const { key, isIn } of actual_lrps.glance({ index: 'process', value: guid })) {
    const { index, presence } = placeInKey(key);
    const isPlaced = isIn('cell') && !isIn('unplaced') && presence === 'ORDINARY';
    if (!isPlaced || index >= Number(instances)) return false;
    placed += 1;
    if (placed % ROWS_AT_ONCE === 0) yield;
  }
  return placed === Number(instances);
};

/**
 * Of what a store holds when it is opened nothing is known to be settled, and decoding all of it takes seconds. A look at
 * its indexes finds what is surely not, and marks it; the others are returned, for a whole look when there is time.
 */
export const firstLook = function* (
  tables: CommittedTables,
  attention: Pick<Attention, 'mark' | 'markTask'>,
): Steps<string[]> {
  const later: string[] = [];
  for (const processGuid of tables.desired_lrps.keys()) {
    if (yield* seemsSettled(tables, processGuid)) later.push(processGuid);
    else attention.mark({ processGuid });
    yield;
  }
  for (const processGuid of tables.actual_lrps.indexed('process')) {
    if (!tables.desired_lrps.has(processGuid)) attention.mark({ processGuid });
    yield;
  }
  for (const guid of tables.tasks.keys()) {
    attention.markTask(guid);
    yield;
  }
  return later;
};
