/** Executors that live in this process and speak to their agents over HTTP, with the client that our own executor has. */
import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { ok } from '../../common/model/result.js';
import type { KnownExecutorEvent } from '../../mesos-bridge/protocol/events.js';
import { createExecutorClient } from '../../mesos-bridge/protocol/executor/client.js';
import type { ExecutorClient } from '../../mesos-bridge/protocol/executor/client.js';
import { readExecutorEnvironment } from '../../mesos-bridge/protocol/executor/environment.js';
import type { TaskInfo } from '../../mesos-bridge/protocol/messages.js';
import type {
  ExecutorLauncher,
  LaunchRequest,
  RunningExecutor,
} from '../../mesos-bridge/simulator/agent/launcher.js';

export interface InProcessGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What runs a task; without: STARTING and RUNNING at once, KILLED when it is told so. */
export type RunTask = (client: ExecutorClient, task: TaskInfo) => void;

const runForEver: RunTask = (client, { taskId }) => {
  client.update({ taskId, state: 'TASK_STARTING' });
  client.update({ taskId, state: 'TASK_RUNNING' });
};

export interface InProcessExecutors extends ExecutorLauncher {
  /** how often each task was handed to an executor */
  readonly launches: ReadonlyMap<string, number>;
  /** executors that live */
  alive(): number;
}

const hear = (
  client: ExecutorClient,
  event: KnownExecutorEvent,
  on: { run(task: TaskInfo): void; exit(status: number): void },
): void => {
  switch (event.type) {
    case 'LAUNCH':
      return on.run(event.launch.task);
    case 'LAUNCH_GROUP':
      return event.launchGroup.taskGroup.tasks.forEach(on.run);
    case 'KILL':
      return void client.update({ taskId: event.kill.taskId, state: 'TASK_KILLED' });
    case 'MESSAGE':
      return void client.message(Buffer.concat([Buffer.from('echo:'), event.message.data]));
    case 'SHUTDOWN':
      return on.exit(0);
    default:
      return undefined;
  }
};

const DESTROYED = 9;

export const createInProcessExecutors = (
  ground: InProcessGround,
  run: RunTask = runForEver,
): InProcessExecutors => {
  const launches = new Map<string, number>();
  let alive = 0;
  const start = ({ environment }: LaunchRequest): RunningExecutor => {
    const read = readExecutorEnvironment(environment);
    if (!read.ok) throw new Error(read.error);
    let resolve: (status: number) => void = () => undefined;
    const exited = new Promise<number>((done) => (resolve = done));
    alive += 1;
    void exited.then(() => (alive -= 1));
    const exit = (status: number): void => {
      client.close();
      resolve(status);
    };
    const client: ExecutorClient = createExecutorClient({
      ...ground,
      environment: read.value,
      encoding: 'protobuf',
      handlers: {
        onEvent: (event) =>
          hear(client, event, {
            exit,
            run(task) {
              launches.set(task.taskId.value, (launches.get(task.taskId.value) ?? 0) + 1);
              run(client, task);
            },
          }),
        onLost: () => undefined,
        onGone: () => exit(0),
      },
    });
    client.start();
    return {
      pid: undefined,
      exited,
      signal: (signal) => (signal === 'SIGKILL' || signal === 'SIGTERM') && exit(DESTROYED),
      destroy: () => exit(DESTROYED),
    };
  };
  return { launches, alive: () => alive, launch: async (request) => ok(start(request)) };
};
