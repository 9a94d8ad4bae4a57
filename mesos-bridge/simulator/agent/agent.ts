/** A simulated Mesos agent: what src/slave of Mesos does, as far as frameworks and executors can see it. */
import type { FrameworkInfo, OfferOperation } from '../../protocol/messages.js';
import type { MasterMessage, UnknownTasks } from '../link.js';
import { createExecutorDoor } from './executor-door.js';
import type { ExecutorDoor } from './executor-door.js';
import { destroyExecutor, forgetIfDone, shutdownExecutor } from './executor-life.js';
import type { ExecutorLauncher, ExecutorSignal, RunningExecutor } from './launcher.js';
import { createMasterLink } from './master-link.js';
import type { MasterLink } from './master-link.js';
import { applyOperation } from './operations.js';
import { AGENT_TIMES, executorOf, forgetIfIdle, frameworkOf } from './parts.js';
import type { AgentEndpoint, AgentOptions, AgentParts, AgentPhase, AgentState } from './parts.js';
import { forgetMemory, recover } from './recovery.js';
import { orLost } from './records.js';
import type { ExecutorRecord } from './records.js';
import { sayOf } from './statuses.js';
import { createStatusUpdates } from './status-updates.js';
import { killAllForDrain, killTask, runWork } from './work.js';

/** An executor as it is seen from outside its agent. */
export interface SeenExecutor {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly phase: ExecutorRecord['phase'];
  readonly subscribed: boolean;
  readonly pid: number | undefined;
  readonly sandbox: string;
  readonly token: string;
  readonly taskIds: readonly string[];
}

export interface SimulatedAgent {
  readonly hostname: string;
  /** undefined: no master has given it one yet */
  id(): string | undefined;
  phase(): AgentPhase;
  executors(): SeenExecutor[];
  signal(executor: { frameworkId: string; executorId: string }, signal: ExecutorSignal): void;
  start(): void;
  /** as kill -9 of the agent: its executors live on */
  crash(): void;
  /** starts it again after `crash`, `leave` or `lose`, with what it had written down */
  restart(): void;
  /** as SIGUSR1: it tells its master that it goes, and ends with its executors */
  leave(): void;
  /** as the loss of its machine: nothing of it is left */
  lose(): void;
  /** has its executors end in their own time, which is bounded; resolves when they have. Its master is not told. */
  retire(): Promise<void>;
  /** ends it and its executors at once; resolves when nothing is left of either */
  stop(): Promise<void>;
}

const executorsOf = ({ state }: AgentParts): ExecutorRecord[] =>
  [...state.frameworks.values()].flatMap(({ executors }) => [...executors.values()]);

const shutdownFramework = (parts: AgentParts, frameworkId: string): void => {
  const framework = parts.state.frameworks.get(frameworkId);
  if (!framework) return;
  framework.terminating = true;
  for (const stream of framework.streams.values()) stream.cancelRetry?.();
  framework.streams.clear();
  for (const executor of framework.executors.values()) {
    shutdownExecutor(parts, executor);
    if (executor.phase === 'terminated') executor.tasks.clear();
    forgetIfDone(parts, framework, executor);
  }
  forgetIfIdle(parts, framework);
};

const acknowledged = (
  parts: AgentParts,
  { frameworkId, taskId, uuid }: Extract<MasterMessage, { kind: 'acknowledge' }>,
): void => {
  const framework = parts.state.frameworks.get(frameworkId);
  if (!framework || parts.updates.acknowledge(framework, taskId, uuid) !== 'terminal') return;
  for (const executor of framework.executors.values()) {
    executor.tasks.delete(taskId);
    forgetIfDone(parts, framework, executor);
  }
  forgetIfIdle(parts, framework);
};

const sayUnknown = (parts: AgentParts, { framework: info, taskIds }: UnknownTasks): void => {
  const framework = frameworkOf(parts, info);
  const known = new Set([...framework.executors.values()].flatMap(({ tasks }) => [...tasks.keys()]));
  for (const taskId of taskIds) {
    if (known.has(taskId) || framework.streams.has(taskId)) continue;
    sayOf(parts, framework, taskId, {
      state: orLost('TASK_DROPPED', info),
      reason: 'REASON_RECONCILIATION',
      message: 'Reconciliation: task unknown to the agent',
    });
  }
  forgetIfIdle(parts, framework);
};

const updateFramework = ({ state }: AgentParts, info: FrameworkInfo): void => {
  const framework = state.frameworks.get(info.id?.value ?? '');
  if (framework) framework.info = info;
};

const operate = (
  parts: AgentParts,
  { frameworkId, operation }: { frameworkId: string; operation: OfferOperation },
): void => {
  const { state, options } = parts;
  state.checkpointed = applyOperation(state.checkpointed, operation);
  if (operation.id === undefined) return;
  parts.tell({
    kind: 'operation-update',
    frameworkId,
    status: {
      operationId: operation.id,
      state: 'OPERATION_FINISHED',
      convertedResources: [],
      uuid: { value: Buffer.from(options.random.uuid().replaceAll('-', ''), 'hex') },
      ...(state.id !== undefined && { agentId: { value: state.id } }),
    },
  });
};

const registeredAs = (parts: AgentParts, id: string): void => {
  parts.state.id = id;
  parts.state.phase = 'registered';
};

interface Hearing {
  readonly parts: AgentParts;
  readonly link: MasterLink;
  end(): void;
}

