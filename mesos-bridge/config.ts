import { DURATION, FILE_PATH, MEGABYTES, defineConfig, toMegabytes, toMs } from '../common/runtime/config.js';
import type { ReportProblem } from '../common/runtime/config.js';

interface UserExecutor {
  cpu_milli: number;
  memory: string;
  disk: string;
  command: string;
  uris: string[];
  image?: string;
  user?: string;
  environment: Record<string, string>;
  shutdown_grace: string | number;
  idle: string | number;
  warm: number;
}

interface UserConfig {
  masters: string;
  masters_ca?: string;
  framework: {
    name: string;
    role: string;
    user: string;
    hostname?: string;
    webui_url?: string;
    failover_timeout: string | number;
    principal?: string;
    secret_file?: string;
  };
  executor: UserExecutor;
  cells: {
    rootfs: string[];
    placement_tags: string[];
    zone_attribute: string;
    tag_attributes: string[];
    cpu_per_gb: number;
    max_containers: number;
  };
  offers: { hold: string | number; refuse: string | number };
  demand_timeout: string | number;
  hunger_after: string | number;
  lease_ttl: string | number;
  enrolment: { url: string; ca?: string };
}

/** How executors are started; one that runs goes on with what it was started with. */
export interface ExecutorConfig {
  /** its own share, on top of that of its tasks */
  cpuMilli: number;
  memoryMb: number;
  diskMb: number;
  /** for the shell of the agent's machine, in the executor's sandbox */
  command: string;
  /** fetched into the sandbox before */
  uris: readonly string[];
  /** of Docker; undefined = it runs on the agent's machine itself */
  image: string | undefined;
  /** undefined = the framework's */
  user: string | undefined;
  environment: Readonly<Record<string, string>>;
  /** ms */
  shutdownGraceMs: number;
  /** ms without a task after which it is released */
  idleMs: number;
  /** so many stay although they are idle */
  warm: number;
}

/** What the bridge runs by. Durations in ms. */
export interface MesosBridgeConfig {
  /** `HOST:PORT,…`, with `http://` or `https://` before each where it matters, or `zk://HOST:PORT,…/PATH` */
  masters: string;
  /** PEM file of the authority of the masters' certificates; undefined = those that Node.js trusts */
  mastersCaFile: string | undefined;
  framework: {
    name: string;
    role: string;
    /** account of the agents' machines under which executors run */
    user: string;
    hostname: string | undefined;
    webuiUrl: string | undefined;
    failoverTimeoutMs: number;
    /** with its secret, which the file holds */
    principal: string | undefined;
    secretFile: string | undefined;
  };
  executor: ExecutorConfig;
  /** what bids say of the cells that executors are */
  cells: {
    /** `SCHEME:NAME`, or `SCHEME` for whatever comes with it */
    rootfs: readonly string[];
    placementTags: readonly string[];
    zoneAttribute: string;
    tagAttributes: readonly string[];
    cpuPerGb: number;
    maxContainers: number;
  };
  /** how long an offer is held for work that may come */
  holdMs: number;
  /** for how long what is declined is not offered again */
  refuseMs: number;
  /** how long work waits for offers before it is refused */
  demandTimeoutMs: number;
  /** how long demand waits without a usable offer before the alarm */
  hungerAfterMs: number;
  leaseTtlMs: number;
  /** what executors are told of where they enrol */
  enrolment: {
    url: string;
    /** PEM file of the authority of its certificate; undefined = those that the agents' machines trust */
    caFile: string | undefined;
  };
}

const HOUR_MS = 3_600_000;
const BYTES = { ...MEGABYTES };

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
  required: ['command'],
  description: 'how cells are started on agents: a changed configuration counts for those that start next',
  properties: {
    cpu_milli: {
      type: 'integer',
      minimum: 10,
      description: 'thousandths of a core that each takes for itself',
    },
    memory: { ...BYTES, description: 'memory that each takes for itself; Mesos warns of less than 32M' },
    disk: { ...BYTES, description: 'disk that each takes for itself' },
    command: text("command line, run by the shell of the agent's machine in the executor's sandbox"),
    uris: texts('files and archives that the agent fetches into the sandbox before'),
    image: text("Docker image that it runs in; without: on the agent's machine itself"),
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
    cpu_per_gb: {
      type: 'integer',
      minimum: 0,
      description: 'thousandths of a core that a GB of memory stands for, for work that says nothing of CPU',
    },
    max_containers: { type: 'integer', minimum: 1, description: 'containers of one cell at most' },
  },
} as const;

