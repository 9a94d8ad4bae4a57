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
    const { auctions, dropped } = admit(request.value);
    if (dropped.length > 0) logger.warn('start-validate-failed', { dropped, traceId: request.value.traceId });
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
