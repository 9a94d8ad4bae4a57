import { ok } from '../../common/model/result.js';
import type { DesiredLrpSchedulingInfo } from '../../common/model/bbs-api.js';
import type { DesiredLrp, DesiredLrpUpdate } from '../../common/model/lrp.js';
import { blank } from '../../common/wire/codec.js';
import type { DesiredLrpFilter } from '../client.js';
import type { RoutingInfo } from '../core/desired-views.js';
import { done, noRequest, part, same } from './call.js';
import type { Call, ServedCall } from './call.js';

interface ByGuid {
  processGuid: string;
}

type ChangeCall<
  Args,
  Q extends 'DesireLRPRequest' | 'UpdateDesiredLRPRequest' | 'RemoveDesiredLRPRequest',
> = Call<Args, void, Q, 'DesiredLRPLifecycleResponse'>;

export const desireLrp: ChangeCall<DesiredLrp, 'DesireLRPRequest'> = {
  route: 'DesireDesiredLRP',
  summary: 'Desires an LRP; its instances are made and auctioned.',
  request: 'DesireLRPRequest',
  answer: 'DesiredLRPLifecycleResponse',
  print: (desiredLrp) => ({ desiredLrp }),
  parse: ({ desiredLrp }) =>
    desiredLrp ? ok(desiredLrp) : { ok: false, error: ['Invalid field: desired_lrp'] },
  ...done,
};

export const updateDesiredLrp: ChangeCall<ByGuid & { update: DesiredLrpUpdate }, 'UpdateDesiredLRPRequest'> =
  {
    route: 'UpdateDesireLRP',
    summary: 'Changes the number of instances, the routes, the annotation, the metric tags of a desired LRP.',
    request: 'UpdateDesiredLRPRequest',
    answer: 'DesiredLRPLifecycleResponse',
    print: (change) => change,
    parse: ({ processGuid, update = {} }) => ok({ processGuid, update }),
    ...done,
  };

export const removeDesiredLrp: ChangeCall<ByGuid, 'RemoveDesiredLRPRequest'> = {
  route: 'RemoveDesiredLRP',
  summary: 'Desires an LRP no longer; its instances are stopped.',
  request: 'RemoveDesiredLRPRequest',
  answer: 'DesiredLRPLifecycleResponse',
  ...same,
  ...done,
};

type ListCall = Call<DesiredLrpFilter, DesiredLrp[], 'DesiredLRPsRequest', 'DesiredLRPsResponse'>;

export const desiredLrps: ListCall = {
  route: 'DesiredLRPs',
  summary: 'Desired LRPs, all or some.',
  request: 'DesiredLRPsRequest',
  answer: 'DesiredLRPsResponse',
  print: ({ domain = '', processGuids = [], appGuids = [] }) => ({ domain, processGuids, appGuids }),
  parse: ok,
  reply: (lrps) => ({ desiredLrps: lrps }),
  rows: 'desiredLrps',
  read: (answer) => ok(answer.desiredLrps),
};

export const desiredLrps_r2: ListCall = {
  ...desiredLrps,
  route: 'DesiredLRPs_r2',
  summary: 'Desired LRPs in their form before image layers.',
  deprecated: true,
};

type GetCall = Call<ByGuid, DesiredLrp, 'DesiredLRPByProcessGuidRequest', 'DesiredLRPResponse'>;

export const desiredLrp: GetCall = {
  route: 'DesiredLRPByProcessGuid',
  summary: 'One desired LRP.',
  request: 'DesiredLRPByProcessGuidRequest',
  answer: 'DesiredLRPResponse',
  ...same,
  reply: (lrp) => ({ desiredLrp: lrp }),
  read: (answer) => part(answer.desiredLrp, 'desired_lrp'),
};

export const desiredLrp_r2: GetCall = {
  ...desiredLrp,
  route: 'DesiredLRPByProcessGuid_r2',
  summary: 'One desired LRP in its form before image layers.',
  deprecated: true,
};

export const schedulingInfos: ServedCall<
  DesiredLrpFilter,
  DesiredLrpSchedulingInfo[],
  'DesiredLRPsRequest',
  'DesiredLRPSchedulingInfosResponse'
> = {
  route: 'DesiredLRPSchedulingInfos',
  summary: 'What scheduling needs to know of desired LRPs; app_guids is not looked at.',
  request: 'DesiredLRPsRequest',
  answer: 'DesiredLRPSchedulingInfosResponse',
  parse: ({ domain, processGuids }) => ok({ domain, processGuids }),
  reply: (infos) => ({ infos }),
  rows: 'infos',
};

export const schedulingInfo: ServedCall<
  ByGuid,
  DesiredLrpSchedulingInfo,
  'DesiredLRPByProcessGuidRequest',
  'DesiredLRPSchedulingInfoByProcessGuidResponse'
> = {
  route: 'DesiredLRPSchedulingInfoByProcessGuid',
  summary: 'What scheduling needs to know of one desired LRP.',
  request: 'DesiredLRPByProcessGuidRequest',
  answer: 'DesiredLRPSchedulingInfoByProcessGuidResponse',
  parse: ok,
  reply: (info) => ({ info }),
};

export const routingInfos: ServedCall<
  DesiredLrpFilter,
  RoutingInfo[],
  'DesiredLRPsRequest',
  'DesiredLRPsResponse'
> = {
  route: 'DesiredLRPRoutingInfos',
  summary:
    'What routing needs to know of desired LRPs: everything else is left empty; only process_guids filter.',
  request: 'DesiredLRPsRequest',
  answer: 'DesiredLRPsResponse',
  parse: ({ processGuids }) => ok({ processGuids }),
  reply: (infos) => ({ desiredLrps: infos.map((info) => ({ ...blank('DesiredLRP'), ...info })) }),
  rows: 'desiredLrps',
};

export const upsertDomain: Call<
  { domain: string; ttlSeconds: number },
  void,
  'UpsertDomainRequest',
  'UpsertDomainResponse'
> = {
  route: 'UpsertDomain',
  summary: 'Keeps a domain fresh: all that is desired in it is known.',
  request: 'UpsertDomainRequest',
  answer: 'UpsertDomainResponse',
  print: ({ domain, ttlSeconds }) => ({ domain, ttl: ttlSeconds }),
  parse: ({ domain, ttl }) => ok({ domain, ttlSeconds: ttl }),
  ...done,
};

export const domains: Call<void, string[], undefined, 'DomainsResponse'> = {
  route: 'Domains',
  summary: 'Domains that are fresh.',
  answer: 'DomainsResponse',
  ...noRequest,
  reply: (names) => ({ domains: names }),
  read: (answer) => ok(answer.domains),
};
