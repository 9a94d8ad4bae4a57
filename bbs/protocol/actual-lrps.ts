import type { ActualLrp, ActualLrpInstanceKey, ActualLrpKey } from '../../common/model/lrp.js';
import { ok } from '../../common/model/result.js';
import type { Result } from '../../common/model/result.js';
import type { ActualLrpFilter, ActualLrpTransition, StartActualLrp } from '../client.js';
import { chain, EMPTY, fields, map, message, messages, present, printed } from './fields.js';
import type { Body, Call, Complaints } from './fields.js';

const printKey = ({ processGuid, index, domain }: ActualLrpKey): Body => ({
  process_guid: processGuid,
  index,
  domain,
});

const printInstance = ({ instanceGuid, cellId }: ActualLrpInstanceKey): Body => ({
  instance_guid: instanceGuid,
  cell_id: cellId,
});

const part = (body: Body, name: string): Result<Body, Complaints> =>
  map(fields(body, { [name]: 'object' }), (read) => read[name] as Body);

const parseKey = (body: Body): Result<ActualLrpKey, Complaints> =>
  map(
    chain(part(body, 'actual_lrp_key'), (key) =>
      fields(key, { process_guid: 'string', index: 'integer', domain: 'string' }),
    ),
    ({ process_guid, index, domain }) => ({ processGuid: process_guid, index, domain }),
  );

const parseInstance = (body: Body): Result<ActualLrpInstanceKey, Complaints> =>
  map(
    chain(part(body, 'actual_lrp_instance_key'), (key) =>
      fields(key, { instance_guid: 'string', cell_id: 'string' }),
    ),
    ({ instance_guid, cell_id }) => ({ instanceGuid: instance_guid, cellId: cell_id }),
  );

const parseTransition = (body: Body): Result<ActualLrpTransition, Complaints> =>
  chain(parseKey(body), (key) => map(parseInstance(body), (instanceKey) => ({ key, instanceKey })));

const printTransition = ({ key, instanceKey }: ActualLrpTransition): Body => ({
  actual_lrp_key: printKey(key),
  actual_lrp_instance_key: printInstance(instanceKey),
});

export const actualLrps: Call<ActualLrpFilter, ActualLrp[]> = {
  route: 'ActualLRPs',
  print: ({ domain, cellId, processGuid, index }) =>
    present({ domain, cell_id: cellId, process_guid: processGuid, index }),
  parse: (body) =>
    map(
      fields(body, { domain: 'string', cell_id: 'string', process_guid: 'string', index: 'integer?' }),
      ({ domain, cell_id, process_guid, index }) => ({
        domain,
        cellId: cell_id,
        processGuid: process_guid,
        ...present({ index }),
      }),
    ),
  reply: (rows) => ({ actual_lrps: printed('ActualLRP', rows) }),
  read: (body) => messages('ActualLRP', body['actual_lrps']),
};

/** Claim and remove name the slot without its domain; ours add it, which Diego's clients do not. */
const flatKey = {
  print: ({ key, instanceKey }: ActualLrpTransition): Body => ({
    ...printKey(key),
    actual_lrp_instance_key: printInstance(instanceKey),
  }),
  parse: (body: Body): Result<ActualLrpTransition, Complaints> =>
    chain(fields(body, { process_guid: 'string', index: 'integer', domain: 'string' }), (flat) =>
      map(parseInstance(body), (instanceKey) => ({
        key: { processGuid: flat.process_guid, index: flat.index, domain: flat.domain },
        instanceKey,
      })),
    ),
};

export const claimActualLrp: Call<ActualLrpTransition, void> = {
  route: 'ClaimActualLRP',
  ...flatKey,
  ...EMPTY,
};
export const removeActualLrp: Call<ActualLrpTransition, void> = {
  route: 'RemoveActualLRP',
  ...flatKey,
  ...EMPTY,
};

const printStart = (start: StartActualLrp): Body => ({
  ...printTransition(start),
  actual_lrp_net_info: {
    address: start.netInfo.address,
    ports: start.netInfo.ports.map((port) => ({
      container_port: port.containerPort,
      host_port: port.hostPort,
      container_tls_proxy_port: port.containerTlsProxyPort,
      host_tls_proxy_port: port.hostTlsProxyPort,
    })),
    instance_address: start.netInfo.instanceAddress,
    preferred_address: start.netInfo.preferredAddress,
    instance_ipv6_address: start.netInfo.instanceIpv6Address,
  },
  actual_lrp_internal_routes: start.internalRoutes,
  metric_tags: start.metricTags,
  ...present({ Routable: start.routable }),
  availability_zone: start.availabilityZone,
});

