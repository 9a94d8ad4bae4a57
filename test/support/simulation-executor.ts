import { assembleExecutor } from '../../mesos-bridge/executor/main.js';
import { readEnvironment } from '../../mesos-bridge/executor/environment.js';
import type { ExecutorEnvironment } from '../../mesos-bridge/executor/environment.js';
import type { TaskNotes, TaskRecord } from '../../mesos-bridge/executor/task-notes.js';
import type { EnrolmentRequest } from '../../mesos-bridge/core/enrolment.js';
import { cellIdOf } from '../../mesos-bridge/core/cell-id.js';
import type { TokenVerdict } from '../../mesos-bridge/handlers/enrolment-tokens.js';
import { createExecutorClient } from '../../mesos-bridge/protocol/executor/client.js';
import type { LaunchRequest, RunningExecutor } from '../../mesos-bridge/simulator/agent/launcher.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import type { CellRep } from '../../cell-rep/assemble.js';
import { createSimulatedRuntime, createSimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import type { SimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createGroup } from '../../common/runtime/group.js';
import { must } from './bbs.js';
import { NO_UPLOADS } from './no-uploads.js';
import type { AgentDoor } from './simulation-agent-door.js';
import { contentsOf, createDiskNotes } from './simulation-cell.js';
import type { Contents, Disk } from './simulation-cell.js';
import { createLife, createMortalBus, createMortalRuntime } from './simulation-mortal.js';
import type { Life } from './simulation-mortal.js';
import type { Simulation } from './simulation.js';

export interface ExecutorBoxOptions {
  simulation: Simulation;
  request: LaunchRequest;
  door: AgentDoor;
  /** undefined: no bridge answers */
  enrol(request: EnrolmentRequest): TokenVerdict | undefined;
}

/** A Mesos container: the executor that lives in it, life after life, and the containers of its cell. */
export interface ExecutorBox {
  readonly executorId: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly cellId: string;
  readonly world: SimulatedWorld;
  readonly running: RunningExecutor;
  /** the container is there */
  exists(): boolean;
  rep(): Pick<CellRep, 'cell'> | undefined;
  connection(): MemoryBus | undefined;
  contents(): Contents[];
  /** the worker alone, as by SIGKILL: its containers run on, and who keeps it starts it again */
  killWorker(): void;
}

interface Worker {
  life: Life;
  connection: MemoryBus;
  rep: Pick<CellRep, 'cell'>;
  stop(): Promise<void>;
}

const KILLED = 9;
const WORKER_AGAIN_MS = 200;
const ENROL_AGAIN_MS = 1_000;
const REFUSED_STATUS = 256;

/** Notes on a disk that takes its time, whole files at a time; what a killed life was about to write is not written. */
const createDiskTaskNotes = (
  disk: Map<string, TaskRecord>,
  life: Life,
  fraction: () => number,
): TaskNotes => {
  let tail = Promise.resolve();
  /** go with what is written next */
  let lazy: (() => void)[] = [];
  const put = (record: TaskRecord) => (): void => void disk.set(record.task.taskId.value, record);
  const write = (job: () => void): Promise<void> => {
    const jobs = [...lazy, job];
    lazy = [];
    return (tail = tail.then(async () => {
      await life.clock.sleep(fraction() * 2);
      for (const one of jobs) one();
    }));
  };
  return {
    load: async () => [...disk.values()],
    save: (record) => write(put(record)),
    acknowledged: (record) => void lazy.push(put(record)),
    remove: (taskId) => void lazy.push(() => disk.delete(taskId)),
  };
};

const CONFIG = { graceful_shutdown_interval: '10s', route_start_jitter: 0, on_stop: 'stop-containers' };

export const createExecutorBox = ({ simulation, request, door, enrol }: ExecutorBoxOptions): ExecutorBox => {
  const { clock, random, faults } = simulation;
  const { logger, connect, wired, script } = simulation.parts;
  const environment: ExecutorEnvironment = must(readEnvironment(request.environment));
  const { agentId, executorId } = environment.agent;
  const cellId = cellIdOf(agentId);
  const world = createSimulatedWorld();
  const disk: Disk = { plans: new Map(), records: new Map() };
  const tasks = new Map<string, TaskRecord>();
  /** of the whole container */
  const life = createLife(clock);
  let worker: Worker | undefined;
  let resolve: (status: number) => void = () => undefined;
  const exited = new Promise<number>((done) => (resolve = done));

  const endWorker = (): void => {
    const ended = worker;
    worker = undefined;
    if (ended === undefined) return;
    ended.life.kill();
    door.hangUp(ended.life);
    ended.connection.disconnect();
    void ended.connection.close();
  };
  const end = (status: number): void => {
    if (!life.alive()) return;
    life.kill();
    endWorker();
    for (const container of [...world.containers.values()]) void container.destroy();
    // its agent hears of it a little later
    clock.after(random.fraction() * 100, () => resolve(status));
  };

  const config = must(cellRepConfig.parse({ cell_id: cellId, ...CONFIG }, 'simulation'));

  const startWorker = async (): Promise<void> => {
    const own = createLife(clock);
    const connection = connect();
    const ground = { clock: own.clock, random, logger };
    const runtime = createSimulatedRuntime({ clock, random, world, script });
    const executor = assembleExecutor(
      {
        ...ground,
        config,
        bus: createMortalBus(connection, { life: own, random, faults: faults.bus }),
        bbs: wired(own),
        runtime: createMortalRuntime(runtime, { life: own, random, faults: faults.runtime }),
        downloader: { fetch: () => Promise.reject(new Error('nothing to download here')) },
        uploader: NO_UPLOADS,
        notes: createDiskNotes(disk, { life: own, random }),
      },
      {
        environment: environment.agent,
        notes: createDiskTaskNotes(tasks, own, random.fraction),
        connect: (handlers, earlier) =>
          createExecutorClient({
            ...ground,
            environment: environment.agent,
            encoding: 'protobuf',
            handlers,
            earlier,
            openSession: (options) => door.connect(options, own),
          }),
      },
    );
    const group = createGroup(executor.members, logger);
    worker = { life: own, connection, rep: executor, stop: group.stop };
    await group.start();
    void own.gate(executor.done).then(() => stopWorker(own));
  };

  const stopWorker = async (own: Life): Promise<void> => {
    if (worker?.life !== own) return;
    await own.gate(worker.stop());
    end(0);
  };

  const enrolled = async (): Promise<boolean> => {
    const { token } = environment.enrolment;
    const asked = { token, executorId, agentId, nonce: random.uuid() };
    for (;;) {
      const verdict = enrol(asked);
      if (verdict !== undefined) return verdict === 'good';
      await life.clock.sleep(ENROL_AGAIN_MS);
    }
  };

  const begin = async (): Promise<void> => {
    // a program takes its time to start
    await life.clock.sleep(200 + random.fraction() * 800);
    if (await enrolled()) return startWorker();
    logger.warn('enrolment-refused', { executorId });
    end(REFUSED_STATUS);
  };
  void begin();

  return {
    executorId,
    frameworkId: request.frameworkId,
    agentId,
    cellId,
    world,
    exists: life.alive,
    rep: () => worker?.rep,
    connection: () => worker?.connection,
    contents: () => contentsOf(world),
    running: {
      pid: undefined,
      exited,
      signal(signal) {
        if (signal === 'SIGKILL') end(KILLED);
        else if (signal === 'SIGTERM' && worker) void stopWorker(worker.life);
      },
      destroy: () => end(KILLED),
    },
    killWorker() {
      endWorker();
      life.clock.after(WORKER_AGAIN_MS, () => void startWorker());
    },
  };
};
