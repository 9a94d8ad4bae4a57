/** The agent's process ends and starts again, its containers live on. */
import { destroyExecutor, executorEnded, setTimer } from './executor-life.js';
import { forgetIfIdle, graceOf } from './parts.js';
import type { AgentParts } from './parts.js';
import type { Ending, ExecutorRecord } from './records.js';

const executorsOf = ({ state }: AgentParts): ExecutorRecord[] =>
  [...state.frameworks.values()].flatMap(({ executors }) => [...executors.values()]);

/** What is left of the agent when its process ends at once: what it has written down. */
export const forgetMemory = (parts: AgentParts): void => {
  parts.state.phase = 'down';
  parts.updates.pause(parts.state.frameworks.values());
  for (const executor of executorsOf(parts)) {
    executor.cancelTimer?.();
    delete executor.cancelTimer;
    const { stream } = executor;
    delete executor.stream;
    stream?.end();
  }
};

/** Executors that nobody has written down, or that are being ended, are ended when the agent finds them. */
const forgetUnwritten = ({ state }: AgentParts): void => {
  for (const [id, { info, executors, terminating }] of state.frameworks) {
    if (info.checkpoint === true && !terminating) continue;
    state.frameworks.delete(id);
    for (const executor of executors.values()) destroyExecutor(executor);
  }
};

const reregistrationEnding = (ms: number): Ending => ({
  state: 'TASK_GONE',
  reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
  message: `Executor did not reregister within ${ms / 1000}secs`,
});

/** Tasks that were not handed over are not given to an executor a second time: they were lost. */
const awaitExecutor = (parts: AgentParts, executor: ExecutorRecord): void => {
  if (executor.endedWith !== undefined) return executorEnded(parts, executor, executor.endedWith);
  executor.queue.length = 0;
  for (const task of executor.tasks.values()) if (task.stage === 'queued') task.stage = 'launched';
  if (executor.phase === 'running') executor.phase = 'registering';
  if (executor.phase === 'terminating')
    return setTimer(parts, executor, graceOf(executor, parts.times), () => destroyExecutor(executor));
  if (executor.phase !== 'registering') return;
  const ms = parts.times.executorReregistration;
  setTimer(parts, executor, ms, () => destroyExecutor(executor, reregistrationEnding(ms)));
};

/**
 * The process is there again: first it does not know its containers, then it waits for their executors, and
 * `done` when it may look for its master.
 */
export const recover = (parts: AgentParts, done: () => void): void => {
  const { options, times, state } = parts;
  const until = (phase: AgentParts['state']['phase'], ms: number, next: () => void): void => {
    options.clock.after(ms, () => {
      if (state.phase === phase) next();
    });
  };
  state.phase = 'recovering';
  forgetUnwritten(parts);
  until('recovering', times.containerRecovery, () => {
    state.phase = 'reconnecting';
    for (const executor of executorsOf(parts)) awaitExecutor(parts, executor);
    for (const framework of state.frameworks.values()) forgetIfIdle(parts, framework);
    const waits = executorsOf(parts).some(({ phase }) => phase === 'registering');
    until('reconnecting', waits ? times.executorReregistration : 0, done);
  });
};
