/**
 * One container: a volume that is its home and its record, and a container of the engine's per process. The first of
 * them has the network and the ports, others join it; so each process keeps its own output and exit status, which a
 * command run inside of another's container would lose with the rep.
 */
import { networkInterfaces } from 'node:os';
import { posix } from 'node:path';
import type { Container as EngineContainer, ContainerInfo as EngineInfo, EndpointSettings } from 'dockerode';
import type { Container, ExitStatus, ProcessSpec, RunResult } from '../../core/container-runtime.js';
import { specProblem } from '../process/environment.js';
import { createTreeMeter } from '../tree-size.js';
import { copyOutOf, isBelowHome, placeBindings, placeInto, readFrom, statOf } from './content.js';
import type { CellContext, ContainerRecord } from './context.js';
import { commandOf, filesOptions, processOptions } from './create-options.js';
import { reasonOf, statusOf, unless } from './engine-error.js';
import type { Image } from './images.js';
import { createEngineProcess, exitStatus } from './process.js';
import type { EngineProcess } from './process.js';
import { usageOf } from './usage.js';

/** ms for killed processes to end, before they are removed all the same */
const PATIENCE_MS = 5_000;
const GONE = 404;
const SHELL = '/bin/sh';
const CONFLICT = 409;

export interface EngineBackedContainer extends Container {
  /** finds what an earlier life made */
  adopt(found: readonly EngineInfo[]): Promise<void>;
  /** stops watching; what runs goes on */
  detach(): void;
}

/** What the parts of one container share. */
interface Parts {
  cell: CellContext;
  record: ContainerRecord;
  image: Image;
  /** by id */
  processes: Map<string, EngineProcess>;
  /** id of the process that has the network */
  owner: string | undefined;
  instanceAddress: string;
  /** the instance address is reached from this machine; undefined = not known yet */
  isDirect: boolean | undefined;
  files: Promise<EngineContainer> | undefined;
}

const NO_ADDRESS = { instanceAddress: '', isDirect: undefined };

/** What the engine says of a container's network, and whether its bridge is of this machine: else nobody gets there. */
const takeAddress = (parts: Parts, networks: Record<string, EndpointSettings>): void => {
  const found = Object.values(networks).find(({ IPAddress }) => IPAddress !== '');
  parts.instanceAddress = found?.IPAddress ?? '';
  const own = Object.values(networkInterfaces()).flat();
  parts.isDirect = own.some((one) => one?.address === found?.Gateway);
};

const register = (
  { cell, processes }: Parts,
  id: string,
  container: EngineContainer,
  exit?: ExitStatus,
): EngineProcess => {
  const { clock, logger, doubt } = cell;
  const one = createEngineProcess({ id, container, clock, logger, doubt }, exit);
  processes.set(id, one);
  return one;
};

/** The container whose network is joined; none when its process has ended: then the next one has it. */
const networkOwner = ({ owner, processes }: Parts): string | undefined => {
  const one = owner === undefined ? undefined : processes.get(owner);
  return one?.info().running ? one.engineId : undefined;
};

/** Said before the start: afterwards it is a line among the application's own, and a status like any other. */
const missingProgram = async (
  { image }: Parts,
  made: EngineContainer,
  spec: ProcessSpec,
): Promise<string | undefined> => {
  const [program = ''] = commandOf(image, spec);
  if (image.isStack || !posix.isAbsolute(program)) return undefined;
  try {
    await statOf(made, program);
    return undefined;
  } catch (error) {
    if (statusOf(error) !== GONE) throw error;
    const shell = program === SHELL ? ', which a start command or a task takes' : '';
    return `the image has no ${program}${shell}`;
  }
};

const makeProcess = async (
  parts: Parts,
  spec: ProcessSpec,
  joins: string | undefined,
): Promise<EngineProcess> => {
  const { cell, record, image } = parts;
  if (joins === undefined) Object.assign(parts, NO_ADDRESS);
  const made = await cell.docker.createContainer(processOptions({ cell, record, image, spec, joins }));
  try {
    const missing = await missingProgram(parts, made, spec);
    if (missing !== undefined) throw new Error(missing);
    if (spec.files !== undefined) await placeBindings(made, spec.files);
    await made.start();
  } catch (error) {
    await unless([GONE], made.remove({ force: true, v: true }));
    throw error;
  }
  const one = register(parts, spec.id, made);
  if (joins === undefined) {
    parts.owner = spec.id;
    takeAddress(parts, (await made.inspect()).NetworkSettings.Networks);
  }
  return one;
};

const hasEnded = async ({ cell }: Parts, engineId: string): Promise<boolean> => {
  try {
    return !(await cell.docker.getContainer(engineId).inspect()).State.Running;
  } catch (error) {
    return statusOf(error) === GONE;
  }
};

/** Who has the network may end at any moment: then this one has it. */
const joinOrOwn = async (parts: Parts, spec: ProcessSpec): Promise<EngineProcess> => {
  const joins = networkOwner(parts);
  try {
    return await makeProcess(parts, spec, joins);
  } catch (error) {
    if (joins === undefined || !(await hasEnded(parts, joins))) throw error;
    return makeProcess(parts, spec, undefined);
  }
};

