import { isIP } from 'node:net';
import { isToken } from '../common/model/ids.js';
import { STACK, STACK_IMAGE } from '../common/model/well-known.js';
import type { RootfsProvider } from '../common/model/cell.js';
import { compileDoor, compileEndpoint } from '../common/runtime/door-config.js';
import type { UserDoor, UserEndpoint } from '../common/runtime/door-config.js';
import type { DoorAddress } from '../common/runtime/door.js';
import { addressText } from '../common/model/address.js';
import type { Endpoint } from '../common/runtime/endpoint.js';
import type { ReportProblem } from '../common/runtime/config.js';
import { defineConfig, toMegabytes, toMs } from '../common/runtime/config.js';
import { properties } from './config-schema.js';
import type { Demand } from './core/resources.js';
import type { DirectoryVolumes } from './volumes/directory.js';
import { runtimeOf } from './runtime-config.js';
import type { RuntimeConfig, UserDocker } from './runtime-config.js';

export type { RuntimeConfig } from './runtime-config.js';

interface UserConfig {
  cell_id: string;
  cell_index: number;
  zone: string;
  address: string;
  rep_url: string;
  listen?: UserDoor;
  memory: string;
  disk: string;
  memory_overcommit: number;
  disk_overcommit: number;
  max_containers: number;
  cpu_milli: number;
  rootfs_providers?: Record<string, string[]>;
  volume_drivers: Record<string, { root: string; read_only?: boolean }>;
  placement_tags: string[];
  optional_placement_tags: string[];
  annotations: Record<string, string>;
  proxy_memory_mb: number;
  runtime: 'process' | 'docker';
  docker: UserDocker;
  host_ports: { first: number; last: number };
  blobs?: UserEndpoint;
  data_dir: string;
  instance_identity_ca_path: string;
  instance_identity_private_key_path: string;
  instance_identity_validity_period: string | number;
  on_stop: 'leave' | 'stop-containers';
  graceful_shutdown_interval: string | number;
  in_flight_grace: string | number;
  unregister_timeout: string | number;
  route_start_jitter: number;
  reservation_expiry: string | number;
  polling_interval: string | number;
  evacuation_polling_interval: string | number;
  evacuation_timeout: string | number;
  presence_ttl: string | number;
  presence_interval: string | number;
  create_work_pool_size: number;
  max_log_lines_per_second: number;
}

/** What a rep runs by. Durations in ms, memory and disk in MB. */
export interface CellRepConfig {
  cellId: string;
  cellIndex: number;
  zone: string;
  /** the cell's address, as the BBS shows it; containers tell their own */
  address: string;
  /** where it is found over HTTP; '' = nowhere */
  repUrl: string;
  /** where it listens for Diego's auctioneer and BBS; undefined = nowhere */
  listen: DoorAddress | undefined;
  /** what is promised: what there is, times the factors of over-commitment */
  total: Demand;
  rootfsProviders: Record<string, RootfsProvider>;
  volumeDrivers: Record<string, DirectoryVolumes>;
  placementTags: string[];
  optionalPlacementTags: string[];
  /** told with the presence, for people and their tools */
  annotations: Record<string, string>;
  proxyMemoryMb: number;
  runtime: RuntimeConfig;
  /** where droplets are fetched; undefined = the cell has none to fetch */
  blobs: Endpoint | undefined;
  /** where notes on containers are kept; '' = nowhere, for containers that do not outlive the rep */
  stateDir: string;
  /** what signs certificates of containers; undefined = they have none */
  instanceIdentity: { caFile: string; keyFile: string; validityMs: number } | undefined;
  /** leave: containers run on and are adopted by the next start */
  onStop: 'leave' | 'stop-containers';
  /** between SIGTERM and SIGKILL */
  graceMs: number;
  /** for requests in flight after the last router has let go */
  inFlightGraceMs: number;
  /** for routers to acknowledge an unregistration */
  unregisterTimeoutMs: number;
  /** part of the registration interval by which answers to a router's start are spread, 0–1 */
  routeStartJitter: number;
  reservationMs: number;
  /** between bulk syncs */
  syncMs: number;
  /** between bulk syncs while the cell is emptied */
  evacuationSyncMs: number;
  /** after which what is left of a cell being emptied is given up */
  evacuationTimeoutMs: number;
  presenceTtlMs: number;
  presenceEveryMs: number;
  /** containers being made at the same time */
  createSlots: number;
  /** of one instance; 0 = no limit */
  logLinesPerSecond: number;
}

