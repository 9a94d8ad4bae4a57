/** Containers of a Docker engine. All that must outlive the rep is kept by the engine, as labels. */
import Docker from 'dockerode';
import type { ContainerInfo as EngineInfo, DockerOptions, VolumeInspectInfo } from 'dockerode';
import { DEFAULT_ARCHIVE_LIMITS } from '../../../common/model/archive-rules.js';
import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import { OutcryError } from '../../../common/model/errors.js';
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type {
  ContainerRuntime,
  ContainerSpec,
  CreateResult,
  ImageCredentials,
} from '../../core/container-runtime.js';
import { sysctlProblem } from '../../core/sysctls.js';
import { createPortPool } from '../ports.js';
import type { PortPool, PortRange } from '../ports.js';
import { createEngineBackedContainer } from './container.js';
import type { EngineBackedContainer } from './container.js';
import type { CellContext, ContainerRecord } from './context.js';
import { cpuScaleOf } from './cpu-scale.js';
import type { CpuScale } from './cpu-scale.js';
import { createDiskGuard } from '../disk-guard.js';
import { mountProblem } from './create-options.js';
import { NO_EGRESS, egressText, learnEgress } from './egress.js';
import type { EgressAbility } from './egress.js';
import { DEFAULT_SOCKET } from './engine-address.js';
import { reasonOf, statusOf } from './engine-error.js';
import { createImages } from './images.js';
import type { Image } from './images.js';
import { createNames } from './names.js';
import { addressesOf } from './network.js';
import { createPulse } from './pulse.js';
import type { Pulse } from './pulse.js';
import { createSharedCores } from './shared-cores.js';
import { UNKNOWN_STORAGE, diskLimitText, learnStorage, sizeOption } from './storage.js';
import type { Storage } from './storage.js';

export interface DockerRuntimeOptions {
  /** letters, digits, '-' and '_'; the engine's containers are found again by it */
  cellId: string;
  clock: Clock;
  logger: Logger;
  /** image of each stack, by the name in `preloaded:<name>` */
  stacks: Record<string, string>;
  /** registries (`HOST:PORT`, or `HOST` with any port) that may be at loopback or link-local addresses; default none */
  registries?: readonly string[];
  /** where the engine answers; default the unix socket /var/run/docker.sock */
  engine?: DockerOptions;
  /** where host ports are opened, and told to routers; default 127.0.0.1 */
  address?: string;
  /** host ports of this cell alone; default 20000 to 29999 */
  ports?: PortRange;
  /** network of the engine's that containers join; default 'bridge' */
  network?: string;
  /** beginning of names and labels; default 'outcry' */
  prefix?: string;
  /** two files of that size are kept of each process's output; default 4 MiB */
  outputFileBytes?: number;
  /** for `place` */
  archiveLimits?: ArchiveLimits;
  /** numbers of the cores that work may be pinned to; none = work has weights alone */
  cpuCores?: readonly number[];
  /** kernel parameters that work may set: names, or beginnings as `net.ipv4.*`; default none */
  sysctls?: readonly string[];
  /** what asks for CPU gets no more of it even when nobody else wants it */
  cpuHardCap?: boolean;
}

const GUID = /^[A-Za-z0-9_-]{1,100}$/;
const DEFAULT_OUTPUT_FILE_BYTES = 4 * 1024 * 1024;
const GONE = 404;

interface EngineFacts {
  /** how many; 0 = not known yet */
  cores: number;
  cpuScale: CpuScale;
  storage: Storage;
  egress: EgressAbility;
}

interface Cell {
  context: CellContext;
  ports: PortPool;
  containers: Map<string, EngineBackedContainer>;
  /** half made: adopt leaves them alone */
  making: Set<string>;
  pulse: Pulse;
  /** what the engine said of itself at the start */
  facts: EngineFacts;
  cpuCores: readonly number[];
  sysctls: readonly string[];
}

