import type { Bus } from '../../common/ports/bus.js';
import type { Cancel } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import { decode } from '../../common/wire/codec.js';
import { bbsEventSubject } from '../../common/wire/subjects.js';
import type { Cell } from '../containers/cell.js';

/** Hears of changed routes at once; what is missed, the bulk sync finds. */
export const subscribeRouteChanges = (options: { bus: Bus; cell: Cell; logger: Logger }): Member => {
  const { bus, cell, logger } = options;
  let cancel: Cancel | undefined;

  const onEvent = (payload: Uint8Array): void => {
    const event = decode('BbsEvent', payload);
    if (!event.ok) return logger.warn('event-unreadable', { error: event.error });
    if (event.value.kind !== 'desired_lrp_changed') return;
    const { processGuid, routes } = event.value.after;
    for (const container of cell.containers()) {
      if (container.identity.processGuid === processGuid) container.routesChanged(routes);
    }
  };

  return {
    name: 'route-changes',
    start() {
      cancel = bus.subscribe(bbsEventSubject('desired_lrp_changed'), ({ payload }) => onEvent(payload));
    },
    stop: () => cancel?.(),
  };
};
