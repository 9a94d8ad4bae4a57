import { err, ok } from '../../common/model/result.js';
import type { LeaseReply, LeaseRequest } from '../../common/model/auction.js';
import type { BbsError, BbsResult } from '../../common/model/bbs-error.js';
import type { CellPresence } from '../../common/model/cell.js';
import type { CoordinationApi } from '../client.js';
import { refused } from '../core/decision.js';
import type { Decided, LeaseRow } from '../core/decision.js';
import { putKv } from '../core/kv.js';
import { acquireLease, releaseLease, renewLease } from '../core/leases.js';
import type { BoardParts } from './board.js';
import { CELL_PREFIX } from './hearing.js';
import { presenceOf } from './presence.js';
import { values } from './rows.js';

/** A presence must say of which cell it is. */
const checkPresence = ({ name, value }: LeaseRequest): BbsError | undefined => {
  if (!name.startsWith(CELL_PREFIX)) return undefined;
  const said = presenceOf(value)?.cellId;
  return said !== undefined && said === name.slice(CELL_PREFIX.length)
    ? undefined
    : { type: 'InvalidRequest', message: 'Invalid field: value' };
};

const isHeld = (row: LeaseRow): boolean => row.owner !== '';

export const createCoordinationApi = (parts: BoardParts): CoordinationApi => {
  const { transactions, store, presence } = parts;
  const { committed } = store;

  /** Takes or renews; what was heard counts from here on, though it is answered only when durable. */
  const hold = async (
    name: string,
    request: LeaseRequest,
    decide: (row: LeaseRow | undefined) => Decided<LeaseReply>,
  ): Promise<BbsResult<LeaseReply>> => {
    const invalid = checkPresence(request);
    if (invalid) return err(invalid);
    const was = { free: false, known: false };
    const result = await transactions.run(name, '', (tables) => {
      const row = tables.leases.get(request.name);
      const decided = decide(row);
      was.free = !row || !isHeld(row);
      was.known = presence.knows(request.name);
      if (decided.ok && decided.value.value.held) presence.heard(request.name);
      return decided;
    });
    if (result.ok && result.value.held) presence.confirmed(request.name, was);
    return result;
  };

  return {
    ping: async () => true,
    async cells() {
      const found: CellPresence[] = [];
      for (const row of values(committed.leases)) {
        if (!isHeld(row) || !row.name.startsWith(CELL_PREFIX)) continue;
        const cell = presenceOf(row.value);
        if (cell) found.push(cell);
      }
      return ok(found);
    },
    acquireLease: (request) => hold('acquire-lease', request, (row) => acquireLease(row, request)),
    renewLease: (request) => hold('renew-lease', request, (row) => renewLease(row, request)),
    async releaseLease(name, owner) {
      const result = await transactions.run('release-lease', '', (tables) => {
        const released = releaseLease(tables.leases.get(name), owner);
        if (released.ok && released.value.value) presence.releasing(name);
        return released;
      });
      if (!result.ok) return result;
      if (result.value) presence.released(name);
      return ok(undefined);
    },
    leases: async (prefix) =>
      ok([...values(committed.leases)].filter((row) => isHeld(row) && row.name.startsWith(prefix))),
    kvGet: async (key) => ok(committed.kv.get(key) ?? { key, value: '', version: 0 }),
    async kvPut(entry) {
      if (!Number.isInteger(entry.version)) return refused('InvalidRequest', 'Invalid field: version');
      return transactions.run('kv-put', '', (tables) => putKv(tables.kv.get(entry.key), entry));
    },
  };
};
