import type {
  Ack,
  AuctionAck,
  AuctionRequest,
  CancelRequest,
  CapacityAppeared,
  LeaseReply,
  MesosAuction,
  MesosAuctionReply,
  MesosState,
  MesosStateQuery,
  OutcomeQuery,
  StopRequest,
  Traced,
  UpdateRequest,
  Work,
  WorkReply,
} from '../model/auction.js';
import type {
  Batches,
  BatchesQuery,
  ExplainQuery,
  Explanation,
  Replay,
  ReplayQuery,
  WhatIf,
  WhatIfQuery,
} from '../model/auction-questions.js';
import type { BbsAnswers, BbsRequests } from '../model/bbs-api.js';
import type { CellPresence, CellState } from '../model/cell.js';
import type { ContainerMetrics, MeasureQuery } from '../model/container-metrics.js';
import type { BbsEvent } from '../model/events.js';
import type { ImageQuery, ImageReply } from '../model/image.js';
import type { ActualLrp, DesiredLrp, DesiredLrpUpdate } from '../model/lrp.js';
import type { MesosOffers, MesosOffersQuery } from '../model/mesos-offers.js';
import type { Task, TaskDefinition } from '../model/task.js';
import type { EventMessages } from './event-messages.js';

/**
 * Messages with a codec, by name. Diego's own carry Diego's message names and field numbers; the rest are ours.
 * Every one has a protobuf form (the bus, the BBS's API) and a JSON form (Diego's JSON names).
 */
export interface WireMessages extends BbsRequests, BbsAnswers, EventMessages {
  DesiredLRP: DesiredLrp;
  DesiredLRPUpdate: DesiredLrpUpdate;
  ActualLRP: ActualLrp;
  Task: Task;
  TaskDefinition: TaskDefinition;
  CellPresence: CellPresence;
  CellState: CellState;
  AuctionRequest: AuctionRequest;
  AuctionAck: AuctionAck;
  Work: Work;
  WorkReply: WorkReply;
  OutcomeQuery: OutcomeQuery;
  MesosStateQuery: MesosStateQuery;
  MesosState: MesosState;
  MesosAuction: MesosAuction;
  MesosAuctionReply: MesosAuctionReply;
  MesosOffersQuery: MesosOffersQuery;
  MesosOffers: MesosOffers;
  StopRequest: StopRequest;
  CancelRequest: CancelRequest;
  UpdateRequest: UpdateRequest;
  Traced: Traced;
  Ack: Ack;
  CapacityAppeared: CapacityAppeared;
  ExplainQuery: ExplainQuery;
  Explanation: Explanation;
  BatchesQuery: BatchesQuery;
  Batches: Batches;
  ReplayQuery: ReplayQuery;
  Replay: Replay;
  WhatIfQuery: WhatIfQuery;
  WhatIf: WhatIf;
  ImageQuery: ImageQuery;
  ImageReply: ImageReply;
  MeasureQuery: MeasureQuery;
  ContainerMetrics: ContainerMetrics;
  LeaseReply: LeaseReply;
  BbsEvent: BbsEvent;
}

export type WireName = keyof WireMessages;
