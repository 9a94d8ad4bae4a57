/** What a simulated agent asks of whatever starts executors: real processes, or code in this process. */
import type { Result } from '../../../common/model/result.js';
import type { ExecutorInfo, TaskState, TaskStatusReason } from '../../protocol/messages.js';

export interface LaunchRequest {
  readonly frameworkId: string;
  readonly executorId: string;
  readonly containerId: string;
  readonly executor: ExecutorInfo;
  /** whose account it runs in, where the launcher may choose accounts */
  readonly user: string;
  /** the executor's directory; the launcher makes it */
  readonly sandbox: string;
  /** all of it: nothing of this process's own environment goes to an executor */
  readonly environment: Readonly<Record<string, string>>;
}

/** Why an executor did not come to life, as its tasks are told. */
export interface LaunchFailure {
  /** raw waitpid status for FAILURE, -1 if there never was a process */
  readonly status: number;
  readonly state: TaskState;
  readonly reason: TaskStatusReason;
  readonly message: string;
}

/** How an executor is ended from outside, or stopped for a while. */
export type ExecutorSignal = 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT';

/** A container with an executor in it. It outlives a restart of its agent. */
export interface RunningExecutor {
  /** undefined: it has no process of its own */
  readonly pid: number | undefined;
  /** raw waitpid status of its top process, once everything in it has ended */
  readonly exited: Promise<number>;
  /** to the executor alone, as somebody on the agent's machine would send it */
  signal(signal: ExecutorSignal): void;
  /** ends everything in it at once; `exited` tells 9 */
  destroy(): void;
}

export interface ExecutorLauncher {
  launch(request: LaunchRequest): Promise<Result<RunningExecutor, LaunchFailure>>;
}
