import type { Cancel, Clock } from '../../common/ports/clock.js';

/**
 * What becomes of a message on its way. `hold`: it arrives just before the next one that is not held. `behind`: after the
 * next one, or after a second when none follows. What is delayed is overtaken by what is not.
 */
export type Fate = 'deliver' | 'drop' | 'hold' | 'double' | 'behind' | { readonly delayMs: number };

export interface LaneOptions<Message> {
  readonly clock: Clock;
  readonly deliver: (message: Message) => void;
  readonly fate?: (message: Message) => Fate;
}

/** One direction of a connection: in order, and never while it is being sent. */
export interface Lane<Message> {
  send(message: Message): void;
  /** What was sent before arrives, if nothing delays it; then `ended` is called, and nothing more comes. */
  end(ended?: () => void): void;
}

const ALONE_MS = 1_000;

export const createLane = <Message>({ clock, deliver, fate }: LaneOptions<Message>): Lane<Message> => {
  let open = true;
  let queue: (() => void)[] = [];
  let held: { readonly message: Message; readonly cancel: Cancel } | undefined;
  let stopped: Message[] = [];
  const timers = new Set<Cancel>();

  const drain = (): void => {
    const due = queue;
    queue = [];
    for (const step of due) if (open) step();
  };
  const enqueue = (step: () => void): void => {
    queue.push(step);
    if (queue.length === 1) void Promise.resolve().then(drain);
  };
  const later = (ms: number, step: () => void): Cancel => {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel);
      if (open) step();
    });
    timers.add(cancel);
    return cancel;
  };
  const letGo = (): void => {
    if (held === undefined) return;
    const { message, cancel } = held;
    cancel();
    timers.delete(cancel);
    held = undefined;
    deliver(message);
  };
  const pass = (message: Message): void => {
    deliver(message);
    letGo();
  };

  const arrive = (message: Message): void => {
    const fated = fate?.(message) ?? 'deliver';
    if (fated === 'drop') return;
    if (fated === 'hold') return void stopped.push(message);
    const before = stopped;
    stopped = [];
    before.forEach(pass);
    if (fated === 'behind' && held === undefined) held = { message, cancel: later(ALONE_MS, letGo) };
    else if (typeof fated === 'object') later(fated.delayMs, () => pass(message));
    else {
      if (fated === 'double') deliver(message);
      pass(message);
    }
  };

  return {
    send(message) {
      if (open) enqueue(() => arrive(message));
    },
    end(ended) {
      enqueue(() => {
        open = false;
        for (const cancel of timers) cancel();
        ended?.();
      });
    },
  };
};