/** The parts of a start lie side by side in an ActualLRP's JSON, whose codec checks them all. */
const asRow = (body: Body, netInfo: Body): Body =>
  present({
    ...netInfo,
    actual_lrp_internal_routes: body['actual_lrp_internal_routes'],
    metric_tags: body['metric_tags'],
    routable: body['Routable'],
    availability_zone: body['availability_zone'],
  });

const startOf = (transition: ActualLrpTransition, row: ActualLrp): StartActualLrp => {
  const { address, ports, instanceAddress, preferredAddress, instanceIpv6Address } = row;
  return {
    ...transition,
    netInfo: { address, ports, instanceAddress, preferredAddress, instanceIpv6Address },
    internalRoutes: row.internalRoutes,
    metricTags: row.metricTags,
    ...present({ routable: row.routable }),
    availabilityZone: row.availabilityZone,
  };
};

const start = {
  print: printStart,
  parse: (body: Body): Result<StartActualLrp, Complaints> =>
    chain(parseTransition(body), (transition) =>
      chain(part(body, 'actual_lrp_net_info'), (netInfo) =>
        map(message('ActualLRP', asRow(body, netInfo)), (row) => startOf(transition, row)),
      ),
    ),
};

export const startActualLrp: Call<StartActualLrp, void> = { route: 'StartActualLRP', ...start, ...EMPTY };

const reasonOf = (body: Body): Result<string, Complaints> =>
  map(fields(body, { error_message: 'string' }), ({ error_message }) => error_message);

type Crash = ActualLrpTransition & { reason: string };

const crash = {
  print: (request: Crash): Body => ({ ...printTransition(request), error_message: request.reason }),
  parse: (body: Body): Result<Crash, Complaints> =>
    chain(parseTransition(body), (transition) =>
      map(reasonOf(body), (reason) => ({ ...transition, reason })),
    ),
};

export const crashActualLrp: Call<Crash, void> = { route: 'CrashActualLRP', ...crash, ...EMPTY };

export const failActualLrp: Call<{ key: ActualLrpKey; placementError: string }, void> = {
  route: 'FailActualLRP',
  print: ({ key, placementError }) => ({ actual_lrp_key: printKey(key), error_message: placementError }),
  parse: (body) =>
    chain(parseKey(body), (key) => map(reasonOf(body), (placementError) => ({ key, placementError }))),
  ...EMPTY,
};

export const retireActualLrp: Call<ActualLrpKey, void> = {
  route: 'RetireActualLRP',
  print: (key) => ({ actual_lrp_key: printKey(key) }),
  parse: (body) => chain(parseKey(body), (key) => ok(key)),
  ...EMPTY,
};

const transition = { print: printTransition, parse: parseTransition };

const keepContainer = {
  reply: (keep: boolean): Body => ({ keep_container: keep }),
  read: (body: Body): Result<boolean, Complaints> =>
    map(fields(body, { keep_container: 'boolean' }), ({ keep_container }) => keep_container),
};

export const evacuateClaimedActualLrp: Call<ActualLrpTransition, boolean> = {
  route: 'EvacuateClaimedActualLRP',
  ...transition,
  ...keepContainer,
};
export const evacuateStoppedActualLrp: Call<ActualLrpTransition, boolean> = {
  route: 'EvacuateStoppedActualLRP',
  ...transition,
  ...keepContainer,
};
export const evacuateCrashedActualLrp: Call<Crash, boolean> = {
  route: 'EvacuateCrashedActualLRP',
  ...crash,
  ...keepContainer,
};
export const evacuateRunningActualLrp: Call<StartActualLrp, boolean> = {
  route: 'EvacuateRunningActualLRP',
  ...start,
  ...keepContainer,
};
export const removeEvacuatingActualLrp: Call<ActualLrpTransition, void> = {
  route: 'RemoveEvacuatingActualLRP',
  ...transition,
  ...EMPTY,
};
