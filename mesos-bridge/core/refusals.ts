import { createBoundedMap } from './bounded-map.js';
import type { Bundle } from './offer-book.js';
import type { Rejection } from './offer-rules.js';

interface Refusal {
  /** the newest offer of the agent then */
  readonly offerId: string;
  readonly until: number;
  readonly reason: string;
}

/**
 * Agents that refused work that an auction chose them for: what their bids do not tell (ports, constraints between
 * instances) would make the next auction choose them again. They bid no more until their offers change, or for a while.
 */
export interface Refusals {
  note(bundle: Bundle, reason: string, now: number): void;
  closed(agentId: string, bundle: () => Bundle | undefined, now: number): Rejection | undefined;
}

const AFTER_REFUSAL_MS = 3_000;

const MOST = 20_000;

export const createRefusals = (): Refusals => {
  const refusals = createBoundedMap<Refusal>(MOST);
  return {
    note({ agentId, newest }, reason, now) {
      refusals.set(agentId, { offerId: newest.id, until: now + AFTER_REFUSAL_MS, reason });
    },
    closed(agentId, bundle, now) {
      const refusal = refusals.get(agentId);
      if (refusal === undefined || now >= refusal.until) return undefined;
      if (bundle()?.newest.id !== refusal.offerId) return undefined;
      return { code: 'resting', reason: `it refused work just now: ${refusal.reason}` };
    },
  };
};
