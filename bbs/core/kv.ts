import { decided, refused } from './decision.js';
import { isName } from './text.js';
import type { Decided, KvRow } from './decision.js';

const MAX_KEY = 512;
/** characters; the store holds everything in memory */
const MAX_VALUE = 1024 * 1024;

/** Compare and set: `version` is the one that was read, 0 for a key that must be absent. */
export const putKv = (row: KvRow | undefined, request: KvRow): Decided<KvRow> => {
  const { key, value, version } = request;
  if (!isName(key) || key.length > MAX_KEY) return refused('InvalidRequest', 'Invalid field: key');
  if (value.length > MAX_VALUE) return refused('InvalidRequest', 'Invalid field: value');
  if ((row?.version ?? 0) !== version) return refused('ResourceConflict');
  const put = { key, value, version: version + 1 };
  return decided(put, { changes: [{ table: 'kv', put }] });
};
