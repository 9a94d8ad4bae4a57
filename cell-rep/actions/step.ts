import type { Action, EnvironmentVariable, VolumeMountedFile } from '../../common/model/action.js';
import type { Clock } from '../../common/ports/clock.js';
import type { Container, ExitStatus } from '../core/container-runtime.js';
import type { ContainerLog, OutputMemory } from '../logs/container-log.js';
import type { Downloader } from './downloader.js';
import type { Uploader } from './uploader.js';

/** How a step ended. `reason` becomes the crash or failure reason; `exit` is of the process that decided it. */
export type StepResult = { ok: true } | { ok: false; reason: string; exit?: ExitStatus };

/**
 * What is kept of steps across a restart of the rep: downloads are not done twice, time-outs go on, output
 * is read on where reading stopped. Processes need no memory: the runtime knows them by their id.
 */
export interface StepMemory {
  isDone(stepId: string): boolean;
  markDone(stepId: string): void;
  /** ms since the epoch at which a step began, now if it is new */
  startedAt(stepId: string, now: number): number;
  output(processId: string): OutputMemory;
  /** something above has changed */
  touch(): void;
}

/** What every step of one container shares. */
export interface StepContext {
  container: Container;
  clock: Clock;
  log: ContainerLog;
  /** for actions that name none */
  logSource: string;
  downloader: Downloader;
  uploader: Uploader;
  memory: StepMemory;
  /** ms between SIGTERM and SIGKILL; known for good when the step's signal is aborted */
  graceMs(): number;
  /** the environment of a run action, from its own variables */
  environment(own: readonly EnvironmentVariable[]): Record<string, string>;
  /** for every process, besides its action's own */
  files: readonly VolumeMountedFile[];
  /** told of a process that even SIGKILL did not end in time */
  exitedOnTimeout(): void;
  /** aborted when the rep leaves and its containers stay: nothing is stopped, nothing more is done */
  detached: AbortSignal;
}

export interface Step {
  action: Action;
  /** unique in the container and the same after a restart: `main`, `main-0`, `setup-1` … */
  id: string;
  /** aborted when the step is to end: processes get SIGTERM, then SIGKILL */
  signal: AbortSignal;
  /** told when the first process has started */
  onStarted?: () => void;
}

export const DONE: StepResult = { ok: true };
export const failedStep = (reason: string, exit?: ExitStatus): StepResult => ({
  ok: false,
  reason,
  ...(exit && { exit }),
});
/** The reason of what was not done because its end came first; never shown, since the cause is elsewhere. */
export const CANCELLED = failedStep('cancelled');

/** A step that never ends, for what must leave no trace when the rep detaches. */
export const forever = (): Promise<never> => new Promise(() => undefined);
