/**
 * What a simulated agent and a simulated master say to each other, and the ends of the connection between them.
 * Plain data, handed over as it is: what was sent must not be changed afterwards. Each direction keeps its order and
 * delivers asynchronously; faults (lane.ts) drop, double, delay, reorder and cut.
 */
import type {
  AgentCapabilityType,
  AgentInfo,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  OfferOperation,
  OperationStatus,
  Resource,
  Task,
  TaskGroupInfo,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../protocol/messages.js';

/** What every (re-)registration says of the agent. */
export interface AgentIntroduction {
  /** with `id` when the agent had one before; resources as configured, without what operations made of them */
  readonly agent: AgentInfo;
  /** e.g. `slave(1)@127.0.0.1:5051`; a new agent at the pid of an old one replaces it */
  readonly pid: string;
  readonly version: string;
  readonly capabilities: readonly AgentCapabilityType[];
  /** resources that operations changed (dynamic reservations, persistent volumes), as the agent keeps them */
  readonly checkpointed: readonly Resource[];
}

/** An executor as an agent tells it when it registers again. */
export interface LiveExecutor {
  readonly frameworkId: string;
  readonly info: ExecutorInfo;
}

export type AgentMessage =
  | { readonly kind: 'register'; readonly introduction: AgentIntroduction }
  | {
      readonly kind: 'reregister';
      readonly introduction: AgentIntroduction;
      /** every task that the agent has not forgotten: state = latest, statusUpdateState and -Uuid = head of its queue */
      readonly tasks: readonly Task[];
      readonly executors: readonly LiveExecutor[];
      /** frameworks of those tasks and executors */
      readonly frameworks: readonly FrameworkInfo[];
    }
  | { readonly kind: 'unregister' }
  | {
      /** a status of an executor or of the agent, again and again until acknowledged */
      readonly kind: 'status-update';
      readonly frameworkId: string;
      /** always with uuid */
      readonly status: TaskStatus;
      /** newest state, when later ones wait behind `status` */
      readonly latestState?: TaskState;
    }
  | {
      readonly kind: 'exited-executor';
      readonly frameworkId: string;
      readonly executorId: string;
      /** raw waitpid status, -1 if unknown */
      readonly status: number;
    }
  | {
      readonly kind: 'executor-message';
      readonly frameworkId: string;
      readonly executorId: string;
      readonly data: Uint8Array;
    }
  | {
      /** of an operation that was asked for with an id; its uuid only when it wants to be acknowledged */
      readonly kind: 'operation-update';
      readonly frameworkId: string;
      readonly status: OperationStatus;
    }
  | { readonly kind: 'pong' };

/** Tasks that the master knows and the agent that registered again did not mention. */
export interface UnknownTasks {
  readonly framework: FrameworkInfo;
  readonly taskIds: readonly string[];
}

/** Where a task goes on its agent. */
export interface Placement {
  readonly framework: FrameworkInfo;
  /** absent: a command task, for which the agent makes an executor of its own */
  readonly executor?: ExecutorInfo;
  /** the master knows of no such executor there; the agent drops what does not agree with it */
  readonly launchExecutor: boolean;
}

export type MasterMessage =
  | {
      readonly kind: 'registered';
      readonly agentId: string;
    }
  | {
      readonly kind: 'reregistered';
      readonly agentId: string;
      /** the agent answers TASK_DROPPED (LOST) / REASON_RECONCILIATION, with uuid, for those that it really lacks */
      readonly unknownTasks: readonly UnknownTasks[];
    }
  | { readonly kind: 'run-task'; readonly placement: Placement; readonly task: TaskInfo }
  | { readonly kind: 'run-group'; readonly placement: Placement; readonly group: TaskGroupInfo }
  | {
      readonly kind: 'kill-task';
      readonly frameworkId: string;
      readonly taskId: string;
      readonly killPolicy?: KillPolicy;
    }
  | {
      readonly kind: 'acknowledge';
      readonly frameworkId: string;
      readonly taskId: string;
      readonly uuid: Uint8Array;
    }
  | { readonly kind: 'shutdown-executor'; readonly frameworkId: string; readonly executorId: string }
  | { readonly kind: 'shutdown-framework'; readonly frameworkId: string }
  | {
      readonly kind: 'framework-message';
      readonly frameworkId: string;
      readonly executorId: string;
      readonly data: Uint8Array;
    }
  /** capabilities and failover timeout may have changed; statuses wait no more for a framework that was away */
  | { readonly kind: 'update-framework'; readonly framework: FrameworkInfo }
  /** the agent applies it to its own resources, at once; answers operation-update when `operation` has an id */
  | { readonly kind: 'apply-operation'; readonly frameworkId: string; readonly operation: OfferOperation }
  | {
      readonly kind: 'acknowledge-operation';
      readonly frameworkId: string;
      readonly operationId: string;
      readonly uuid: Uint8Array;
    }
  /** every 15 s by default; `connected: false` makes the agent register again at once */
  | { readonly kind: 'ping'; readonly connected: boolean }
  /** kill everything with at most this grace; refuse launches until reactivated */
  | { readonly kind: 'drain'; readonly maxGraceNanoseconds?: bigint; readonly markGone: boolean }
  /** the drain is over or was called off */
  | { readonly kind: 'reactivated' }
  /** the agent ends, its executors with it */
  | { readonly kind: 'shutdown'; readonly message: string };

/** How one side of a connection hears of the other. */
export interface LinkEnd<Message> {
  deliver(message: Message): void;
  /** the connection broke or was closed by the other side; called at most once, nothing comes after it */
  closed(): void;
}

/** How one side of a connection speaks. What is sent after the end goes nowhere. */
export interface Link<Message> {
  send(message: Message): void;
  /** ends both directions: the other side hears `closed`, this one does not */
  close(): void;
}

/** Where agents find the master. */
export interface MasterDoor {
  /** undefined: nobody listens there, or it is not the leader */
  connect(agent: LinkEnd<MasterMessage>): Link<AgentMessage> | undefined;
}
