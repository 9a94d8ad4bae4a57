/** Requests as a Cloud Foundry sends them, made beforehand. */
import type { ActualLrpInstanceKey, DesiredLrp } from '../common/model/lrp.js';
import { encode, fromJson } from '../common/wire/codec.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { must } from '../test/support/bbs.js';
import { nextTrace, requestOf } from './http-lanes.js';

export const DOMAIN = 'cf-apps';

/** What the Cloud Controller desires of an application from source: about 1.4 KB of protobuf. */
const lrpJson = (guid: string, instances: number) => ({
  process_guid: `${guid}-4e2d1cf3-6a86-4ea1-9b5b-1cf0a2a8b1f0`,
  domain: DOMAIN,
  rootfs: 'preloaded:cflinuxfs4',
  instances,
  memory_mb: 256,
  disk_mb: 1024,
  cpu_weight: 4,
  max_pids: 1024,
  ports: [8080],
  log_guid: guid,
  log_source: 'APP',
  metrics_guid: guid,
  annotation: '1700000000.123456',
  start_timeout_ms: 60_000,
  legacy_download_user: 'vcap',
  placement_tags: ['shared'],
  routes: {
    'cf-router': [{ hostnames: [`${guid}.apps.example.com`], port: 8080, protocol: 'http1' }],
    'internal-router': [{ hostname: `${guid}.apps.internal` }],
  },
  metric_tags: {
    source_id: { static: guid },
    app_id: { static: guid },
    app_name: { static: 'dora' },
    organization_name: { static: 'system' },
    space_name: { static: 'shop' },
    process_type: { static: 'web' },
    instance_id: { dynamic: 'INDEX' },
    process_instance_id: { dynamic: 'INSTANCE_GUID' },
  },
  env: [
    { name: 'LANG', value: 'en_US.UTF-8' },
    { name: 'VCAP_SERVICES', value: '{}' },
    { name: 'CF_INSTANCE_CERT', value: '/etc/cf-instance-credentials/instance.crt' },
  ],
  setup: {
    download: {
      from: `https://blobs.example.com/droplets/${guid}`,
      to: '.',
      user: 'vcap',
      cache_key: '',
      checksum_algorithm: 'sha256',
      checksum_value: 'c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a',
    },
  },
  action: {
    codependent: {
      actions: [
        {
          run: {
            path: '/tmp/lifecycle/launcher',
            args: ['app', 'bundle exec rackup config.ru -p $PORT', '{"start_command":"rackup"}'],
            user: 'vcap',
            env: [
              { name: 'PORT', value: '8080' },
              { name: 'VCAP_APP_PORT', value: '8080' },
              { name: 'MEMORY_LIMIT', value: '256m' },
            ],
            resource_limits: { nofile: 16_384 },
          },
        },
      ],
    },
  },
  monitor: {
    timeout: {
      timeout_ms: 600_000,
      action: { run: { path: '/tmp/lifecycle/healthcheck', args: ['-port=8080'], user: 'vcap' } },
    },
  },
  egress_rules: [
    { protocol: 'tcp', destinations: ['0.0.0.0-9.255.255.255'], ports: [53], log: false },
    { protocol: 'udp', destinations: ['0.0.0.0/0'], ports: [53], log: false },
  ],
});

/** Made once and changed per request: reading JSON is no part of what is measured, but takes the load's time. */
export const desiredLrpOf = (guid: string, instances = 1): DesiredLrp =>
  must(fromJson('DesiredLRP', lrpJson(guid, instances)));

export const desireRequest = (lrp: DesiredLrp): Buffer =>
  requestOf(BBS_ROUTES.DesireDesiredLRP, encode('DesireLRPRequest', { desiredLrp: lrp }));

export const removeDesiredRequest = (processGuid: string): Buffer =>
  requestOf(BBS_ROUTES.RemoveDesiredLRP, encode('RemoveDesiredLRPRequest', { processGuid }));

/** One instance, and where it is to run. */
export interface Place {
  processGuid: string;
  index: number;
  instanceKey: ActualLrpInstanceKey;
}

export const claimRequest = (place: Place): Buffer =>
  requestOf(BBS_ROUTES.ClaimActualLRP, encode('ClaimActualLRPRequest', place));

export const removeRequest = (place: Place): Buffer =>
  requestOf(BBS_ROUTES.RemoveActualLRP, encode('RemoveActualLRPRequest', place));

const startOf = ({ processGuid, index, instanceKey }: Place, address: string) => {
  const source = processGuid.slice(0, 36);
  return {
    key: { processGuid, index, domain: DOMAIN },
    instanceKey,
    netInfo: {
      address,
      ports: [
        { containerPort: 8080, hostPort: 61_000, containerTlsProxyPort: 61_001, hostTlsProxyPort: 61_002 },
        { containerPort: 2222, hostPort: 61_003, containerTlsProxyPort: 61_004, hostTlsProxyPort: 0 },
      ],
      instanceAddress: '10.255.0.7',
      preferredAddress: 'HOST' as const,
      instanceIpv6Address: '',
    },
    internalRoutes: [{ hostname: `${source}.apps.internal` }],
    metricTags: {
      source_id: source,
      app_id: source,
      app_name: 'dora',
      organization_name: 'system',
      space_name: 'shop',
      process_type: 'web',
      instance_id: String(index),
      process_instance_id: instanceKey.instanceGuid,
    },
    routable: true,
    availabilityZone: 'z1',
  };
};

/** With another `address` it is a change of an instance that runs already. */
export const startRequest = (place: Place, address = '10.0.16.4'): Buffer =>
  requestOf(BBS_ROUTES.StartActualLRP, encode('StartActualLRPRequest', startOf(place, address)));

/** What a rep reports together, as it would alone. */
const REPORTS: Readonly<Record<'claim' | 'start' | 'remove', (place: Place) => object>> = {
  claim: (place) => place,
  start: (place) => startOf(place, '10.0.16.4'),
  remove: (place) => place,
};

export type Report = keyof typeof REPORTS;

export const bulkRequest = (report: Report, places: readonly Place[]): Buffer => {
  const transitions = places.map((place) => ({ traceId: nextTrace(), [report]: REPORTS[report](place) }));
  return requestOf(BBS_ROUTES.Transitions, encode('TransitionsRequest', { transitions }));
};

export const listRequest = (): Buffer =>
  requestOf(BBS_ROUTES.ActualLRPs, encode('ActualLRPsRequest', { domain: '', cellId: '', processGuid: '' }));
