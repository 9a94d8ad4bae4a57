/**
 * Requests and answers of the BBS's API as they are once decoded, whatever form they had on the wire: what is
 * empty there is empty here, and only sub-messages and scalars with presence may be absent.
 */
import type { Lease, LeaseReply, LeaseRequest } from './auction.js';
import type { BbsErrorType } from './bbs-error.js';
import type { CellPresence } from './cell.js';
import type { HistoryEntry, HistoryQuery } from './history.js';
import type {
  ActualLrp,
  ActualLrpGroup,
  ActualLrpInstanceKey,
  ActualLrpInternalRoute,
  ActualLrpKey,
  ActualLrpNetInfo,
  DesiredLrp,
  DesiredLrpUpdate,
  ModificationTag,
  Routes,
} from './lrp.js';
import type { Task, TaskDefinition } from './task.js';

export interface WireError {
  type: BbsErrorType;
  message: string;
}

/** Every answer; without an error it says success. */
export interface Answer {
  error?: WireError;
}

interface ByProcessGuid {
  processGuid: string;
}

interface ByTaskGuid {
  taskGuid: string;
}

/** What scheduling needs of a desired LRP; key, resources and modification tag are flattened, as in Diego's JSON. */
export interface DesiredLrpSchedulingInfo extends ModificationTag {
  processGuid: string;
  domain: string;
  logGuid: string;
  annotation: string;
  instances: number;
  memoryMb: number;
  diskMb: number;
  rootfs: string;
  maxPids: number;
  routes: Routes;
  volumePlacement?: { driverNames: string[] };
  placementTags: string[];
}

export interface SlotRequest {
  processGuid: string;
  index: number;
  instanceKey?: ActualLrpInstanceKey;
}

export interface TransitionRequest {
  key?: ActualLrpKey;
  instanceKey?: ActualLrpInstanceKey;
}

export interface CrashRequest extends TransitionRequest {
  errorMessage: string;
}

export interface RunningRequest extends TransitionRequest {
  netInfo?: ActualLrpNetInfo;
  internalRoutes: ActualLrpInternalRoute[];
  metricTags: Record<string, string>;
  /** absent counts as true */
  routable?: boolean;
  availabilityZone: string;
}

/** Exactly one of these is there, beside the trace id. */
export interface WireTransition {
  /** '': that of the request */
  traceId: string;
  claim?: SlotRequest;
  start?: RunningRequest;
  crash?: CrashRequest;
  remove?: SlotRequest;
  evacuateClaimed?: TransitionRequest;
  evacuateRunning?: RunningRequest;
  evacuateStopped?: TransitionRequest;
  evacuateCrashed?: CrashRequest;
  removeEvacuating?: TransitionRequest;
  startTask?: BbsRequests['StartTaskRequest'];
  completeTask?: BbsRequests['CompleteTaskRequest'];
  rejectTask?: BbsRequests['RejectTaskRequest'];
  fail?: BbsRequests['FailActualLRPRequest'];
}

/** What became of one transition of several. */
export interface WireTransitionAnswer extends Answer {
  /** of evacuations */
  keepContainer: boolean;
  /** of the start of a task */
  shouldStart: boolean;
  /** nothing was changed, and asking again is right */
  unavailable: boolean;
}

export interface KvEntry {
  key: string;
  value: string;
  /** +1 with every write; 0 = absent */
  version: number;
}

export interface BbsRequests {
  UpsertDomainRequest: { domain: string; ttl: number };

  DesireLRPRequest: { desiredLrp?: DesiredLrp };
  UpdateDesiredLRPRequest: ByProcessGuid & { update?: DesiredLrpUpdate };
  RemoveDesiredLRPRequest: ByProcessGuid;
  DesiredLRPsRequest: { domain: string; processGuids: string[]; appGuids: string[] };
  DesiredLRPByProcessGuidRequest: ByProcessGuid;

