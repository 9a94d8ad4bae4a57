// Written from proto/tasks.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { CommandInfo, ContainerInfo, ContainerStatus, NetworkProtocol } from './containers.js';

import type {
  AgentId,
  DurationInfo,
  ExecutorId,
  FrameworkId,
  Labels,
  Resource,
  Scalar,
  TaskId,
  TimeInfo,
} from './values.js';

export interface CheckCommand {
  readonly command: CommandInfo;
}

export interface CheckHttp {
  readonly port: number;
  readonly path?: string;
}

export interface CheckTcp {
  readonly port: number;
}

export type CheckInfoType = 'UNKNOWN' | 'COMMAND' | 'HTTP' | 'TCP';

export interface CheckInfo {
  readonly type?: CheckInfoType;
  readonly command?: CheckCommand;
  readonly http?: CheckHttp;
  readonly delaySeconds?: number;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly tcp?: CheckTcp;
}

export interface CheckCommandStatus {
  readonly exitCode?: number;
}

export interface CheckHttpStatus {
  readonly statusCode?: number;
}

export interface CheckTcpStatus {
  readonly succeeded?: boolean;
}

export interface CheckStatusInfo {
  readonly type?: CheckInfoType;
  readonly command?: CheckCommandStatus;
  readonly http?: CheckHttpStatus;
  readonly tcp?: CheckTcpStatus;
}

export interface HttpHealthCheck {
  readonly port: number;
  readonly path?: string;
  readonly scheme?: string;
  readonly statuses: readonly number[];
  readonly protocol?: NetworkProtocol;
}

export interface TcpHealthCheck {
  readonly port: number;
  readonly protocol?: NetworkProtocol;
}

export interface HealthCheck {
  readonly http?: HttpHealthCheck;
  readonly delaySeconds?: number;
  readonly intervalSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly consecutiveFailures?: number;
  readonly gracePeriodSeconds?: number;
  readonly command?: CommandInfo;
  readonly type?: CheckInfoType;
  readonly tcp?: TcpHealthCheck;
}

export interface KillPolicy {
  readonly gracePeriod?: DurationInfo;
}

export type Visibility = 'FRAMEWORK' | 'CLUSTER' | 'EXTERNAL';

export interface DiscoveryPort {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly visibility?: Visibility;
  readonly labels?: Labels;
}

export interface DiscoveryPorts {
  readonly ports: readonly DiscoveryPort[];
}

export interface DiscoveryInfo {
  readonly visibility: Visibility;
  readonly name?: string;
  readonly environment?: string;
  readonly location?: string;
  readonly version?: string;
  readonly ports?: DiscoveryPorts;
  readonly labels?: Labels;
}

export type ExecutorInfoType = 'UNKNOWN' | 'DEFAULT' | 'CUSTOM';

export interface ExecutorInfo {
  readonly executorId: ExecutorId;
  readonly data?: Uint8Array;
  readonly resources: readonly Resource[];
  readonly command?: CommandInfo;
  readonly frameworkId?: FrameworkId;
  readonly name?: string;
  readonly source?: string;
  readonly container?: ContainerInfo;
  readonly discovery?: DiscoveryInfo;
  readonly shutdownGracePeriod?: DurationInfo;
  readonly labels?: Labels;
  readonly type?: ExecutorInfoType;
}

export interface TaskInfo {
  readonly name: string;
  readonly taskId: TaskId;
  readonly agentId: AgentId;
  readonly resources: readonly Resource[];
  readonly executor?: ExecutorInfo;
  readonly data?: Uint8Array;
  readonly command?: CommandInfo;
  readonly healthCheck?: HealthCheck;
  readonly container?: ContainerInfo;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
  readonly killPolicy?: KillPolicy;
  readonly check?: CheckInfo;
  readonly maxCompletionTime?: DurationInfo;
  readonly limits: Readonly<Record<string, Scalar>>;
}

export interface TaskGroupInfo {
  readonly tasks: readonly TaskInfo[];
}

