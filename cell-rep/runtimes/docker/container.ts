/**
 * One container: a volume that is its home and its record, an engine container that has its network and ports, and one
 * per process; so each process keeps its own output and exit status, which a command run inside of another's container
 * would lose with the rep.
 */
import type { Container as EngineContainer, ContainerInfo as EngineInfo } from 'dockerode';
import { CREDENTIALS_ROOT } from '../../core/credentials.js';
import type { Container, ProcessSpec, RunResult } from '../../core/container-runtime.js';
import { copyOutOf, isBelowHome, placeFiles, placeInto, readFrom } from './content.js';
import type { CellContext, ContainerRecord } from './context.js';
import { filesOptions } from './create-options.js';
import { guardDisk } from './disk.js';
import { destroyAll, forget } from './ending.js';
import { reasonOf, statusOf, unless } from './engine-error.js';
import type { Image } from './images.js';
import { NO_ADDRESS, openNetwork, takeAddress } from './network.js';
import { register } from './parts.js';
import type { Parts } from './parts.js';
import { exitStatus } from './process.js';
import type { EngineProcess } from './process.js';
import type { Movable } from './shared-cores.js';
import { runIn } from './starting.js';
import { networkUsage, usageOf } from './usage.js';

const GONE = 404;
const CONFLICT = 409;

export interface EngineBackedContainer extends Container, Movable {
  /** what it needs before its first process; throws when that cannot be had */
  open(): Promise<void>;
  /** finds what an earlier life made */
  adopt(found: readonly EngineInfo[]): Promise<void>;
  /** stops watching; what runs goes on */
  detach(): void;
}

/** Made when first needed. */
const filesOf = (parts: Parts): Promise<EngineContainer> => {
  const { cell, record } = parts;
  parts.files ??= cell.docker.createContainer(filesOptions(cell, record)).catch((error: unknown) => {
    if (statusOf(error) === CONFLICT) {
      return cell.docker.getContainer(cell.names.files(record.spec.guid));
    }
    parts.files = undefined;
    throw error;
  });
  return parts.files;
};

/** Outside of the home each process has files of its own: those of the main one, or of the latest, count. */
const sourceOf = async (parts: Parts, path: string): Promise<EngineContainer> => {
  const one = parts.processes.get('main') ?? [...parts.processes.values()].at(-1);
  return one && !isBelowHome(path) ? parts.cell.docker.getContainer(one.engineId) : filesOf(parts);
};

/**
 * Each is asked of itself: it answers when no start of it is under way any more, as one may be that a killed rep has
 * asked for. A list would tell of it as of one that was never started.
 */
const adoptOne = async (parts: Parts, { Id, Labels }: EngineInfo): Promise<void> => {
  const { cell } = parts;
  const { role, processId } = cell.names.readLabels(Labels);
  const container = cell.docker.getContainer(Id);
  if (role === 'files') {
    parts.files = Promise.resolve(container);
    return;
  }
  const { State, HostConfig, NetworkSettings } = await container.inspect();
  if (State.Status === 'created' || (role === 'network' && !State.Running)) {
    // a network that has ended is nobody's any more
    await unless([GONE], container.remove({ force: true, v: true }));
  } else if (role === 'network') {
    parts.network = container;
    takeAddress(parts, NetworkSettings.Networks);
  } else if (State.Status === 'exited' || State.Status === 'dead') {
    register(parts, processId, container, exitStatus(State.ExitCode, State.OOMKilled));
  } else {
    register(parts, processId, container);
    if (HostConfig.NetworkMode?.startsWith('container:')) return;
    parts.owner = processId;
    takeAddress(parts, NetworkSettings.Networks);
  }
};

const filesIn = (parts: Parts): Pick<Container, 'putCredentials' | 'place' | 'readFile' | 'copyOut'> => ({
  async putCredentials(files) {
    const running = [...parts.processes.values()].filter((one) => one.info().running);
    parts.credentials = files;
    try {
      for (const { engineId } of running) {
        await unless([GONE], placeFiles(parts.cell.docker.getContainer(engineId), CREDENTIALS_ROOT, files));
      }
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: reasonOf(error) };
    }
  },
  async place(content) {
    try {
      return await placeInto(parts.cell, await filesOf(parts), content);
    } catch (error) {
      return { ok: false, reason: reasonOf(error) };
    }
  },
  async readFile(path, limitBytes) {
    try {
      return await readFrom(await sourceOf(parts, path), path, limitBytes);
    } catch {
      return { ok: false, reason: 'unreadable' };
    }
  },
  async copyOut(request) {
    try {
      return await copyOutOf(await sourceOf(parts, request.path), request);
    } catch {
      return { ok: false, reason: 'unreadable' };
    }
  },
});

export const createEngineBackedContainer = (
  cell: CellContext,
  record: ContainerRecord,
  image: Image,
): EngineBackedContainer => {
  const processes = new Map<string, EngineProcess>();
  const parts: Parts = {
    cell,
    record,
    image,
    processes,
    network: undefined,
    owner: undefined,
    ...NO_ADDRESS,
    files: undefined,
    overDisk: false,
    credentials: undefined,
  };
  const disk = guardDisk(parts);
  let destroying: Promise<void> | undefined;
  /** one start at a time: who has the network is decided by it */
  let starting: Promise<unknown> = Promise.resolve();

  const start = async (spec: ProcessSpec): Promise<RunResult> =>
    destroying ? { ok: false, reason: 'the container is being destroyed' } : runIn(parts, spec);

  return {
    guid: record.spec.guid,
    info: () => ({
      guid: record.spec.guid,
      tags: record.spec.tags,
      address: cell.address,
      instanceAddress: parts.instanceAddress,
      ...(parts.ipv6Address !== '' && { instanceIpv6Address: parts.ipv6Address }),
      // host ports are those of the engine's own proxy
      ...(parts.isDirect !== false && { checkAddress: parts.instanceAddress }),
      ports: record.ports,
      processes: [...processes.values()].map((one) => one.info()),
    }),
    async open() {
      await openNetwork(parts);
    },
    run(spec) {
      const result = starting.then(() => start(spec));
      starting = result;
      return result;
    },
    process: (id) => processes.get(id)?.running,
    forget: (idPrefix) => forget(parts, idPrefix),
    ...filesIn(parts),
    limits: () => record.spec.limits,
    async moveTo(cores) {
      // one that is being started may have been told of the cores before
      await starting;
      await Promise.all([...processes.values()].map((one) => one.moveTo(cores)));
    },
    usage: async () => usageOf([...processes.values(), networkUsage(parts)], await disk.bytes()),
    // one that failed may be tried again
    destroy: () =>
      (destroying ??= starting
        .then(() => destroyAll(parts))
        .catch((error: unknown) => {
          destroying = undefined;
          throw error;
        })),
    async adopt(found) {
      // oldest first, as they were started; the engine tells the latest first, and no parts of seconds
      for (const one of found.toReversed().sort((a, b) => a.Created - b.Created)) {
        // a removal that an earlier life has asked for may be under way
        await unless([GONE], adoptOne(parts, one));
      }
    },
    detach() {
      for (const one of processes.values()) one.close();
    },
  };
};
