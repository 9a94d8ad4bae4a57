// Written from proto/operator.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { AgentInfo, FrameworkInfo, MasterInfo, Operation } from './cluster.js';

import type {
  AgentView,
  ExecutorView,
  Flag,
  FrameworkView,
  MaintenanceSchedule,
  MaintenanceStatus,
  Metric,
  QuotaConfig,
  QuotaStatus,
  Role,
  VersionInfo,
  WeightInfo,
} from './operator-views.js';

import type { Task, TaskState, TaskStatus } from './tasks.js';

import type { AgentId, Duration, DurationInfo, FrameworkId, MachineId, Resource } from './values.js';

export interface MasterCallGetMetrics {
  readonly timeout?: DurationInfo;
}

export interface MasterCallWeights {
  readonly weightInfos: readonly WeightInfo[];
}

export interface MasterCallReserveResources {
  readonly agentId: AgentId;
  readonly resources: readonly Resource[];
  readonly source: readonly Resource[];
}

export interface MasterCallUnreserveResources {
  readonly agentId: AgentId;
  readonly resources: readonly Resource[];
}

export interface MasterCallVolumes {
  readonly agentId: AgentId;
  readonly volumes: readonly Resource[];
}

export interface MasterCallSchedule {
  readonly schedule: MaintenanceSchedule;
}

export interface MasterCallMachines {
  readonly machines: readonly MachineId[];
}

export interface MasterCallFramework {
  readonly frameworkId: FrameworkId;
}

export interface MasterCallAgent {
  readonly agentId: AgentId;
}

export interface MasterCallDrainAgent {
  readonly agentId: AgentId;
  readonly maxGracePeriod?: Duration;
  readonly markGone?: boolean;
}

export interface MasterCallUpdateQuota {
  readonly force?: boolean;
  readonly quotaConfigs: readonly QuotaConfig[];
}

export type MasterCallType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'SET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'UPDATE_WEIGHTS'
  | 'GET_MASTER'
  | 'SUBSCRIBE'
  | 'RESERVE_RESOURCES'
  | 'UNRESERVE_RESOURCES'
  | 'CREATE_VOLUMES'
  | 'DESTROY_VOLUMES'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'UPDATE_MAINTENANCE_SCHEDULE'
  | 'START_MAINTENANCE'
  | 'STOP_MAINTENANCE'
  | 'GET_QUOTA'
  | 'SET_QUOTA'
  | 'REMOVE_QUOTA'
  | 'TEARDOWN'
  | 'MARK_AGENT_GONE'
  | 'GET_OPERATIONS'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'UPDATE_QUOTA'
  | 'DRAIN_AGENT'
  | 'DEACTIVATE_AGENT'
  | 'REACTIVATE_AGENT';

export interface MasterCall {
  readonly type?: MasterCallType;
  readonly getMetrics?: MasterCallGetMetrics;
  readonly updateWeights?: MasterCallWeights;
  readonly reserveResources?: MasterCallReserveResources;
  readonly unreserveResources?: MasterCallUnreserveResources;
  readonly createVolumes?: MasterCallVolumes;
  readonly destroyVolumes?: MasterCallVolumes;
  readonly updateMaintenanceSchedule?: MasterCallSchedule;
  readonly startMaintenance?: MasterCallMachines;
  readonly stopMaintenance?: MasterCallMachines;
  readonly teardown?: MasterCallFramework;
  readonly markAgentGone?: MasterCallAgent;
  readonly updateQuota?: MasterCallUpdateQuota;
  readonly drainAgent?: MasterCallDrainAgent;
  readonly deactivateAgent?: MasterCallAgent;
  readonly reactivateAgent?: MasterCallAgent;
}

export interface GetHealth {
  readonly healthy: boolean;
}

export interface GetFlags {
  readonly flags: readonly Flag[];
}

export interface GetVersion {
  readonly versionInfo: VersionInfo;
}

export interface GetMetrics {
  readonly metrics: readonly Metric[];
}

export interface GetAgents {
  readonly agents: readonly AgentView[];
  readonly recoveredAgents: readonly AgentInfo[];
}

export interface GetFrameworks {
  readonly frameworks: readonly FrameworkView[];
  readonly completedFrameworks: readonly FrameworkView[];
  readonly recoveredFrameworks: readonly FrameworkInfo[];
}

export interface GetExecutors {
  readonly executors: readonly ExecutorView[];
  readonly orphanExecutors: readonly ExecutorView[];
}