const createCell = (options: DockerRuntimeOptions): Cell => {
  const { cellId, clock, engine = { socketPath: DEFAULT_SOCKET }, prefix = 'outcry' } = options;
  const docker = new Docker(engine);
  const logger = options.logger.session('docker-runtime');
  const pulse = createPulse({ docker, engine, clock, logger });
  const range = options.ports ?? { first: 20_000, last: 29_999 };
  const ports = createPortPool({ range, name: `${prefix}.${cellId}`, clock });
  const containers = new Map<string, EngineBackedContainer>();
  const facts: EngineFacts = { cores: 0, cpuScale: 'shares', storage: UNKNOWN_STORAGE, egress: NO_EGRESS };
  const { cpuCores = [] } = options;
  const sharedCores = createSharedCores({
    count: () => (cpuCores.length > 0 ? facts.cores : 0),
    containers: () => [...containers.values()],
    logger,
  });
  const context: CellContext = {
    docker,
    clock,
    logger,
    doubt: pulse.doubt,
    images: createImages({ docker, stacks: options.stacks, registries: options.registries ?? [] }),
    names: createNames(prefix, cellId),
    address: options.address ?? '127.0.0.1',
    network: options.network ?? 'bridge',
    outputFileBytes: options.outputFileBytes ?? DEFAULT_OUTPUT_FILE_BYTES,
    archiveLimits: options.archiveLimits ?? DEFAULT_ARCHIVE_LIMITS,
    cpuHardCap: options.cpuHardCap ?? false,
    cpuScale: () => facts.cpuScale,
    sharedCores,
    storage: () => facts.storage,
    egress: () => facts.egress,
    disks: createDiskGuard(clock),
    release(record) {
      containers.delete(record.spec.guid);
      context.disks.remove(record.spec.guid);
      void sharedCores.settle();
      for (const { hostPort } of record.ports) ports.release(hostPort);
    },
  };
  return {
    context,
    ports,
    containers,
    making: new Set(),
    pulse,
    facts,
    cpuCores,
    sysctls: options.sysctls ?? [],
  };
};

/** The part of it that counts. */
interface EngineInfoAnswer {
  NCPU: number;
  Driver: string;
  DockerRootDir: string;
  CgroupVersion?: string;
  DefaultRuntime?: string;
}

/** Throws CELL_CORES_MISSING when work would be pinned to cores that are not there. */
const learn = async ({ context, facts, cpuCores }: Cell): Promise<void> => {
  const info = (await context.docker.info()) as EngineInfoAnswer;
  const { NCPU } = info;
  facts.cores = NCPU;
  facts.cpuScale = cpuScaleOf(info, await context.docker.version());
  facts.egress = await learnEgress();
  facts.storage = await learnStorage(context.docker, info, context.names.probe);
  const missing = cpuCores.filter((core) => core >= NCPU);
  if (missing.length > 0) {
    throw new OutcryError('CELL_CORES_MISSING', { cores: missing.join(', '), last: String(NCPU - 1) });
  }
};

const build = (cell: Cell, record: ContainerRecord, image: Image): EngineBackedContainer => {
  const container = createEngineBackedContainer(cell.context, record, image);
  cell.containers.set(record.spec.guid, container);
  return container;
};

const volumeExists = async ({ docker, names }: CellContext, guid: string): Promise<boolean> => {
  try {
    await docker.getVolume(names.volume(guid)).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === GONE) return false;
    throw error;
  }
};

const writeRecord = async (
  { docker, names, storage }: CellContext,
  record: ContainerRecord,
): Promise<void> => {
  const { guid, limits } = record.spec;
  const isSized = storage().homeQuota && limits.diskMb > 0;
  await docker.createVolume({
    Name: names.volume(guid),
    Labels: names.volumeLabels(record),
    ...(isSized && { DriverOpts: sizeOption(limits.diskMb) }),
  });
};

const imageOf = async ({ docker, storage }: CellContext, { id, isStack }: Image) => ({
  image: id,
  isStack,
  ...(storage().countsImage && { imageBytes: (await docker.getImage(id).inspect()).Size }),
});

