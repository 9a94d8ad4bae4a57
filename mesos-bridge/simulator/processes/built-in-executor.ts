/**
 * The executors that an agent brings itself: for tasks that are a command, and for task groups that ask for the
 * default one. Simple: they run commands, and know neither checks nor health checks.
 */
import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cancel, Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import type {
  ExecutorCall,
  ExecutorEvent,
  FrameworkInfo,
  KillPolicy,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../protocol/messages.js';
import { toMs } from '../agent/environment.js';
import type { ExecutorDoor } from '../agent/executor-door.js';
import type { LaunchRequest, RunningExecutor } from '../agent/launcher.js';
import { isTerminal } from '../../core/task-status.js';
import { hasCapability } from '../agent/records.js';
import { DESTROYED } from '../agent/waitpid.js';
import type { Account } from './accounts.js';
import { startContainer } from './container.js';
import type { RunningContainer } from './container.js';
import { endingText } from './ending-text.js';

/** ms; how long a command has between SIGTERM and SIGKILL, when neither task nor KILL says so */
const DEFAULT_GRACE_MS = 3_000;
/** ms; between the last word of a task and the end of its executor */
const LINGER_MS = 1_000;

interface RunningTask {
  readonly info: TaskInfo;
  /** tasks of one group end together when one of them fails */
  readonly group: readonly TaskInfo[];
  state: TaskState;
  container?: RunningContainer;
  /** how its end is told, when it was brought about */
  why?: { readonly state: TaskState; readonly reason?: TaskStatus['reason'] };
  cancelTimers: Cancel[];
}

export interface BuiltInGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly door: ExecutorDoor;
  readonly account: Account | undefined;
}

/** Its state; the functions below are what it does. */
interface Executor {
  readonly ground: BuiltInGround;
  readonly request: LaunchRequest;
  readonly tasks: Map<string, RunningTask>;
  /** by hex of their uuid: sent, and not acknowledged by the agent */
  readonly unacknowledged: Map<string, TaskStatus>;
  framework?: FrameworkInfo;
  leaving: boolean;
  exit(status: number): void;
}

const say = (
  executor: Executor,
  call: Partial<ExecutorCall>,
): ReturnType<ExecutorDoor['call']> | undefined => {
  const { ground, request } = executor;
  if (ground.door.isRecovering()) return undefined;
  return ground.door.call({
    executorId: { value: request.executorId },
    frameworkId: { value: request.frameworkId },
    ...call,
  });
};

const tell = (
  executor: Executor,
  task: RunningTask,
  told: { state: TaskState; message?: string; reason?: TaskStatus['reason'] },
): void => {
  const { clock, random } = executor.ground;
  const uuid = Buffer.from(random.uuid().replaceAll('-', ''), 'hex');
  const { reason, ...rest } = told;
  const status: TaskStatus = {
    taskId: task.info.taskId,
    executorId: { value: executor.request.executorId },
    source: 'SOURCE_EXECUTOR',
    timestamp: clock.now() / 1000,
    uuid,
    ...rest,
    ...(reason !== undefined && { reason }),
  };
  task.state = status.state;
  executor.unacknowledged.set(uuid.toString('hex'), status);
  say(executor, { type: 'UPDATE', update: { status } });
};

const leaveWhenDone = (executor: Executor): void => {
  const done = [...executor.tasks.values()].every(({ state }) => isTerminal(state));
  if (!done || executor.unacknowledged.size > 0 || executor.leaving) return;
  executor.leaving = true;
  executor.ground.clock.after(LINGER_MS, () => {
    executor.leaving = false;
    const quiet = [...executor.tasks.values()].every(({ state }) => isTerminal(state));
    if (quiet) executor.exit(0);
  });
};

const after = (executor: Executor, task: RunningTask, ms: number, what: () => void): void => {
  task.cancelTimers.push(executor.ground.clock.after(ms, what));
};

const terminate = (
  executor: Executor,
  task: RunningTask,
  how: { why: NonNullable<RunningTask['why']>; policy?: KillPolicy | undefined },
): void => {
  if (isTerminal(task.state) || task.why) return;
  task.why = how.why;
  const grace = how.policy?.gracePeriod ?? task.info.killPolicy?.gracePeriod;
  task.container?.terminate();
  after(executor, task, grace ? toMs(grace.nanoseconds) : DEFAULT_GRACE_MS, () => task.container?.destroy());
};

const kill = (executor: Executor, task: RunningTask, policy?: KillPolicy): void => {
  if (isTerminal(task.state) || task.why) return;
  if (executor.framework && hasCapability(executor.framework, 'TASK_KILLING_STATE'))
    tell(executor, task, { state: 'TASK_KILLING' });
  terminate(executor, task, { why: { state: 'TASK_KILLED' }, policy });
};

const ended = (executor: Executor, task: RunningTask, status: number): void => {
  task.cancelTimers.forEach((cancel) => cancel());
  const { state, reason } = task.why ?? { state: status === 0 ? 'TASK_FINISHED' : 'TASK_FAILED' };
  tell(executor, task, { state, message: endingText(status), reason });
  const siblings = task.group.flatMap(({ taskId }) => executor.tasks.get(taskId.value) ?? []);
  if (state !== 'TASK_FINISHED') for (const sibling of siblings) kill(executor, sibling);
};

