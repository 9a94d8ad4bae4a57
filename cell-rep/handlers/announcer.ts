import type { CellState } from '../../common/model/cell.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { WorkSource } from '../work-source.js';

/** Tells of changes of the cell, many at once: a burst of containers is one message. */
export interface Announcer {
  changed(): void;
  roomAppeared(): void;
  stop(): void;
}

/** ms in which changes are gathered into one announcement */
const GATHER_MS = 20;

export const createAnnouncer = (options: {
  clock: Clock;
  source: WorkSource;
  state: () => CellState;
}): Announcer => {
  let timer: Cancel | undefined;
  let room = false;
  let stopped = false;

  const announce = (): void => {
    timer = undefined;
    const { source } = options;
    // the state first: who then asks for work finds the room in it
    source.changed(options.state());
    if (room) source.capacityAppeared();
    room = false;
  };

  const changed = (): void => {
    if (!stopped) timer ??= options.clock.after(GATHER_MS, announce);
  };

  return {
    changed,
    roomAppeared() {
      room = true;
      changed();
    },
    stop() {
      stopped = true;
      timer?.();
      timer = undefined;
    },
  };
};
