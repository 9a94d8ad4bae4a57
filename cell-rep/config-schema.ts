import { DURATION, HOST_PATTERN, MEGABYTES } from '../common/runtime/config.js';
import { doorSchema, endpointSchema } from '../common/runtime/door-config.js';

const text = { type: 'string' } as const;
const name = { type: 'string', minLength: 1 } as const;
const hostPort = { type: 'integer', minimum: 1024, maximum: 65_535 } as const;
const texts = { type: 'array', items: text } as const;
/** each once */
const names = { type: 'array', items: name, uniqueItems: true } as const;
const factor = { type: 'number', minimum: 1, maximum: 10 } as const;
const whole = (minimum: number) => ({ type: 'integer', minimum, maximum: 2 ** 31 - 1 }) as const;

/** Schema of a rep's configuration file, key by key; the docs' table is made of it. */
export const properties = {
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
  rep_url: {
    ...text,
    pattern: '^(https://[^/]+)?$',
    description:
      '`https://HOST:PORT` of `listen`, as the BBS shows it; empty: made of `address` and the port that `listen` names',
  },
  listen: doorSchema("the rep's HTTP for an auctioneer and a BBS of Diego's; off when absent,"),
  memory: {
    ...MEGABYTES,
    description:
      "what containers may have together; `auto`: the machine's, or what a cgroup leaves this process of it where containers run in it (`runtime: process`), less 1G; `auto/3`: a third of that",
  },
  disk: {
    ...MEGABYTES,
    description:
      'what containers may have together; `auto`: what is free at `data_dir` when the rep starts; `auto/3`: a third of that',
  },
  memory_overcommit: {
    ...factor,
    description: 'how many times `memory` is promised, where instances seldom take what they may',
  },
  disk_overcommit: { ...factor, description: 'the same of `disk`' },
  max_containers: {
    ...whole(1),
    description: 'containers at a time; no more than the network of `runtime: docker` has addresses for',
  },
  cpu_milli: { ...whole(0), description: 'milli-CPU that may be asked for together; 0 = not counted' },
  rootfs_providers: {
    type: 'object',
    additionalProperties: texts,
    description: 'schemes of root file systems and the names offered in each; an empty list takes any',
  },
  volume_drivers: {
    type: 'object',
    description:
      'volumes that work may name, by driver, each a directory below one of this machine: `{NAME: {root: DIR, read_only: true}}`; with `runtime: docker` alone',
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      required: ['root'],
      properties: {
        root: { type: 'string', pattern: '^/', description: 'volume ID is the directory ID there' },
        read_only: { type: 'boolean', description: 'nobody writes' },
      },
    },
  },
  placement_tags: { ...names, description: 'work must name them all to come here' },
  optional_placement_tags: { ...names, description: 'work may name them' },
  annotations: {
    type: 'object',
    additionalProperties: text,
    description: 'names and values that the BBS shows of the cell; nothing is decided by them',
  },
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
      cpu_cores: {
        ...text,
        description:
          'cores of this machine, as `0-3,8`, that work with `cpu_milli` is pinned to: whole ones for itself, what is left as shares of one; no other cell may have them. Empty: it has weights alone, anywhere',
      },
      sysctls: {
        ...names,
        description:
          'kernel parameters that work may set for itself, by name or as `net.ipv4.*`: a property `sysctl.NAME` of its network',
      },
      cpu_hard_cap: {
        type: 'boolean',
        description: 'work with `cpu_milli` gets no more than that, though nobody else wants it',
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
  instance_identity_ca_path: {
    ...text,
    filePath: true,
    description:
      'certificate of the authority (PEM) that signs a certificate for every container: `CF_INSTANCE_CERT`, `CF_INSTANCE_KEY`; empty: containers have none. It is read anew for each',
  },
  instance_identity_private_key_path: {
    ...text,
    filePath: true,
    description: "the authority's private key (PEM), RSA or EC, without a passphrase",
  },
  instance_identity_validity_period: {
    ...DURATION,
    description:
      'how long such a certificate holds; it is renewed 30 minutes before its end, or when an eighth is left of 4 hours or less',
  },
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
  evacuation_polling_interval: {
    ...DURATION,
    description: 'the same, while the cell is evacuated: how soon it is known that a replacement runs',
  },
  evacuation_timeout: {
    ...DURATION,
    description:
      'how long what runs may wait for its replacement, and tasks for their end, when the cell is evacuated',
  },
  presence_ttl: { ...DURATION, description: 'how long the cell counts as there after it was last heard' },
  presence_interval: {
    ...DURATION,
    description: 'between two renewals of the presence; at most half of `presence_ttl`',
  },
  create_work_pool_size: { ...whole(1), description: 'containers being made at a time' },
  max_log_lines_per_second: {
    ...whole(0),
    description: 'log lines that pass of one instance, whatever its own limit in bytes; 0 = all',
  },
} as const;
