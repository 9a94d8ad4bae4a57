/** A simulated agent alone: a master that only listens, executors that only speak, time moved by hand. */
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { err, ok } from '../../common/model/result.js';
import { createAgent } from '../../mesos-bridge/simulator/agent/agent.js';
import type { ExecutorDoor } from '../../mesos-bridge/simulator/agent/executor-door.js';
import { createExecutorEndpoint } from '../../mesos-bridge/simulator/handlers/executor-endpoint.js';
import type { AgentEndpoint } from '../../mesos-bridge/simulator/agent/parts.js';
import type {
  ExecutorLauncher,
  LaunchFailure,
  LaunchRequest,
  RunningExecutor,
} from '../../mesos-bridge/simulator/agent/launcher.js';
import type { AgentMessage, LinkEnd, MasterMessage } from '../../mesos-bridge/simulator/link.js';
import type {
  ExecutorCall,
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../mesos-bridge/protocol/messages.js';

export const AGENT_ID = 'm-S0';

export const aFramework = (of: Partial<FrameworkInfo> & { name?: string } = {}): FrameworkInfo => ({
  user: 'root',
  name: 'f',
  id: { value: 'm-0000' },
  checkpoint: false,
  capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
  roles: ['*'],
  offerFilters: {},
  ...of,
});

export const anExecutor = (id: string, of: Partial<ExecutorInfo> = {}): ExecutorInfo => ({
  executorId: { value: id },
  type: 'CUSTOM',
  resources: [],
  command: { value: 'run', shell: true, uris: [], arguments: [] },
  ...of,
});

export const aTask = (id: string, of: Partial<TaskInfo> = {}): TaskInfo => ({
  name: id,
  taskId: { value: id },
  agentId: { value: AGENT_ID },
  resources: [],
  limits: {},
  ...of,
});

export interface StartedExecutor {
  readonly request: LaunchRequest;
  destroyed: boolean;
  exit(status: number): void;
}

const createFakeLauncher = (): {
  launcher: ExecutorLauncher;
  started: StartedExecutor[];
  failNext(failure: LaunchFailure): void;
} => {
  const started: StartedExecutor[] = [];
  let failure: LaunchFailure | undefined;
  return {
    started,
    failNext: (next) => void (failure = next),
    launcher: {
      async launch(request) {
        if (failure) {
          const told = failure;
          failure = undefined;
          return err(told);
        }
        let exit: (status: number) => void = () => undefined;
        const exited = new Promise<number>((resolve) => (exit = resolve));
        const one: StartedExecutor = { request, destroyed: false, exit };
        started.push(one);
        const running: RunningExecutor = {
          pid: 4711,
          exited,
          signal: () => undefined,
          destroy() {
            one.destroyed = true;
            exit(9);
          },
        };
        return ok(running);
      },
    },
  };
};

/** An executor's side: its events, and what it says. */
export interface ScriptedExecutor {
  readonly events: ExecutorEvent[];
  ended: boolean;
  types(): (string | undefined)[];
  update(taskId: string, state: TaskState, more?: Partial<TaskStatus>): TaskStatus;
  close(): void;
}

let uuids = 0;

export const aStatus = (taskId: string, state: TaskState, more: Partial<TaskStatus> = {}): TaskStatus => {
  uuids += 1;
  const uuid = Buffer.alloc(16);
  uuid.writeUInt32BE(uuids, 12);
  return { taskId: { value: taskId }, state, source: 'SOURCE_EXECUTOR', uuid, timestamp: 1, ...more };
};

export interface GroundOptions {
  readonly agentId?: string;
  /** a listener of its own, on a socket; without: executors reach it in this process only */
  readonly listens?: boolean;
  /** absent: one that starts nothing */
  readonly builtIn?: (door: ExecutorDoor) => ExecutorLauncher;
  readonly clock?: FakeClock;
  readonly workDir?: string;
}

export const createAgentGround = ({
  agentId = AGENT_ID,
  listens = false,
  clock = createFakeClock(),
  workDir = '/work',
  builtIn,
}: GroundOptions = {}) => {
  const { launcher, started, failNext } = createFakeLauncher();
  const sent: AgentMessage[] = [];
  const logger = createCaptureLogger();
  let end: LinkEnd<MasterMessage> | undefined;
  let listening = true;
  let door!: ExecutorDoor;
  let endpoint: AgentEndpoint | undefined;
  const agent = createAgent(
    {
      hostname: 'agent-1',
      ip: '127.0.0.1',
      port: 5051,
      resources: [],
      attributes: [],
      masters: [
        {
          connect(agentEnd) {
            if (!listening) return undefined;
            end = agentEnd;
            return { send: (message) => void sent.push(message), close: () => (end = undefined) };
          },
        },
      ],
      launcher,
      builtIn: builtIn ?? (() => launcher),
      clock,
      random: createSeededRandom(1),
      logger,
      workDir,
    },
    (opened) => {
      door = opened;
      if (listens) {
        endpoint = createExecutorEndpoint(opened, { ip: '127.0.0.1', port: 0, logger });
        return endpoint;
      }
      return { open: async () => 5051, crash: () => undefined, close: async () => undefined };
    },
  );

  const tell = async (message: MasterMessage): Promise<void> => {
    end?.deliver(message);
    await clock.advance(0);
  };
  const say = (executorId: string, call: Partial<ExecutorCall>, frameworkId = 'm-0000') =>
    door.call({ executorId: { value: executorId }, frameworkId: { value: frameworkId }, ...call });

  return {
    agent,
    clock,
    sent,
    started,
    failNext,
    door: () => door,
    port: (): Promise<number> => endpoint?.open() ?? Promise.resolve(0),
    close: async (): Promise<void> => endpoint?.close(),
    tell,
    say,
    listen: (whether: boolean) => void (listening = whether),
    breakLink: () => end?.closed(),
    /** starts it, and has the master take it */
    async register(): Promise<void> {
      agent.start();
      await clock.advance(1_000);
      await tell({ kind: 'registered', agentId });
    },
    async run(
      task: TaskInfo,
      of: { framework?: FrameworkInfo; launchExecutor?: boolean } = {},
    ): Promise<void> {
      const { framework = aFramework(), launchExecutor = true } = of;
      const placement = { framework, launchExecutor, ...(task.executor && { executor: task.executor }) };
      await tell({ kind: 'run-task', placement, task });
    },
    subscribe(executorId: string, more: Partial<ExecutorCall['subscribe'] & object> = {}): ScriptedExecutor {
      const answer = say(executorId, {
        type: 'SUBSCRIBE',
        subscribe: { unacknowledgedTasks: [], unacknowledgedUpdates: [], ...more },
      });
      if (typeof answer !== 'object' || !('subscribe' in answer))
        throw new Error(`not subscribed: ${JSON.stringify(answer)}`);
      const executor: ScriptedExecutor = {
        events: [],
        ended: false,
        types: () => executor.events.map(({ type }) => type),
        update(taskId, state, more = {}) {
          const status = aStatus(taskId, state, more);
          say(executorId, { type: 'UPDATE', update: { status } });
          return status;
        },
        close: () => cancel(),
      };
      const cancel = answer.subscribe({
        send: (event) => void executor.events.push(event),
        end: () => void (executor.ended = true),
      });
      return executor;
    },
    /** what was said of tasks, since the last look */
    updates(): { taskId: string; state: TaskState; status: TaskStatus; latestState?: TaskState }[] {
      return sent.splice(0).flatMap((message) =>
        message.kind === 'status-update'
          ? [
              {
                taskId: message.status.taskId.value,
                state: message.status.state,
                status: message.status,
                ...(message.latestState && { latestState: message.latestState }),
              },
            ]
          : [],
      );
    },
    acknowledge: (status: TaskStatus, frameworkId = 'm-0000') =>
      tell({
        kind: 'acknowledge',
        frameworkId,
        taskId: status.taskId.value,
        uuid: status.uuid ?? new Uint8Array(),
      }),
  };
};

export type AgentGround = ReturnType<typeof createAgentGround>;
