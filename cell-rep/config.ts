import { isIP } from 'node:net';
import { isToken } from '../common/model/ids.js';
import { STACK, STACK_IMAGE } from '../common/model/well-known.js';
import type { RootfsProvider } from '../common/model/cell.js';
import { compileEndpoint, endpointSchema } from '../common/runtime/door-config.js';
import type { UserEndpoint } from '../common/runtime/door-config.js';
import type { Endpoint } from '../common/runtime/endpoint.js';
import type { ReportProblem } from '../common/runtime/config.js';
import {
  DURATION,
  HOST_PATTERN,
  MEGABYTES,
  defineConfig,
  toMegabytes,
  toMs,
} from '../common/runtime/config.js';
import type { Demand } from './core/resources.js';
import { parseEngine } from './runtimes/docker/engine-address.js';
import type { EngineAddress } from './runtimes/docker/engine-address.js';

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
  rootfs_providers?: Record<string, string[]>;
  volume_drivers: string[];
  placement_tags: string[];
  optional_placement_tags: string[];
  proxy_memory_mb: number;
  runtime: 'process' | 'docker';
  docker: {
    engine: string;
    network: string;
    prefix: string;
    stacks: Record<string, string>;
    registries: string[];
  };
  host_ports: { first: number; last: number };
  blobs?: UserEndpoint;
  data_dir: string;
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

