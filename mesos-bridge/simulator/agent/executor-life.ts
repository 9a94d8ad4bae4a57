/** Executors of a simulated agent: brought to life, shut down, gone. */
import { join } from 'node:path';
import type { ExecutorInfo } from '../../protocol/messages.js';
import { executorEnvironment } from './environment.js';
import { executorOf, forgetIfIdle, graceOf } from './parts.js';
import type { AgentParts } from './parts.js';
import { orLost } from './records.js';
import type { Ending, ExecutorRecord, FrameworkRecord } from './records.js';
import type { RunningExecutor } from './launcher.js';
import { sayOf } from './statuses.js';

const TERMINATED: Ending = {
  state: 'TASK_FAILED',
  reason: 'REASON_EXECUTOR_TERMINATED',
  message: 'Executor terminated',
};

const isCurrent = (parts: AgentParts, executor: ExecutorRecord): boolean =>
  executorOf(parts, executor.frameworkId, executor.id) === executor;

const stopTimer = (executor: ExecutorRecord): void => {
  executor.cancelTimer?.();
  delete executor.cancelTimer;
};

export const setTimer = (
  { options }: AgentParts,
  executor: ExecutorRecord,
  ms: number,
  task: () => void,
): void => {
  stopTimer(executor);
  executor.cancelTimer = options.clock.after(ms, task);
};

/** Ends its container, now or as soon as it is there. */
export const destroyExecutor = (executor: ExecutorRecord, ending?: Ending): void => {
  if (executor.phase === 'terminated') return;
  stopTimer(executor);
  executor.phase = 'terminating';
  if (ending) executor.ending ??= ending;
  executor.doomed = true;
  executor.container?.destroy();
};

/** Forgets an executor that has ended, once nothing of it waits to be acknowledged. */
export const forgetIfDone = (
  parts: AgentParts,
  framework: FrameworkRecord,
  executor: ExecutorRecord,
): void => {
  if (executor.phase !== 'terminated' || executor.tasks.size > 0) return;
  framework.executors.delete(executor.id);
  forgetIfIdle(parts, framework);
};

/** Tells what became of the tasks of an executor that has ended, and of itself: of itself first, as Mesos does. */
export const executorEnded = (parts: AgentParts, executor: ExecutorRecord, status: number): void => {
  const framework = parts.state.frameworks.get(executor.frameworkId);
  if (!framework || !isCurrent(parts, executor) || executor.phase === 'terminated') return;
  if (parts.state.phase === 'down') {
    executor.endedWith = status;
    return;
  }
  stopTimer(executor);
  executor.phase = 'terminated';
  executor.stream?.end();
  delete executor.stream;
  executor.queue.length = 0;
  const { frameworkId, id: executorId } = executor;
  if (!executor.ofCommandTask && !framework.terminating)
    parts.tell({ kind: 'exited-executor', frameworkId, executorId, status });
  const ending = executor.ending ?? TERMINATED;
  for (const [taskId, { stage }] of executor.tasks)
    if (stage !== 'terminated')
      sayOf(parts, framework, taskId, { ...ending, state: orLostIfDropped(ending, framework), executor });
  if (framework.terminating) executor.tasks.clear();
  forgetIfDone(parts, framework, executor);
};

const NOT_FOR_ALL = new Set(['TASK_DROPPED', 'TASK_GONE', 'TASK_GONE_BY_OPERATOR']);

const orLostIfDropped = ({ state }: Ending, { info }: FrameworkRecord): Ending['state'] =>
  NOT_FOR_ALL.has(state) ? orLost(state, info) : state;

const watch = (parts: AgentParts, executor: ExecutorRecord, container: RunningExecutor): void => {
  executor.container = container;
  void container.exited.then((status) => executorEnded(parts, executor, status));
  // whoever forgot it meanwhile cannot end it any more
  if (executor.doomed === true || !isCurrent(parts, executor)) container.destroy();
};

const bringToLife = async (
  parts: AgentParts,
  framework: FrameworkRecord,
  executor: ExecutorRecord,
): Promise<void> => {
  const { options, times, state, endpoint } = parts;
  const port = await endpoint.open();
  const environment = executorEnvironment({
    agentId: state.id ?? '',
    ip: options.ip,
    port,
    executor,
    framework: framework.info,
    graceMs: graceOf(executor, times),
    recoveryTimeoutMs: times.recoveryTimeout,
    reregistrationTimeoutMs: times.executorReregistration,
    extra: options.environment ?? {},
  });
  const builtIn = executor.ofCommandTask || executor.info.type === 'DEFAULT';
  const launched = await (builtIn ? parts.builtIn : options.launcher).launch({
    frameworkId: executor.frameworkId,
    executorId: executor.id,
    containerId: executor.containerId,
    executor: executor.info,
    user: executor.info.command?.user ?? framework.info.user,
    sandbox: executor.sandbox,
    environment,
  });
  if (launched.ok) return watch(parts, executor, launched.value);
  const { status, ...ending } = launched.error;
  executor.ending ??= ending;
  executorEnded(parts, executor, status);
};

const registrationEnding = (ms: number): Ending => ({
  state: 'TASK_FAILED',
  reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
  message: `Executor did not register within ${ms / 60_000}mins`,
});

export interface NewExecutor {
  readonly info: ExecutorInfo;
  readonly ofCommandTask: boolean;
}

/** Starts an executor; it is there to be given work at once, and gets it when it has subscribed. */
export const launchExecutor = (
  parts: AgentParts,
  framework: FrameworkRecord,
  { info, ofCommandTask }: NewExecutor,
): ExecutorRecord => {
  const { options, times, state } = parts;
  const { random, logger, workDir } = options;
  const [id, containerId] = [info.executorId.value, random.uuid()];
  const home = ['slaves', state.id ?? '', 'frameworks', framework.id, 'executors', id, 'runs', containerId];
  const executor: ExecutorRecord = {
    frameworkId: framework.id,
    id,
    info,
    ofCommandTask,
    containerId,
    token: random.secret(32),
    sandbox: join(workDir, ...home),
    phase: 'registering',
    queue: [],
    tasks: new Map(),
    everSent: false,
  };
  framework.executors.set(id, executor);
  setTimer(parts, executor, times.executorRegistration, () =>
    destroyExecutor(executor, registrationEnding(times.executorRegistration)),
  );
  bringToLife(parts, framework, executor).catch((error: unknown) => {
    logger.error('executor-launch-failed', { executor: id, error });
    executorEnded(parts, executor, -1);
  });
  return executor;
};

/** Asks an executor to end, and ends it when its grace is over. */
export const shutdownExecutor = (parts: AgentParts, executor: ExecutorRecord): void => {
  if (executor.phase === 'terminating' || executor.phase === 'terminated') return;
  executor.phase = 'terminating';
  executor.stream?.send({ type: 'SHUTDOWN' });
  setTimer(parts, executor, graceOf(executor, parts.times), () => destroyExecutor(executor));
};
