/** What the engine is asked to make. */
import { posix } from 'node:path';
import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { ProcessSpec } from '../../core/container-runtime.js';
import type { BindMount } from '../../core/volumes.js';
import type { CellContext, ContainerRecord } from './context.js';
import { cpuOptions } from './cpu.js';
import type { Image } from './images.js';
import { sizeOption } from './storage.js';

/** Where the platform's content goes; shared by all processes of a container. */
export const HOME = '/home/vcap';

/** Of what Diego leaves to unprivileged containers, what images that begin as root cannot do without. */
const CAPABILITIES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
];

/**
 * The engine puts its init there. It runs twice: process 1 reaps; below it another one passes signals on to the
 * whole group of what was started, which the first does not.
 */
const INIT = '/sbin/docker-init';
const OWN_PROCESSES = 2;

/** numbers that no image need know */
const NOBODY = '65534:65534';

const MEGABYTE = 1024 * 1024;
/** the engine takes no less */
const LEAST_MEMORY_MB = 6;

const limits = (
  { cpuHardCap, cpuScale, sharedCores }: CellContext,
  { spec }: ContainerRecord,
  nofile: number | undefined,
): HostConfig => {
  const { memoryMb, maxPids } = spec.limits;
  const memory = Math.max(memoryMb, LEAST_MEMORY_MB) * MEGABYTE;
  return {
    // no swap beyond it
    ...(memoryMb > 0 && { Memory: memory, MemorySwap: memory }),
    ...(maxPids > 0 && { PidsLimit: maxPids + OWN_PROCESSES }),
    ...cpuOptions(spec.limits, {
      hardCap: cpuHardCap,
      sharedCores: sharedCores.current(),
      scale: cpuScale(),
    }),
    ...(nofile && { Ulimits: [{ Name: 'nofile', Soft: nofile, Hard: nofile }] }),
  };
};

/** Of what a process writes outside of the home. */
const layerSize = ({ storage }: CellContext, { spec, imageBytes }: ContainerRecord): HostConfig => {
  const { diskMb } = spec.limits;
  return storage().layerQuota && diskMb > 0 ? { StorageOpt: sizeOption(diskMb, imageBytes) } : {};
};

/** The environment as the engine takes it; a name without a value takes away what the engine would add. */
const environment = (image: Image, record: ContainerRecord, spec: ProcessSpec): string[] => {
  const port = record.ports[0]?.containerPort;
  const env: Record<string, string> = {
    ...(image.isStack && { HOME, USER: spec.user || 'vcap', TMPDIR: '/tmp', LANG: 'C.UTF-8' }),
    ...(port !== undefined && { PORT: String(port) }),
    ...spec.env,
  };
  const pairs = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  return 'HOSTNAME' in env ? pairs : [...pairs, 'HOSTNAME'];
};

/** What is run; as `docker run IMAGE ARGS` has it when an image is to run its own. */
export const commandOf = (image: Image, { path, args }: ProcessSpec): string[] => {
  if (path !== '') return [path, ...args];
  return image.isStack ? [] : [...image.entrypoint, ...(args.length > 0 ? args : image.command)];
};

/** '' is the home of a stack; in somebody's image the place that the image says. */
const workingDir = (image: Image, dir: string): string => {
  if (dir === '' && !image.isStack) return image.workingDir || '/';
  return posix.resolve(HOME, dir);
};

const network = (
  { address, network: name }: CellContext,
  record: ContainerRecord,
  joins: string | undefined,
) => {
  if (joins !== undefined) return { config: {}, host: { NetworkMode: `container:${joins}` } };
  const keys = record.ports.map(({ containerPort }) => `${containerPort}/tcp`);
  const bindings = record.ports.map(({ hostPort }) => [{ HostIp: address, HostPort: String(hostPort) }]);
  return {
    config: {
      Hostname: record.spec.guid.slice(0, 63),
      ExposedPorts: Object.fromEntries(keys.map((key) => [key, {}])),
    },
    host: {
      NetworkMode: name,
      PortBindings: Object.fromEntries(keys.map((key, i) => [key, bindings[i]])),
    },
  };
};

