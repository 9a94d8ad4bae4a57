import type { AuctionAck } from '../../common/model/auction.js';
import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { admit } from '../core/requests.js';
import type { Runner } from '../runner/runner.js';

export interface BusHandlersOptions {
  bus: Bus;
  runner: Pick<Runner, 'add'>;
  logger: Logger;
  /** one auctioneer takes a request, however many listen for a moment while the lease changes hands */
  queue: string;
}

/** Told of what was dropped, and the longest id in it: an answer, too, has to fit into a message. */
const MOST_DROPPED = 1_000;
const LONGEST_ID = 256;
/** of these in the log, beside their number */
const MOST_LOGGED = 10;

const toldOf = (dropped: AuctionAck['dropped']): AuctionAck['dropped'] =>
  dropped.slice(0, MOST_DROPPED).map(({ id, reason }) => ({ id: id.slice(0, LONGEST_ID), reason }));

/** Takes auction requests off the bus. Acknowledged when in the batch; what is malformed is dropped item by item. */
export const subscribeAuctions = ({ bus, runner, logger, queue }: BusHandlersOptions): Cancel => {
  const takeRequest = (message: BusMessage): void => {
    const request = decode('AuctionRequest', message.payload);
    if (!request.ok) {
      logger.warn('malformed-auction-request', { subject: message.subject, reason: request.error.message });
      message.respond(
        encode('AuctionAck', { accepted: 0, dropped: [{ id: '', reason: request.error.message }] }),
      );
      return;
    }
    const { traceId } = request.value;
    const { auctions, dropped: all } = admit(request.value);
    const dropped = toldOf(all);
    if (all.length > 0) {
      const some = dropped.slice(0, MOST_LOGGED);
      logger.warn('start-validate-failed', { count: all.length, dropped: some, traceId });
    }
    if (auctions.length > 0) runner.add(auctions);
    const ack: AuctionAck = { accepted: auctions.length, dropped };
    message.respond(encode('AuctionAck', ack));
  };

  const subscriptions = [
    bus.subscribe(SUBJECTS.auctionLrps, takeRequest, { queue }),
    bus.subscribe(SUBJECTS.auctionTasks, takeRequest, { queue }),
  ];
  return () => {
    for (const cancel of subscriptions) cancel();
  };
};
