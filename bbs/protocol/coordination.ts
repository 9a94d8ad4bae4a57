import type { Lease, LeaseReply, LeaseRequest } from '../../common/model/auction.js';
import type { CellPresence } from '../../common/model/cell.js';
import { ok } from '../../common/model/result.js';
import { toJson } from '../../common/wire/codec.js';
import type { KvEntry } from '../client.js';
import { EMPTY, fields, map, message, messages, printed } from './fields.js';
import type { Body, Call } from './fields.js';

export const ping: Call<void, boolean> = {
  route: 'Ping',
  print: () => ({}),
  parse: () => ok(undefined),
  reply: (available) => ({ available }),
  read: (body) => map(fields(body, { available: 'boolean' }), ({ available }) => available),
};

export const cells: Call<void, CellPresence[]> = {
  route: 'Cells',
  print: () => ({}),
  parse: () => ok(undefined),
  reply: (rows) => ({ cells: printed('CellPresence', rows) }),
  read: (body) => messages('CellPresence', body['cells']),
};

const held = {
  reply: (reply: LeaseReply): Body => toJson('LeaseReply', reply) as Body,
  read: (body: Body) => message('LeaseReply', body),
};

export const acquireLease: Call<LeaseRequest, LeaseReply> = {
  route: 'AcquireLease',
  print: (request) => toJson('LeaseRequest', request) as Body,
  parse: (body) => message('LeaseRequest', body),
  ...held,
};

export const renewLease: Call<Lease, LeaseReply> = {
  route: 'RenewLease',
  print: (request) => toJson('Lease', request) as Body,
  parse: (body) => message('Lease', body),
  ...held,
};

export const releaseLease: Call<{ name: string; owner: string }, void> = {
  route: 'ReleaseLease',
  print: (request) => request,
  parse: (body) => fields(body, { name: 'string', owner: 'string' }),
  ...EMPTY,
};

export const leases: Call<{ prefix: string }, Lease[]> = {
  route: 'Leases',
  print: (request) => request,
  parse: (body) => fields(body, { prefix: 'string' }),
  reply: (rows) => ({ leases: printed('Lease', rows) }),
  read: (body) => messages('Lease', body['leases']),
};

const entry = {
  reply: (row: KvEntry): Body => ({ key: row.key, value: row.value, version: row.version }),
  read: (body: Body) => fields(body, { key: 'string', value: 'string', version: 'integer' }),
};

export const kvGet: Call<{ key: string }, KvEntry> = {
  route: 'KvGet',
  print: (request) => request,
  parse: (body) => fields(body, { key: 'string' }),
  ...entry,
};

export const kvPut: Call<KvEntry, KvEntry> = {
  route: 'KvPut',
  print: (row) => entry.reply(row),
  parse: (body) => entry.read(body),
  ...entry,
};
