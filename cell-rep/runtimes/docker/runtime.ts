/** Containers of a Docker engine. All that must outlive the rep is kept by the engine, as labels. */
import Docker from 'dockerode';
import type { ContainerInfo as EngineInfo, DockerOptions, VolumeInspectInfo } from 'dockerode';
import { DEFAULT_ARCHIVE_LIMITS } from '../../../common/model/archive-rules.js';
import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { ContainerRuntime, ContainerSpec, CreateResult } from '../../core/container-runtime.js';
import { createPortPool } from '../ports.js';
import type { PortPool, PortRange } from '../ports.js';
import { createEngineBackedContainer } from './container.js';
import type { EngineBackedContainer } from './container.js';
import type { CellContext, ContainerRecord } from './context.js';
import { reasonOf, statusOf } from './engine-error.js';
import { createImages } from './images.js';
import type { Image } from './images.js';
import { createNames } from './names.js';

export interface DockerRuntimeOptions {
  /** letters, digits, '-' and '_'; the engine's containers are found again by it */
  cellId: string;
  clock: Clock;
  logger: Logger;
  /** image of each stack, by the name in `preloaded:<name>` */
  stacks: Record<string, string>;
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
}

const GUID = /^[A-Za-z0-9_-]{1,100}$/;
const DEFAULT_SOCKET = '/var/run/docker.sock';
const DEFAULT_OUTPUT_FILE_BYTES = 4 * 1024 * 1024;
const HEALTH_EVERY_MS = 5_000;
const HEALTH_PATIENCE_MS = 3_000;
const GONE = 404;

const CAVEAT = 'applications run in Docker containers; disk is not limited';

interface Cell {
  context: CellContext;
  ports: PortPool;
  containers: Map<string, EngineBackedContainer>;
  /** half made: adopt leaves them alone */
  making: Set<string>;
}

const createCell = (options: DockerRuntimeOptions, engine: DockerOptions): Cell => {
  const { cellId, clock, prefix = 'outcry' } = options;
  const docker = new Docker(engine);
  const range = options.ports ?? { first: 20_000, last: 29_999 };
  const ports = createPortPool({ range, name: `${prefix}.${cellId}`, clock });
  const containers = new Map<string, EngineBackedContainer>();
  const context: CellContext = {
    docker,
    clock,
    logger: options.logger.session('docker-runtime'),
    images: createImages(docker, options.stacks),
    names: createNames(prefix, cellId),
    address: options.address ?? '127.0.0.1',
    network: options.network ?? 'bridge',
    outputFileBytes: options.outputFileBytes ?? DEFAULT_OUTPUT_FILE_BYTES,
    archiveLimits: options.archiveLimits ?? DEFAULT_ARCHIVE_LIMITS,
    release(record) {
      containers.delete(record.spec.guid);
      for (const { hostPort } of record.ports) ports.release(hostPort);
    },
  };
  return { context, ports, containers, making: new Set() };
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

const writeRecord = async ({ docker, names }: CellContext, record: ContainerRecord): Promise<void> => {
  await docker.createVolume({ Name: names.volume(record.spec.guid), Labels: names.volumeLabels(record) });
};

const make = async (cell: Cell, spec: ContainerSpec): Promise<CreateResult> => {
  const { context, ports } = cell;
  if (await volumeExists(context, spec.guid)) {
    return { ok: false, reason: `container ${spec.guid} exists already` };
  }
  const found = await context.images.find(spec.rootfs);
  if (!found.ok) return found;
  const hostPorts = await ports.take(spec.ports.length);
  if (!hostPorts) return { ok: false, reason: 'no free host port' };
  const mapped = spec.ports.map((containerPort, i) => ({ containerPort, hostPort: hostPorts[i] as number }));
  const record = { spec, image: found.image.id, isStack: found.image.isStack, ports: mapped };
  try {
    await writeRecord(context, record);
    return { ok: true, container: build(cell, record, found.image) };
  } catch (error) {
    context.release(record);
    throw error;
  }
};

const create = async (cell: Cell, spec: ContainerSpec): Promise<CreateResult> => {
  const { containers, making } = cell;
  const { guid } = spec;
  if (!GUID.test(guid)) return { ok: false, reason: `bad container guid: ${guid}` };
  if (containers.has(guid) || making.has(guid)) {
    return { ok: false, reason: `container ${guid} exists already` };
  }
  making.add(guid);
  try {
    return await make(cell, spec);
  } catch (error) {
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
  return [...cell.containers.values()];
};

/** Whether the engine answers, asked every few seconds. */
const createPulse = ({ docker, clock, logger }: CellContext) => {
  let healthy = false;
  let cancel: Cancel = () => undefined;
  const tell = (now: boolean): void => {
    if (now !== healthy) logger.info(now ? 'engine-answers' : 'engine-does-not-answer');
    healthy = now;
  };
  const beat = async (): Promise<void> => {
    const late = clock.after(HEALTH_PATIENCE_MS, () => tell(false));
    await docker.ping().then(
      () => tell(true),
      () => tell(false),
    );
    late();
  };
  return {
    healthy: () => healthy,
    start(): void {
      tell(true);
      cancel = clock.every(HEALTH_EVERY_MS, beat);
    },
    stop: () => cancel(),
  };
};

/** `start` throws when no engine answers. */
export const createDockerRuntime = (options: DockerRuntimeOptions): ContainerRuntime => {
  const engine = options.engine ?? { socketPath: DEFAULT_SOCKET };
  const cell = createCell(options, engine);
  const { docker } = cell.context;
  const pulse = createPulse(cell.context);
  const where = engine.socketPath ?? `${engine.host ?? ''}:${engine.port ?? ''}`;

  return {
    kind: 'docker',
    caveat: CAVEAT,
    async start() {
      try {
        await docker.ping();
      } catch (error) {
        throw new Error(`no Docker engine answers at ${where}: ${reasonOf(error)}`, { cause: error });
      }
      pulse.start();
    },
    async stop() {
      pulse.stop();
      for (const container of cell.containers.values()) container.detach();
    },
    healthy: pulse.healthy,
    create: (spec) => create(cell, spec),
    adopt: () => adopt(cell),
    describeImage: cell.context.images.describe,
  };
};
