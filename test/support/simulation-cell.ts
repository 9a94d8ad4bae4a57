import { assembleCellRep } from '../../cell-rep/assemble.js';
import type { CellRep } from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import type { ContainerNotes, ContainerRecord, StoredContainer } from '../../cell-rep/containers/memory.js';
import { fromTags } from '../../cell-rep/core/identity.js';
import type { ContainerIdentity } from '../../cell-rep/core/identity.js';
import type { RunPlan } from '../../cell-rep/core/run-plan.js';
import { createSimulatedRuntime, createSimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import type { SimulatedContainer, SimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import type { SimulatedRuntimeOptions } from '../../cell-rep/runtimes/simulated/runtime.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import type { Member } from '../../common/runtime/group.js';
import { createGroup } from '../../common/runtime/group.js';
import type { BbsClient } from '../../bbs/index.js';
import { must } from './bbs.js';
import type { BusFaults, Life, RuntimeFaults } from './simulation-mortal.js';
import { createLife, createMortalBus, createMortalRuntime } from './simulation-mortal.js';
import { NO_UPLOADS } from './no-uploads.js';

/** The disk of a cell: what a rep has noted down, whole files at a time. */
export interface Disk {
  plans: Map<string, string>;
  records: Map<string, string>;
}

/** The rep's notes on a disk that takes its time; what a killed rep was about to write is not written. */
export const createDiskNotes = (
  disk: Disk,
  { life, random }: { life: Life; random: Random },
): ContainerNotes => {
  let tail = Promise.resolve();
  const write = (job: () => void): Promise<void> =>
    (tail = tail.then(async () => {
      await life.clock.sleep(random.fraction() * 2);
      job();
    }));
  return {
    async load() {
      const guids = new Set([...disk.plans.keys(), ...disk.records.keys()]);
      const unknown: ContainerRecord = {
        state: 'initializing',
        setUp: false,
        done: [],
        started: {},
        outputs: {},
      };
      return [...guids].map((guid): StoredContainer => {
        const [plan, record] = [disk.plans.get(guid), disk.records.get(guid)];
        return {
          guid,
          record: record === undefined ? unknown : (JSON.parse(record) as ContainerRecord),
          ...(plan === undefined ? {} : { plan: JSON.parse(plan) as RunPlan }),
        };
      });
    },
    savePlan(plan) {
      const text = JSON.stringify(plan);
      return write(() => void disk.plans.set(plan.identity.guid, text));
    },
    save(guid, record) {
      const text = JSON.stringify(record);
      return write(() => void disk.records.set(guid, text));
    },
    remove: (guid) =>
      write(() => {
        disk.plans.delete(guid);
        disk.records.delete(guid);
      }),
  };
};

export interface CellSize {
  zone: string;
  memoryMb: number;
  diskMb: number;
  containers: number;
}

export interface SimulatedCellOptions extends CellSize {
  cellId: string;
  index: number;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** another connection to the simulation's bus */
  connect(): MemoryBus;
  client(life: Life): BbsClient;
  script: NonNullable<SimulatedRuntimeOptions['script']>;
  busFaults: BusFaults;
  runtimeFaults: RuntimeFaults;
  config: Record<string, unknown>;
}

interface RepLife {
  life: Life;
  rep: CellRep;
  connection: MemoryBus;
  stop(): Promise<void>;
}

export interface Contents {
  identity: ContainerIdentity;
  container: SimulatedContainer;
  running: boolean;
}

/** A machine: its containers and its disk, and the rep that lives on it at present. */
export interface SimulatedCell extends CellSize {
  readonly cellId: string;
  readonly world: SimulatedWorld;
  rep(): CellRep | undefined;
  connection(): MemoryBus | undefined;
  start(): Promise<void>;
  /** gracefully; the next start finds what this leaves */
  stop(): Promise<void>;
  /** the rep alone, as by SIGKILL: containers run on */
  kill(): void;
  /** the whole machine: containers end with it, the disk stays */
  powerOff(): void;
  contents(): Contents[];
}

/** What is in the containers of a machine. */
export const contentsOf = (world: SimulatedWorld): Contents[] =>
  [...world.containers.values()].map((container) => ({
    container,
    identity: fromTags(container.guid, container.info().tags) as ContainerIdentity,
    running: container.processes.get('main')?.info().running ?? false,
  }));

const CONFIG = { graceful_shutdown_interval: '10s', route_start_jitter: 0 };

export const createSimulatedCell = (options: SimulatedCellOptions): SimulatedCell => {
  const { cellId, clock, random, logger, zone, memoryMb, diskMb, containers } = options;
  const world = createSimulatedWorld();
  const disk: Disk = { plans: new Map(), records: new Map() };
  let current: RepLife | undefined;

  const assemble = (): RepLife & { start(): Promise<void> } => {
    const life = createLife(clock);
    const connection = options.connect();
    // the world's own clock: containers live on when the rep does not
    const runtime = createSimulatedRuntime({ clock, random, world, script: options.script });
    const rep = assembleCellRep({
      uploader: NO_UPLOADS,
      config: must(
        cellRepConfig.parse(
          {
            cell_id: cellId,
            cell_index: options.index,
            zone,
            memory: `${memoryMb}M`,
            disk: `${diskMb}M`,
            max_containers: containers,
            ...CONFIG,
            ...options.config,
          },
          'simulation',
        ),
      ),
      clock: life.clock,
      random,
      logger,
      bus: createMortalBus(connection, { life, random, faults: options.busFaults }),
      bbs: options.client(life),
      runtime: createMortalRuntime(runtime, { life, random, faults: options.runtimeFaults }),
      downloader: { fetch: () => Promise.reject(new Error('nothing to download here')) },
      notes: createDiskNotes(disk, { life, random }),
      presenceOwner: `rep-of-${cellId}`,
    });
    const group = createGroup(rep.members as Member[], logger);
    return { life, rep, connection, start: group.start, stop: group.stop };
  };

  const end = (): void => {
    const ended = current;
    current = undefined;
    ended?.life.kill();
    ended?.connection.disconnect();
    void ended?.connection.close();
  };

  return {
    cellId,
    zone,
    memoryMb,
    diskMb,
    containers,
    contents: () => contentsOf(world),
    world,
    rep: () => current?.rep,
    connection: () => current?.connection,
    async start() {
      const made = assemble();
      current = made;
      await made.start();
    },
    async stop() {
      const stopping = current;
      await stopping?.stop();
      if (current === stopping) end();
    },
    kill: end,
    powerOff() {
      end();
      for (const container of [...world.containers.values()]) void container.destroy();
    },
  };
};
