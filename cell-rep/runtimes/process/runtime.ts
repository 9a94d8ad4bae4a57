/**
 * Containers as plain processes, for machines without Docker (design §4, §8.10): no isolation but a user of their own
 * when the platform runs as root.
 */
import { mkdir, chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DEFAULT_ARCHIVE_LIMITS } from '../../../common/model/archive-rules.js';
import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import { beyondProcesses } from '../../core/container-needs.js';
import type {
  Container,
  ContainerRuntime,
  ContainerSpec,
  CreateResult,
} from '../../core/container-runtime.js';
import { unattended } from '../../../common/runtime/unattended.js';
import { createDiskGuard } from '../disk-guard.js';
import { createHealthWatch } from '../health-watch.js';
import type { HealthWatch } from '../health-watch.js';
import { createPortPool } from '../ports.js';
import type { PortPool, PortRange } from '../ports.js';
import { createProcessContainer } from './container.js';
import type { ProcessContainer } from './container.js';
import type { CellContext } from './context.js';
import { defaultPath } from './environment.js';
import { createHelper } from './helper.js';
import type { Helper } from './helper.js';
import {
  layoutOf,
  listDirectories,
  listProcessIds,
  readContainer,
  makeContainer,
  removeTree,
} from './layout.js';
import type { ContainerRecord, Layout } from './layout.js';
import { MIN_OUTPUT_FILE_BYTES } from './output.js';
import type { SupervisedProcess } from './process.js';
import { createProcessTable } from './usage.js';
import { reachableNode, TOOLS } from './tools.js';
import { createUserPool, DEFAULT_USERS, fitUserRange, readUidMap, USER_CLAIMS } from './users.js';
import type { UserPool, UserRange } from './users.js';

export const DEFAULT_OUTPUT_FILE_BYTES = 4 * 1024 * 1024;

export interface ProcessRuntimeOptions {
  /** this cell's own directory, see chooseContainerRoot */
  root: string;
  clock: Clock;
  logger: Logger;
  /** this machine's, at which host ports answer, as routers are told; default 127.0.0.1 */
  address?: string;
  /** host ports of this cell alone; default 20000 to 29999 */
  ports?: PortRange;
  /** users for containers, as root; default {@link DEFAULT_USERS} */
  users?: UserRange;
  /** where this machine's claims on users are kept */
  userClaims?: string;
  /** size at which an output file is put aside; two are kept per process; ≥ 64 KiB, default 4 MiB */
  outputFileBytes?: number;
  /** for `place` */
  archiveLimits?: ArchiveLimits;
  /** PATH of processes whose environment has none */
  path?: string;
}

export interface ProcessRuntime extends ContainerRuntime {
  readonly kind: 'process';
  /** process id of the helper that runs now */
  helperPid(): number | undefined;
}

/** ms between looks at what memory containers take */
const MEMORY_EVERY_MS = 2_000;

const GUID = /^[A-Za-z0-9_-]{1,100}$/;

const CAVEAT_ROOT =
  'applications run as plain processes, each container as a user of its own; memory and disk are looked at every few ' +
  'seconds, and who takes more than it may is ended; network is not limited';
const CAVEAT_SHARED =
  'applications run as plain processes and share your account: they can read and change what you can; ' +
  'memory and disk are looked at every few seconds, and who takes more than it may is ended; processes and network ' +
  'are not limited';

interface Resources {
  users: UserPool | undefined;
  ports: PortPool;
}

const createResources = (options: ProcessRuntimeOptions): Resources => {
  const { clock, root, ports = { first: 20_000, last: 29_999 } } = options;
  const range = fitUserRange(options.users ?? DEFAULT_USERS, readUidMap());
  const isRoot = process.getuid?.() === 0;
  return {
    users: isRoot ? createUserPool({ range, root, claims: options.userClaims ?? USER_CLAIMS }) : undefined,
    ports: createPortPool({ range: ports, name: root, clock }),
  };
};

/** A user id, -1 for our own, or why there is none. */
const takeUser = async (users: UserPool | undefined): Promise<number | string> => {
  try {
    return users ? ((await users.take()) ?? 'no free user id') : -1;
  } catch (error) {
    return `no free user id: ${(error as Error).message}`;
  }
};

const reserve = async (
  { users, ports }: Resources,
  spec: ContainerSpec,
): Promise<{ ok: true; record: ContainerRecord } | { ok: false; reason: string }> => {
  const hostPorts = await ports.take(spec.ports.length, spec.hostPorts);
  if (!hostPorts) return { ok: false, reason: 'no free host port' };
  const uid = await takeUser(users);
  if (typeof uid === 'string') {
    hostPorts.forEach((port) => ports.release(port));
    return { ok: false, reason: uid };
  }
  const mapped = spec.ports.map((containerPort, i) => ({ containerPort, hostPort: hostPorts[i] as number }));
  return { ok: true, record: { spec, uid, ports: mapped } };
};

const release = ({ users, ports }: Resources, record: ContainerRecord): void => {
  for (const { hostPort } of record.ports) ports.release(hostPort);
  if (record.uid >= 0) users?.release(record.uid);
};

/** Finishes what a removal, or a creation, left half-done when the platform was killed. */
const removeRemains = async (helper: Helper, layout: Layout, uid: number): Promise<void> => {
  if (uid > 0) await helper.request('killall', String(uid));
  await removeTree(layout.dir);
};

interface Cell {
  root: string;
  resources: Resources;
  containers: Map<string, ProcessContainer>;
  /** half made: adopt leaves them alone */
  making: Set<string>;
  context: CellContext;
  health: HealthWatch;
}

