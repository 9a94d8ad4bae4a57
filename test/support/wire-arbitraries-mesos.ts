import type fc from 'fast-check';
import type { LrpStart, TaskStart, Work, WorkReply, WorkStatus } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { WireMessages } from '../../common/wire/messages.js';
import { bool, list, record, text, texts, uint32, uint64 } from './wire-arbitrary-parts.js';

/** What messages between auctioneer and bridge have in common with others. */
export interface MesosParts {
  status: fc.Arbitrary<WorkStatus>;
  cellState: fc.Arbitrary<CellState>;
  work: fc.Arbitrary<Work>;
  workReply: fc.Arbitrary<WorkReply>;
  lrpStarts: fc.Arbitrary<LrpStart[]>;
  taskStarts: fc.Arbitrary<TaskStart[]>;
}

const traceId = text;

const mesosOffer = record({
  ...{ offerId: text, agentId: text, hostname: text, role: text, resources: text, outcome: text },
  ...{ reason: text, usedBy: texts, heldMs: uint64 },
});

type Names =
  | 'MesosStateQuery'
  | 'MesosState'
  | 'MesosAuction'
  | 'MesosAuctionReply'
  | 'MesosOffersQuery'
  | 'MesosOffers';

export const mesosArbitraries = ({
  status,
  cellState,
  work,
  workReply,
  lrpStarts,
  taskStarts,
}: MesosParts): { readonly [N in Names]: fc.Arbitrary<WireMessages[N]> } => ({
  MesosStateQuery: record({ traceId, after: text, incarnation: text, since: uint64 }),
  MesosState: record({
    ...{ bids: list(cellState), next: text, incarnation: text },
    ...{ since: uint64, version: uint64, gone: texts },
  }),
  MesosAuction: record({
    traceId,
    work: list(work),
    asked: list(record({ cellId: text, placementIds: texts, deadlineMs: uint32 })),
    lrps: lrpStarts,
    tasks: taskStarts,
  }),
  MesosAuctionReply: record({
    replies: list(workReply),
    sought: list(record({ status, reason: text, placementIds: texts })),
  }),
  MesosOffersQuery: record({ traceId, limit: uint32 }),
  MesosOffers: record({
    ...{
      trouble: text,
      frameworkId: text,
      master: text,
      suppressed: bool,
      waiting: uint32,
      waitedMs: uint64,
    },
    ...{ hunger: text, held: uint32, received: uint64, used: uint64, declined: uint64, rescinded: uint64 },
    ...{ lost: uint64, executors: uint32, tasks: uint32, moreOffers: uint32 },
    rejections: list(record({ reason: text, count: uint64, latest: text })),
    offers: list(mesosOffer),
  }),
});
