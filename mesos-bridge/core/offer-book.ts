import type { DemandSignal, Signal, SignalOptions } from './demand-signal.js';
import { SIGNAL_DEFAULTS, createDemandSignal } from './demand-signal.js';
import type { Maintenance, MaintenanceOptions, Moment } from './maintenance.js';
import { MAINTENANCE_DEFAULTS, createMaintenance } from './maintenance.js';
import type { InverseOffer, Offer } from './offer.js';
import type { Held, OfferCounts, OfferEnd, OfferRecord } from './offer-history.js';
import { createOfferHistory, recordOf } from './offer-history.js';
import type { OfferRules, Rejection, Useless } from './offer-rules.js';
import { USELESS, whyUseless } from './offer-rules.js';
import type { OfferShelf } from './offer-shelf.js';
import { createOfferShelf } from './offer-shelf.js';
import type { Resources } from './resources.js';
import { scalarOf, sum } from './resources.js';

/** A call to make; effects are carried out in order. */
export type OfferEffect =
  | {
      readonly kind: 'decline';
      readonly offerIds: readonly string[];
      readonly refuseSeconds: number;
      readonly reason: string;
    }
  | { readonly kind: Signal }
  | {
      readonly kind: 'accept-inverse-offers' | 'decline-inverse-offers';
      readonly inverseOfferIds: readonly string[];
      readonly refuseSeconds: number;
    };

/** ms each. */
export interface OfferTimes {
  /** an offer is held for at most so long, then it goes back: others want to live too */
  readonly holdMs: number;
  /** filter of one that was held in vain while there is demand */
  readonly refuseUnusedMs: number;
  /** filter without demand; REVIVE ends it */
  readonly refuseIdleMs: number;
  /** filter of one that is of no use whatever may be wanted */
  readonly refuseUselessMs: number;
  /** until an inverse offer is to come again, to be answered anew */
  readonly refuseInverseMs: number;
}

export const OFFER_TIMES: OfferTimes = {
  holdMs: 10_000,
  refuseUnusedMs: 5_000,
  refuseIdleMs: 3_600_000,
  refuseUselessMs: 600_000,
  refuseInverseMs: 300_000,
};

export interface OfferBookOptions {
  readonly rules: OfferRules;
  readonly times?: OfferTimes;
  readonly signal?: SignalOptions;
  readonly maintenance?: MaintenanceOptions;
  /** offers that are remembered after their end */
  readonly mostEnded?: number;
  /** why that agent takes no work just now, of what the book of offers does not know */
  readonly closed?: (agentId: string, now: number) => Rejection | undefined;
  /** how many one-off tasks run there: they would be lost with it */
  readonly tasksOn?: (agentId: string) => number;
  readonly onChange?: (agentId: string) => void;
}

/** Offers of one agent to one role: what one ACCEPT may use together. */
export interface Bundle {
  readonly agentId: string;
  readonly role: string;
  readonly offers: readonly Offer[];
  /** of all these offers together */
  readonly resources: Resources;
  /** the newest of them, which has the agent's qualities */
  readonly newest: Offer;
}

/** How many offers were declined for which reason, and the latest words of it. */
export type Rejections = ReadonlyMap<Useless, { readonly count: number; readonly latest: string }>;

/**
 * The offers that are held (mesos-v1.md §11): only while there is demand, never longer than a set time. It decides; who
 * calls it carries the effects out. Times are ms on the monotonic clock.
 */
export interface OfferBook {
  /** the name of the master's own region; '' = none */
  subscribed(options: { homeRegion: string; suppressed: boolean }, now: number): OfferEffect[];
  /** all offers are void */
  disconnected(now: number): void;
  offered(offers: readonly Offer[], at: Moment): OfferEffect[];
  rescinded(offerId: string, now: number): void;
  agentGone(agentId: string, now: number): void;
  inverseOffered(offers: readonly InverseOffer[], at: Moment): OfferEffect[];
  inverseRescinded(inverseOfferId: string): void;
  /** how much work waits for a place, as often as it changes */
  wants(count: number, now: number): OfferEffect[];
  /** a REVIVE at once, for the hunger that waits */
  revive(now: number): OfferEffect[];
  due(now: number): OfferEffect[];
  nextDue(): number;
  /** they go out with an ACCEPT */
  used(offerIds: readonly string[], usedBy: readonly string[], now: number): void;
  /** the richest bundle of that agent; undefined when none is held */
  bundle(agentId: string): Bundle | undefined;
  agents(): Iterable<string>;
  held(): number;
  isOpen(): boolean;
  isSuppressed(): boolean;
  /** agents that are to be evacuated by now */
  leaving(now: number): string[];
  closedFor(agentId: string, now: number): string | undefined;
  /** held ones first, then the newest first */
  records(now: number): OfferRecord[];
  counts(): OfferCounts;
  /** since the subscription */
  rejections(): Rejections;
}

