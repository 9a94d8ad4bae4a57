import type { ConnectAgent } from '../../mesos-bridge/executor/driver.js';
import type { TaskNotes, TaskRecord } from '../../mesos-bridge/executor/task-notes.js';
import type { LrpWork, TaskWork } from '../../common/model/auction.js';
import { encode } from '../../common/wire/codec.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { cellIdOf } from '../../mesos-bridge/core/cell-id.js';
import { taskIdOf } from '../../mesos-bridge/core/task-id.js';
import { assembleExecutor } from '../../mesos-bridge/executor/main.js';
import type { KnownExecutorEvent } from '../../mesos-bridge/protocol/events.js';
import type { ExecutorClient, ExecutorHandlers } from '../../mesos-bridge/protocol/executor/client.js';
import type { Earlier } from '../../mesos-bridge/protocol/executor/unacknowledged.js';
import type {
  Draft,
  ExecutorEvent,
  Resource,
  TaskInfo,
  TaskStatus,
} from '../../mesos-bridge/protocol/messages.js';
import { lrpWork, taskWork } from './lrps.js';
import { NO_UPLOADS } from './no-uploads.js';
import { createWorld } from './rep.js';
import type { RepWorld } from './rep.js';
import type { FakeContainer } from './fake-runtime.js';

export const AGENT_ID = 'agent-S0';
export const EXECUTOR_ID = 'outcry.abc.1';

/** An agent that acknowledges when it is told to, and forgets nothing; what a client makes of it is told with statuses. */
export interface ScriptedAgent {
  connect: ConnectAgent;
  handlers(): ExecutorHandlers;
  /** what the executor says that an earlier life has left */
  earlier(): Earlier;
  /** every status, in order */
  statuses: Draft<TaskStatus>[];
  messages: string[];
  /** acknowledges each status at once; default true */
  acknowledges: boolean;
  isSubscribed: boolean;
  tell(event: KnownExecutorEvent): void;
  acknowledge(status: Draft<TaskStatus>): void;
  /** `STARTING`, `RUNNING` … of that task, or of all */
  told(taskId?: string): string[];
  last(taskId: string): Draft<TaskStatus> | undefined;
}

const SUBSCRIBED = { executorInfo: {}, frameworkInfo: {}, agentInfo: {} } as unknown as NonNullable<
  ExecutorEvent['subscribed']
>;

let uuids = 0;

export const createScriptedAgent = (): ScriptedAgent => {
  let given: { handlers: ExecutorHandlers; earlier: Earlier } | undefined;
  const heard = (): { handlers: ExecutorHandlers; earlier: Earlier } => {
    if (given === undefined) throw new Error('the executor has no client yet');
    return given;
  };
  const pending = new Set<Draft<TaskStatus>>();
  const take = (status: Draft<TaskStatus>): void => {
    agent.statuses.push(status);
    pending.add(status);
    // the agent answers later, as it does over a socket
    if (agent.acknowledges) queueMicrotask(() => agent.acknowledge(status));
  };
  const client: ExecutorClient = {
    start() {
      agent.isSubscribed = true;
      agent.tell({ type: 'SUBSCRIBED', subscribed: SUBSCRIBED });
      for (const { status } of heard().earlier.updates) take(status);
    },
    update(status) {
      const made = {
        ...status,
        source: 'SOURCE_EXECUTOR' as const,
        uuid: new Uint8Array(16).fill((uuids += 1)),
      };
      take(made);
      return made;
    },
    async message(data) {
      agent.messages.push(Buffer.from(data).toString());
      return undefined;
    },
    subscribed: () => agent.isSubscribed,
    drained: async () => pending.size === 0,
    close: () => undefined,
  };
  const agent: ScriptedAgent = {
    connect(handlers, earlier) {
      given = { handlers, earlier };
      return client;
    },
    handlers: () => heard().handlers,
    earlier: () => heard().earlier,
    statuses: [],
    messages: [],
    acknowledges: true,
    isSubscribed: false,
    tell: (event) => heard().handlers.onEvent(event),
    acknowledge(status) {
      const { taskId, uuid = new Uint8Array() } = status;
      pending.delete(status);
      agent.tell({ type: 'ACKNOWLEDGED', acknowledged: { taskId, uuid } });
    },
    told: (taskId) =>
      agent.statuses
        .filter((one) => taskId === undefined || one.taskId.value === taskId)
        .map(({ state }) => state.replace('TASK_', '')),
    last: (taskId) => agent.statuses.findLast((one) => one.taskId.value === taskId),
  };
  return agent;
};

const scalar = (name: string, value: number): Resource =>
  ({ name, type: 'SCALAR', scalar: { value } }) as unknown as Resource;

export interface Given {
  cpus?: number;
  mem?: number;
  disk?: number;
  ports?: readonly [number, number];
}

const resources = ({ cpus = 0.1, mem = 64, disk = 64, ports }: Given): Resource[] => [
  scalar('cpus', cpus),
  scalar('mem', mem),
  scalar('disk', disk),
  ...(ports
    ? [
        {
          name: 'ports',
          type: 'RANGES',
          ranges: { range: [{ begin: BigInt(ports[0]), end: BigInt(ports[1]) }] },
        } as unknown as Resource,
      ]
    : []),
];

