import type {
  MesosAuction,
  MesosAuctionReply,
  PlacedBefore,
  Sought,
  Work,
  WorkReply,
} from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';
import type { MesosOffers } from '../../common/model/mesos-offers.js';
import { createToldCauses } from '../../common/model/told-causes.js';
import { MAX_PAYLOAD_BYTES } from '../../common/ports/bus.js';
import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { unattended } from '../../common/runtime/unattended.js';
import { decode, encode } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import type { BidChanges } from '../core/bids.js';

/** What the auctioneer and people ask of the active bridge. */
export interface BridgeAnswers {
  /** what has changed since that version of that bridge, or all */
  bids(known: { incarnation: string; since: number }): BidChanges & { readonly incarnation: string };
  take(work: Work): WorkReply;
  outcomes(asked: PlacedBefore): WorkReply;
  seek(wanted: Pick<MesosAuction, 'lrps' | 'tasks' | 'traceId'>): Sought[];
  /** at most so many offers */
  offers(limit: number): MesosOffers;
}

export interface BusHandlersOptions {
  bus: Bus;
  logger: Logger;
  bridge: BridgeAnswers;
  /** one bridge answers, however many listen for a moment while the lease changes hands */
  queue: string;
  /** whether it is the active one at this moment: one that was stopped for a while knows it before it is told */
  mayAnswer(): boolean;
}

/** Room for the envelope is left. */
const BUDGET = Math.floor(MAX_PAYLOAD_BYTES * 0.8);

/** Bids are the same until something has changed, and asked for with every batch. */
const lengths = new WeakMap<CellState, number>();

const lengthOf = (bid: CellState): number => {
  const known = lengths.get(bid);
  if (known !== undefined) return known;
  const { byteLength } = encode('CellState', bid);
  lengths.set(bid, byteLength);
  return byteLength;
};

/** As many bids after that one as fit into a message. */
export const pageOf = (bids: readonly CellState[], after: string): { bids: CellState[]; next: string } => {
  const page: CellState[] = [];
  let room = BUDGET;
  for (const bid of bids) {
    if (after !== '' && bid.cellId <= after) continue;
    room -= lengthOf(bid);
    if (room < 0 && page.length > 0) return { bids: page, next: page.at(-1)?.cellId ?? '' };
    page.push(bid);
  }
  return { bids: page, next: '' };
};

/** Answers the auctioneer's questions, and people's. What cannot be read is left unanswered, and told once per cause. */
export const subscribeBridge = ({ bus, logger, bridge, queue, mayAnswer }: BusHandlersOptions): Cancel => {
  const told = createToldCauses();

  const on = <Q extends WireName, A extends WireName>(
    subject: string,
    names: { query: Q; answer: A },
    answer: (query: WireMessages[Q]) => WireMessages[A],
  ): Cancel => {
    const take = (message: BusMessage): void => {
      if (!mayAnswer()) return;
      const query = decode(names.query, message.payload);
      if (query.ok) message.respond(encode(names.answer, answer(query.value)));
      else if (told.isNew(query.error.message))
        logger.warn('malformed-question', { subject, reason: query.error.message });
    };
    const attempt = (message: BusMessage): void =>
      unattended({ logger, event: 'question-failed', fields: { subject } }, () => take(message));
    return bus.subscribe(subject, attempt, { queue });
  };

  const auction = ({ work, asked, lrps, tasks, traceId }: MesosAuction): MesosAuctionReply => ({
    replies: [...work.map(bridge.take), ...asked.map(bridge.outcomes)],
    sought: lrps.length + tasks.length === 0 ? [] : bridge.seek({ lrps, tasks, traceId }),
  });

  const cancels = [
    on(SUBJECTS.mesosState, { query: 'MesosStateQuery', answer: 'MesosState' }, ({ after, ...known }) => {
      const { states, gone, ...told } = bridge.bids(known);
      return { ...told, gone: after === '' ? [...gone] : [], ...pageOf(states, after) };
    }),
    on(SUBJECTS.mesosAuction, { query: 'MesosAuction', answer: 'MesosAuctionReply' }, auction),
    on(SUBJECTS.mesosOffers, { query: 'MesosOffersQuery', answer: 'MesosOffers' }, ({ limit }) =>
      bridge.offers(limit),
    ),
  ];
  return () => cancels.forEach((cancel) => cancel());
};
