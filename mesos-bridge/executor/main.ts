/** A cell that lives on a Mesos agent: an executor is a rep (design §2.3). */
import { existsSync } from 'node:fs';
import { createBbsClient } from '../../bbs/index.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import type { CellRepConfig } from '../../cell-rep/config.js';
import {
  assembleCellRep,
  chooseRuntime,
  createBusWorkSource,
  createTransfers,
  removeContainerRoot,
  removeLeftovers,
  transferMembers,
} from '../../cell-rep/assemble.js';
import type { CellRep, CellRepOptions } from '../../cell-rep/assemble.js';
import type { WorkSource } from '../../cell-rep/index.js';
import { createLogSink } from '../../common/adapters/log-sink.js';
import { createPinoLogger } from '../../common/adapters/pino-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { runComponent } from '../../common/runtime/component-process.js';
import type { ComponentMain } from '../../common/runtime/component-process.js';
import { joinConfigs } from '../../common/runtime/config.js';
import { closingMember } from '../../common/runtime/group.js';
import type { Member } from '../../common/runtime/group.js';
import { bbsLinkConfig, processConfig } from '../../common/runtime/process-config.js';
import { acquireDataLock } from '../../common/store/data-lock.js';
import { cellIdOf } from '../core/cell-id.js';
import { createExecutorClient } from '../protocol/executor/client.js';
import { readMesosTls } from '../protocol/tls.js';
import { createDriver } from './driver.js';
import type { ConnectAgent, DrivenRep, Driver } from './driver.js';
import { readEnvironment } from './environment.js';
import type { ExecutorEnvironment, Variables } from './environment.js';
import { enrol } from './enrol.js';
import { keepEnrolment, makePlace, otherPlaces, placeOf, removePlace } from './place.js';
import type { ExecutorPlace } from './place.js';
import { READY } from './supervise.js';
import { createFileTaskNotes } from './task-notes.js';
import type { TaskNotes } from './task-notes.js';

const config = joinConfigs({
  process: processConfig('cell'),
  link: bbsLinkConfig,
  cell: cellRepConfig,
});

/** What an executor is made of, besides what every cell is. */
export interface ExecutorOptions {
  environment: Pick<ExecutorEnvironment['agent'], 'executorId' | 'shutdownGraceMs' | 'checkpoint'>;
  connect: ConnectAgent;
  notes: TaskNotes;
}

/** ms for which a refused placement is refused again */
const WORK_DEADLINE_MS = 60_000;

/** The rep as the driver drives it. */
const drivenRep = (
  cell: CellRep['cell'],
  { clock, random }: { clock: Clock; random: Random },
): DrivenRep => ({
  whyClosed: cell.whyClosed,
  perform({ traceId, lrps, tasks }) {
    const { cellId, incarnation } = cell.state();
    const work = { traceId: traceId || random.uuid(), cellId, incarnation, lrps, tasks };
    const { outcomes } = cell.perform({ ...work, deadlineMs: WORK_DEADLINE_MS }, clock.monotonic());
    return outcomes.find(({ status }) => status !== 'accepted')?.reason ?? '';
  },
  has: (guid) => cell.container(guid) !== undefined,
  stop: (guid, cause, graceMs) => void cell.container(guid)?.stop(cause, graceMs),
  evacuate: () => void cell.evacuate({ traceId: random.uuid() }),
});

/** Stops and updates come over the bus, as to any cell; work comes from Mesos, and so does room. */
const workSourceOf = (bus: WorkSource, driver: Driver): WorkSource => ({
  ...bus,
  changed(state) {
    bus.changed(state);
    driver.repChanged();
  },
  capacityAppeared: () => undefined,
});

type CellParts = Omit<CellRepOptions, 'workSource' | 'watcher' | 'grants' | 'presenceOwner'>;

/** Rep and driver together: the driver speaks to the agent once the rep has adopted what is there, and stops first. */
export const assembleExecutor = (
  parts: CellParts,
  { environment, connect, notes }: ExecutorOptions,
): Pick<CellRep, 'members' | 'cell' | 'health' | 'done'> => {
  const { clock } = parts;
  const { cellId, graceMs } = parts.config;
  const logger = parts.logger.session('executor', { cellId });
  const { checkpoint: recovers, executorId, shutdownGraceMs } = environment;
  const times = { graceMs, shutdownGraceMs, recovers };
  const driver = createDriver({ clock, logger, connect, notes, ...times });
  const bus = createBusWorkSource({ ...parts, cellId });
  const rep = assembleCellRep({
    ...parts,
    workSource: workSourceOf(bus, driver),
    watcher: driver,
    grants: { total: driver.room, hostPorts: driver.hostPorts },
    // another executor on this agent is another holder: it waits until this one has let go
    presenceOwner: executorId,
  });
  const first: Member = { name: 'task-notes', start: driver.load, stop: () => undefined };
  const last: Member = {
    name: 'mesos-driver',
    start: () => driver.start(drivenRep(rep.cell, parts)),
    stop: driver.stop,
  };
  return {
    members: [first, ...rep.members, last],
    cell: rep.cell,
    health: rep.health,
    done: Promise.race([driver.done, rep.done]),
  };
};