  ActualLRPsRequest: { domain: string; cellId: string; processGuid: string; index?: number };
  ActualLRPsByProcessGuidsRequest: { processGuids: string[] };
  ActualLRPGroupsRequest: { domain: string; cellId: string };
  ActualLRPGroupsByProcessGuidRequest: ByProcessGuid;
  ActualLRPGroupByProcessGuidAndIndexRequest: ByProcessGuid & { index: number };
  ClaimActualLRPRequest: SlotRequest;
  StartActualLRPRequest: RunningRequest;
  CrashActualLRPRequest: CrashRequest;
  FailActualLRPRequest: { key?: ActualLrpKey; errorMessage: string };
  RetireActualLRPRequest: { key?: ActualLrpKey };
  RemoveActualLRPRequest: SlotRequest;
  EvacuateClaimedActualLRPRequest: TransitionRequest;
  EvacuateRunningActualLRPRequest: RunningRequest;
  EvacuateStoppedActualLRPRequest: TransitionRequest;
  EvacuateCrashedActualLRPRequest: CrashRequest;
  RemoveEvacuatingActualLRPRequest: TransitionRequest;

  DesireTaskRequest: ByTaskGuid & { definition?: TaskDefinition; domain: string };
  StartTaskRequest: ByTaskGuid & { cellId: string };
  FailTaskRequest: ByTaskGuid & { failureReason: string };
  RejectTaskRequest: ByTaskGuid & {
    rejectionReason: string;
    placementId?: string;
    cellId?: string;
    deferred?: boolean;
  };
  TaskGuidRequest: ByTaskGuid;
  CompleteTaskRequest: ByTaskGuid & {
    cellId: string;
    failed: boolean;
    failureReason: string;
    result: string;
  };
  TasksRequest: { domain: string; cellId: string };
  TaskByGuidRequest: ByTaskGuid;

  TransitionsRequest: { transitions: WireTransition[] };

  LeaseRequest: LeaseRequest;
  Lease: Lease;
  ReleaseLeaseRequest: { name: string; owner: string };
  LeasesRequest: { prefix: string };
  KvGetRequest: { key: string };
  HistoryRequest: HistoryQuery;
  KvEntry: KvEntry;
}

export interface BbsAnswers {
  /** the one answer that has no place for an error */
  PingResponse: { available: boolean; error?: never };
  DomainsResponse: Answer & { domains: string[] };
  UpsertDomainResponse: Answer;
  CellsResponse: Answer & { cells: CellPresence[] };

  DesiredLRPLifecycleResponse: Answer;
  DesiredLRPsResponse: Answer & { desiredLrps: DesiredLrp[] };
  DesiredLRPResponse: Answer & { desiredLrp?: DesiredLrp };
  DesiredLRPSchedulingInfosResponse: Answer & { infos: DesiredLrpSchedulingInfo[] };
  DesiredLRPSchedulingInfoByProcessGuidResponse: Answer & { info?: DesiredLrpSchedulingInfo };

  ActualLRPsResponse: Answer & { actualLrps: ActualLrp[] };
  ActualLRPsByProcessGuidsResponse: Answer & { actualLrps: ActualLrp[] };
  ActualLRPGroupsResponse: Answer & { groups: ActualLrpGroup[] };
  ActualLRPGroupResponse: Answer & { group?: ActualLrpGroup };
  ActualLRPLifecycleResponse: Answer;
  EvacuationResponse: Answer & { keepContainer: boolean };
  RemoveEvacuatingActualLRPResponse: Answer;

  StartTaskResponse: Answer & { shouldStart: boolean };
  TaskLifecycleResponse: Answer;
  TasksResponse: Answer & { tasks: Task[] };
  TaskResponse: Answer & { task?: Task };

  TransitionsResponse: Answer & { answers: WireTransitionAnswer[] };

  LeaseResponse: Answer & LeaseReply;
  ReleaseLeaseResponse: Answer;
  LeasesResponse: Answer & { leases: Lease[] };
  KvResponse: Answer & KvEntry;
  HistoryResponse: Answer & { entries: HistoryEntry[] };
}

export type BbsRequestName = keyof BbsRequests;
export type BbsAnswerName = keyof BbsAnswers;
