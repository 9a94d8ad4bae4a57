import type { WorkOutcome } from './auction.js';

interface Refusal {
  reason: string;
  /** ms, monotonic: until when the id is refused */
  until: number;
}

/** What became of every placement id: the idempotency of work (design §8.1). */
export interface Placements {
  accept(id: string): void;
  /** takes back an acceptance as well */
  refuse(id: string, refusal: Refusal): void;
  outcome(id: string, now: number): WorkOutcome;
  /** what was accepted has come to nothing: the same placement may be asked for again at once */
  release(id: string): void;
  /** drops refusals that have ended */
  forget(now: number): void;
}

/**
 * Accepted ids are kept long after their container has gone, since a late copy of the work must not
 * start it twice; only their number is bounded. 100,000 ids are about 10 MB and a day of busy cell.
 */
const MOST_ACCEPTED = 100_000;

/** Refusals are looked through at most this often, in ms: a busy cell must not scan them per message. */
const FORGET_EVERY_MS = 1_000;

export const createPlacements = (mostAccepted = MOST_ACCEPTED): Placements => {
  const accepted = new Set<string>();
  const refused = new Map<string, Refusal>();
  let forgotten = Number.NEGATIVE_INFINITY;

  return {
    accept(id) {
      refused.delete(id);
      accepted.delete(id);
      accepted.add(id);
      if (accepted.size <= mostAccepted) return;
      const [oldest] = accepted;
      if (oldest !== undefined) accepted.delete(oldest);
    },
    refuse(id, refusal) {
      accepted.delete(id);
      refused.set(id, refusal);
    },
    outcome(id, now) {
      if (accepted.has(id)) return { placementId: id, status: 'accepted', reason: '' };
      const refusal = refused.get(id);
      if (refusal === undefined || refusal.until <= now) {
        return { placementId: id, status: 'never_seen', reason: '' };
      }
      return { placementId: id, status: 'refused', reason: refusal.reason };
    },
    release: (id) => void accepted.delete(id),
    forget(now) {
      if (now - forgotten < FORGET_EVERY_MS) return;
      forgotten = now;
      for (const [id, { until }] of refused) if (until <= now) refused.delete(id);
    },
  };
};