/** A command task has its executor's directory to itself; those of a group have one each below it. */
const homeOf = async ({ request, ground }: Executor, { info }: RunningTask): Promise<string> => {
  if (request.executor.type !== 'DEFAULT') return request.sandbox;
  const home = join(request.sandbox, 'tasks', info.taskId.value);
  await mkdir(home, { recursive: true });
  if (ground.account) await chown(home, ground.account.uid, ground.account.gid);
  return home;
};

const run = async (executor: Executor, task: RunningTask): Promise<void> => {
  const { request, ground } = executor;
  const { command, maxCompletionTime } = task.info;
  const own = command?.environment?.variables.map(({ name, value = '' }) => [name, value]) ?? [];
  const [file = '', ...args] =
    command?.shell === false
      ? [command.value ?? '', ...command.arguments.slice(1)]
      : ['/bin/sh', '-c', command?.value ?? ''];
  const environment = { ...request.environment, ...(Object.fromEntries(own) as Record<string, string>) };
  const sandbox = await homeOf(executor, task);
  const started = await startContainer({ file, args, sandbox, environment, account: ground.account });
  if (!started.ok) return ended(executor, task, started.error.status);
  task.container = started.value;
  if (task.why) task.container.terminate();
  else tell(executor, task, { state: 'TASK_RUNNING' });
  if (maxCompletionTime)
    after(executor, task, toMs(maxCompletionTime.nanoseconds), () =>
      terminate(executor, task, {
        why: { state: 'TASK_FAILED', reason: 'REASON_MAX_COMPLETION_TIME_REACHED' },
      }),
    );
  void task.container.exited.then((status) => ended(executor, task, status));
};

const take = (executor: Executor, infos: readonly TaskInfo[]): void => {
  const tasks = infos.map((info): RunningTask => ({
    info,
    group: infos.length > 1 ? infos : [],
    state: 'TASK_STAGING',
    cancelTimers: [],
  }));
  for (const task of tasks) {
    executor.tasks.set(task.info.taskId.value, task);
    tell(executor, task, { state: 'TASK_STARTING' });
  }
  for (const task of tasks) void run(executor, task);
};

const shutdown = (executor: Executor): void => {
  for (const task of executor.tasks.values()) terminate(executor, task, { why: { state: 'TASK_KILLED' } });
  const ends = [...executor.tasks.values()].flatMap(({ container }) => container?.exited ?? []);
  void Promise.all(ends).then(() => executor.exit(0));
};

const hear = (executor: Executor, event: ExecutorEvent): void => {
  if (event.subscribed) executor.framework = event.subscribed.frameworkInfo;
  if (event.launch) take(executor, [event.launch.task]);
  if (event.launchGroup) take(executor, event.launchGroup.taskGroup.tasks);
  if (event.acknowledged) {
    executor.unacknowledged.delete(Buffer.from(event.acknowledged.uuid).toString('hex'));
    leaveWhenDone(executor);
  }
  if (event.type === 'SHUTDOWN') shutdown(executor);
  const task = event.kill && executor.tasks.get(event.kill.taskId.value);
  if (task) kill(executor, task, event.kill?.killPolicy);
};

const untilSubscribed = (executor: Executor, giveUpAt: number, alive: () => boolean): void => {
  const { clock, random } = executor.ground;
  if (!alive()) return;
  const answer = say(executor, {
    type: 'SUBSCRIBE',
    subscribe: {
      unacknowledgedTasks: [],
      unacknowledgedUpdates: [...executor.unacknowledged.values()].map((status) => ({ status })),
    },
  });
  if (typeof answer === 'object' && 'subscribe' in answer) {
    // events come while the agent is in the middle of something
    const later = (what: () => void): void => void Promise.resolve().then(() => alive() && what());
    answer.subscribe({
      send: (event) => later(() => hear(executor, event)),
      end: () => later(() => disconnected(executor, alive)),
    });
    return;
  }
  if (clock.monotonic() >= giveUpAt) return shutdown(executor);
  clock.after(random.fraction() * 1_000, () => untilSubscribed(executor, giveUpAt, alive));
};

const RECOVERY_TIMEOUT_MS = 900_000;

const disconnected = (executor: Executor, alive: () => boolean): void => {
  if (executor.framework?.checkpoint !== true) return shutdown(executor);
  untilSubscribed(executor, executor.ground.clock.monotonic() + RECOVERY_TIMEOUT_MS, alive);
};

/** Starts one. It ends when its tasks have, or when it is told to. */
export const startBuiltInExecutor = (request: LaunchRequest, ground: BuiltInGround): RunningExecutor => {
  let resolveExit: (status: number) => void = () => undefined;
  let alive = true;
  const exited = new Promise<number>((resolve) => (resolveExit = resolve));
  const executor: Executor = {
    ground,
    request,
    tasks: new Map(),
    unacknowledged: new Map(),
    leaving: false,
    exit(status) {
      alive = false;
      resolveExit(status);
    },
  };
  const destroy = (): void => {
    if (!alive) return;
    alive = false;
    const containers = [...executor.tasks.values()].flatMap((task) => {
      task.cancelTimers.forEach((cancel) => cancel());
      return task.container ?? [];
    });
    for (const container of containers) container.destroy();
    void Promise.all(containers.map((container) => container.exited)).then(() => resolveExit(DESTROYED));
  };
  untilSubscribed(executor, ground.clock.monotonic() + RECOVERY_TIMEOUT_MS, () => alive);
  return {
    pid: undefined,
    exited,
    signal: (signal) => {
      if (signal === 'SIGKILL' || signal === 'SIGTERM') destroy();
    },
    destroy,
  };
};
