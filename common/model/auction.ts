import type { CellState } from './cell.js';
import type { ActualLrpInternalRoute, ActualLrpKey, ModificationTag } from './lrp.js';

/** What a place must offer. MB and milli-CPU; cpuMilli 0 = unset, never filters. */
export interface ResourceRequest {
  memoryMb: number;
  diskMb: number;
  maxPids: number;
  cpuMilli: number;
}

export interface PlacementConstraint {
  rootfs: string;
  placementTags: string[];
  volumeDrivers: string[];
}

/** A request to auction instances of one process (`auction.lrps`). */
export interface LrpStart extends ResourceRequest, PlacementConstraint {
  processGuid: string;
  domain: string;
  instances: { index: number; placementId: string }[];
}

/** A request to auction one task (`auction.tasks`). */
export interface TaskStart extends ResourceRequest, PlacementConstraint {
  taskGuid: string;
  domain: string;
  placementId: string;
}

export interface AuctionRequest {
  traceId: string;
  lrps: LrpStart[];
  tasks: TaskStart[];
}

/** Answer to an auction request: what is in the batch, and what was dropped with the reason. */
export interface AuctionAck {
  accepted: number;
  dropped: { id: string; reason: string }[];
}

export interface LrpWork extends ActualLrpKey, ResourceRequest, PlacementConstraint {
  placementId: string;
  /** of who has to know it before the rep does, as Mesos's tasks are named by it; the rep makes one up when absent */
  instanceGuid?: string;
}

export interface TaskWork extends ResourceRequest, PlacementConstraint {
  placementId: string;
  taskGuid: string;
  domain: string;
}

/** Work for one cell (`cell.<id>.work`). */
export interface Work {
  traceId: string;
  cellId: string;
  /** the incarnation the decision was made on; another one refuses */
  incarnation: string;
  /** ms from receipt; work read later is refused as expired. Relative, so clocks may differ. */
  deadlineMs: number;
  lrps: LrpWork[];
  tasks: TaskWork[];
}

export type WorkStatus = 'accepted' | 'refused' | 'never_seen';

export interface WorkOutcome {
  placementId: string;
  status: WorkStatus;
  /** why refused; '' otherwise */
  reason: string;
}

export interface WorkReply {
  cellId: string;
  incarnation: string;
  outcomes: WorkOutcome[];
  /** the cell's state after admission */
  state?: CellState;
}

/** `cell.<id>.outcome`: what became of these placement ids. Never seen makes the rep refuse the id until past the deadline. */
export interface OutcomeQuery {
  traceId: string;
  placementIds: string[];
  /** ms for which the rep goes on refusing ids it has never seen */
  deadlineMs: number;
}

/** `cell.<id>.stop` */
export interface StopRequest extends ActualLrpKey {
  traceId: string;
  instanceGuid: string;
}

/** `cell.<id>.cancel` */
export interface CancelRequest {
  traceId: string;
  taskGuid: string;
}

/** `cell.<id>.update`: internal routes and metric tags of a running instance changed. */
export interface UpdateRequest extends ActualLrpKey {
  traceId: string;
  instanceGuid: string;
  internalRoutes: ActualLrpInternalRoute[];
  metricTags: Record<string, string>;
}

/** `cell.<id>.evacuate` and other requests that only name their trace */
export interface Traced {
  traceId: string;
}

/** Answer of a rep to stop, cancel, update, evacuate: the request is taken (202), the work follows. */
export interface Ack {
  accepted: boolean;
  reason: string;
}

/** `auction.capacity`: room appeared; unplaced work is asked for again at once. */
export interface CapacityAppeared {
  traceId: string;
  cellId: string;
}

/** A lease asked for or renewed (`cell.<id>.presence`, and over HTTP). */
export interface LeaseRequest {
  name: string;
  /** random per holder process */
  owner: string;
  /** ms */
  ttlMs: number;
  /** opaque; for presence the CellPresence as JSON */
  value: string;
}

export interface Lease extends LeaseRequest {
  /** +1 with every new holder; a fencing token */
  epoch: number;
}

/** Whether the lease is held by the asker now; if not, by whom. */
export interface LeaseReply {
  held: boolean;
  epoch: number;
  holder: string;
}

export type { ModificationTag };
