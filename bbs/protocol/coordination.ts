import { ok } from '../../common/model/result.js';
import type { Lease, LeaseReply, LeaseRequest } from '../../common/model/auction.js';
import type { BbsAnswers } from '../../common/model/bbs-api.js';
import type { CellPresence } from '../../common/model/cell.js';
import type { HistoryEntry, HistoryQuery } from '../../common/model/history.js';
import type { KvEntry } from '../client.js';
import { done, noRequest, same } from './call.js';
import type { Call } from './call.js';

export const ping: Call<void, boolean, undefined, 'PingResponse'> = {
  route: 'Ping',
  summary: 'Whether this BBS answers.',
  answer: 'PingResponse',
  ...noRequest,
  reply: (available) => ({ available }),
  read: ({ available }) => ok(available),
};

export const cells: Call<void, CellPresence[], undefined, 'CellsResponse'> = {
  route: 'Cells',
  summary: 'Cells that are present.',
  answer: 'CellsResponse',
  ...noRequest,
  reply: (rows) => ({ cells: rows }),
  read: (answer) => ok(answer.cells),
};

const held = {
  answer: 'LeaseResponse',
  reply: (reply: LeaseReply): BbsAnswers['LeaseResponse'] => reply,
  read: ({ held, epoch, holder }: LeaseReply) => ok({ held, epoch, holder }),
} as const;

export const acquireLease: Call<LeaseRequest, LeaseReply, 'LeaseRequest', 'LeaseResponse'> = {
  route: 'AcquireLease',
  summary: 'Takes a lease, or renews it; held tells whether it is the asker who has it now.',
  request: 'LeaseRequest',
  ...same,
  ...held,
};

export const renewLease: Call<Lease, LeaseReply, 'Lease', 'LeaseResponse'> = {
  route: 'RenewLease',
  summary: 'Renews a lease of a known epoch.',
  request: 'Lease',
  ...same,
  ...held,
};

export const releaseLease: Call<
  { name: string; owner: string },
  void,
  'ReleaseLeaseRequest',
  'ReleaseLeaseResponse'
> = {
  route: 'ReleaseLease',
  summary: 'Gives a lease back.',
  request: 'ReleaseLeaseRequest',
  answer: 'ReleaseLeaseResponse',
  ...same,
  ...done,
};

export const leases: Call<{ prefix: string }, Lease[], 'LeasesRequest', 'LeasesResponse'> = {
  route: 'Leases',
  summary: 'Leases that are held, by the beginning of their names.',
  request: 'LeasesRequest',
  answer: 'LeasesResponse',
  ...same,
  reply: (rows) => ({ leases: rows }),
  read: (answer) => ok(answer.leases),
};

const entry = {
  answer: 'KvResponse',
  reply: (row: KvEntry): BbsAnswers['KvResponse'] => row,
  read: ({ key, value, version }: KvEntry) => ok({ key, value, version }),
} as const;

export const kvGet: Call<{ key: string }, KvEntry, 'KvGetRequest', 'KvResponse'> = {
  route: 'KvGet',
  summary: 'A value by its key.',
  request: 'KvGetRequest',
  ...same,
  ...entry,
};

export const kvPut: Call<KvEntry, KvEntry, 'KvEntry', 'KvResponse'> = {
  route: 'KvPut',
  summary: 'Sets a value if its version is still the given one.',
  request: 'KvEntry',
  ...same,
  ...entry,
};

export const history: Call<HistoryQuery, HistoryEntry[], 'HistoryRequest', 'HistoryResponse'> = {
  route: 'History',
  summary: 'What happened to a process, an instance or a task, the oldest first, as far as it is kept.',
  request: 'HistoryRequest',
  answer: 'HistoryResponse',
  ...same,
  reply: (entries) => ({ entries }),
  read: (answer) => ok(answer.entries),
};
