import type { Offer } from './offer.js';
import { resourcesText } from './resources.js';

/** What became of an offer. `lost`: void with the subscription or its agent. */
export type OfferOutcome = 'held' | 'used' | 'declined' | 'rescinded' | 'lost';

/** An offer as `outcry mesos offers` shows it. */
export interface OfferRecord {
  readonly offerId: string;
  readonly agentId: string;
  readonly hostname: string;
  readonly role: string;
  /** in Mesos's writing */
  readonly resources: string;
  readonly outcome: OfferOutcome;
  /** why it was declined or lost; '' otherwise */
  readonly reason: string;
  /** the work that it was used for */
  readonly usedBy: readonly string[];
  /** ms, monotonic */
  readonly receivedAt: number;
  /** ms for which it was held, until now or its end */
  readonly heldMs: number;
}

export interface Held {
  readonly offer: Offer;
  /** ms, monotonic */
  readonly receivedAt: number;
}

export interface OfferEnd {
  readonly outcome: Exclude<OfferOutcome, 'held'>;
  readonly reason?: string;
  readonly usedBy?: readonly string[];
}

export type OfferCounts = Readonly<Record<Exclude<OfferOutcome, 'held'> | 'received', number>>;

/** The latest offers that are held no more, and how many there were in all. */
export interface OfferHistory {
  received(): void;
  ended(held: Held, end: OfferEnd, now: number): void;
  /** the newest first */
  records(): OfferRecord[];
  counts(): OfferCounts;
}

interface Ended extends Held {
  readonly end: OfferEnd;
  readonly endedAt: number;
}

export const recordOf = (
  { offer, receivedAt }: Held,
  end: OfferEnd | undefined,
  now: number,
): OfferRecord => ({
  offerId: offer.id,
  agentId: offer.agentId,
  hostname: offer.hostname,
  role: offer.role,
  resources: resourcesText(offer.resources),
  outcome: end?.outcome ?? 'held',
  reason: end?.reason ?? '',
  usedBy: end?.usedBy ?? [],
  receivedAt,
  heldMs: now - receivedAt,
});

export const createOfferHistory = (most: number): OfferHistory => {
  /** a ring: the oldest is written over */
  const ring: Ended[] = [];
  let next = 0;
  const counts = { received: 0, used: 0, declined: 0, rescinded: 0, lost: 0 };

  return {
    received: () => void (counts.received += 1),
    ended(held, end, now) {
      counts[end.outcome] += 1;
      ring[next % most] = { ...held, end, endedAt: now };
      next += 1;
    },
    records: () =>
      [...ring.slice(next % most), ...ring.slice(0, next % most)]
        .reverse()
        .map((ended) => recordOf(ended, ended.end, ended.endedAt)),
    counts: () => ({ ...counts }),
  };
};