/** What runs containers, and with what. */
export interface RuntimeConfig {
  kind: 'process' | 'docker';
  /** where containers' host ports are opened, and told to routers */
  address: string;
  ports: { first: number; last: number };
  docker: {
    engine: EngineAddress;
    network: string;
    /** '' = derived from the data directory */
    prefix: string;
    /** image of each stack, by its name */
    stacks: Record<string, string>;
    /** fetched from though they are at loopback or link-local addresses */
    registries: string[];
  };
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
  runtime: RuntimeConfig;
  /** where droplets are fetched; undefined = the cell has none to fetch */
  blobs: Endpoint | undefined;
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
const name = { type: 'string', minLength: 1 } as const;
const hostPort = { type: 'integer', minimum: 1024, maximum: 65_535 } as const;
const texts = { type: 'array', items: text } as const;
const whole = (minimum: number) => ({ type: 'integer', minimum, maximum: 2 ** 31 - 1 }) as const;

const properties = {
  cell_id: {
    type: 'string',
    minLength: 1,
    description: 'letters, digits, "-" and "_"; no other cell may have it',
  },
  cell_index: { ...whole(0), description: 'place in the order in which equal cells are filled' },
  zone: { ...text, description: 'instances of a process are spread over zones' },
  address: {
    ...text,
    description:
      "this machine's address, as routers and other cells reach its containers; with `runtime: docker` no name, since the engine opens ports there",
  },
  rep_url: { ...text, description: 'as the BBS shows it; empty: the rep has no HTTP' },
  memory: {
    ...MEGABYTES,
    description:
      "what containers may have together; `auto`: the machine's, less 1G; `auto/3`: a third of that",
  },
  disk: {
    ...MEGABYTES,
    description:
      'what containers may have together; `auto`: what is free at `data_dir` when the rep starts; `auto/3`: a third of that',
  },
  max_containers: { ...whole(1), description: 'containers at a time' },
  cpu_milli: { ...whole(0), description: 'milli-CPU that may be asked for together; 0 = not counted' },
  rootfs_providers: {
    type: 'object',
    additionalProperties: texts,
    description: 'schemes of root file systems and the names offered in each; an empty list takes any',
  },
  volume_drivers: { ...texts, description: 'names of volume drivers' },
  placement_tags: { ...texts, description: 'work must name them all to come here' },
  optional_placement_tags: { ...texts, description: 'work may name them' },
  proxy_memory_mb: { ...whole(0), description: "MB added to every instance's memory" },
  runtime: { enum: ['process', 'docker'], description: 'what runs containers' },
  docker: {
    type: 'object',
    additionalProperties: false,
    description: 'of `runtime: docker`',
    properties: {
      engine: {
        type: 'string',
        minLength: 1,
        description: '`unix:///PATH` or `tcp://HOST:PORT` of the engine',
      },
      network: { ...name, description: "the engine's network that containers join" },
      prefix: {
        ...text,
        description: "beginning of names and labels of what is the cell's; empty: derived from `data_dir`",
      },
      stacks: {
        type: 'object',
        additionalProperties: name,
        description: 'image of each stack, as `outcry stack build` makes them',
      },
      registries: {
        type: 'array',
        items: { type: 'string', pattern: HOST_PATTERN },
        description:
          'registries that images may be fetched from though they are at loopback or link-local addresses: `HOST:PORT` as images name them, or `HOST` for each of its ports',
      },
    },
  },
  host_ports: {
    type: 'object',
    additionalProperties: false,
    description:
      "ports of this machine that containers' ports are reached by; cells of one machine must not share any",
    properties: {
      first: { ...hostPort, description: 'the first' },
      last: { ...hostPort, description: 'the last, itself included' },
    },
  },
  blobs: endpointSchema('the droplet store of the API'),
  data_dir: { ...text, filePath: true, description: 'directory of its own: notes on containers, downloads' },
  on_stop: {
    enum: ['leave', 'stop-containers'],
    description: 'leave: containers run on, and the next start adopts them',
  },
  graceful_shutdown_interval: { ...DURATION, description: 'between SIGTERM and SIGKILL' },
  in_flight_grace: { ...DURATION, description: 'for requests under way after the last router has let go' },
  unregister_timeout: { ...DURATION, description: 'for routers to acknowledge an unregistration' },
  route_start_jitter: {
    type: 'number',
    minimum: 0,
    maximum: 1,
    description: "part of the registration interval by which answers to a router's start are spread",
  },
  reservation_expiry: { ...DURATION, description: 'how long a place is kept for work that does not begin' },
  polling_interval: { ...DURATION, description: 'between two comparisons with the BBS' },
  presence_ttl: { ...DURATION, description: 'how long the cell counts as there after it was last heard' },
  presence_interval: {
    ...DURATION,
    description: 'between two renewals of the presence; at most half of `presence_ttl`',
  },
  create_work_pool_size: { ...whole(1), description: 'containers being made at a time' },
} as const;

/** An empty list of names means that the scheme takes anything. */
const providers = (lists: Record<string, string[]>): Record<string, RootfsProvider> =>
  Object.fromEntries(
    Object.entries(lists).map(([scheme, set]) => [
      scheme,
      set.length === 0 ? { type: 'arbitrary' } : { type: 'fixed_set', set },
    ]),
  );

const engineAt = (engine: string, report: ReportProblem): EngineAddress => {
  try {
    return parseEngine(engine);
  } catch (error) {
    report('docker.engine', (error as Error).message);
    return {};
  }
};

const runtimeOf = (
  { runtime, address, host_ports: ports, docker }: UserConfig,
  report: ReportProblem,
): RuntimeConfig => ({
  kind: runtime,
  address,
  ports,
  docker: { ...docker, engine: engineAt(docker.engine, report) },
});

/** A Docker cell takes any image beside its stacks. */
const defaultProviders = ({ runtime, docker }: UserConfig): Record<string, string[]> => {
  const preloaded = runtime === 'docker' ? Object.keys(docker.stacks) : [STACK];
  return { preloaded, ...(runtime === 'docker' && { docker: [] }) };
};

const check = (full: UserConfig, report: ReportProblem): void => {
  if (!isToken(full.cell_id)) report('cell_id', 'must consist of letters, digits, "-" and "_"');
  if (toMs(full.presence_interval) * 2 > toMs(full.presence_ttl)) {
    report('presence_interval', 'must be at most half of presence_ttl');
  }
  // of a name the engine would make all addresses of the machine
  if (full.runtime === 'docker' && isIP(full.address) === 0) {
    report('address', 'must be an address, not a name: the engine opens ports there');
  }
  if (full.host_ports.first > full.host_ports.last) report('host_ports.first', 'must not be above last');
};

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
    volume_drivers: [],
    placement_tags: [],
    optional_placement_tags: [],
    proxy_memory_mb: 0,
    runtime: 'process',
    docker: {
      engine: 'unix:///var/run/docker.sock',
      network: 'bridge',
      prefix: '',
      stacks: { [STACK]: STACK_IMAGE },
      registries: [],
    },
    host_ports: { first: 20_000, last: 29_999 },
    data_dir: '',
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
    check(full, report);
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
      rootfsProviders: providers(full.rootfs_providers ?? defaultProviders(full)),
      volumeDrivers: full.volume_drivers,
      placementTags: full.placement_tags,
      optionalPlacementTags: full.optional_placement_tags,
      proxyMemoryMb: full.proxy_memory_mb,
      runtime: runtimeOf(full, report),
      blobs: full.blobs && compileEndpoint(full.blobs, 'blobs', report),
      stateDir: full.data_dir,
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