/** An empty list of names means that the scheme takes anything. */
const providers = (lists: Record<string, string[]>): Record<string, RootfsProvider> =>
  Object.fromEntries(
    Object.entries(lists).map(([scheme, set]) => [
      scheme,
      set.length === 0 ? { type: 'arbitrary' } : { type: 'fixed_set', set },
    ]),
  );

/** A Docker cell takes any image beside its stacks. */
const defaultProviders = ({ runtime, docker }: UserConfig): Record<string, string[]> => {
  const preloaded = runtime === 'docker' ? Object.keys(docker.stacks) : [STACK];
  return { preloaded, ...(runtime === 'docker' && { docker: [] }) };
};

/** As URLs have them, `preloaded` and `docker` among others. */
const SCHEME = /^[a-z][a-z0-9+.-]*$/;

const checkProviders = (full: UserConfig, report: ReportProblem): void => {
  for (const [scheme, names] of Object.entries(full.rootfs_providers ?? {})) {
    const field = `rootfs_providers.${scheme}`;
    if (!SCHEME.test(scheme)) report(field, 'is no scheme: lower case letters, digits, "+", "." and "-"');
    if (full.runtime !== 'docker' || scheme !== 'preloaded') continue;
    const without = names.filter((stack) => !Object.hasOwn(full.docker.stacks, stack));
    if (without.length > 0) report(field, `has no image in docker.stacks for ${without.join(', ')}`);
  }
};

const checkTags = (full: UserConfig, report: ReportProblem): void => {
  const both = full.optional_placement_tags.filter((tag) => full.placement_tags.includes(tag));
  if (both.length === 0) return;
  report(
    'optional_placement_tags',
    `has ${both.join(', ')}, which placement_tags has, too: work must name it`,
  );
};

const check = (full: UserConfig, report: ReportProblem): void => {
  checkProviders(full, report);
  checkTags(full, report);
  if (!isToken(full.cell_id)) report('cell_id', 'must consist of letters, digits, "-" and "_"');
  if (toMs(full.presence_interval) * 2 > toMs(full.presence_ttl)) {
    report('presence_interval', 'must be at most half of presence_ttl');
  }
  // of a name the engine would make all addresses of the machine
  if (full.runtime === 'docker' && isIP(full.address) === 0) {
    report('address', 'must be an address, not a name: the engine opens ports there');
  }
  if (full.rep_url !== '' && full.listen === undefined)
    report('rep_url', 'needs listen: nobody would answer');
  if (full.host_ports.first > full.host_ports.last) report('host_ports.first', 'must not be above last');
};

/** Shorter ones would be renewed all the time: each takes a good part of a second of a core. */
const LEAST_VALIDITY_MS = 60_000;

const identityOf = (full: UserConfig, report: ReportProblem): CellRepConfig['instanceIdentity'] => {
  const { instance_identity_ca_path: caFile, instance_identity_private_key_path: keyFile } = full;
  const validityMs = toMs(full.instance_identity_validity_period);
  if (caFile === '' && keyFile === '') return undefined;
  if (caFile === '') report('instance_identity_ca_path', 'is needed beside the private key');
  if (keyFile === '') report('instance_identity_private_key_path', 'is needed beside the certificate');
  if (validityMs < LEAST_VALIDITY_MS)
    report('instance_identity_validity_period', 'must be at least a minute');
  return { caFile, keyFile, validityMs };
};

/** As others find it; a socket has no URL that would lead there from elsewhere. */
const urlOf = ({ rep_url: url, address }: UserConfig, listen: DoorAddress | undefined): string => {
  if (url !== '' || listen === undefined || 'socketPath' in listen || listen.port === 0) return url;
  return `https://${addressText({ host: address, port: listen.port })}`;
};