const must = (id: ReturnType<typeof taskIdOf>): string => {
  if (!id.ok) throw new Error(id.error);
  return id.value;
};

const taskInfo = (id: string, work: { lrps: LrpWork[]; tasks: TaskWork[] }, given: Given): TaskInfo => ({
  name: id,
  taskId: { value: id },
  agentId: { value: AGENT_ID },
  resources: resources(given),
  data: encode('Work', { traceId: 't', cellId: '', incarnation: '', deadlineMs: 0, ...work }),
  limits: {},
});

/** A Mesos task that is an instance. */
export const lrpTask = (
  instanceGuid: string,
  over: Partial<LrpWork> = {},
  given: Given = { ports: [31_000, 31_000] },
): TaskInfo => {
  const one = lrpWork({ placementId: `p-${instanceGuid}`, instanceGuid, ...over });
  const { index, processGuid } = one;
  return taskInfo(
    must(taskIdOf({ kind: 'lrp', instanceGuid, index, processGuid })),
    { lrps: [one], tasks: [] },
    given,
  );
};

export const oneOffTask = (
  attemptGuid: string,
  over: Partial<TaskWork> = {},
  given: Given = {},
): TaskInfo => {
  const one = taskWork({ placementId: `p-${attemptGuid}`, ...over });
  return taskInfo(
    must(taskIdOf({ kind: 'task', attemptGuid, taskGuid: one.taskGuid })),
    { lrps: [], tasks: [one] },
    given,
  );
};

export const createMemoryTaskNotes = (): TaskNotes & { records: Map<string, TaskRecord> } => {
  const records = new Map<string, TaskRecord>();
  return {
    records,
    load: () => Promise.resolve([...records.values()]),
    async save(record) {
      records.set(record.task.taskId.value, record);
    },
    acknowledged: (record) => void records.set(record.task.taskId.value, record),
    remove: (taskId) => void records.delete(taskId),
  };
};

export interface RunningExecutor {
  world: RepWorld;
  agent: ScriptedAgent;
  cell: ReturnType<typeof assembleExecutor>['cell'];
  notes: ReturnType<typeof createMemoryTaskNotes>;
  /** it has ended by itself */
  ended(): boolean;
  launch(task: TaskInfo): string;
  kill(taskId: string, graceMs?: number): void;
  until(check: () => boolean, what: string, stepMs?: number): Promise<void>;
  only(): FakeContainer;
  stop(): Promise<void>;
}

export interface ExecutorOver {
  world?: RepWorld;
  agent?: ScriptedAgent;
  /** to another than `agent` */
  connect?: ConnectAgent;
  notes?: ReturnType<typeof createMemoryTaskNotes>;
  recovers?: boolean;
  shutdownGraceMs?: number;
  config?: Record<string, unknown>;
  executorId?: string;
}

const configure = (over: Record<string, unknown> = {}) => {
  const parsed = cellRepConfig.parse(
    { cell_id: cellIdOf(AGENT_ID), on_stop: 'stop-containers', ...over },
    'test',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
};

let seed = 1_000;

/** A real driver and a real rep, on a runtime, a board and time that are the test's. */
export const startExecutor = async (over: ExecutorOver = {}): Promise<RunningExecutor> => {
  const {
    world = createWorld(),
    agent = createScriptedAgent(),
    notes = createMemoryTaskNotes(),
    recovers = true,
    shutdownGraceMs = 20_000,
    executorId = EXECUTOR_ID,
  } = over;
  const { bbs, bus, clock, logger, runtime } = world;
  seed += 1;
  const executor = assembleExecutor(
    {
      config: configure(over.config),
      clock,
      random: createSeededRandom(seed),
      logger,
      bus: bus.client(),
      bbs,
      runtime,
      downloader: { fetch: async () => ({ ok: false, reason: 'no network' }) },
      uploader: NO_UPLOADS,
    },
    {
      environment: {
        executorId,
        shutdownGraceMs,
        checkpoint: recovers,
      },
      connect: over.connect ?? agent.connect,
      notes,
    },
  );
  const group = createGroup(executor.members, logger);
  await group.start();
  let ended = false;
  void executor.done.then(() => (ended = true));
  const until = async (check: () => boolean, what: string, stepMs = 10): Promise<void> => {
    const deadline = performance.now() + 5_000;
    while (!check()) {
      if (performance.now() > deadline) throw new Error(`never: ${what}; told: ${agent.told().join(' ')}`);
      await clock.advance(stepMs);
      // sockets, where there are any, have their turn
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    world,
    agent,
    cell: executor.cell,
    notes,
    ended: () => ended,
    launch(task) {
      agent.tell({ type: 'LAUNCH', launch: { task } });
      return task.taskId.value;
    },
    kill(value, graceMs) {
      const killPolicy =
        graceMs === undefined
          ? {}
          : { killPolicy: { gracePeriod: { nanoseconds: BigInt(graceMs) * 1_000_000n } } };
      agent.tell({ type: 'KILL', kill: { taskId: { value }, ...killPolicy } });
    },
    until,
    only() {
      const [container] = [...runtime.containers.values()];
      if (container === undefined) throw new Error('no container');
      return container;
    },
    stop: async () => {
      let stopped = false;
      const stopping = group.stop().then(() => (stopped = true));
      await until(() => stopped, 'stopped', 50);
      await stopping;
    },
  };
};
