/** What a simulated agent remembers. Frameworks that checkpoint keep theirs over a restart of the agent. */
import type { Cancel } from '../../../common/ports/clock.js';
import type {
  ExecutorEvent,
  ExecutorInfo,
  FrameworkInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
  TaskStatusReason,
} from '../../protocol/messages.js';
import type { RunningExecutor } from './launcher.js';

/** A subscribed executor's stream, as its transport offers it. What is sent after the end goes nowhere. */
export interface ExecutorStream {
  send(event: ExecutorEvent): void;
  end(): void;
}

/** What waits for its executor: a task, or tasks that go together. */
export interface Work {
  readonly kind: 'task' | 'group';
  readonly tasks: readonly TaskInfo[];
}

export interface TaskRecord {
  readonly info: TaskInfo;
  /** queued: not yet handed to its executor; terminated: its terminal status waits to be acknowledged */
  stage: 'queued' | 'launched' | 'terminated';
  /** what was last said of it */
  state: TaskState;
}

/** Why the agent ends an executor, as its tasks will be told. */
export interface Ending {
  readonly state: TaskState;
  readonly reason: TaskStatusReason;
  readonly message: string;
}

export interface ExecutorRecord {
  readonly frameworkId: string;
  readonly id: string;
  readonly info: ExecutorInfo;
  /** made by the agent for a task that brought none: the master knows nothing of it */
  readonly ofCommandTask: boolean;
  readonly containerId: string;
  /** what it shows at the agent's endpoint */
  readonly token: string;
  readonly sandbox: string;
  /** terminated: its container is gone, but statuses of its tasks wait to be acknowledged */
  phase: 'registering' | 'running' | 'terminating' | 'terminated';
  readonly queue: Work[];
  readonly tasks: Map<string, TaskRecord>;
  /** it was handed a task, some time */
  everSent: boolean;
  container?: RunningExecutor;
  /** to be destroyed as soon as it has come to life */
  doomed?: boolean;
  ending?: Ending;
  /** raw waitpid status of one that ended while its agent was down */
  endedWith?: number;
  stream?: ExecutorStream;
  /** registration or shutdown */
  cancelTimer?: Cancel;
}

/** Statuses of a task, oldest first: only the head is on its way. */
export interface UpdateStream {
  readonly taskId: string;
  readonly queue: TaskStatus[];
  /** hex of every uuid that it has seen */
  readonly seen: Set<string>;
  cancelRetry?: Cancel;
}

export interface FrameworkRecord {
  readonly id: string;
  info: FrameworkInfo;
  /** it was shut down: no status of its tasks interests anybody */
  terminating: boolean;
  readonly executors: Map<string, ExecutorRecord>;
  readonly streams: Map<string, UpdateStream>;
}

export const hasCapability = (
  { capabilities }: FrameworkInfo,
  type: 'PARTITION_AWARE' | 'TASK_KILLING_STATE',
): boolean => capabilities.some((one) => one.type === type);

/** `state` for a framework that knows it, TASK_LOST for one that does not. */
export const orLost = (state: TaskState, info: FrameworkInfo): TaskState =>
  hasCapability(info, 'PARTITION_AWARE') ? state : 'TASK_LOST';

export const uuidText = (uuid: Uint8Array): string => Buffer.from(uuid).toString('hex');

export const createdFramework = (id: string, info: FrameworkInfo): FrameworkRecord => ({
  id,
  info,
  terminating: false,
  executors: new Map(),
  streams: new Map(),
});
