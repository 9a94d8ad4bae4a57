/** A whole simulated Mesos for tests, fast by its flags, and a framework on it. */
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { KnownSchedulerEvent } from '../../mesos-bridge/protocol/events.js';
import { listOfMasters } from '../../mesos-bridge/protocol/leader/masters.js';
import type {
  ExecutorInfo,
  FrameworkInfo,
  Offer,
  Resource,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../mesos-bridge/protocol/messages.js';
import { createSchedulerClient } from '../../mesos-bridge/protocol/scheduler/client.js';
import type { SchedulerClient } from '../../mesos-bridge/protocol/scheduler/client.js';
import { alikeAgents } from '../../mesos-bridge/simulator/agent-specs.js';
import { startSimulatedMesos } from '../../mesos-bridge/simulator/simulated-mesos.js';
import type { SimulatedMesos, SimulatedMesosOptions } from '../../mesos-bridge/simulator/simulated-mesos.js';
import { eventually } from './eventually.js';
import { createInProcessExecutors } from './mesos-executors.js';
import type { InProcessExecutors } from './mesos-executors.js';

/** What a master and its agents wait for, shortened: tests of them wait for conditions. */
export const FAST: Pick<SimulatedMesosOptions, 'flags' | 'times'> = {
  flags: { allocationIntervalMs: 20, agentPingTimeoutMs: 50, maxAgentPingTimeouts: 3 },
  times: {
    registrationBackoff: 10,
    pingTimeout: 1_500,
    executorReregistration: 300,
    containerRecovery: 10,
    shutdownGrace: 500,
  },
};

export const CREDENTIAL = { principal: 'test', secret: 'of the test' } as const;

/** What of a test is needed here. */
export interface TestGround {
  testdir(): string;
  teardown(end: () => unknown): void;
}

export interface TestMesos extends SimulatedMesos {
  readonly executors: InProcessExecutors;
}

/** `seed`: of everything that is left to chance in it */
export const startTestMesos = async (
  t: TestGround,
  {
    seed = 1,
    agents = 3,
    ...options
  }: { seed?: number; agents?: number } & Partial<Omit<SimulatedMesosOptions, 'agents'>> = {},
): Promise<TestMesos> => {
  const logger = createCaptureLogger();
  const [clock, random] = [createSystemClock(), createSeededRandom(seed)];
  const executors = createInProcessExecutors({ clock, random, logger });
  const mesos = await startSimulatedMesos({
    clock,
    random,
    logger,
    credentials: [CREDENTIAL],
    launcher: executors,
    workDir: t.testdir(),
    ...FAST,
    ...options,
    agents: alikeAgents({ count: agents }),
  });
  t.teardown(() => mesos.stop());
  await eventually(() => mesos.agents.every((agent) => agent.phase() === 'registered'));
  return { ...mesos, executors };
};

export interface TestFramework {
  readonly client: SchedulerClient;
  readonly events: KnownSchedulerEvent[];
  /** those that can be accepted */
  readonly offers: Map<string, Offer>;
  /** in the order in which they came, each uuid once */
  readonly statuses: TaskStatus[];
  id(): string;
  state(taskId: string): TaskState | undefined;
  states(taskId: string): TaskState[];
  /** one on that agent, or any */
  offer(hostname?: string): Promise<Offer>;
  accept(offer: Offer, tasks: readonly TaskInfo[]): void;
}

const scalar = (name: string, value: number): Resource => ({
  name,
  type: 'SCALAR',
  scalar: { value },
  reservations: [],
});

export const taskOn = (offer: Offer, id: string, more: Partial<TaskInfo> = {}): TaskInfo => ({
  name: id,
  taskId: { value: id },
  agentId: offer.agentId,
  resources: [scalar('cpus', 0.1), scalar('mem', 32)],
  limits: {},
  ...more,
});

export const executorOf = (id: string, command = 'executor'): ExecutorInfo => ({
  executorId: { value: id },
  type: 'CUSTOM',
  resources: [scalar('cpus', 0.1), scalar('mem', 32)],
  command: { value: command, shell: true, uris: [], arguments: [] },
});

/** Acknowledges what it has noted; so what it has not seen comes again. */
export const startTestFramework = (
  t: TestGround,
  mesos: SimulatedMesos,
  { user = 'root', ...more }: Partial<FrameworkInfo> = {},
): TestFramework => {
  const clock = createSystemClock();
  const events: KnownSchedulerEvent[] = [];
  const offers = new Map<string, Offer>();
  const statuses: TaskStatus[] = [];
  const seen = new Set<string>();
  const states = new Map<string, TaskState>();
  let id = '';

  const note = (status: TaskStatus): void => {
    const uuid = status.uuid && Buffer.from(status.uuid).toString('hex');
    if (uuid === undefined || !seen.has(uuid)) {
      statuses.push(status);
      states.set(status.taskId.value, status.state);
    }
    if (uuid === undefined || !status.uuid || !status.agentId) return;
    seen.add(uuid);
    const { agentId, taskId } = status;
    void client.send({ type: 'ACKNOWLEDGE', acknowledge: { agentId, taskId, uuid: status.uuid } });
  };
  const onEvent = (event: KnownSchedulerEvent): void => {
    events.push(event);
    if (event.type === 'SUBSCRIBED') {
      id = event.subscribed.frameworkId.value;
      offers.clear();
    }
    if (event.type === 'OFFERS') for (const offer of event.offers.offers) offers.set(offer.id.value, offer);
    if (event.type === 'RESCIND') offers.delete(event.rescind.offerId.value);
    if (event.type === 'UPDATE') note(event.update.status);
  };
  const client = createSchedulerClient({
    masters: listOfMasters(mesos.masters.map(({ address }) => address)),
    encoding: 'protobuf',
    credentials: CREDENTIAL,
    clock,
    random: createSeededRandom(3),
    logger: createCaptureLogger(),
    subscription: () => ({
      frameworkInfo: {
        user,
        name: 'test',
        principal: CREDENTIAL.principal,
        checkpoint: true,
        failoverTimeout: 60,
        roles: ['*'],
        capabilities: [
          { type: 'MULTI_ROLE' },
          { type: 'PARTITION_AWARE' },
          { type: 'TASK_KILLING_STATE' },
          { type: 'RESERVATION_REFINEMENT' },
        ],
        ...more,
        ...(id !== '' && { id: { value: id } }),
      },
    }),
    handlers: { onEvent, onLost: () => offers.clear() },
  });
  t.teardown(() => client.close());
  client.start();
  return {
    client,
    events,
    offers,
    statuses,
    id: () => id,
    state: (taskId) => states.get(taskId),
    states: (taskId) => statuses.filter((one) => one.taskId.value === taskId).map(({ state }) => state),
    offer: (hostname) =>
      eventually(() =>
        [...offers.values()].find((one) => hostname === undefined || one.hostname === hostname),
      ),
    accept(offer, tasks) {
      offers.delete(offer.id.value);
      const launch = { taskInfos: tasks };
      void client.send({
        type: 'ACCEPT',
        accept: {
          offerIds: [offer.id],
          operations: [{ type: 'LAUNCH', launch }],
          filters: { refuseSeconds: 0 },
        },
      });
    },
  };
};
