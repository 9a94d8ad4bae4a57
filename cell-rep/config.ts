import { isToken } from '../common/model/ids.js';
import type { RootfsProvider } from '../common/model/cell.js';
import { DURATION, MEGABYTES, defineConfig, toMegabytes, toMs } from '../common/runtime/config.js';
import type { Demand } from './core/resources.js';

interface UserConfig {
  cell_id: string;
  cell_index: number;
  zone: string;
  address: string;
  rep_url: string;
  memory: string;
  disk: string;
  max_containers: number;
  cpu_milli: number;
  rootfs_providers: Record<string, string[]>;
  volume_drivers: string[];
  placement_tags: string[];
  optional_placement_tags: string[];
  proxy_memory_mb: number;
  state_dir: string;
  on_stop: 'leave' | 'stop-containers';
  graceful_shutdown_interval: string | number;
  in_flight_grace: string | number;
  unregister_timeout: string | number;
  route_start_jitter: number;
  reservation_expiry: string | number;
  polling_interval: string | number;
  presence_ttl: string | number;
  presence_interval: string | number;
  create_work_pool_size: number;
}

/** What a rep runs by. Durations in ms, memory and disk in MB. */
export interface CellRepConfig {
  cellId: string;
  cellIndex: number;
  zone: string;
  /** the cell's address, as the BBS shows it; containers tell their own */
  address: string;
  /** '' = no HTTP */
  repUrl: string;
  total: Demand;
  rootfsProviders: Record<string, RootfsProvider>;
  volumeDrivers: string[];
  placementTags: string[];
  optionalPlacementTags: string[];
  proxyMemoryMb: number;
  /** where notes on containers are kept; '' = nowhere, for containers that do not outlive the rep */
  stateDir: string;
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
  presenceTtlMs: number;
  presenceEveryMs: number;
  /** containers being made at the same time */
  createSlots: number;
}

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const whole = (minimum: number) => ({ type: 'integer', minimum, maximum: 2 ** 31 - 1 }) as const;

const properties = {
  cell_id: { type: 'string', minLength: 1 },
  cell_index: whole(0),
  zone: text,
  address: text,
  rep_url: text,
  memory: MEGABYTES,
  disk: MEGABYTES,
  max_containers: whole(1),
  cpu_milli: whole(0),
  rootfs_providers: { type: 'object', additionalProperties: texts },
  volume_drivers: texts,
  placement_tags: texts,
  optional_placement_tags: texts,
  proxy_memory_mb: whole(0),
  state_dir: text,
  on_stop: { enum: ['leave', 'stop-containers'] },
  graceful_shutdown_interval: DURATION,
  in_flight_grace: DURATION,
  unregister_timeout: DURATION,
  route_start_jitter: { type: 'number', minimum: 0, maximum: 1 },
  reservation_expiry: DURATION,
  polling_interval: DURATION,
  presence_ttl: DURATION,
  presence_interval: DURATION,
  create_work_pool_size: whole(1),
} as const;

/** An empty list of names means that the scheme takes anything. */
const providers = (lists: Record<string, string[]>): Record<string, RootfsProvider> =>
  Object.fromEntries(
    Object.entries(lists).map(([scheme, set]) => [
      scheme,
      set.length === 0 ? { type: 'arbitrary' } : { type: 'fixed_set', set },
    ]),
  );

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
    max_containers: 250,
    cpu_milli: 0,
    rootfs_providers: { preloaded: ['cflinuxfs4'] },
    volume_drivers: [],
    placement_tags: [],
    optional_placement_tags: [],
    proxy_memory_mb: 0,
    state_dir: '',
    on_stop: 'leave',
    graceful_shutdown_interval: '10s',
    in_flight_grace: '200ms',
    unregister_timeout: '2s',
    route_start_jitter: 0.2,
    reservation_expiry: '1m',
    polling_interval: '30s',
    presence_ttl: '15s',
    presence_interval: '5s',
    create_work_pool_size: 32,
  },
  compile(full, report) {
    if (!isToken(full.cell_id)) report('cell_id', 'must consist of letters, digits, "-" and "_"');
    if (toMs(full.presence_interval) * 2 > toMs(full.presence_ttl)) {
      report('presence_interval', 'must be at most half of presence_ttl');
    }
    return {
      cellId: full.cell_id,
      cellIndex: full.cell_index,
      zone: full.zone,
      address: full.address,
      repUrl: full.rep_url,
      total: {
        memoryMb: toMegabytes(full.memory),
        diskMb: toMegabytes(full.disk),
        containers: full.max_containers,
        cpuMilli: full.cpu_milli,
      },
      rootfsProviders: providers(full.rootfs_providers),
      volumeDrivers: full.volume_drivers,
      placementTags: full.placement_tags,
      optionalPlacementTags: full.optional_placement_tags,
      proxyMemoryMb: full.proxy_memory_mb,
      stateDir: full.state_dir,
      onStop: full.on_stop,
      graceMs: toMs(full.graceful_shutdown_interval),
      inFlightGraceMs: toMs(full.in_flight_grace),
      unregisterTimeoutMs: toMs(full.unregister_timeout),
      routeStartJitter: full.route_start_jitter,
      reservationMs: toMs(full.reservation_expiry),
      syncMs: toMs(full.polling_interval),
      presenceTtlMs: toMs(full.presence_ttl),
      presenceEveryMs: toMs(full.presence_interval),
      createSlots: full.create_work_pool_size,
    };
  },
});