const runIn = async (parts: Parts, spec: ProcessSpec): Promise<RunResult> => {
  const { image, processes } = parts;
  const command = commandOf(image, spec);
  const problem = specProblem({ ...spec, path: command[0] ?? '' });
  if (problem !== undefined) return { ok: false, reason: problem };
  if (processes.has(spec.id)) return { ok: false, reason: `process ${spec.id} exists already` };
  try {
    return { ok: true, process: (await joinOrOwn(parts, spec)).running };
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
};

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

const forget = async ({ cell, processes }: Parts, idPrefix: string): Promise<void> => {
  for (const [id, one] of processes) {
    if (!id.startsWith(idPrefix) || one.info().running) continue;
    await unless([GONE], cell.docker.getContainer(one.engineId).remove({ v: true }));
    one.close();
    processes.delete(id);
  }
};

const killAll = async ({ cell, processes }: Parts): Promise<void> => {
  const all = [...processes.values()];
  await Promise.all(all.map((one) => one.kill()));
  const ended = Promise.all(all.map((one) => one.running.exited));
  let cancel = (): void => undefined;
  const late = new Promise((resolve) => (cancel = cell.clock.after(PATIENCE_MS, () => resolve(undefined))));
  await Promise.race([ended, late]);
  cancel();
};

const destroyAll = async (parts: Parts): Promise<void> => {
  const { cell, record, processes } = parts;
  const { guid } = record.spec;
  await killAll(parts);
  const found = await cell.docker.listContainers({ all: true, filters: cell.names.filter(guid) });
  const removals = found.map(({ Id }) =>
    unless([GONE], cell.docker.getContainer(Id).remove({ force: true, v: true })),
  );
  await Promise.all(removals);
  for (const one of processes.values()) one.close();
  // the record goes last: whoever finds it knows whose the rest is
  await unless([GONE], cell.docker.getVolume(cell.names.volume(guid)).remove());
  cell.release(record);
};

const adoptProcess = async (parts: Parts, processId: string, container: EngineContainer): Promise<void> => {
  const { State, HostConfig, NetworkSettings } = await container.inspect();
  if (State.Status === 'exited' || State.Status === 'dead') {
    register(parts, processId, container, exitStatus(State.ExitCode, State.OOMKilled));
    return;
  }
  register(parts, processId, container);
  if (HostConfig.NetworkMode?.startsWith('container:')) return;
  parts.owner = processId;
  takeAddress(parts, NetworkSettings.Networks);
};

/**
 * Asked of itself, a container answers when no start of it is under way any more, as one may be that a killed rep has
 * asked for: a list tells of it as of one that was never started.
 */
const hasNotBegun = async (container: EngineContainer): Promise<boolean> =>
  (await container.inspect()).State.Status === 'created';

const adoptOne = async (parts: Parts, found: EngineInfo): Promise<void> => {
  const { cell } = parts;
  const { role, processId } = cell.names.readLabels(found.Labels);
  const container = cell.docker.getContainer(found.Id);
  if (role === 'files') {
    parts.files = Promise.resolve(container);
  } else if (found.State === 'created' && (await hasNotBegun(container))) {
    await unless([GONE], container.remove({ force: true, v: true }));
  } else {
    await adoptProcess(parts, processId, container);
  }
};

/** Of the home, where the engine keeps it: when that is on this machine, and ours to look at. */
const diskMeter = ({ cell, record }: Parts): (() => Promise<number | undefined>) => {
  const volume = cell.docker.getVolume(cell.names.volume(record.spec.guid));
  let meter: ReturnType<typeof createTreeMeter> | undefined;
  return async () => {
    try {
      meter ??= createTreeMeter([(await volume.inspect()).Mountpoint], cell.clock);
      return await meter();
    } catch {
      return undefined;
    }
  };
};

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
    owner: undefined,
    ...NO_ADDRESS,
    files: undefined,
  };
  let disk: (() => Promise<number | undefined>) | undefined;
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
      // host ports are those of the engine's own proxy
      ...(parts.isDirect !== false && { checkAddress: parts.instanceAddress }),
      ports: record.ports,
      processes: [...processes.values()].map((one) => one.info()),
    }),
    run(spec) {
      const result = starting.then(() => start(spec));
      starting = result;
      return result;
    },
    process: (id) => processes.get(id)?.running,
    forget: (idPrefix) => forget(parts, idPrefix),
    async place(content) {
      try {
        return await placeInto(cell, await filesOf(parts), content);
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
    usage: async () => usageOf([...processes.values()], await (disk ??= diskMeter(parts))()),
    // one that failed may be tried again
    destroy: () =>
      (destroying ??= starting
        .then(() => destroyAll(parts))
        .catch((error: unknown) => {
          destroying = undefined;
          throw error;
        })),
    async adopt(found) {
      // oldest first, as they were started
      for (const one of [...found].sort((a, b) => a.Created - b.Created)) await adoptOne(parts, one);
    },
    detach() {
      for (const one of processes.values()) one.close();
    },
  };
};