const checkSecret = (
  { principal, secret_file: file }: UserConfig['framework'],
  report: ReportProblem,
): void => {
  if (file !== undefined && principal === undefined)
    report('framework.principal', "is missing: the secret is somebody's");
};

const executorOf = (user: UserExecutor): ExecutorConfig => ({
  cpuMilli: user.cpu_milli,
  memoryMb: toMegabytes(user.memory),
  diskMb: toMegabytes(user.disk),
  command: user.command,
  uris: user.uris,
  image: user.image,
  user: user.user,
  environment: user.environment,
  shutdownGraceMs: toMs(user.shutdown_grace),
  idleMs: toMs(user.idle),
  warm: user.warm,
});

const frameworkOf = (user: UserConfig['framework']): MesosBridgeConfig['framework'] => ({
  name: user.name,
  role: user.role,
  user: user.user,
  hostname: user.hostname,
  webuiUrl: user.webui_url,
  failoverTimeoutMs: toMs(user.failover_timeout),
  principal: user.principal,
  secretFile: user.secret_file,
});

export const mesosBridgeConfig = defineConfig<UserConfig, MesosBridgeConfig>({
  schema: {
    type: 'object',
    additionalProperties: false,
    required: ['masters', 'executor', 'enrolment'],
    properties: {
      masters: {
        type: 'string',
        pattern: '^(zk://[^/]+/.+|[^,/]+(:\\d+)?(,[^,/]+(:\\d+)?)*|https?://[^,/]+(,https?://[^,/]+)*)$',
        description: 'Mesos masters: `HOST:PORT,…`, `https://HOST:PORT,…`, or `zk://HOST:PORT,…/PATH`',
      },
      masters_ca: {
        ...FILE_PATH,
        description:
          "PEM file: the authority of the masters' certificates; without: those that Node.js trusts",
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
        required: ['url'],
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
        },
      },
    },
  },
  defaults: {
    framework: { name: 'outcry', role: '*', user: 'root', failover_timeout: '504h' },
    executor: {
      cpu_milli: 100,
      memory: '128M',
      disk: '256M',
      uris: [],
      environment: {},
      shutdown_grace: '30s',
      idle: '1m',
      warm: 0,
    },
    cells: {
      rootfs: ['preloaded:cflinuxfs4', 'docker'],
      placement_tags: [],
      zone_attribute: 'zone',
      tag_attributes: [],
      cpu_per_gb: 0,
      max_containers: 256,
    },
    offers: { hold: '5s', refuse: '2m' },
    demand_timeout: '5m',
    hunger_after: '30s',
    lease_ttl: '15s',
  },
  compile(full, report) {
    checkSecret(full.framework, report);
    if (toMs(full.framework.failover_timeout) < HOUR_MS)
      report(
        'framework.failover_timeout',
        'is below 1h: after so short an absence Mesos would end everything',
      );
    return {
      masters: full.masters,
      mastersCaFile: full.masters_ca,
      framework: frameworkOf(full.framework),
      executor: executorOf(full.executor),
      cells: {
        rootfs: full.cells.rootfs,
        placementTags: full.cells.placement_tags,
        zoneAttribute: full.cells.zone_attribute,
        tagAttributes: full.cells.tag_attributes,
        cpuPerGb: full.cells.cpu_per_gb,
        maxContainers: full.cells.max_containers,
      },
      holdMs: toMs(full.offers.hold),
      refuseMs: toMs(full.offers.refuse),
      demandTimeoutMs: toMs(full.demand_timeout),
      hungerAfterMs: toMs(full.hunger_after),
      leaseTtlMs: toMs(full.lease_ttl),
      enrolment: { url: full.enrolment.url, caFile: full.enrolment.ca },
    };
  },
});
