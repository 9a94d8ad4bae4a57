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
  /** ports of the cell's machine that an instance takes; absent = none */
  hostPorts?: number;
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
  /** ports of the cell's machine that it takes; absent = none */
  hostPorts?: number;
  /** minted by whoever hands the work on (a Mesos task is named after it); absent = the rep mints it */
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

/** `deferred`: waits for capacity that is being sought, with a deadline (design §8.2). */
export type WorkStatus = 'accepted' | 'refused' | 'never_seen' | 'deferred';

export interface WorkOutcome {
  placementId: string;
  status: WorkStatus;
  /** why refused, or what it waits for; '' otherwise */
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

/** `mesos.state`: the bids of the Mesos bridge, in pages; of one that knows them already only what has changed. */
export interface MesosStateQuery {
  traceId: string;
  /** the bid after which this page begins, by cell id; '' = with the first */
  after: string;
  /** of the bridge whose bids of up to `since` are known */
  incarnation: string;
  /** a version that it told; 0 = none are known */
  since: number;
}

export interface MesosState {
  /** in order of cell ids */
  bids: CellState[];
  /** cell id of the last, when there are more; '' = these were all */
  next: string;
  /** of this bridge */
  incarnation: string;
  /** these are all that have changed since then; 0 = these are all there are, whatever is known */
  since: number;
  /** what is known when all pages have been read, to be asked with the next time: as the first page tells it */
  version: number;
  /** cells that bid no more; told on the first page */
  gone: string[];
}

/** `mesos.auction`: what was decided, and what found no place. */
export interface MesosAuction {
  traceId: string;
  work: Work[];
  /** what became of work sent before */
  asked: PlacedBefore[];
  /** of what has no place anywhere: capacity is to be sought for it */
  lrps: LrpStart[];
  tasks: TaskStart[];
}

/** As OutcomeQuery, of the agent behind one bid. */
export interface PlacedBefore {
  cellId: string;
  placementIds: string[];
  /** ms for which those that were never seen are refused */
  deadlineMs: number;
}

export interface MesosAuctionReply {
  /** one for each work and each cell asked for */
  replies: WorkReply[];
  /** what becomes of those without a place, those of one answer together */
  sought: Sought[];
}

export interface Sought {
  status: WorkStatus;
  reason: string;
  placementIds: string[];
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
