import type { Lease, LeaseReply, LeaseRequest } from '../common/model/auction.js';
import type { KvEntry } from '../common/model/bbs-api.js';
import type { BbsResult } from '../common/model/bbs-error.js';
import type { CellPresence } from '../common/model/cell.js';
import type { BbsEvent } from '../common/model/events.js';
import type { HistoryEntry, HistoryQuery } from '../common/model/history.js';
import type {
  ActualLrp,
  ActualLrpInstanceKey,
  ActualLrpInternalRoute,
  ActualLrpKey,
  ActualLrpNetInfo,
  DesiredLrp,
  DesiredLrpUpdate,
} from '../common/model/lrp.js';
import type { Task, TaskDefinition } from '../common/model/task.js';
import type { Cancel } from '../common/ports/clock.js';

export type { KvEntry } from '../common/model/bbs-api.js';

export interface DesiredLrpFilter {
  domain?: string;
  processGuids?: string[];
  appGuids?: string[];
}

export interface ActualLrpFilter {
  domain?: string;
  cellId?: string;
  processGuid?: string;
  index?: number;
}

export interface TaskFilter {
  domain?: string;
  cellId?: string;
}

export interface ActualLrpTransition {
  key: ActualLrpKey;
  instanceKey: ActualLrpInstanceKey;
}

/** Without an instance key whatever instance there is. */
export interface ActualLrpRemoval {
  key: ActualLrpKey;
  instanceKey?: ActualLrpInstanceKey;
}

export interface StartActualLrp extends ActualLrpTransition {
  netInfo: ActualLrpNetInfo;
  internalRoutes: ActualLrpInternalRoute[];
  metricTags: Record<string, string>;
  /** absent counts as true */
  routable?: boolean;
  availabilityZone: string;
}

export interface TaskCompletion {
  taskGuid: string;
  cellId: string;
  failed: boolean;
  failureReason: string;
  result: string;
}

export interface RejectedPlacement {
  placementId: string;
  /** the cell that could not make the container; absent = no place was found */
  cellId?: string;
  /** capacity is being sought for it: this costs the task no retry (design §8.2) */
  deferred?: boolean;
}

/** The desired state, as people and the API write and read it. */
export interface DesiredLrpApi {
  desireLrp(lrp: DesiredLrp, traceId: string): Promise<BbsResult<void>>;
  updateDesiredLrp(processGuid: string, update: DesiredLrpUpdate, traceId: string): Promise<BbsResult<void>>;
  removeDesiredLrp(processGuid: string, traceId: string): Promise<BbsResult<void>>;
  desiredLrps(filter: DesiredLrpFilter): Promise<BbsResult<DesiredLrp[]>>;
  desiredLrp(processGuid: string): Promise<BbsResult<DesiredLrp>>;
  upsertDomain(domain: string, ttlSeconds: number, traceId: string): Promise<BbsResult<void>>;
  domains(): Promise<BbsResult<string[]>>;
}

/** Actual LRPs, as reps and auctioneers report them. */
export interface ActualLrpApi {
  actualLrps(filter: ActualLrpFilter): Promise<BbsResult<ActualLrp[]>>;
  claimActualLrp(transition: ActualLrpTransition, traceId: string): Promise<BbsResult<void>>;
  startActualLrp(start: StartActualLrp, traceId: string): Promise<BbsResult<void>>;
  crashActualLrp(crash: ActualLrpTransition & { reason: string }, traceId: string): Promise<BbsResult<void>>;
  failActualLrp(key: ActualLrpKey, placementError: string, traceId: string): Promise<BbsResult<void>>;
  removeActualLrp(removal: ActualLrpRemoval, traceId: string): Promise<BbsResult<void>>;
  /** stops one instance for good; a desired one is made anew by convergence */
  retireActualLrp(key: ActualLrpKey, traceId: string): Promise<BbsResult<void>>;

  /*
   * Of a cell that drains. `true`: the container is to be kept for now; `false`: it is to be deleted.
   * Claimed, crashed and stopped ones of which the board knows nothing are told as ResourceNotFound.
   */
  evacuateClaimedActualLrp(transition: ActualLrpTransition, traceId: string): Promise<BbsResult<boolean>>;
  evacuateRunningActualLrp(start: StartActualLrp, traceId: string): Promise<BbsResult<boolean>>;
  evacuateStoppedActualLrp(transition: ActualLrpTransition, traceId: string): Promise<BbsResult<boolean>>;
  evacuateCrashedActualLrp(
    crash: ActualLrpTransition & { reason: string },
    traceId: string,
  ): Promise<BbsResult<boolean>>;
  /** the time to drain is over; ResourceNotFound when no such copy drains */
  removeEvacuatingActualLrp(transition: ActualLrpTransition, traceId: string): Promise<BbsResult<void>>;
}

