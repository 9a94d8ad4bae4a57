import { DURATION, FILE_PATH, MEGABYTES, PORT } from '../common/runtime/config.js';
import type { ConfigSchema } from '../common/runtime/config.js';
import { endpointSchema } from '../common/runtime/door-config.js';

const text = (description: string) => ({ type: 'string', minLength: 1, description }) as const;
const texts = (description: string) =>
  ({ type: 'array', items: { type: 'string', minLength: 1 }, uniqueItems: true, description }) as const;

const framework = {
  type: 'object',
  additionalProperties: false,
  description: 'as which the bridge subscribes at Mesos',
  properties: {
    name: text('its name; two deployments on one Mesos have one each'),
    role: text('of its offers; one of its own is best'),
    user: text("account of the agents' machines under which executors run"),
    hostname: text('shown to who looks at Mesos'),
    webui_url: text('shown to who looks at Mesos'),
    failover_timeout: {
      ...DURATION,
      description: 'how long Mesos keeps everything running while no bridge is there; weeks are right',
    },
    principal: text('whom the masters know it as'),
    secret_file: { ...FILE_PATH, description: "the principal's secret: a file with nothing else in it" },
  },
} as const;

const executor = {
  type: 'object',
  additionalProperties: false,
  description: 'how cells are started on agents: a changed configuration counts for those that start next',
  properties: {
    cpu_milli: {
      type: 'integer',
      minimum: 10,
      description: 'thousandths of a core that each takes for itself',
    },
    memory: { ...MEGABYTES, description: 'memory that each takes for itself; Mesos warns of less than 32M' },
    disk: { ...MEGABYTES, description: 'disk that each takes for itself' },
    command: text(
      "command line for the shell, run in the executor's sandbox; without: the image's own entry point",
    ),
    uris: texts('files and archives that the agent fetches into the sandbox before'),
    image: text("image that it runs in; without: on the agent's machine itself"),
    containerizer: { enum: ['docker', 'mesos'], description: 'what runs the image' },
    data_dir: text(
      "directory of the agents' machines for what Mesos must not see; without: the executor chooses",
    ),
    user: text("account that it runs as; without: the framework's"),
    environment: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'variables that it is given; whoever may look at Mesos sees them',
    },
    shutdown_grace: { ...DURATION, description: 'how long it has to end when it is told to' },
    idle: { ...DURATION, description: 'how long it stays without work' },
    warm: { type: 'integer', minimum: 0, description: 'how many stay without work for ever' },
  },
} as const;

const cells = {
  type: 'object',
  additionalProperties: false,
  description: 'what bids say of the cells that come to be on agents',
  properties: {
    rootfs: texts('root file systems that they take: `preloaded:NAME`, or a scheme such as `docker` for any'),
    placement_tags: texts('tags that work must ask for to get there'),
    zone_attribute: text('attribute of agents that names their zone; without it: their fault domain'),
    tag_attributes: texts('attributes of agents that are told as optional placement tags, `NAME=VALUE`'),
    constraints: {
      type: 'array',
      items: { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 3 },
      description:
        "what agents must be like, in Marathon's words: `[FIELD, IS | LIKE | UNLIKE | EXISTS | CLUSTER | UNIQUE | MAX_PER | GROUP_BY, VALUE]`; FIELD is an attribute, `@hostname`, `@region` or `@zone`",
    },
    cpu_per_gb: {
      type: 'integer',
      minimum: 0,
      description: 'thousandths of a core that a GB of memory stands for, for work that says nothing of CPU',
    },
    max_containers: { type: 'integer', minimum: 1, description: 'containers of one cell at most' },
  },
} as const;

/** Of a bridge's own keys, besides those of every component. */
export const mesosBridgeSchema: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['masters', 'enrolment'],
  properties: {
    masters: text('Mesos masters: `HOST:PORT,…` or `zk://[USER:PASSWORD@]HOST:PORT,…/PATH`'),
    masters_tls: {
      type: 'object',
      additionalProperties: false,
      description: 'the masters are reached by https',
      properties: {
        ca: {
          ...FILE_PATH,
          description: 'PEM file: the authority of their certificates; without: those that Node.js trusts',
        },
        cert: { ...FILE_PATH, description: 'PEM file: certificate of this client, where they ask for one' },
        key: { ...FILE_PATH, description: 'PEM file: its private key' },
      },
    },
    framework,
    executor,
    cells,
    offers: {
      type: 'object',
      additionalProperties: false,
      description: 'offers that nobody can use at once',
      properties: {
        hold: { ...DURATION, description: 'how long one is held for work that may come' },
        refuse: { ...DURATION, description: 'for how long what was declined is not offered again' },
      },
    },
    demand_timeout: {
      ...DURATION,
      description: 'how long work waits for offers before that counts as a failure',
    },
    hunger_after: {
      ...DURATION,
      description: 'how long work waits without a usable offer before the bridge raises the alarm',
    },
    lease_ttl: { ...DURATION, description: 'of the lease that makes this bridge the active one' },
    enrolment: {
      type: 'object',
      additionalProperties: false,
      required: ['url', 'listen', 'nats', 'bbs'],
      description: 'where cells on agents get what they are to know: with a one-time token, over this',
      properties: {
        url: {
          type: 'string',
          pattern: '^https?://[^/]+$',
          description: "`https://HOST:PORT`, as the agents' machines reach this bridge, or its stand-by",
        },
        ca: {
          ...FILE_PATH,
          description:
            "PEM file: the authority of its certificate; without: those that the agents' machines trust",
        },
        listen: {
          type: 'object',
          additionalProperties: false,
          required: ['host', 'port'],
          description: 'where the bridge listens for it; behind `url`',
          properties: {
            host: { type: 'string', minLength: 1, description: 'address of this machine to listen at' },
            port: { ...PORT, description: 'TCP port' },
            tls: {
              type: 'object',
              additionalProperties: false,
              required: ['cert', 'key'],
              description: 'without it passwords cross the network for everybody to read',
              properties: {
                cert: { ...FILE_PATH, description: 'PEM file: certificate of this listener' },
                key: { ...FILE_PATH, description: 'PEM file: its private key' },
              },
            },
          },
        },
        nats: {
          ...FILE_PATH,
          description: "file of these cells' NATS user, `mesos-cells`, as `outcry nats-config` writes it",
        },
        bbs: endpointSchema('the BBS, for these cells,'),
        blobs: endpointSchema('the source of droplets, for these cells,'),
        cell: {
          type: 'object',
          additionalProperties: true,
          description: "keys of these cells' configuration: runtime, docker, credentials …",
        },
      },
    },
  },
};
