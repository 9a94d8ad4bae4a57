import type { LeaseReply, LeaseRequest } from '../../common/model/auction.js';
import { decided, refused } from './decision.js';
import { isName } from './text.js';
import type { Decided, LeaseRow } from './decision.js';

/**
 * A lease here is held until it is released or ended: the passing of time is judged outside
 * (design §8.6), by whoever knows how long the holder could have been heard.
 */
const isHeld = (row: LeaseRow | undefined): boolean => row !== undefined && row.owner !== '';

const reply = (row: LeaseRow | undefined, held: boolean): LeaseReply => ({
  held,
  epoch: row?.epoch ?? 0,
  holder: row?.owner ?? '',
});

const invalid = (request: LeaseRequest): string | undefined => {
  if (!isName(request.name)) return 'name';
  if (request.owner === '') return 'owner';
  return Number.isInteger(request.ttlMs) && request.ttlMs > 0 ? undefined : 'ttl_ms';
};

const hold = (before: LeaseRow | undefined, request: LeaseRequest, epoch: number): Decided<LeaseReply> => {
  const { name, owner, ttlMs, value } = request;
  const row: LeaseRow = { name, owner, value, ttlMs, epoch };
  const same = before?.owner === owner && before.value === value && before.ttlMs === ttlMs;
  return decided(reply(row, true), same ? {} : { changes: [{ table: 'leases', put: row }] });
};

/** Takes a free lease, or renews one's own. */
export const acquireLease = (row: LeaseRow | undefined, request: LeaseRequest): Decided<LeaseReply> => {
  const field = invalid(request);
  if (field) return refused('InvalidRequest', `Invalid field: ${field}`);
  if (!row || !isHeld(row)) return hold(row, request, (row?.epoch ?? 0) + 1);
  return row.owner === request.owner ? hold(row, request, row.epoch) : decided(reply(row, false));
};

/** Only the holder of that very epoch renews; one whose lease has ended must acquire anew. */
export const renewLease = (
  row: LeaseRow | undefined,
  request: LeaseRequest & { epoch: number },
): Decided<LeaseReply> => {
  const field = invalid(request);
  if (field) return refused('InvalidRequest', `Invalid field: ${field}`);
  const mine = row?.owner === request.owner && row.epoch === request.epoch;
  return mine ? hold(row, request, row.epoch) : decided(reply(row, false));
};

/** The row stays, for the next holder's epoch. */
export const endedLease = (row: LeaseRow): LeaseRow => ({ ...row, owner: '' });

/** Whose lease it is not has nothing to release, which is no error. */
export const releaseLease = (row: LeaseRow | undefined, owner: string): Decided<boolean> => {
  if (row?.owner !== owner || owner === '') return decided(false);
  return decided(true, { changes: [{ table: 'leases', put: endedLease(row) }] });
};