/** What is not of one executor or task. */
const hearOfItself = ({ parts, link, end }: Hearing, message: MasterMessage): void => {
  switch (message.kind) {
    case 'registered':
      return registeredAs(parts, message.agentId);
    case 'reregistered':
      registeredAs(parts, message.agentId);
      for (const unknown of message.unknownTasks) sayUnknown(parts, unknown);
      return parts.updates.resume(parts.state.frameworks.values());
    case 'ping':
      parts.tell({ kind: 'pong' });
      return message.connected ? undefined : link.registerAgain();
    case 'drain': {
      const { kind: _kind, ...drain } = message;
      parts.state.drain = drain;
      return killAllForDrain(parts);
    }
    case 'reactivated':
      delete parts.state.drain;
      return undefined;
    case 'shutdown':
      return end();
    default:
      return undefined;
  }
};

const hear = (hearing: Hearing, message: MasterMessage): void => {
  const { parts, link } = hearing;
  switch (message.kind) {
    case 'run-task':
      runWork(parts, message.placement, { kind: 'task', tasks: [message.task] });
      break;
    case 'run-group':
      runWork(parts, message.placement, { kind: 'group', tasks: message.group.tasks });
      break;
    case 'kill-task':
      killTask(parts, message);
      break;
    case 'acknowledge':
      acknowledged(parts, message);
      break;
    case 'shutdown-executor': {
      const executor = executorOf(parts, message.frameworkId, message.executorId);
      if (executor) shutdownExecutor(parts, executor);
      break;
    }
    case 'shutdown-framework':
      shutdownFramework(parts, message.frameworkId);
      break;
    case 'framework-message':
      executorOf(parts, message.frameworkId, message.executorId)?.stream?.send({
        type: 'MESSAGE',
        message: { data: message.data },
      });
      break;
    case 'update-framework':
      updateFramework(parts, message.framework);
      break;
    case 'apply-operation':
      operate(parts, message);
      break;
    case 'acknowledge-operation':
      break;
    default:
      hearOfItself(hearing, message);
  }
  if (parts.state.phase !== 'ended') link.heard();
};

const seen = (executor: ExecutorRecord): SeenExecutor => ({
  frameworkId: executor.frameworkId,
  executorId: executor.id,
  phase: executor.phase,
  subscribed: executor.stream !== undefined,
  pid: executor.container?.pid,
  sandbox: executor.sandbox,
  token: executor.token,
  taskIds: [...executor.tasks.keys()],
});

const containersOf = (parts: AgentParts): RunningExecutor[] =>
  executorsOf(parts).flatMap(({ container }) => container ?? []);

/** Containers whose executors the agent has forgotten end too: they are asked for before it forgets them. */
const destroyAll = (parts: AgentParts): Promise<unknown> => {
  const containers = containersOf(parts);
  for (const executor of executorsOf(parts)) destroyExecutor(executor);
  return Promise.all(containers.map(({ exited }) => exited));
};

export type OpenEndpoint = (door: ExecutorDoor) => AgentEndpoint;

interface LaterParts {
  readonly link: MasterLink;
  readonly endpoint: AgentEndpoint;
  readonly builtIn: ExecutorLauncher;
}

/** `later`: what needs these parts itself */
const createParts = (options: AgentOptions, later: () => LaterParts): AgentParts => {
  const state: AgentState = { phase: 'down', frameworks: new Map(), checkpointed: [] };
  const tell: AgentParts['tell'] = (message) => {
    if (state.phase === 'registered') later().link.send(message);
  };
  return {
    options,
    times: { ...AGENT_TIMES, ...options.times },
    state,
    tell,
    updates: createStatusUpdates({
      clock: options.clock,
      connected: () => state.phase === 'registered',
      forward: ({ id: frameworkId }, status, latestState) =>
        tell({ kind: 'status-update', frameworkId, status, ...(latestState && { latestState }) }),
    }),
    get endpoint() {
      return later().endpoint;
    },
    get builtIn() {
      return later().builtIn;
    },
  };
};

export const createAgent = (options: AgentOptions, openEndpoint: OpenEndpoint): SimulatedAgent => {
  const parts: AgentParts = createParts(options, () => ({ link, endpoint, builtIn }));
  const { state } = parts;
  const door = createExecutorDoor(parts);
  const endpoint = openEndpoint(door);
  const builtIn = options.builtIn(door);
  const end = async (): Promise<void> => {
    link.drop();
    state.phase = 'ended';
    delete state.drain;
    const containers = containersOf(parts);
    for (const id of state.frameworks.keys()) shutdownFramework(parts, id);
    // it waits for its executors, and they still speak to it
    await Promise.all(containers.map(({ exited }) => exited));
    if (state.phase === 'ended') endpoint.crash();
  };
  const link = createMasterLink({
    parts: () => parts,
    hear: (message) => hear({ parts, link, end: () => void end() }, message),
  });
  const look = (): void => {
    state.phase = 'detached';
    link.look();
  };
  const crash = (): void => {
    link.drop();
    endpoint.crash();
    forgetMemory(parts);
  };
  return {
    hostname: options.hostname,
    id: () => state.id,
    phase: () => state.phase,
    executors: () => executorsOf(parts).map(seen),
    signal({ frameworkId, executorId }, signal) {
      executorOf(parts, frameworkId, executorId)?.container?.signal(signal);
    },
    start: look,
    crash,
    restart() {
      if (state.phase !== 'down' && state.phase !== 'ended') return;
      recover(parts, look);
      // executors look for it where it was
      if (executorsOf(parts).length > 0) void endpoint.open();
    },
    leave() {
      parts.tell({ kind: 'unregister' });
      void end();
    },
    retire: end,
    lose() {
      crash();
      void destroyAll(parts);
    },
    async stop() {
      link.drop();
      state.phase = 'ended';
      await destroyAll(parts);
      await endpoint.close();
    },
  };
};
