import { err, ok } from '../../common/model/result.js';
import type { DesiredLrp, DesiredLrpUpdate } from '../../common/model/lrp.js';
import { toJson } from '../../common/wire/codec.js';
import type { DesiredLrpFilter } from '../client.js';
import { chain, EMPTY, fields, map, message, messages, present, printed } from './fields.js';
import type { Body, Call } from './fields.js';

interface ByGuid {
  processGuid: string;
}

const byGuid = {
  print: ({ processGuid }: ByGuid): Body => ({ process_guid: processGuid }),
  parse: (body: Body) =>
    map(fields(body, { process_guid: 'string' }), ({ process_guid }) => ({ processGuid: process_guid })),
};

export const desireLrp: Call<DesiredLrp, void> = {
  route: 'DesireDesiredLRP',
  print: (lrp) => ({ desired_lrp: toJson('DesiredLRP', lrp) }),
  parse: (body) =>
    body['desired_lrp'] === undefined
      ? err(['Invalid field: desired_lrp'])
      : message('DesiredLRP', body['desired_lrp']),
  ...EMPTY,
};

export const updateDesiredLrp: Call<ByGuid & { update: DesiredLrpUpdate }, void> = {
  route: 'UpdateDesireLRP',
  print: ({ processGuid, update }) => ({
    process_guid: processGuid,
    update: toJson('DesiredLRPUpdate', update),
  }),
  parse: (body) =>
    chain(byGuid.parse(body), ({ processGuid }) =>
      map(message('DesiredLRPUpdate', body['update'] ?? {}), (update) => ({ processGuid, update })),
    ),
  ...EMPTY,
};

export const removeDesiredLrp: Call<ByGuid, void> = { route: 'RemoveDesiredLRP', ...byGuid, ...EMPTY };

export const desiredLrps: Call<DesiredLrpFilter, DesiredLrp[]> = {
  route: 'DesiredLRPs',
  print: ({ domain, processGuids, appGuids }) =>
    present({ domain, process_guids: processGuids, app_guids: appGuids }),
  parse: (body) =>
    map(
      fields(body, { domain: 'string', process_guids: 'strings', app_guids: 'strings' }),
      ({ domain, process_guids, app_guids }) => ({
        domain,
        processGuids: process_guids,
        appGuids: app_guids,
      }),
    ),
  reply: (lrps) => ({ desired_lrps: printed('DesiredLRP', lrps) }),
  read: (body) => messages('DesiredLRP', body['desired_lrps']),
};

export const desiredLrp: Call<ByGuid, DesiredLrp> = {
  route: 'DesiredLRPByProcessGuid',
  ...byGuid,
  reply: (lrp) => ({ desired_lrp: toJson('DesiredLRP', lrp) }),
  read: (body) => message('DesiredLRP', body['desired_lrp']),
};

export const upsertDomain: Call<{ domain: string; ttlSeconds: number }, void> = {
  route: 'UpsertDomain',
  print: ({ domain, ttlSeconds }) => ({ domain, ttl: ttlSeconds }),
  parse: (body) =>
    map(fields(body, { domain: 'string', ttl: 'integer' }), ({ domain, ttl }) => ({
      domain,
      ttlSeconds: ttl,
    })),
  ...EMPTY,
};

export const domains: Call<void, string[]> = {
  route: 'Domains',
  print: () => ({}),
  parse: () => ok(undefined),
  reply: (names) => ({ domains: names }),
  read: (body) => map(fields(body, { domains: 'strings' }), ({ domains: names }) => names),
};
