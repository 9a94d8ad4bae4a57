import type { Cancel } from '../ports/clock.js';

export interface Delivery {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** where answers go; '' = nowhere */
  readonly reply: string;
}

export interface Subscription {
  readonly matches: (subject: string) => boolean;
  readonly queue: string | undefined;
  /** false while its connection is cut */
  readonly active: () => boolean;
  /** takes a delivery; its handler runs in a later turn */
  readonly deliver: (delivery: Delivery) => void;
}

/** What a NATS server does, as far as the Bus port can see it: who subscribes, and who gets what. */
export interface Broker {
  add(subscription: Subscription): Cancel;
  /** hands a copy to each subscriber and to one member of each queue group; answers how many it reached */
  route(delivery: Delivery): number;
  /** a new subject for answers */
  inbox(): string;
}

export const createBroker = (): Broker => {
  const subscriptions = new Set<Subscription>();
  let inboxes = 0;
  let turn = 0;

  const receivers = (subject: string): Subscription[] => {
    const groups = new Map<string, Subscription[]>();
    const chosen: Subscription[] = [];
    for (const subscription of subscriptions) {
      if (!subscription.active() || !subscription.matches(subject)) continue;
      if (subscription.queue === undefined) chosen.push(subscription);
      else groups.set(subscription.queue, [...(groups.get(subscription.queue) ?? []), subscription]);
    }
    turn += 1;
    for (const members of groups.values()) chosen.push(members[turn % members.length] as Subscription);
    return chosen;
  };

  return {
    add(subscription) {
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
    route(delivery) {
      const chosen = receivers(delivery.subject);
      for (const subscription of chosen) {
        // copied: neither the sender nor another receiver may reach into what this one reads
        subscription.deliver({ ...delivery, payload: new Uint8Array(delivery.payload) });
      }
      return chosen.length;
    },
    inbox() {
      inboxes += 1;
      return `_INBOX.${inboxes}`;
    },
  };
};

export interface Turns {
  add(job: () => void): void;
  /** forgets the jobs that wait */
  clear(): void;
}

/** Runs jobs in order in a later turn of the event loop; jobs added meanwhile wait for the turn after that. */
export const createTurns = (): Turns => {
  let jobs: (() => void)[] = [];
  let scheduled = false;
  const run = (): void => {
    scheduled = false;
    const due = jobs;
    jobs = [];
    for (const job of due) job();
  };
  return {
    add(job) {
      jobs.push(job);
      if (!scheduled) setImmediate(run);
      scheduled = true;
    },
    clear() {
      jobs.length = 0;
    },
  };
};

/** One turn of the event loop. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