/** Root by number: an image need not have a list of users. */
const userOf = (image: Image, user: string): string => (user === 'root' && !image.isStack ? '0' : user);

export interface NetworkOptions {
  cell: CellContext;
  record: ContainerRecord;
  /** one in which `sleep` is found */
  image: string;
}

/** Of a container that does nothing but have the network: what runs in it is nobody's. */
export const networkOptions = ({ cell, record, image }: NetworkOptions): ContainerCreateOptions => {
  const { guid } = record.spec;
  const net = network(cell, record, undefined);
  const sysctls = sysctlsFor(record, 'network');
  return {
    ...net.config,
    name: cell.names.network(guid),
    Image: image,
    Labels: cell.names.labels(guid, 'network', ''),
    Entrypoint: ['sleep', 'infinity'],
    Cmd: [],
    User: NOBODY,
    HostConfig: {
      ...net.host,
      ...(sysctls && { Sysctls: sysctls }),
      Init: true,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'none', Config: {} },
    },
  };
};

export interface ProcessOptions {
  cell: CellContext;
  record: ContainerRecord;
  image: Image;
  spec: ProcessSpec;
  /** id of the container whose network this one shares; the first has the network and the ports */
  joins: string | undefined;
}

export const processOptions = (options: ProcessOptions): ContainerCreateOptions => {
  const { cell, record, image, spec, joins } = options;
  const { guid } = record.spec;
  const net = network(cell, record, joins);
  const sysctls = sysctlsFor(record, joins === undefined ? 'both' : 'joins');
  return {
    ...net.config,
    name: cell.names.container(guid, spec.id),
    Image: record.image,
    Labels: cell.names.labels(guid, 'process', spec.id),
    Entrypoint: [INIT, '-s', '-g', '--', ...commandOf(image, spec)],
    Cmd: [],
    Env: environment(image, record, spec),
    WorkingDir: workingDir(image, spec.dir),
    ...(spec.user !== '' && { User: userOf(image, spec.user) }),
    HostConfig: {
      ...net.host,
      ...limits(cell, record, spec.nofile),
      ...layerSize(cell, record),
      Init: true,
      Mounts: [homeMount(cell, guid), ...bindMounts(record)],
      ...(sysctls && { Sysctls: sysctls }),
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      RestartPolicy: { Name: 'no' },
      // the one that keeps bytes as they are, and bounds them
      LogConfig: {
        Type: 'local',
        Config: { 'max-size': String(cell.outputFileBytes), 'max-file': '2', compress: 'false' },
      },
    },
  };
};

/** What the kernel keeps per network is set by whoever has the network, the rest by each process. */
const sysctlsFor = (
  { spec: { sysctls = {} } }: ContainerRecord,
  who: 'network' | 'joins' | 'both',
): Record<string, string> | undefined => {
  const own = Object.entries(sysctls).filter(
    ([name]) => who === 'both' || name.startsWith('net.') === (who === 'network'),
  );
  return own.length > 0 ? Object.fromEntries(own) : undefined;
};

/** Why something cannot be mounted where it is wanted; '' = it can. */
export const mountProblem = (mounts: readonly BindMount[]): string => {
  const over = mounts.find(({ target }) => `${HOME}/`.startsWith(`${target}/`));
  return over === undefined ? '' : `a volume at ${over.target} would hide the container's home`;
};

const bindMounts = ({ spec: { mounts = [] } }: ContainerRecord) =>
  mounts.map(({ source, target, readOnly }) => ({
    Type: 'bind' as const,
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: { Propagation: 'rprivate' as const },
  }));

const homeMount = ({ names }: CellContext, guid: string) =>
  ({ Type: 'volume', Source: names.volume(guid), Target: HOME }) as const;

export const filesOptions = (cell: CellContext, record: ContainerRecord): ContainerCreateOptions => {
  const { guid } = record.spec;
  return {
    name: cell.names.files(guid),
    Image: record.image,
    Labels: cell.names.labels(guid, 'files', ''),
    Entrypoint: ['/never-started'],
    Cmd: [],
    HostConfig: { NetworkMode: 'none', Mounts: [homeMount(cell, guid)] },
  };
};
