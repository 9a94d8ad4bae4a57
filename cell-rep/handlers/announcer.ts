import type { CellState } from '../../common/model/cell.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { WorkSource } from '../work-source.js';

/** Tells of changes of the cell, many at once: a burst of containers is one message. */
export interface Announcer {
  changed(): void;
  /** work was admitted: whoever placed it knows, others have time */
  workTaken(): void;
  roomAppeared(): void;
  stop(): void;
}

/** ms in which changes are gathered into one announcement */
const GATHER_MS = 20;
/** the same for admitted work: a batch is over, on a small machine too, before ten thousand cells tell of it */
const GATHER_TAKEN_MS = 1_000;

export const createAnnouncer = (options: {
  clock: Clock;
  source: WorkSource;
  state: () => CellState;
}): Announcer => {
  const { clock } = options;
  let timer: Cancel | undefined;
  /** ms, monotonic */
  let due = 0;
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

  const announceWithin = (ms: number): void => {
    const at = clock.monotonic() + ms;
    if (stopped || (timer !== undefined && due <= at)) return;
    timer?.();
    due = at;
    timer = clock.after(ms, announce);
  };
  const changed = (): void => announceWithin(GATHER_MS);

  return {
    changed,
    workTaken: () => announceWithin(GATHER_TAKEN_MS),
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
