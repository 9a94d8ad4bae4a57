import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Random } from '../../common/ports/random.js';
import { decode, encode } from '../../common/wire/codec.js';
import type { WireMessages, WireName } from '../../common/wire/messages.js';
import type { CellVerb } from '../../common/wire/subjects.js';
import { SUBJECTS, cellSubject } from '../../common/wire/subjects.js';
import type { CellHandlers, WorkSource } from '../work-source.js';

export interface BusWorkSourceOptions {
  cellId: string;
  bus: Bus;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/** Work over the bus: the cell's own subjects, and the broadcast for states. */
export const createBusWorkSource = (options: BusWorkSourceOptions): WorkSource => {
  const { cellId, bus, clock, random, logger } = options;
  const cancels: Cancel[] = [];
  const isStarted = (): boolean => cancels.length > 0;

  /** an unreadable request gets no answer: its sender learns that the outcome is unknown, and asks */
  const serve = <Q extends WireName, A extends WireName>(
    verb: CellVerb,
    names: { request: Q; reply: A },
    answer: (request: WireMessages[Q]) => WireMessages[A],
  ): void => {
    const handle = (message: BusMessage): void => {
      const request = decode(names.request, message.payload);
      if (!request.ok)
        return logger.error('request-unreadable', { subject: message.subject, error: request.error });
      message.respond(encode(names.reply, answer(request.value)));
    };
    cancels.push(bus.subscribe(cellSubject(cellId, verb), handle));
  };

  const subscribeAll = (handlers: CellHandlers): void => {
    cancels.push(
      bus.subscribe(SUBJECTS.cellState, (message) => {
        message.respond(encode('CellState', handlers.state()));
      }),
    );
    serve('work', { request: 'Work', reply: 'WorkReply' }, (work) =>
      handlers.perform(work, clock.monotonic()),
    );
    serve('outcome', { request: 'OutcomeQuery', reply: 'WorkReply' }, handlers.outcome);
    serve('stop', { request: 'StopRequest', reply: 'Ack' }, handlers.stop);
    serve('cancel', { request: 'CancelRequest', reply: 'Ack' }, handlers.cancel);
    serve('update', { request: 'UpdateRequest', reply: 'Ack' }, handlers.update);
    serve('evacuate', { request: 'Traced', reply: 'Ack' }, handlers.evacuate);
  };

  return {
    start(handlers) {
      subscribeAll(handlers);
      // what was published while it was away is lost: the state is told again
      cancels.push(
        bus.onConnection((connected) => {
          if (connected) bus.publish(SUBJECTS.cellChanged, encode('CellState', handlers.state()));
        }),
      );
    },
    stop() {
      for (const cancel of cancels.splice(0)) cancel();
    },
    changed(state) {
      if (isStarted()) bus.publish(SUBJECTS.cellChanged, encode('CellState', state));
    },
    capacityAppeared() {
      if (!isStarted()) return;
      const message = { traceId: random.uuid(), cellId };
      bus.publish(SUBJECTS.auctionCapacity, encode('CapacityAppeared', message));
    },
  };
};