const createCell = (options: ProcessRuntimeOptions): Cell => {
  const logger = options.logger.session('process-runtime');
  const resources = createResources(options);
  const containers = new Map<string, ProcessContainer>();
  const processes = new Map<string, SupervisedProcess>();
  const watched = new Set<string>();
  const health = createHealthWatch();

  const onGone = async (dir: string, exit: string): Promise<void> => {
    await processes.get(dir)?.supervisorGone(exit);
    if (watched.delete(dir)) await helper.request('forget', dir);
  };
  const watch = async (dir: string): Promise<void> => {
    watched.add(dir);
    await helper.request('watch', dir);
  };
  const helper = createHelper({
    clock: options.clock,
    logger,
    onHealth: health.tell,
    onGone: (dir, exit) =>
      unattended({ logger, event: 'failed-to-end-process', fields: { dir } }, () => onGone(dir, exit)),
    onRestart: () => {
      for (const one of processes.values()) {
        if (!one.info().running) continue;
        unattended({ logger, event: 'failed-to-watch-process' }, () => watch(one.dir));
      }
    },
  });

  // with users of their own, only those of containers; else all that is this account's may be theirs
  const isOwn = resources.users
    ? resources.users.isTaken
    : (uid: number): boolean => uid === process.getuid?.();

  const context: CellContext = {
    clock: options.clock,
    logger,
    helper,
    processes,
    watch,
    address: options.address ?? '127.0.0.1',
    path: options.path ?? defaultPath(dirname(process.execPath)),
    outputFileBytes: Math.max(options.outputFileBytes ?? DEFAULT_OUTPUT_FILE_BYTES, MIN_OUTPUT_FILE_BYTES),
    archiveLimits: options.archiveLimits ?? DEFAULT_ARCHIVE_LIMITS,
    processTable: createProcessTable(options.clock, isOwn),
    disks: createDiskGuard(options.clock),
    release(record) {
      containers.delete(record.spec.guid);
      release(resources, record);
    },
  };
  return { root: options.root, resources, containers, making: new Set(), context, health };
};

const build = ({ context, containers }: Cell, layout: Layout, record: ContainerRecord): ProcessContainer => {
  const container = createProcessContainer(context, layout, record);
  containers.set(record.spec.guid, container);
  return container;
};

const make = async (cell: Cell, spec: ContainerSpec): Promise<CreateResult> => {
  const layout = layoutOf(cell.root, spec.guid);
  const reserved = await reserve(cell.resources, spec);
  if (!reserved.ok) return reserved;
  const made = await makeContainer(cell.context.helper, layout, reserved.record);
  if (made.ok) return { ok: true, container: build(cell, layout, reserved.record) };
  release(cell.resources, reserved.record);
  return { ok: false, reason: made.exists ? `container ${spec.guid} exists already` : made.reason };
};

const create = async (cell: Cell, spec: ContainerSpec): Promise<CreateResult> => {
  if (!GUID.test(spec.guid)) return { ok: false, reason: `bad container guid: ${spec.guid}` };
  const beyond = beyondProcesses(spec);
  if (beyond !== '') return { ok: false, reason: beyond };
  cell.making.add(spec.guid);
  try {
    return await make(cell, spec);
  } finally {
    cell.making.delete(spec.guid);
  }
};

const adoptOne = async (cell: Cell, name: string): Promise<void> => {
  const layout = layoutOf(cell.root, name);
  const found = await readContainer(layout);
  if (found.kind === 'remains') return removeRemains(cell.context.helper, layout, found.uid);
  for (const { hostPort } of found.record.ports) cell.resources.ports.keep(hostPort);
  if (found.record.uid >= 0) cell.resources.users?.keep(found.record.uid);
  await build(cell, layout, found.record).adopt(await listProcessIds(layout));
};

/** One after the other, and no round begins before the one before it has ended. */
const watchMemory = ({ containers, context }: Cell): Cancel => {
  const { clock, logger } = context;
  return clock.every(MEMORY_EVERY_MS, async () => {
    for (const container of containers.values()) {
      await container
        .checkMemory()
        .catch((error: unknown) => logger.error('failed-to-check-memory', { error }));
    }
  });
};

export const createProcessRuntime = (options: ProcessRuntimeOptions): ProcessRuntime => {
  const cell = createCell(options);
  const { root, resources, containers, making } = cell;
  const { helper } = cell.context;
  let endWatch: Cancel = () => undefined;

  return {
    kind: 'process',
    caveat: resources.users ? CAVEAT_ROOT : CAVEAT_SHARED,
    async start() {
      await mkdir(root, { recursive: true });
      await chmod(root, 0o711);
      await resources.users?.open();
      if (resources.users && options.path === undefined) {
        cell.context.path = defaultPath(await reachableNode(process.execPath, TOOLS));
      }
      await helper.start();
      cell.context.disks.start(root);
      endWatch = watchMemory(cell);
    },
    async stop() {
      endWatch();
      cell.context.disks.stop();
      for (const container of containers.values()) container.detach();
      await helper.stop();
    },
    healthy: () => helper.healthy(),
    watchHealth: cell.health.watch,
    create: (spec) => create(cell, spec),
    async adopt(): Promise<Container[]> {
      for (const name of await listDirectories(root)) {
        if (!containers.has(name) && !making.has(name)) await adoptOne(cell, name);
      }
      return [...containers.values()];
    },
    helperPid: () => helper.pid(),
  };
};
