import { defineConfig, toMegabytes, toMs } from '../common/runtime/config.js';
import type { ReportProblem } from '../common/runtime/config.js';
import { compileEndpoint } from '../common/runtime/door-config.js';
import type { UserEndpoint } from '../common/runtime/door-config.js';
import type { Endpoint } from '../common/runtime/endpoint.js';
import type { SortedConstraints } from './core/constraints.js';
import { compileConstraints } from './core/constraints.js';
import { mesosBridgeSchema } from './config-schema.js';
import type { ExecutorCommand } from './executor/executor-info.js';
import type { EnrolmentListen } from './handlers/enrolment.js';
import type { MastersAddress } from './protocol/leader/address.js';
import { parseMasters } from './protocol/leader/address.js';
import type { MesosTlsFiles } from './protocol/tls.js';

interface UserExecutor {
  cpu_milli: number;
  memory: string;
  disk: string;
  command?: string;
  uris: string[];
  image?: string;
  containerizer: 'docker' | 'mesos';
  data_dir?: string;
  user?: string;
  environment: Record<string, string>;
  shutdown_grace: string | number;
  idle: string | number;
  warm: number;
}

interface UserConfig {
  masters: string;
  masters_tls?: { ca?: string; cert?: string; key?: string };
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
    constraints: string[][];
    cpu_per_gb: number;
    max_containers: number;
  };
  offers: { hold: string | number; refuse: string | number };
  demand_timeout: string | number;
  hunger_after: string | number;
  lease_ttl: string | number;
  enrolment: {
    url: string;
    ca?: string;
    listen: { host: string; port: number; tls?: { cert: string; key: string } };
    nats: string;
    bbs: UserEndpoint;
    blobs?: UserEndpoint;
    cell: Record<string, unknown>;
  };
}

/** How executors are started; one that runs goes on with what it was started with. */
export interface ExecutorConfig {
  /** its own share, on top of that of its tasks */
  cpuMilli: number;
  memoryMb: number;
  diskMb: number;
  /** how Mesos starts it */
  start: Omit<ExecutorCommand, 'environment'>;
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
  masters: MastersAddress;
  /** undefined = the masters take no TLS */
  mastersTls: MesosTlsFiles | undefined;
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
    constraints: SortedConstraints;
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
    listen: EnrolmentListen;
    /** what is handed to who enrols */
    natsFile: string;
    bbs: Endpoint;
    blobs: Endpoint | undefined;
    /** keys of a cell's configuration */
    cell: Readonly<Record<string, unknown>>;
  };
}

const HOUR_MS = 3_600_000;

const mastersOf = (text: string, report: ReportProblem): MastersAddress => {
  const masters = parseMasters(text);
  if (masters.ok) return masters.value;
  report('masters', masters.error);
  return { is: 'list', masters: [] };
};

const constraintsOf = (written: string[][], report: ReportProblem): SortedConstraints => {
  const made = compileConstraints(written);
  if (made.ok) return made.value;
  for (const { at, problem } of made.error) report(`cells.constraints.${at}`, problem);
  return { agents: [], perProcess: [] };
};

const tlsFilesOf = ({ ca, cert, key }: NonNullable<UserConfig['masters_tls']>): MesosTlsFiles => ({
  ...(ca !== undefined && { caFile: ca }),
  ...(cert !== undefined && { certFile: cert }),
  ...(key !== undefined && { keyFile: key }),
});

const checkSecret = (
  { principal, secret_file: file }: UserConfig['framework'],
  report: ReportProblem,
): void => {
  if (file !== undefined && principal === undefined)
    report('framework.principal', "is missing: the secret is somebody's");
};

const startOf = ({ command, uris, image, containerizer, data_dir: dataDir, user }: UserExecutor) => ({
  shell: command,
  uris: uris.map((value) => ({ value, extract: true, executable: false })),
  user,
  image: image === undefined ? undefined : { name: image, kind: containerizer },
  dataDir,
});

const executorOf = (user: UserExecutor): ExecutorConfig => ({
  cpuMilli: user.cpu_milli,
  memoryMb: toMegabytes(user.memory),
  diskMb: toMegabytes(user.disk),
  start: startOf(user),
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

const listenOf = ({ host, port, tls }: UserConfig['enrolment']['listen']): EnrolmentListen => ({
  host,
  port,
  tls: tls && { certFile: tls.cert, keyFile: tls.key },
});

const enrolmentOf = (
  user: UserConfig['enrolment'],
  report: ReportProblem,
): MesosBridgeConfig['enrolment'] => ({
  url: user.url,
  caFile: user.ca,
  listen: listenOf(user.listen),
  natsFile: user.nats,
  bbs: compileEndpoint(user.bbs, 'enrolment.bbs', report),
  blobs: user.blobs && compileEndpoint(user.blobs, 'enrolment.blobs', report),
  cell: user.cell,
});

export const mesosBridgeConfig = defineConfig<UserConfig, MesosBridgeConfig>({
  schema: mesosBridgeSchema,
  defaults: {
    framework: { name: 'outcry', role: '*', user: 'root', failover_timeout: '504h' },
    executor: {
      cpu_milli: 100,
      memory: '128M',
      disk: '256M',
      uris: [],
      containerizer: 'docker',
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
      constraints: [],
      cpu_per_gb: 0,
      max_containers: 256,
    },
    offers: { hold: '5s', refuse: '2m' },
    demand_timeout: '5m',
    hunger_after: '30s',
    lease_ttl: '15s',
    enrolment: { cell: {} },
  },
  compile(full, report) {
    checkSecret(full.framework, report);
    if (full.executor.command === undefined && full.executor.image === undefined)
      report('executor.command', 'is missing: give it, or an image');
    if (toMs(full.framework.failover_timeout) < HOUR_MS)
      report(
        'framework.failover_timeout',
        'is below 1h: after so short an absence Mesos would end everything',
      );
    return {
      masters: mastersOf(full.masters, report),
      mastersTls: full.masters_tls && tlsFilesOf(full.masters_tls),
      framework: frameworkOf(full.framework),
      executor: executorOf(full.executor),
      cells: {
        rootfs: full.cells.rootfs,
        placementTags: full.cells.placement_tags,
        zoneAttribute: full.cells.zone_attribute,
        tagAttributes: full.cells.tag_attributes,
        constraints: constraintsOf(full.cells.constraints, report),
        cpuPerGb: full.cells.cpu_per_gb,
        maxContainers: full.cells.max_containers,
      },
      holdMs: toMs(full.offers.hold),
      refuseMs: toMs(full.offers.refuse),
      demandTimeoutMs: toMs(full.demand_timeout),
      hungerAfterMs: toMs(full.hunger_after),
      leaseTtlMs: toMs(full.lease_ttl),
      enrolment: enrolmentOf(full.enrolment, report),
    };
  },
});