/** The memory that work may use decides; of equals the first role by name. */
const richer = (one: Bundle, other: Bundle): Bundle => {
  const difference = scalarOf(other.resources, 'mem') - scalarOf(one.resources, 'mem');
  return difference > 0 || (difference === 0 && other.role < one.role) ? other : one;
};

const bundleOf = (agentId: string, offers: readonly Offer[], newest: Offer): Bundle => ({
  agentId,
  role: newest.role,
  offers,
  newest,
  resources: offers.length === 1 ? newest.resources : sum(offers.map(({ resources }) => resources)),
});

const richestOn = (agentId: string, shelf: OfferShelf): Bundle | undefined => {
  const offers = shelf.on(agentId).map(({ offer }) => offer);
  const roles = new Set(offers.map(({ role }) => role));
  let richest: Bundle | undefined;
  for (const role of roles) {
    const ofRole = offers.filter((offer) => offer.role === role);
    const newest = ofRole.at(-1);
    const bundle = newest && bundleOf(agentId, ofRole, newest);
    richest = richest && bundle ? richer(richest, bundle) : (bundle ?? richest);
  }
  return richest;
};

/** Of no use now, and perhaps soon: another such offer is welcome before long. */
const PASSING: readonly Useless[] = ['maintenance', 'resting', 'executor'];

type Returned = { readonly offerId: string; readonly reason: string; readonly refuseMs: number };

/** Offers with the same reason go back in one call. */
const declines = (returned: readonly Returned[]): OfferEffect[] => {
  const groups = new Map<string, { offerIds: string[]; one: Returned }>();
  for (const one of returned) {
    const key = `${one.refuseMs} ${one.reason}`;
    const group = groups.get(key) ?? { offerIds: [], one };
    group.offerIds.push(one.offerId);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ offerIds, one: { refuseMs, reason } }) => ({
    kind: 'decline',
    offerIds,
    refuseSeconds: refuseMs / 1000,
    reason,
  }));
};

/** What an offer is worth to us, and a count of why offers were not. */
const createSieve = (options: OfferBookOptions, maintenance: Maintenance) => {
  const rejections = new Map<Useless, { count: number; latest: string }>();
  let homeRegion = '';

  const whyNot = (offer: Offer, now: number): Rejection | undefined => {
    const useless = whyUseless(offer, options.rules, homeRegion);
    const window = maintenance.closed(offer.agentId, now);
    const closed = window === undefined ? options.closed?.(offer.agentId, now) : undefined;
    const found = [
      useless,
      window === undefined ? undefined : { code: 'maintenance', reason: window },
      closed,
    ];
    return found
      .filter((one): one is Rejection => one !== undefined)
      .sort((a, b) => USELESS.indexOf(a.code) - USELESS.indexOf(b.code))[0];
  };

  return {
    rejections,
    restart(region: string): void {
      homeRegion = region;
      rejections.clear();
    },
    /** counted */
    reject(offer: Offer, now: number): Rejection | undefined {
      const rejection = whyNot(offer, now);
      if (rejection === undefined) return undefined;
      const count = (rejections.get(rejection.code)?.count ?? 0) + 1;
      rejections.set(rejection.code, { count, latest: `${offer.hostname}: ${rejection.reason}` });
      return rejection;
    },
  };
};

/** How many offers are remembered after their end. */
const MOST_ENDED = 1_000;

const NO_DEMAND = 'no work waits for a place';
const IN_VAIN = 'held in vain for as long as an offer may be';

/** The held offers and their ends. */
const createHolding = (options: OfferBookOptions, sieve: ReturnType<typeof createSieve>) => {
  const times = options.times ?? OFFER_TIMES;
  const shelf = createOfferShelf(options.onChange ?? (() => undefined));
  const history = createOfferHistory(options.mostEnded ?? MOST_ENDED);

  const end = (offerId: string, how: OfferEnd, now: number): void => {
    const held = shelf.take(offerId);
    if (held !== undefined) history.ended(held, how, now);
  };
  const decline = (
    offers: readonly Offer[],
    why: { reason: string; refuseMs: number },
    now: number,
  ): Returned[] => {
    for (const { id } of offers) end(id, { outcome: 'declined', reason: why.reason }, now);
    return offers.map(({ id }) => ({ offerId: id, ...why }));
  };
  const ofNoUse = (offer: Offer, now: number): Returned[] => {
    const rejection = sieve.reject(offer, now);
    if (rejection === undefined) return [];
    const refuseMs = PASSING.includes(rejection.code) ? times.refuseUnusedMs : times.refuseUselessMs;
    return decline([offer], { reason: rejection.reason, refuseMs }, now);
  };

  return {
    shelf,
    history,
    end,
    take(offer: Offer, now: number): void {
      history.received();
      end(offer.id, { outcome: 'lost', reason: 'offered again under the same id' }, now);
      shelf.put({ offer, receivedAt: now });
    },
    useless: (offers: readonly Offer[], now: number) =>
      declines(offers.flatMap((offer) => ofNoUse(offer, now))),
    lose(offers: Iterable<Held>, reason: string, now: number): void {
      for (const { offer } of [...offers]) end(offer.id, { outcome: 'lost', reason }, now);
    },
    /** without demand none is held */
    giveBack: (now: number) =>
      declines(
        decline(
          [...shelf.all()].map(({ offer }) => offer),
          { reason: NO_DEMAND, refuseMs: times.refuseIdleMs },
          now,
        ),
      ),
    expire(now: number): OfferEffect[] {
      const old: Offer[] = [];
      for (const { offer, receivedAt } of shelf.all()) {
        if (now - receivedAt < times.holdMs) break;
        old.push(offer);
      }
      return declines(decline(old, { reason: IN_VAIN, refuseMs: times.refuseUnusedMs }, now));
    },
    nextExpiry: () => (shelf.oldest()?.receivedAt ?? Infinity) + times.holdMs,
  };
};

