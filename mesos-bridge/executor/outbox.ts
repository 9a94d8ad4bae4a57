import type { Clock } from '../../common/ports/clock.js';
import type { TaskStatus } from '../protocol/messages.js';

/** The statuses of one task on their way to the agent, in order. */
export interface Outbox {
  push(status: TaskStatus): void;
  /** not acknowledged yet */
  pending(): TaskStatus[];
  /** false: it waits for no such one */
  acknowledge(uuid: Uint8Array): boolean;
  /** all that is pending goes with SUBSCRIBE, and counts as handed over */
  handOver(): TaskStatus[];
  /** the agent may not have got what it was handed */
  disconnected(): void;
  /** hands over what was not, one after the other */
  pump(): void;
  /** hands over again what waits for its acknowledgement for too long */
  repeat(): void;
}

/** ms after which a status that was not acknowledged is handed over again, over the same connection */
export const REPEAT_MS = 10_000;

interface Outgoing {
  readonly status: TaskStatus;
  /** the agent has been handed it, by a call or by SUBSCRIBE */
  sent: boolean;
  /** ms, monotonic, of the last time */
  at: number;
}

export interface OutboxOptions {
  clock: Clock;
  isConnected(): boolean;
  /** false: the agent has not taken it */
  send(status: TaskStatus): Promise<boolean>;
}

const isSame = (left: Uint8Array | undefined, right: Uint8Array): boolean =>
  left !== undefined && Buffer.compare(left, right) === 0;

export const createOutbox = (
  { clock, isConnected, send }: OutboxOptions,
  before: readonly TaskStatus[] = [],
): Outbox => {
  const all: Outgoing[] = before.map((status) => ({ status, sent: false, at: 0 }));
  // one call at a time: the agent keeps the order in which it is told
  let sending = false;

  const work = async (): Promise<void> => {
    for (let next = all.find(({ sent }) => !sent); next && isConnected();) {
      next.at = clock.monotonic();
      if (!(await send(next.status))) return;
      next.sent = true;
      next = all.find(({ sent }) => !sent);
    }
  };
  const pump = (): void => {
    if (sending) return;
    sending = true;
    void work().finally(() => (sending = false));
  };
  const handBack = (): void => {
    for (const one of all) one.sent = false;
  };
  const isOverdue = ({ sent, at }: Outgoing): boolean => !sent || clock.monotonic() - at >= REPEAT_MS;

  return {
    push: (status) => void all.push({ status, sent: false, at: 0 }),
    pending: () => all.map(({ status }) => status),
    acknowledge(uuid) {
      const at = all.findIndex(({ status }) => isSame(status.uuid, uuid));
      if (at >= 0) all.splice(at, 1);
      return at >= 0;
    },
    handOver() {
      for (const one of all) Object.assign(one, { sent: true, at: clock.monotonic() });
      return all.map(({ status }) => status);
    },
    disconnected: handBack,
    pump,
    repeat() {
      if (!all.some(isOverdue)) return;
      handBack();
      pump();
    },
  };
};