export type TaskState =
  | 'TASK_STARTING'
  | 'TASK_RUNNING'
  | 'TASK_FINISHED'
  | 'TASK_FAILED'
  | 'TASK_KILLED'
  | 'TASK_LOST'
  | 'TASK_STAGING'
  | 'TASK_ERROR'
  | 'TASK_KILLING'
  | 'TASK_DROPPED'
  | 'TASK_UNREACHABLE'
  | 'TASK_GONE'
  | 'TASK_GONE_BY_OPERATOR'
  | 'TASK_UNKNOWN';

export interface TaskResourceLimitation {
  readonly resources: readonly Resource[];
}

export type TaskStatusSource = 'SOURCE_MASTER' | 'SOURCE_AGENT' | 'SOURCE_EXECUTOR';

export type TaskStatusReason =
  | 'REASON_COMMAND_EXECUTOR_FAILED'
  | 'REASON_EXECUTOR_TERMINATED'
  | 'REASON_EXECUTOR_UNREGISTERED'
  | 'REASON_FRAMEWORK_REMOVED'
  | 'REASON_GC_ERROR'
  | 'REASON_INVALID_FRAMEWORKID'
  | 'REASON_INVALID_OFFERS'
  | 'REASON_MASTER_DISCONNECTED'
  | 'REASON_CONTAINER_LIMITATION_MEMORY'
  | 'REASON_RECONCILIATION'
  | 'REASON_AGENT_DISCONNECTED'
  | 'REASON_AGENT_REMOVED'
  | 'REASON_AGENT_RESTARTED'
  | 'REASON_AGENT_UNKNOWN'
  | 'REASON_TASK_INVALID'
  | 'REASON_TASK_UNAUTHORIZED'
  | 'REASON_TASK_UNKNOWN'
  | 'REASON_CONTAINER_PREEMPTED'
  | 'REASON_RESOURCES_UNKNOWN'
  | 'REASON_CONTAINER_LIMITATION'
  | 'REASON_CONTAINER_LIMITATION_DISK'
  | 'REASON_CONTAINER_LAUNCH_FAILED'
  | 'REASON_CONTAINER_UPDATE_FAILED'
  | 'REASON_EXECUTOR_REGISTRATION_TIMEOUT'
  | 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT'
  | 'REASON_TASK_GROUP_INVALID'
  | 'REASON_TASK_GROUP_UNAUTHORIZED'
  | 'REASON_IO_SWITCHBOARD_EXITED'
  | 'REASON_TASK_CHECK_STATUS_UPDATED'
  | 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'
  | 'REASON_TASK_KILLED_DURING_LAUNCH'
  | 'REASON_AGENT_REMOVED_BY_OPERATOR'
  | 'REASON_AGENT_REREGISTERED'
  | 'REASON_MAX_COMPLETION_TIME_REACHED'
  | 'REASON_AGENT_DRAINING';

export interface TaskStatus {
  readonly taskId: TaskId;
  readonly state: TaskState;
  readonly data?: Uint8Array;
  readonly message?: string;
  readonly agentId?: AgentId;
  /** seconds since the Unix epoch, by the clock of who says it */
  readonly timestamp?: number;
  readonly executorId?: ExecutorId;
  readonly healthy?: boolean;
  readonly source?: TaskStatusSource;
  readonly reason?: TaskStatusReason;
  /** present exactly where it is to be acknowledged */
  readonly uuid?: Uint8Array;
  readonly labels?: Labels;
  readonly containerStatus?: ContainerStatus;
  readonly unreachableTime?: TimeInfo;
  readonly checkStatus?: CheckStatusInfo;
  readonly limitation?: TaskResourceLimitation;
}

/** as the master's and the agent's views for operators have it */
export interface Task {
  readonly name: string;
  readonly taskId: TaskId;
  readonly frameworkId: FrameworkId;
  readonly executorId?: ExecutorId;
  readonly agentId: AgentId;
  readonly state: TaskState;
  readonly resources: readonly Resource[];
  readonly statuses: readonly TaskStatus[];
  readonly statusUpdateState?: TaskState;
  readonly statusUpdateUuid?: Uint8Array;
  readonly labels?: Labels;
  readonly discovery?: DiscoveryInfo;
  readonly container?: ContainerInfo;
  readonly user?: string;
  readonly healthCheck?: HealthCheck;
  readonly killPolicy?: KillPolicy;
  readonly limits: Readonly<Record<string, Scalar>>;
}