/** The process that keeps this one; undefined: there is none. */
const keeper = (): { ready(): void; gone: Promise<void> } | undefined => {
  if (process.send === undefined) return undefined;
  const gone = new Promise<void>((resolve) =>
    process.connected ? process.once('disconnect', resolve) : resolve(),
  );
  // it listens for as long as it lives, and keeps nothing alive
  process.channel?.unref();
  return { gone, ready: () => void process.send?.(READY) };
};

interface Surroundings {
  clock: Clock;
  logger: Logger;
}

/** Containers that a killed life of a cell has left in its directory, but for those of `cellIds`. */
const clear = async (
  dataDir: string,
  { config: cell, cellIds }: { config?: CellRepConfig; cellIds: readonly string[] },
  { clock, logger }: Surroundings,
): Promise<void> => {
  const kind = cell?.runtime.kind ?? 'process';
  const engine = cell?.runtime.docker.engine ?? {};
  const choice = kind === 'docker' ? { kind, engine } : { kind };
  for (const line of await removeLeftovers({ dataDir, choice, cellIds, clock, logger }))
    logger.warn('leftovers', { dataDir, line });
};

/**
 * What executors have left that were killed with all that was to clean up after them, on this machine: their containers
 * take what Mesos has given to others since. Whoever lives holds the lock of its place.
 */
const clearOthers = async (place: ExecutorPlace, around: Surroundings): Promise<void> => {
  const { clock, logger } = around;
  for (const other of await otherPlaces(place)) {
    const startedAt = new Date(clock.now()).toISOString();
    const lock = acquireDataLock(other.dir, { pid: process.pid, startedAt, command: 'outcry cell --mesos' });
    if (!lock.ok) continue;
    try {
      await clear(other.cellDir, { cellIds: [] }, around);
      await removePlace(other);
      logger.warn('removed-dead-executor', { dir: other.dir });
    } catch (error) {
      logger.error('dead-executor-not-removed', { dir: other.dir, error });
    } finally {
      lock.value.release();
    }
  }
};

/** The executor as a process of its own, when it has enrolled. */
const executorMain = (
  environment: ExecutorEnvironment,
  place: ExecutorPlace,
): ComponentMain<ReturnType<typeof config.compile>> => ({
  component: 'cell',
  config,
  async assemble({ link, cell }, ground) {
    const { cellId, stateDir } = cell;
    const { logger } = ground;
    await clear(stateDir, { config: cell, cellIds: [cellId] }, ground);
    const bbs = createBbsClient({ endpoint: link.endpoint, ...ground });
    const chosen = { cellId, config: cell.runtime, dataDir: stateDir, ...ground };
    const { runtime, root } = await chooseRuntime(chosen);
    const transfers = createTransfers(cell, ground);
    const { agent } = environment;
    const caFile = agent.caFile === '' ? {} : { caFile: agent.caFile };
    const connect: ConnectAgent = (handlers, earlier) =>
      createExecutorClient({
        environment: agent,
        encoding: 'protobuf',
        ...(agent.overTls && { tls: readMesosTls(caFile) }),
        ...ground,
        logger: logger.session('agent'),
        handlers,
        earlier,
      });
    const notes = createFileTaskNotes(place.tasksDir, logger);
    const executor = assembleExecutor(
      { ...ground, config: cell, bbs, runtime, ...transfers },
      { environment: agent, connect, notes },
    );
    const kept = keeper();
    return {
      ...executor,
      // Mesos takes the executor for dead: what it has left here goes
      done: kept === undefined ? executor.done : Promise.race([executor.done, kept.gone]),
      members: [
        ...(root === undefined
          ? []
          : [closingMember('container-root', { close: () => removeContainerRoot(root) })]),
        closingMember('bbs-client', bbs),
        ...transferMembers(transfers),
        ...executor.members,
        { name: 'ready', start: () => kept?.ready(), stop: () => undefined },
      ],
    };
  },
});

/**
 * Runs this process as the executor that its environment describes, until Mesos or a signal ends it, or who keeps it does.
 * EXECUTOR_ENVIRONMENT_INVALID outside of a Mesos agent, ENROLMENT_REFUSED when the bridge does not know it.
 */
export const runExecutor = async (variables: Variables): Promise<void> => {
  process.umask(0o077);
  const environment = readEnvironment(variables);
  if (!environment.ok) throw new OutcryError('EXECUTOR_ENVIRONMENT_INVALID', { problem: environment.error });
  const { address, agent, dataDir } = environment.value;
  const { agentId, executorId } = agent;
  const sink = createLogSink({ file: undefined, maxBytes: 0 });
  const logger = createPinoLogger({ level: 'info', destination: sink }).session('executor', { executorId });
  const [clock, random] = [createSystemClock({ logger }), createSystemRandom()];
  const place = placeOf(dataDir, executorId);
  await makePlace(place);
  if (!existsSync(place.configFile)) {
    const enrolment = await enrol({ environment: environment.value, clock, random, logger });
    await keepEnrolment(place, enrolment, { cell_id: cellIdOf(agentId), address });
  }
  await clearOthers(place, { clock, logger });
  await runComponent(executorMain(environment.value, place), place.configFile);
  // nobody comes back to it
  await clear(place.cellDir, { cellIds: [] }, { clock, logger });
  await removePlace(place);
};