const volumesOf = ({ volume_drivers: drivers }: UserConfig): Record<string, DirectoryVolumes> =>
  Object.fromEntries(
    Object.entries(drivers).map(([name, { root, read_only: readOnly = false }]) => [
      name,
      { root, readOnly },
    ]),
  );

/** MB, at most what the wire's integers can tell. */
const promised = (megabytes: number, factor: number): number =>
  Math.min(Math.floor(megabytes * factor), 2 ** 31 - 1);

/** Names and defaults as in Diego's rep, where it has them. */
export const cellRepConfig = defineConfig<UserConfig, CellRepConfig>({
  schema: { type: 'object', additionalProperties: false, required: ['cell_id'], properties },
  defaults: {
    cell_index: 0,
    zone: 'default',
    address: '127.0.0.1',
    rep_url: '',
    memory: '1G',
    disk: '4G',
    memory_overcommit: 1,
    disk_overcommit: 1,
    max_containers: 250,
    cpu_milli: 0,
    volume_drivers: {},
    placement_tags: [],
    optional_placement_tags: [],
    annotations: {},
    proxy_memory_mb: 0,
    runtime: 'process',
    docker: {
      engine: 'unix:///var/run/docker.sock',
      network: 'bridge',
      prefix: '',
      stacks: { [STACK]: STACK_IMAGE },
      registries: [],
      cpu_cores: '',
      cpu_hard_cap: false,
      sysctls: [],
    },
    host_ports: { first: 20_000, last: 29_999 },
    data_dir: '',
    instance_identity_ca_path: '',
    instance_identity_private_key_path: '',
    instance_identity_validity_period: '24h',
    on_stop: 'leave',
    graceful_shutdown_interval: '10s',
    in_flight_grace: '200ms',
    unregister_timeout: '2s',
    route_start_jitter: 0.2,
    reservation_expiry: '1m',
    polling_interval: '30s',
    evacuation_polling_interval: '10s',
    evacuation_timeout: '10m',
    presence_ttl: '15s',
    presence_interval: '5s',
    create_work_pool_size: 32,
    max_log_lines_per_second: 0,
  },
  compile(full, report) {
    check(full, report);
    const runtime = runtimeOf(full, report);
    const listen = full.listen && compileDoor(full.listen, 'listen', report);
    return {
      cellId: full.cell_id,
      cellIndex: full.cell_index,
      zone: full.zone,
      address: full.address,
      repUrl: urlOf(full, listen),
      listen,
      total: {
        memoryMb: promised(toMegabytes(full.memory), full.memory_overcommit),
        diskMb: promised(toMegabytes(full.disk), full.disk_overcommit),
        containers: full.max_containers,
        cpuMilli: full.cpu_milli || runtime.docker.cpuCores.length * 1000,
      },
      rootfsProviders: providers(full.rootfs_providers ?? defaultProviders(full)),
      volumeDrivers: volumesOf(full),
      placementTags: full.placement_tags,
      optionalPlacementTags: full.optional_placement_tags,
      annotations: full.annotations,
      proxyMemoryMb: full.proxy_memory_mb,
      runtime,
      blobs: full.blobs && compileEndpoint(full.blobs, 'blobs', report),
      stateDir: full.data_dir,
      instanceIdentity: identityOf(full, report),
      onStop: full.on_stop,
      graceMs: toMs(full.graceful_shutdown_interval),
      inFlightGraceMs: toMs(full.in_flight_grace),
      unregisterTimeoutMs: toMs(full.unregister_timeout),
      routeStartJitter: full.route_start_jitter,
      reservationMs: toMs(full.reservation_expiry),
      syncMs: toMs(full.polling_interval),
      evacuationSyncMs: toMs(full.evacuation_polling_interval),
      evacuationTimeoutMs: toMs(full.evacuation_timeout),
      presenceTtlMs: toMs(full.presence_ttl),
      presenceEveryMs: toMs(full.presence_interval),
      createSlots: full.create_work_pool_size,
      logLinesPerSecond: full.max_log_lines_per_second,
    };
  },
});
