import type { BusMessage } from '../../common/ports/bus.js';
import type { Clock } from '../../common/ports/clock.js';

/** Messages that wait for their turn, so that a flood of registrations does not keep requests waiting. */
export interface Inbox {
  /** taken at once as long as this turn of the event loop has time for it, else in the order of coming */
  push(take: (message: BusMessage) => void, message: BusMessage): void;
  /** messages that wait */
  waiting(): number;
  /** messages that found no room */
  dropped(): number;
  /** forgets what waits */
  clear(): void;
}

export interface InboxOptions {
  readonly clock: Clock;
  /** told when messages begin to be dropped */
  readonly onFull: () => void;
  /** gorouter's when absent */
  readonly capacity?: number;
}

const CAPACITY = 131_072;
/** ms of a turn of the event loop that messages may take */
const TURN_MS = 2;

export const createInbox = ({ clock, onFull, capacity = CAPACITY }: InboxOptions): Inbox => {
  let queue: { take: (message: BusMessage) => void; message: BusMessage }[] = [];
  let head = 0;
  let turnBegan: number | undefined;
  let dropped = 0;
  let full = false;

  const waiting = (): number => queue.length - head;
  const hasTime = (): boolean => clock.monotonic() - (turnBegan ?? 0) < TURN_MS;

  const begin = (): void => {
    turnBegan = clock.monotonic();
    void clock.sleep(0).then(nextTurn);
  };

  const nextTurn = (): void => {
    turnBegan = undefined;
    if (waiting() === 0) return;
    begin();
    do {
      const next = queue[head];
      head += 1;
      next?.take(next.message);
    } while (waiting() > 0 && hasTime());
    if (waiting() > 0) return;
    [queue, head, full] = [[], 0, false];
  };

  return {
    push(take, message) {
      if (turnBegan === undefined) begin();
      if (waiting() === 0 && hasTime()) return take(message);
      if (waiting() < capacity) {
        queue.push({ take, message });
        return;
      }
      dropped += 1;
      if (!full) onFull();
      full = true;
    },
    waiting,
    dropped: () => dropped,
    clear: () => void ([queue, head] = [[], 0]),
  };
};
