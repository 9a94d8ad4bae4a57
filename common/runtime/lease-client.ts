import type { LeaseReply, LeaseRequest } from '../model/auction.js';
import type { BbsResult } from '../model/bbs-error.js';
import { createToldCauses } from '../model/told-causes.js';
import type { Cancel, Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Member } from './group.js';

/** What grants leases: the BBS over HTTP or the bus, or a store. Should fail well before a TTL is over. */
export interface LeasePort {
  /** takes or, for the same owner, renews */
  acquire(request: LeaseRequest): Promise<BbsResult<LeaseReply>>;
  renew(request: LeaseRequest & { epoch: number }): Promise<BbsResult<LeaseReply>>;
  release(name: string, owner: string): Promise<BbsResult<void>>;
}

export interface HoldLeaseOptions {
  leases: LeasePort;
  name: string;
  /** random per holder process */
  owner: string;
  /** ms */
  ttlMs: number;
  /** ms; a third of the TTL when absent */
  renewEveryMs?: number;
  /** read anew for every renewal */
  value: () => string;
  clock: Clock;
  logger: Logger;
  onGained?: (epoch: number) => void;
  /** told the moment the time is past, or when another holds it; not told on `stop` */
  onLost?: (reason: string) => void;
}

export interface LeaseHolder extends Member {
  /** whether the lease is held at this moment; ask before every answer that depends on it */
  held(): boolean;
  /** of the lease held now; 0 while not held */
  epoch(): number;
  /** whether whoever grants it answered the last request, with whatever answer; false before the first */
  answered(): boolean;
  /** renews at once, e.g. because the value changed */
  renewNow(): void;
}

/** Renewals under way at a time: a port that does not answer must not pile them up. */
const MOST_IN_FLIGHT = 3;
/** ms until a lease that is not held is asked for again when nobody answered */
const EAGER_MS = 500;
/** Longest that `stop` waits for renewals under way, and then for the release, ms. */
const STOP_PATIENCE_MS = 1_000;

/** Settles with `work`, or after `ms`. */
const atMost = async (clock: Clock, ms: number, work: Promise<unknown>): Promise<void> => {
  let cancel: Cancel = () => undefined;
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  await Promise.race([work, late]);
  cancel();
};

/** The lease as its holder sees it: from when until when, on the monotonic clock. */
const createTenure = (options: HoldLeaseOptions) => {
  const { clock, logger, name, ttlMs } = options;
  let epoch = 0;
  /** monotonic ms */
  let endsAt = -Infinity;
  let stopTimer: Cancel = () => undefined;

  const end = (): void => {
    stopTimer();
    epoch = 0;
    endsAt = -Infinity;
  };

  const lose = (reason: string): void => {
    if (epoch === 0) return;
    logger.warn('lease-lost', { name, epoch, reason });
    end();
    options.onLost?.(reason);
  };

  const watch = (): void => {
    stopTimer();
    stopTimer = clock.after(endsAt - clock.monotonic(), () => {
      // a timer may come a little early; the lease must not end before its time either
      if (clock.monotonic() >= endsAt) lose('expired');
      else watch();
    });
  };

  return {
    held: () => epoch !== 0 && clock.monotonic() < endsAt,
    epoch: () => epoch,
    end,
    lose,
    /** granted to a request sent at `sentAt`; the grantor counts from when it read it, which is later */
    extend(granted: number, sentAt: number): void {
      const until = sentAt + ttlMs;
      if (clock.monotonic() >= until) return;
      if (epoch !== 0 && epoch !== granted) lose('superseded');
      const gained = epoch === 0;
      epoch = granted;
      endsAt = Math.max(endsAt, until);
      watch();
      if (!gained) return;
      logger.info('lease-gained', { name, epoch });
      options.onGained?.(granted);
    },
  };
};

const release = async ({ leases, name, owner, logger }: HoldLeaseOptions): Promise<void> => {
  try {
    const result = await leases.release(name, owner);
    if (!result.ok) logger.warn('lease-release-failed', { name, reason: result.error.message });
  } catch (error) {
    logger.error('lease-release-failed', { name, error });
  }
};

/**
 * Takes a lease when it is free and keeps it (design §8.5). Its time runs from before a renewal was sent,
 * on the monotonic clock, so that the holder always stops believing in it before the grantor does.
 */
export const holdLease = (options: HoldLeaseOptions): LeaseHolder => {
  const { leases, name, owner, ttlMs, clock, logger } = options;
  const tenure = createTenure(options);
  const inFlight = new Set<Promise<void>>();
  const told = createToldCauses();
  let sent = 0;
  let answered = 0;
  let heard = false;
  let stopped = true;
  let cancel: Cancel = () => undefined;
  let cancelSoon: Cancel = () => undefined;

  /** A system that is coming up does not wait a third of a TTL for a grantor that starts a moment later. */
  const askSoon = (): void => {
    if (tenure.held()) return;
    cancelSoon();
    cancelSoon = clock.after(Math.min(EAGER_MS, ttlMs / 3), renewNow);
  };

  const ask = (): Promise<BbsResult<LeaseReply>> => {
    const request = { name, owner, ttlMs, value: options.value() };
    return tenure.held() ? leases.renew({ ...request, epoch: tenure.epoch() }) : leases.acquire(request);
  };

  const settle = (result: BbsResult<LeaseReply>, sentAt: number): void => {
    heard = result.ok;
    if (result.ok) told.clear();
    if (!result.ok) {
      const reason = result.error.message;
      if (told.isNew(reason)) logger.warn('lease-request-failed', { name, reason });
      askSoon();
    } else if (result.value.held) {
      tenure.extend(result.value.epoch, sentAt);
    } else {
      tenure.lose(`held by ${result.value.holder}`);
    }
  };

  const renew = async (number: number): Promise<void> => {
    const sentAt = clock.monotonic();
    const before = tenure.epoch();
    try {
      const result = await ask();
      // An answer that a later one has overtaken says nothing any more; nor does one to a renewal of a
      // lease lost since: what was lost is acquired again, never quietly taken up.
      if (stopped || number < answered || (before !== 0 && before !== tenure.epoch())) return;
      answered = number;
      settle(result, sentAt);
    } catch (error) {
      heard = false;
      logger.error('lease-request-threw', { name, error });
    }
  };

  const renewNow = (): void => {
    if (stopped || inFlight.size >= MOST_IN_FLIGHT) return;
    sent += 1;
    const run = renew(sent).finally(() => inFlight.delete(run));
    inFlight.add(run);
  };

  return {
    name: `lease ${name}`,
    held: tenure.held,
    epoch: () => (tenure.held() ? tenure.epoch() : 0),
    answered: () => heard,
    renewNow,
    start() {
      stopped = false;
      cancel = clock.every(options.renewEveryMs ?? ttlMs / 3, renewNow);
      renewNow();
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      cancel();
      cancelSoon();
      tenure.end();
      // a request that reached the grantor after the release would take the lease again
      await atMost(clock, STOP_PATIENCE_MS, Promise.all(inFlight));
      await atMost(clock, STOP_PATIENCE_MS, release(options));
    },
  };
};
