// Written from proto/cluster.proto by UPDATE_DOCS=1 npm test -- protocol/messages

import type { ExecutorInfo, TaskGroupInfo, TaskInfo } from './tasks.js';

import type {
  Address,
  AgentId,
  AllocationInfo,
  Attribute,
  DiskSourceType,
  DomainInfo,
  ExecutorId,
  FrameworkId,
  Labels,
  OfferFilters,
  OfferId,
  OperationId,
  Resource,
  ResourceProviderId,
  Scalar,
  Unavailability,
  Url,
  Uuid,
} from './values.js';

export type FrameworkCapabilityType =
  | 'UNKNOWN'
  | 'REVOCABLE_RESOURCES'
  | 'TASK_KILLING_STATE'
  | 'GPU_RESOURCES'
  | 'SHARED_RESOURCES'
  | 'PARTITION_AWARE'
  | 'MULTI_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'REGION_AWARE';

export interface FrameworkCapability {
  readonly type?: FrameworkCapabilityType;
}

export interface FrameworkInfo {
  readonly user: string;
  readonly name: string;
  readonly id?: FrameworkId;
  /** seconds */
  readonly failoverTimeout?: number;
  readonly checkpoint?: boolean;
  readonly role?: string;
  readonly hostname?: string;
  readonly principal?: string;
  readonly webuiUrl?: string;
  readonly capabilities: readonly FrameworkCapability[];
  readonly labels?: Labels;
  readonly roles: readonly string[];
  readonly offerFilters: Readonly<Record<string, OfferFilters>>;
}

export type MasterCapabilityType = 'UNKNOWN' | 'AGENT_UPDATE' | 'AGENT_DRAINING' | 'QUOTA_V2';

export interface MasterCapability {
  readonly type?: MasterCapabilityType;
}

export interface MasterInfo {
  readonly id: string;
  /** in network byte order */
  readonly ip: number;
  readonly port: number;
  readonly pid?: string;
  readonly hostname?: string;
  readonly version?: string;
  readonly address?: Address;
  readonly domain?: DomainInfo;
  readonly capabilities: readonly MasterCapability[];
}

export type AgentCapabilityType =
  | 'UNKNOWN'
  | 'MULTI_ROLE'
  | 'HIERARCHICAL_ROLE'
  | 'RESERVATION_REFINEMENT'
  | 'RESOURCE_PROVIDER'
  | 'RESIZE_VOLUME'
  | 'AGENT_OPERATION_FEEDBACK'
  | 'AGENT_DRAINING'
  | 'TASK_RESOURCE_LIMITS';

export interface AgentCapability {
  readonly type?: AgentCapabilityType;
}

export interface AgentInfo {
  readonly hostname: string;
  readonly resources: readonly Resource[];
  readonly attributes: readonly Attribute[];
  readonly id?: AgentId;
  readonly port?: number;
  readonly domain?: DomainInfo;
}

export interface Offer {
  readonly id: OfferId;
  readonly frameworkId: FrameworkId;
  readonly agentId: AgentId;
  readonly hostname: string;
  readonly resources: readonly Resource[];
  readonly executorIds: readonly ExecutorId[];
  readonly attributes: readonly Attribute[];
  readonly url?: Url;
  readonly unavailability?: Unavailability;
  readonly allocationInfo?: AllocationInfo;
  readonly domain?: DomainInfo;
}

export interface InverseOffer {
  readonly id: OfferId;
  readonly url?: Url;
  readonly frameworkId: FrameworkId;
  readonly agentId?: AgentId;
  readonly unavailability: Unavailability;
  readonly resources: readonly Resource[];
}

export interface Filters {
  readonly refuseSeconds?: number;
}

export interface OperationLaunch {
  readonly taskInfos: readonly TaskInfo[];
}

export interface OperationLaunchGroup {
  readonly executor: ExecutorInfo;
  readonly taskGroup: TaskGroupInfo;
}

export interface OperationReserve {
  readonly resources: readonly Resource[];
  readonly source: readonly Resource[];
}

export interface OperationUnreserve {
  readonly resources: readonly Resource[];
}

export interface OperationVolumes {
  readonly volumes: readonly Resource[];
}

export interface OperationGrowVolume {
  readonly volume: Resource;
  readonly addition: Resource;
}

export interface OperationShrinkVolume {
  readonly volume: Resource;
  readonly subtract: Scalar;
}

export interface OperationCreateDisk {
  readonly source: Resource;
  readonly targetType: DiskSourceType;
  readonly targetProfile?: string;
}

export interface OperationDestroyDisk {
  readonly source: Resource;
}

export type OfferOperationType =
  | 'UNKNOWN'
  | 'LAUNCH'
  | 'RESERVE'
  | 'UNRESERVE'
  | 'CREATE'
  | 'DESTROY'
  | 'LAUNCH_GROUP'
  | 'GROW_VOLUME'
  | 'SHRINK_VOLUME'
  | 'CREATE_DISK'
  | 'DESTROY_DISK';

export interface OfferOperation {
  readonly type?: OfferOperationType;
  readonly launch?: OperationLaunch;
  readonly reserve?: OperationReserve;
  readonly unreserve?: OperationUnreserve;
  readonly create?: OperationVolumes;
  readonly destroy?: OperationVolumes;
  readonly launchGroup?: OperationLaunchGroup;
  readonly id?: OperationId;
  readonly growVolume?: OperationGrowVolume;
  readonly shrinkVolume?: OperationShrinkVolume;
  readonly createDisk?: OperationCreateDisk;
  readonly destroyDisk?: OperationDestroyDisk;
}

export type OperationState =
  | 'OPERATION_UNSUPPORTED'
  | 'OPERATION_PENDING'
  | 'OPERATION_FINISHED'
  | 'OPERATION_FAILED'
  | 'OPERATION_ERROR'
  | 'OPERATION_DROPPED'
  | 'OPERATION_UNREACHABLE'
  | 'OPERATION_GONE_BY_OPERATOR'
  | 'OPERATION_RECOVERING'
  | 'OPERATION_UNKNOWN';

export interface OperationStatus {
  readonly operationId?: OperationId;
  readonly state: OperationState;
  readonly message?: string;
  readonly convertedResources: readonly Resource[];
  readonly uuid?: Uuid;
  readonly agentId?: AgentId;
  readonly resourceProviderId?: ResourceProviderId;
}

export interface Operation {
  readonly frameworkId?: FrameworkId;
  readonly agentId?: AgentId;
  readonly info: OfferOperation;
  readonly latestStatus: OperationStatus;
  readonly statuses: readonly OperationStatus[];
  readonly uuid: Uuid;
}
