import type { RunAction } from '../../common/model/action.js';
import { filesProblem } from '../core/binding-files.js';
import type { ExitStatus, RunningProcess } from '../core/container-runtime.js';
import { PROCESS_DID_NOT_EXIT, exitLine, exitReason } from '../core/exit-texts.js';
import { within } from '../waiting/pause.js';
import type { Step, StepContext, StepResult } from './step.js';
import { CANCELLED, DONE, failedStep, forever } from './step.js';

/** ms that a process may take to vanish after SIGKILL (Diego's) */
const KILL_WAIT_MS = 1_000;

interface Ending {
  exit: ExitStatus;
  /** it ran past the grace that it was given */
  exceeded: boolean;
}

/** `aborted` when the signal comes first. The signal may outlive many processes, so nothing is left on it. */
const exitOrAbort = (process: RunningProcess, signal: AbortSignal): Promise<ExitStatus | 'aborted'> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve('aborted');
    const abort = (): void => resolve('aborted');
    signal.addEventListener('abort', abort, { once: true });
    void process.exited.then((exit) => {
      signal.removeEventListener('abort', abort);
      resolve(exit);
    });
  });

/** SIGTERM, the grace, SIGKILL. undefined: not even that ended it. */
const terminate = async (process: RunningProcess, context: StepContext): Promise<Ending | undefined> => {
  await process.signal('SIGTERM');
  const exit = await within(context.clock, context.graceMs(), process.exited);
  if (exit !== undefined) return { exit, exceeded: false };
  if (context.detached.aborted) return undefined;
  await process.signal('SIGKILL');
  const killed = await within(context.clock, KILL_WAIT_MS, process.exited);
  return killed === undefined ? undefined : { exit: killed, exceeded: true };
};

const awaitEnd = async (
  process: RunningProcess,
  step: Step,
  context: StepContext,
): Promise<Ending | undefined> => {
  const exit = await exitOrAbort(process, step.signal);
  return exit === 'aborted' ? terminate(process, context) : { exit, exceeded: false };
};

const start = async (action: RunAction, step: Step, context: StepContext) => {
  // started by an earlier life of the rep: it is the same step
  const adopted = context.container.process(step.id);
  if (adopted !== undefined) return { ok: true as const, process: adopted };
  if (step.signal.aborted) return { ok: false as const, reason: 'cancelled' };
  const nofile = action.resourceLimits?.nofile;
  const files = [...context.files, ...action.volumeMountedFiles];
  return context.container.run({
    id: step.id,
    path: action.path,
    args: action.args,
    dir: action.dir,
    env: context.environment(action.env),
    user: action.user,
    ...(nofile === undefined ? {} : { nofile }),
    ...(files.length > 0 && { files }),
  });
};

/** Runs one process, or goes on with it, and says in the application's log how it ended. */
export const runProcess = async (
  action: RunAction,
  step: Step,
  context: StepContext,
): Promise<StepResult> => {
  const { log, memory, detached } = context;
  if (detached.aborted) return forever();
  const problem = filesProblem(action.volumeMountedFiles);
  if (problem !== '') return failedStep(problem);
  const started = await start(action, step, context);
  if (!started.ok) return started.reason === 'cancelled' ? CANCELLED : failedStep(started.reason);
  step.onStarted?.();

  const sourceType = action.logSource || context.logSource;
  const following = action.suppressLogOutput
    ? undefined
    : log.follow(started.process, {
        sourceType,
        memory: memory.output(step.id),
        onProgress: () => memory.touch(),
      });
  const detach = (): void => following?.detach();
  detached.addEventListener('abort', detach, { once: true });
  const ending = await awaitEnd(started.process, step, context);
  detached.removeEventListener('abort', detach);
  if (detached.aborted) return forever();
  following?.finish();
  if (ending === undefined) {
    context.exitedOnTimeout();
    return failedStep(PROCESS_DID_NOT_EXIT);
  }

  const { exit, exceeded } = ending;
  if (!action.suppressLogOutput)
    log.line(sourceType, 'OUT', exitLine(exit, exceeded ? context.graceMs() : undefined));
  return exit.code === 0 && !exit.lost ? DONE : failedStep(exitReason(sourceType, exit), exit);
};
