import { createToldCauses } from '../../common/model/told-causes.js';
import type { Bus, BusMessage } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { decode, encode } from '../../common/wire/codec.js';
import { ANY_CELL_PRESENCE, SUBJECTS } from '../../common/wire/subjects.js';
import type { Board } from './board.js';
import { CELL_PREFIX } from './hearing.js';

export interface BusDoorOptions {
  bus: Bus;
  logger: Logger;
  board: Pick<Board, 'acquireLease'>;
  onCapacity(): void;
}

/** What comes in over the bus: presences of cells, and word of new room. */
export const openBusDoor = ({ bus, logger, board, onCapacity }: BusDoorOptions): Cancel => {
  const collisions = createToldCauses();

  const presence = async (message: BusMessage): Promise<void> => {
    const request = decode('LeaseRequest', message.payload);
    const cellId = message.subject.split('.')[1] ?? '';
    // a rep's permissions end at its own subject; so does what it may claim
    if (!request.ok || request.value.name !== CELL_PREFIX + cellId) {
      return logger.warn('presence.invalid', { subject: message.subject });
    }
    const held = await board.acquireLease(request.value);
    // without an answer the rep turns to HTTP, which tells it why
    if (!held.ok) return logger.warn('presence.refused', { cellId, error: held.error.message });
    const { holder } = held.value;
    if (!held.value.held && collisions.isNew(`${cellId} ${holder} ${request.value.owner}`)) {
      logger.warn('presence.lock-collision', { cellId, holder });
    }
    message.respond(encode('LeaseReply', held.value));
  };

  const onPresence = (message: BusMessage): void => {
    presence(message).catch((error: unknown) => logger.error('presence.failed', { error }));
  };

  const cancels = [
    bus.subscribe(ANY_CELL_PRESENCE, onPresence, { queue: 'bbs' }),
    bus.subscribe(SUBJECTS.auctionCapacity, onCapacity),
    // what was asked for while the bus was down was heard by nobody
    bus.onConnection((up) => {
      if (up) onCapacity();
    }),
  ];
  return () => cancels.forEach((cancel) => cancel());
};
