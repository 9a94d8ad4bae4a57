/**
 * Containers that exist in memory only, thousands per process, whose processes follow scripts: for rehearsals, tests
 * and benchmarks of everything around them. Same contract as the real ones, except that nothing answers at its ports
 * and content is kept only as far as `readFile` needs it.
 */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import type { VolumeMountedFile } from '../../../common/model/action.js';
import type { ImageDescription } from '../../../common/model/image.js';
import type { Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import type {
  Container,
  ContainerPort,
  ContainerRuntime,
  ContainerSpec,
  CopyOutRequest,
  CopyOutResult,
  DescribeResult,
  PlacedContent,
  PlaceResult,
  ProcessSpec,
  ReadFileResult,
  RunResult,
} from '../../core/container-runtime.js';
import { CREDENTIALS_ROOT } from '../../core/credentials.js';
import { createHealthWatch } from '../health-watch.js';
import { createPortPool } from '../ports.js';
import type { PortPool, PortRange } from '../ports.js';
import { buildEnvironment, specProblem } from '../process/environment.js';
import { createSimulatedProcess } from './process.js';
import type { SimulatedProcess } from './process.js';
import { scriptFromEnvironment } from './script.js';
import type { SimulatedScript } from './script.js';

/** The machine that simulated containers run on: it outlives the runtimes that look at it. */
export interface SimulatedWorld {
  readonly containers: Map<string, SimulatedContainer>;
}

export interface SimulatedContainer extends Container {
  /** by id; `end` makes one crash, run out of memory or vanish */
  processes: Map<string, SimulatedProcess>;
}

export const createSimulatedWorld = (): SimulatedWorld => ({ containers: new Map() });

export interface SimulatedRuntimeOptions {
  clock: Clock;
  random: Random;
  /** default: a new one */
  world?: SimulatedWorld;
  /** default 20000 to 29999; not real ports */
  ports?: PortRange;
  /** ms that making a container takes; default 0 */
  createMs?: number;
  /** what it knows of images, by rootfs; default: nothing, as a runtime without images */
  images?: Record<string, ImageDescription>;
  /** why a container cannot be made */
  refuse?(spec: ContainerSpec): string | undefined;
  /** what a process does; default: as its environment says, see SCRIPT_VARIABLE */
  script?(process: ProcessSpec, container: ContainerSpec): SimulatedScript;
}

/** Placed files up to this size can be read back. */
const KEPT_FILE_BYTES = 64 * 1024;
const GUID = /^[A-Za-z0-9_-]{1,100}$/;
const HOME = '/home/vcap/app';

type StoredFile = Buffer | 'large';

const homePath = (path: string): string | undefined => {
  const full = posix.resolve(HOME, path);
  return full === HOME || full.startsWith(HOME + '/') ? full : undefined;
};

interface Machine {
  clock: Clock;
  random: Random;
  script(process: ProcessSpec, container: ContainerSpec): SimulatedScript;
  release(guid: string, ports: readonly ContainerPort[]): void;
}

const createFiles = (): Pick<Container, 'putCredentials' | 'place' | 'readFile' | 'copyOut'> => {
  const files = new Map<string, StoredFile>();
  return {
    putCredentials(placed: readonly VolumeMountedFile[]): Promise<PlaceResult> {
      for (const { path, content } of placed) files.set(`${CREDENTIALS_ROOT}/${path}`, Buffer.from(content));
      return Promise.resolve({ ok: true });
    },
    async place(content: PlacedContent): Promise<PlaceResult> {
      const path = homePath(content.to);
      if (path === undefined)
        return { ok: false, reason: `${content.to} is outside of the container's home` };
      const found = await stat(content.file).catch((error: Error) => error);
      if (found instanceof Error) return { ok: false, reason: found.message };
      if (content.unpack) return { ok: true };
      files.set(path, found.size > KEPT_FILE_BYTES ? 'large' : await readFile(content.file));
      return { ok: true };
    },
    readFile(path: string, limitBytes: number): Promise<ReadFileResult> {
      const content = files.get(posix.resolve(HOME, path));
      if (content === undefined) return Promise.resolve({ ok: false, reason: 'absent' });
      if (content === 'large' || content.length > limitBytes) {
        return Promise.resolve({ ok: false, reason: 'too-large' });
      }
      return Promise.resolve({ ok: true, content });
    },
    async copyOut({ path, to, limitBytes }: CopyOutRequest): Promise<CopyOutResult> {
      const full = homePath(path);
      if (full === undefined) return { ok: false, reason: 'outside' };
      const content = files.get(full);
      if (content === undefined) return { ok: false, reason: 'absent' };
      if (content === 'large' || content.length > limitBytes) return { ok: false, reason: 'too-large' };
      await writeFile(to, content, { flag: 'wx', mode: 0o600 });
      return { ok: true, bytes: content.length };
    },
  };
};

const createContainer = (
  machine: Machine,
  spec: ContainerSpec,
  ports: ContainerPort[],
): SimulatedContainer => {
  const processes = new Map<string, SimulatedProcess>();
  const starting = new Set<string>();
  let destroyed = false;

  const start = async (process: ProcessSpec, script: SimulatedScript): Promise<RunResult> => {
    if (script.startMs !== undefined) await machine.clock.sleep(script.startMs);
    if (destroyed) return { ok: false, reason: 'the container is being destroyed' };
    if (script.refusal !== undefined) return { ok: false, reason: script.refusal };
    const env = buildEnvironment(process, {
      home: HOME,
      tmp: '/home/vcap/tmp',
      path: '/usr/bin:/bin',
      ports,
    });
    const one = createSimulatedProcess({ ...machine, spec: process, env, script });
    processes.set(process.id, one);
    return { ok: true, process: one.running };
  };

  return {
    guid: spec.guid,
    processes,
    ...createFiles(),
    info: () => ({
      guid: spec.guid,
      tags: spec.tags,
      address: '127.0.0.1',
      instanceAddress: '127.0.0.1',
      ports,
      processes: [...processes.values()].map((one) => one.info()),
    }),
    async run(process) {
      const problem = specProblem(process);
      if (problem !== undefined) return { ok: false, reason: problem };
      if (processes.has(process.id) || starting.has(process.id)) {
        return { ok: false, reason: `process ${process.id} exists already` };
      }
      starting.add(process.id);
      try {
        return await start(process, machine.script(process, spec));
      } finally {
        starting.delete(process.id);
      }
    },
    process: (id) => processes.get(id)?.running,
    async forget(idPrefix) {
      for (const [id, one] of processes) {
        if (id.startsWith(idPrefix) && !one.info().running) processes.delete(id);
      }
    },
    usage() {
      const all = [...processes.values()].map((one) => one.usage());
      const sum = (what: 'cpuNs' | 'memoryBytes'): number => all.reduce((total, one) => total + one[what], 0);
      return Promise.resolve({ cpuNs: sum('cpuNs'), memoryBytes: sum('memoryBytes'), diskBytes: 0 });
    },
    destroy() {
      if (!destroyed) {
        destroyed = true;
        for (const one of processes.values()) one.end({ code: 137, signal: 9 });
        machine.release(spec.guid, ports);
      }
      return Promise.resolve();
    },
  };
};

const mapPorts = async (
  pool: PortPool,
  { ports: wanted, hostPorts }: ContainerSpec,
): Promise<ContainerPort[] | undefined> => {
  const taken = await pool.take(wanted.length, hostPorts);
  return taken?.map((hostPort, i) => ({ containerPort: wanted[i] as number, hostPort }));
};

const describeFrom =
  (images: Record<string, ImageDescription>) =>
  (rootfs: string): Promise<DescribeResult> => {
    const image = Object.hasOwn(images, rootfs) ? images[rootfs] : undefined;
    return Promise.resolve(image ? { ok: true, image } : { ok: false, reason: `no such image: ${rootfs}` });
  };

export const createSimulatedRuntime = (options: SimulatedRuntimeOptions): ContainerRuntime => {
  const { clock, random, world = createSimulatedWorld() } = options;
  const range = options.ports ?? { first: 20_000, last: 29_999 };
  const pool = createPortPool({ range, clock, bindable: () => Promise.resolve(true) });
  const health = createHealthWatch();
  let started = false;

  const machine: Machine = {
    clock,
    random,
    script: options.script ?? scriptFromEnvironment,
    release(guid, ports) {
      world.containers.delete(guid);
      for (const { hostPort } of ports) pool.release(hostPort);
    },
  };

  return {
    kind: 'simulated',
    caveat: 'containers are simulated: nothing runs',
    start() {
      started = true;
      health.tell();
      return Promise.resolve();
    },
    stop() {
      started = false;
      health.tell();
      return Promise.resolve();
    },
    healthy: () => started,
    watchHealth: health.watch,
    mounts: true,
    async create(spec) {
      if (!GUID.test(spec.guid)) return { ok: false, reason: `bad container guid: ${spec.guid}` };
      if (options.createMs !== undefined) await clock.sleep(options.createMs);
      const refusal = options.refuse?.(spec);
      if (refusal !== undefined) return { ok: false, reason: refusal };
      const ports = await mapPorts(pool, spec);
      if (!ports) return { ok: false, reason: 'no free host port' };
      if (world.containers.has(spec.guid)) {
        ports.forEach(({ hostPort }) => pool.release(hostPort));
        return { ok: false, reason: `container ${spec.guid} exists already` };
      }
      const container = createContainer(machine, spec, ports);
      world.containers.set(spec.guid, container);
      return { ok: true, container };
    },
    adopt() {
      for (const container of world.containers.values()) {
        for (const { hostPort } of container.info().ports) pool.keep(hostPort);
      }
      return Promise.resolve([...world.containers.values()]);
    },
    ...(options.images && { describeImage: describeFrom(options.images) }),
  };
};