/** We leave in time, unless tasks run there, which end when they end and are never run again. */
const answerInverse = (offers: readonly InverseOffer[], options: OfferBookOptions): OfferEffect[] => {
  const refuseSeconds = (options.times ?? OFFER_TIMES).refuseInverseMs / 1000;
  const stays = ({ agentId }: InverseOffer): boolean => (options.tasksOn?.(agentId) ?? 0) > 0;
  const effect = (kind: 'accept-inverse-offers' | 'decline-inverse-offers', of: readonly InverseOffer[]) =>
    of.length === 0 ? [] : [{ kind, inverseOfferIds: of.map(({ id }) => id), refuseSeconds }];
  return [
    ...effect(
      'accept-inverse-offers',
      offers.filter((one) => !stays(one)),
    ),
    ...effect('decline-inverse-offers', offers.filter(stays)),
  ];
};

/** What of an offer book only reads. */
const createViews = (
  { shelf, history }: ReturnType<typeof createHolding>,
  maintenance: Maintenance,
): Pick<OfferBook, 'bundle' | 'agents' | 'held' | 'leaving' | 'closedFor' | 'records' | 'counts'> => ({
  bundle: (agentId) => richestOn(agentId, shelf),
  agents: shelf.agents,
  held: shelf.size,
  leaving: maintenance.leaving,
  closedFor: maintenance.closed,
  records: (now) => [...[...shelf.all()].map((held) => recordOf(held, undefined, now)), ...history.records()],
  counts: history.counts,
});

export const createOfferBook = (options: OfferBookOptions): OfferBook => {
  const maintenance = createMaintenance(options.maintenance ?? MAINTENANCE_DEFAULTS);
  const signal: DemandSignal = createDemandSignal(options.signal ?? SIGNAL_DEFAULTS);
  const sieve = createSieve(options, maintenance);
  const holding = createHolding(options, sieve);
  const { shelf, end, lose } = holding;

  const follow = (signals: readonly Signal[], now: number): OfferEffect[] => [
    ...(signal.isOpen() ? [] : holding.giveBack(now)),
    ...signals.map((kind) => ({ kind })),
  ];

  return {
    subscribed({ homeRegion, suppressed }, now) {
      lose(shelf.all(), 'a new subscription makes all offers void', now);
      maintenance.forget();
      sieve.restart(homeRegion);
      return follow(signal.subscribed(suppressed, now), now);
    },
    disconnected: (now) => lose(shelf.all(), 'the subscription has ended', now),
    offered(offers, at) {
      for (const offer of offers) {
        maintenance.announce(offer.agentId, offer.unavailability, at);
        holding.take(offer, at.now);
      }
      return signal.isOpen() ? holding.useless(offers, at.now) : holding.giveBack(at.now);
    },
    rescinded: (offerId, now) => end(offerId, { outcome: 'rescinded' }, now),
    agentGone: (agentId, now) => lose(shelf.on(agentId), 'the agent has gone', now),
    inverseOffered(offers, at) {
      for (const offer of offers) maintenance.inverse(offer, at);
      return answerInverse(offers, options);
    },
    inverseRescinded: maintenance.rescind,
    wants: (count, now) => follow(signal.wants(count, now), now),
    revive: (now) => follow(signal.revive(now), now),
    due: (now) => [...holding.expire(now), ...follow(signal.due(now), now)],
    nextDue: () => Math.min(signal.nextDue(), holding.nextExpiry()),
    used(offerIds, usedBy, now) {
      for (const id of offerIds) end(id, { outcome: 'used', usedBy }, now);
      signal.spent({ used: offerIds.length, held: shelf.size() }, now);
    },
    isOpen: signal.isOpen,
    isSuppressed: signal.isSuppressed,
    rejections: () => sieve.rejections,
    ...createViews(holding, maintenance),
  };
};