const make = async (
  cell: Cell,
  spec: ContainerSpec,
  credentials: ImageCredentials | undefined,
): Promise<CreateResult> => {
  const { context, ports } = cell;
  if (await volumeExists(context, spec.guid)) {
    return { ok: false, reason: `container ${spec.guid} exists already` };
  }
  const found = await context.images.find(spec.rootfs, credentials);
  if (!found.ok) return found;
  const image = await imageOf(context, found.image);
  const hostPorts = await ports.take(spec.ports.length, spec.hostPorts);
  if (!hostPorts) return { ok: false, reason: 'no free host port' };
  const mapped = spec.ports.map((containerPort, i) => ({ containerPort, hostPort: hostPorts[i] as number }));
  const record = { ...image, spec, ports: mapped };
  try {
    await writeRecord(context, record);
  } catch (error) {
    context.release(record);
    throw error;
  }
  const container = build(cell, record, found.image);
  try {
    await container.open();
    // nothing of it runs before others have left its cores
    await context.sharedCores.settle();
    return { ok: true, container };
  } catch (error) {
    await container.destroy();
    throw error;
  }
};

const create = async (
  cell: Cell,
  spec: ContainerSpec,
  credentials: ImageCredentials | undefined,
): Promise<CreateResult> => {
  const { containers, making } = cell;
  const { guid } = spec;
  if (!GUID.test(guid)) return { ok: false, reason: `bad container guid: ${guid}` };
  if (containers.has(guid) || making.has(guid)) {
    return { ok: false, reason: `container ${guid} exists already` };
  }
  const problem = sysctlProblem(spec.sysctls ?? {}, cell.sysctls) || mountProblem(spec.mounts ?? []);
  if (problem !== '') return { ok: false, reason: problem };
  making.add(guid);
  try {
    return await make(cell, spec, credentials);
  } catch (error) {
    if (statusOf(error) === 0) cell.pulse.doubt();
    return { ok: false, reason: reasonOf(error) };
  } finally {
    making.delete(guid);
  }
};

const adoptOne = async (
  cell: Cell,
  volume: VolumeInspectInfo,
  found: Map<string, EngineInfo[]>,
): Promise<void> => {
  const { context, ports, containers, making } = cell;
  const record = context.names.readRecord(volume.Labels);
  if (!record || containers.has(record.spec.guid) || making.has(record.spec.guid)) return;
  const image = await context.images.byId(record.image, record.isStack);
  for (const { hostPort } of record.ports) ports.keep(hostPort);
  const container = createEngineBackedContainer(context, record, image);
  await container.adopt(found.get(record.spec.guid) ?? []);
  containers.set(record.spec.guid, container);
};

const adopt = async (cell: Cell): Promise<EngineBackedContainer[]> => {
  const { docker, names } = cell.context;
  const filters = names.filter();
  const [{ Volumes }, running] = await Promise.all([
    docker.listVolumes({ filters: JSON.stringify(filters) as unknown as typeof filters }),
    docker.listContainers({ all: true, filters }),
  ]);
  const byGuid = new Map<string, EngineInfo[]>();
  for (const one of running) {
    const { guid } = names.readLabels(one.Labels);
    byGuid.set(guid, [...(byGuid.get(guid) ?? []), one]);
  }
  for (const volume of Volumes ?? []) await adoptOne(cell, volume, byGuid);
  await cell.context.sharedCores.settle();
  return [...cell.containers.values()];
};

/** Throws DOCKER_UNREACHABLE, or another of the engine's codes, when no engine answers at `start`. */
export const createDockerRuntime = (options: DockerRuntimeOptions): ContainerRuntime => {
  const cell = createCell(options);
  const { pulse } = cell;

  return {
    kind: 'docker',
    caveat: '',
    mounts: true,
    mostContainers: () => addressesOf(cell.context.docker, cell.context.network),
    abilities: () => ({
      'disk-limit': diskLimitText(cell.facts.storage),
      'egress-rules': egressText(cell.facts.egress),
    }),
    async start() {
      await pulse.start();
      await learn(cell);
      cell.context.disks.start(cell.facts.storage.root);
    },
    async stop() {
      pulse.stop();
      cell.context.disks.stop();
      for (const container of cell.containers.values()) container.detach();
    },
    healthy: pulse.healthy,
    watchHealth: pulse.watch,
    create: (spec, credentials) => create(cell, spec, credentials),
    adopt: () => adopt(cell),
    describeImage: cell.context.images.describe,
  };
};