export interface TaskApi {
  desireTask(
    task: { taskGuid: string; domain: string; definition: TaskDefinition },
    traceId: string,
  ): Promise<BbsResult<void>>;
  tasks(filter: TaskFilter): Promise<BbsResult<Task[]>>;
  task(taskGuid: string): Promise<BbsResult<Task>>;
  /** whether the caller is to start the task now */
  startTask(taskGuid: string, cellId: string, traceId: string): Promise<BbsResult<boolean>>;
  completeTask(completion: TaskCompletion, traceId: string): Promise<BbsResult<void>>;
  /** `of`: what was rejected, so that a rejection that comes late takes back no task that runs by now */
  rejectTask(
    taskGuid: string,
    reason: string,
    traceId: string,
    of?: RejectedPlacement,
  ): Promise<BbsResult<void>>;
  cancelTask(taskGuid: string, traceId: string): Promise<BbsResult<void>>;
  /** ends a task that waits or runs, with that reason; its cell is not told */
  failTask(taskGuid: string, reason: string, traceId: string): Promise<BbsResult<void>>;
  resolvingTask(taskGuid: string, traceId: string): Promise<BbsResult<void>>;
  deleteTask(taskGuid: string, traceId: string): Promise<BbsResult<void>>;
}

/** What reps and auctioneers report in one request, by kind, and as the calls of one alone take it. */
export interface TransitionArgs {
  claim: ActualLrpTransition;
  start: StartActualLrp;
  crash: ActualLrpTransition & { reason: string };
  remove: ActualLrpRemoval;
  /** no place was found */
  fail: { key: ActualLrpKey; placementError: string };
  evacuateClaimed: ActualLrpTransition;
  evacuateRunning: StartActualLrp;
  evacuateStopped: ActualLrpTransition;
  evacuateCrashed: ActualLrpTransition & { reason: string };
  removeEvacuating: ActualLrpTransition;
  startTask: { taskGuid: string; cellId: string };
  completeTask: TaskCompletion;
  rejectTask: { taskGuid: string; reason: string; of?: RejectedPlacement | undefined };
}

export type TransitionKind = keyof TransitionArgs;
/** Without a trace id of its own it has that of the request. */
export type Transition = {
  [K in TransitionKind]: { kind: K; args: TransitionArgs[K]; traceId?: string };
}[TransitionKind];

export interface TransitionAnswer {
  /** of evacuations; else false */
  keepContainer: boolean;
  /** of the start of a task; else false */
  shouldStart: boolean;
}

/** More in one request are refused. */
export const MAX_TRANSITIONS = 1_000;

export interface TransitionApi {
  /**
   * Many transitions in one request, at most MAX_TRANSITIONS: each is decided by itself, in their order, and answered
   * by itself, and all of them share as few commits as may be. An error of the whole says that none was looked at.
   */
  transitions(
    list: readonly Transition[],
    traceId: string,
  ): Promise<BbsResult<BbsResult<TransitionAnswer>[]>>;
}

export interface CoordinationApi {
  ping(): Promise<boolean>;
  cells(): Promise<BbsResult<CellPresence[]>>;
  /** takes or renews; `held: false` names the holder */
  acquireLease(request: LeaseRequest): Promise<BbsResult<LeaseReply>>;
  renewLease(request: LeaseRequest & { epoch: number }): Promise<BbsResult<LeaseReply>>;
  releaseLease(name: string, owner: string): Promise<BbsResult<void>>;
  leases(prefix: string): Promise<BbsResult<Lease[]>>;
  kvGet(key: string): Promise<BbsResult<KvEntry>>;
  /** compare and set: `version` is the one read (0 = must be absent); ResourceConflict otherwise */
  kvPut(entry: KvEntry): Promise<BbsResult<KvEntry>>;
}

export interface HistoryApi {
  /** what happened to a process, an instance or a task, the oldest first, as far as it is kept */
  history(query: HistoryQuery): Promise<BbsResult<HistoryEntry[]>>;
}

export interface EventApi {
  /**
   * Every change, in the order of commits, and once each: after a break the stream goes on where it was. `onGap` is
   * called when it is opened first, and whenever changes were missed after all: read the state (again). With a domain
   * only what is of it, or of none.
   */
  subscribe(
    handlers: { onEvent(event: BbsEvent): void; onGap(): void },
    options?: { domain?: string },
  ): Cancel;
}

/** The BBS as its clients see it. Consumers should ask for the part they use. */
export interface BbsClient
  extends DesiredLrpApi, ActualLrpApi, TaskApi, TransitionApi, CoordinationApi, HistoryApi, EventApi {
  close(): Promise<void>;
}
