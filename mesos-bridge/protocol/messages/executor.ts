// Written from proto/executor.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { AgentInfo, FrameworkInfo } from './cluster.js';

import type { ExecutorInfo, KillPolicy, TaskGroupInfo, TaskInfo, TaskStatus } from './tasks.js';

import type { ContainerId, ExecutorId, FrameworkId, TaskId } from './values.js';

export interface ExecutorCallUpdate {
  readonly status: TaskStatus;
}

export interface ExecutorCallSubscribe {
  readonly unacknowledgedTasks: readonly TaskInfo[];
  readonly unacknowledgedUpdates: readonly ExecutorCallUpdate[];
}

export interface ExecutorCallMessage {
  readonly data: Uint8Array;
}

export type ExecutorCallType = 'UNKNOWN' | 'SUBSCRIBE' | 'UPDATE' | 'MESSAGE' | 'HEARTBEAT';

export interface ExecutorCall {
  readonly executorId: ExecutorId;
  readonly frameworkId: FrameworkId;
  readonly type?: ExecutorCallType;
  readonly subscribe?: ExecutorCallSubscribe;
  readonly update?: ExecutorCallUpdate;
  readonly message?: ExecutorCallMessage;
}

export interface ExecutorEventSubscribed {
  readonly executorInfo: ExecutorInfo;
  readonly frameworkInfo: FrameworkInfo;
  readonly agentInfo: AgentInfo;
  readonly containerId?: ContainerId;
}

export interface ExecutorEventLaunch {
  readonly task: TaskInfo;
}

export interface ExecutorEventLaunchGroup {
  readonly taskGroup: TaskGroupInfo;
}

export interface ExecutorEventKill {
  readonly taskId: TaskId;
  readonly killPolicy?: KillPolicy;
}

export interface ExecutorEventAcknowledged {
  readonly taskId: TaskId;
  readonly uuid: Uint8Array;
}

export interface ExecutorEventMessage {
  readonly data: Uint8Array;
}

export interface ExecutorEventError {
  readonly message: string;
}

export type ExecutorEventType =
  | 'UNKNOWN'
  | 'SUBSCRIBED'
  | 'LAUNCH'
  | 'KILL'
  | 'ACKNOWLEDGED'
  | 'MESSAGE'
  | 'ERROR'
  | 'SHUTDOWN'
  | 'LAUNCH_GROUP'
  | 'HEARTBEAT';

export interface ExecutorEvent {
  readonly type?: ExecutorEventType;
  readonly subscribed?: ExecutorEventSubscribed;
  readonly acknowledged?: ExecutorEventAcknowledged;
  readonly launch?: ExecutorEventLaunch;
  readonly kill?: ExecutorEventKill;
  readonly message?: ExecutorEventMessage;
  readonly error?: ExecutorEventError;
  readonly launchGroup?: ExecutorEventLaunchGroup;
}