export interface GetOperations {
  readonly operations: readonly Operation[];
}

export interface GetTasks {
  readonly pendingTasks: readonly Task[];
  readonly tasks: readonly Task[];
  readonly completedTasks: readonly Task[];
  readonly orphanTasks: readonly Task[];
  readonly unreachableTasks: readonly Task[];
}

export interface GetRoles {
  readonly roles: readonly Role[];
}

export interface GetWeights {
  readonly weightInfos: readonly WeightInfo[];
}

/** times in seconds since the Unix epoch */
export interface GetMaster {
  readonly masterInfo?: MasterInfo;
  readonly startTime?: number;
  readonly electedTime?: number;
}

export interface GetMaintenanceStatus {
  readonly status: MaintenanceStatus;
}

export interface GetMaintenanceSchedule {
  readonly schedule: MaintenanceSchedule;
}

export interface GetQuota {
  readonly status: QuotaStatus;
}

export interface GetState {
  readonly getTasks?: GetTasks;
  readonly getExecutors?: GetExecutors;
  readonly getFrameworks?: GetFrameworks;
  readonly getAgents?: GetAgents;
}

export type MasterResponseType =
  | 'UNKNOWN'
  | 'GET_HEALTH'
  | 'GET_FLAGS'
  | 'GET_VERSION'
  | 'GET_METRICS'
  | 'GET_LOGGING_LEVEL'
  | 'LIST_FILES'
  | 'READ_FILE'
  | 'GET_STATE'
  | 'GET_AGENTS'
  | 'GET_FRAMEWORKS'
  | 'GET_EXECUTORS'
  | 'GET_TASKS'
  | 'GET_ROLES'
  | 'GET_WEIGHTS'
  | 'GET_MASTER'
  | 'GET_MAINTENANCE_STATUS'
  | 'GET_MAINTENANCE_SCHEDULE'
  | 'GET_QUOTA'
  | 'GET_OPERATIONS';

export interface MasterResponse {
  readonly type?: MasterResponseType;
  readonly getHealth?: GetHealth;
  readonly getFlags?: GetFlags;
  readonly getVersion?: GetVersion;
  readonly getMetrics?: GetMetrics;
  readonly getState?: GetState;
  readonly getAgents?: GetAgents;
  readonly getFrameworks?: GetFrameworks;
  readonly getExecutors?: GetExecutors;
  readonly getTasks?: GetTasks;
  readonly getRoles?: GetRoles;
  readonly getWeights?: GetWeights;
  readonly getMaster?: GetMaster;
  readonly getMaintenanceStatus?: GetMaintenanceStatus;
  readonly getMaintenanceSchedule?: GetMaintenanceSchedule;
  readonly getQuota?: GetQuota;
  readonly getOperations?: GetOperations;
}

export interface MasterEventSubscribed {
  readonly getState?: GetState;
  readonly heartbeatIntervalSeconds?: number;
}

export interface MasterEventTaskAdded {
  readonly task: Task;
}

export interface MasterEventTaskUpdated {
  readonly frameworkId: FrameworkId;
  readonly status: TaskStatus;
  readonly state: TaskState;
}

export interface MasterEventAgentAdded {
  readonly agent: AgentView;
}

export interface MasterEventAgentRemoved {
  readonly agentId: AgentId;
}

export interface MasterEventFramework {
  readonly framework: FrameworkView;
}

export interface MasterEventFrameworkRemoved {
  readonly frameworkInfo: FrameworkInfo;
}

export type MasterEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'TASK_ADDED'
  | 'TASK_UPDATED'
  | 'AGENT_ADDED'
  | 'AGENT_REMOVED'
  | 'FRAMEWORK_ADDED'
  | 'FRAMEWORK_UPDATED'
  | 'FRAMEWORK_REMOVED'
  | 'HEARTBEAT';

export interface MasterEvent {
  readonly type?: MasterEventType;
  readonly subscribed?: MasterEventSubscribed;
  readonly taskAdded?: MasterEventTaskAdded;
  readonly taskUpdated?: MasterEventTaskUpdated;
  readonly agentAdded?: MasterEventAgentAdded;
  readonly agentRemoved?: MasterEventAgentRemoved;
  readonly frameworkAdded?: MasterEventFramework;
  readonly frameworkUpdated?: MasterEventFramework;
  readonly frameworkRemoved?: MasterEventFrameworkRemoved;
}
