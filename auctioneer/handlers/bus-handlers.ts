import type { AuctionAck } from '../../common/model/auction.js';
import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { decode, encode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { admit } from '../core/requests.js';
import type { Reporter } from '../runner/report.js';
import type { Runner } from '../runner/runner.js';

export interface BusHandlersOptions {
  bus: Bus;
  runner: Runner;
  reporter: Pick<Reporter, 'explanation'>;
  logger: Logger;
}

/** One auctioneer answers a request, however many listen for a moment while the lease changes hands. */
const QUEUE = 'auctioneer';

/** Takes auction requests off the bus. Acknowledged when in the batch; what is malformed is dropped item by item. */
export const subscribeAuctions = ({ bus, runner, reporter, logger }: BusHandlersOptions): Cancel => {
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

  const explain = (message: BusMessage): void => {
    const query = decode('ExplainQuery', message.payload);
    const text = query.ok ? (reporter.explanation(query.value.id) ?? '') : '';
    message.respond(encode('Explanation', { text }));
  };

  const subscriptions = [
    bus.subscribe(SUBJECTS.auctionLrps, takeRequest, { queue: QUEUE }),
    bus.subscribe(SUBJECTS.auctionTasks, takeRequest, { queue: QUEUE }),
    bus.subscribe(SUBJECTS.auctionExplain, explain, { queue: QUEUE }),
  ];
  return () => {
    for (const cancel of subscriptions) cancel();
  };
};
