import type { PlacementConstraint } from '../../../common/model/auction.js';
import type { CellState, RootfsProvider } from '../../../common/model/cell.js';
import { type Offer, type Stage, furthest, matchStage, parseRootfs } from '../constraints.js';

/** A kind of work, seen by what cells it can go to. */
export interface Matcher {
  /** those whose cells match */
  readonly offers: Int32Array;
  /** the furthest stage that any cell reaches */
  readonly stage: Stage;
}

/** What the cells of a batch offer to constraints. */
export interface Offers {
  readonly count: number;
  /** of each cell, the number of its offer */
  readonly ofCell: Uint32Array;
  matcher(constraint: PlacementConstraint): Matcher;
}

const sorted = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : [...names].sort().join('\n');

const providerKey = ([scheme, provider]: [string, RootfsProvider]): string =>
  provider.type === 'arbitrary' ? `${scheme}:*` : `${scheme}:\n${sorted(provider.set)}`;

const offerKey = (offer: Offer): string =>
  [
    Object.entries(offer.rootfsProviders).map(providerKey).sort().join('\r'),
    sorted(offer.volumeDrivers),
    sorted(offer.placementTags),
    sorted(offer.optionalPlacementTags),
  ].join('\t');

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, at) => name === b[at]);

const sameProviders = (a: Offer['rootfsProviders'], b: Offer['rootfsProviders']): boolean => {
  const schemes = Object.keys(a);
  if (schemes.length !== Object.keys(b).length) return false;
  return schemes.every((scheme) => {
    const [left, right] = [a[scheme]!, b[scheme]];
    if (left.type !== 'fixed_set' || right?.type !== 'fixed_set') return left.type === right?.type;
    return sameList(left.set, right.set);
  });
};

const sameOffer = (a: Offer, b: Offer): boolean =>
  sameList(a.placementTags, b.placementTags) &&
  sameList(a.optionalPlacementTags, b.optionalPlacementTags) &&
  sameList(a.volumeDrivers, b.volumeDrivers) &&
  sameProviders(a.rootfsProviders, b.rootfsProviders);

const RECENT = 4;
/** The key of an offer takes longer to write than to find among the last ones: cells are few kinds, as a rule. */
const recent: { state: CellState; key: string }[] = [];
/** Keys of states as found before: most are the same from batch to batch. */
const keysKnown = new WeakMap<CellState, string>();

const keyOf = (state: CellState): string => {
  const same = recent.find((one) => sameOffer(one.state, state));
  if (same !== undefined) return same.key;
  const key = offerKey(state);
  recent.unshift({ state, key });
  recent.splice(RECENT);
  return key;
};

/** What tells the offers of cells apart. */
export const findOfferKey = (state: CellState): string => {
  const known = keysKnown.get(state);
  if (known !== undefined) return known;
  const key = keyOf(state);
  keysKnown.set(state, key);
  return key;
};

interface Distinct {
  offers: Offer[];
  ofCell: Uint32Array;
}

/** Numbers the different offers in the order of their keys. */
const distinctOffers = (states: readonly CellState[]): Distinct => {
  const keys = states.map(findOfferKey);
  const order = [...new Set(keys)].sort();
  const numbers = new Map(order.map((key, number) => [key, number]));
  const ofCell = new Uint32Array(states.length);
  const offers = Array.from<Offer>({ length: order.length });
  for (let cell = 0; cell < states.length; cell += 1) {
    ofCell[cell] = numbers.get(keys[cell]!)!;
    offers[ofCell[cell]!] = states[cell]!;
  }
  return { offers, ofCell };
};

/** Root file systems that some cell names; any other of the same scheme is as good as another. */
const namedRootfs = (offers: readonly Offer[]): Set<string> =>
  new Set(
    offers.flatMap(({ rootfsProviders }) =>
      Object.entries(rootfsProviders).flatMap(([scheme, provider]) =>
        provider.type === 'fixed_set' ? provider.set.map((name) => `${scheme}:${name}`) : [],
      ),
    ),
  );

/** Work with the same key matches the same cells: each application's own Docker image makes no kind of its own. */
const constraintKey = (constraint: PlacementConstraint, named: ReadonlySet<string>): string => {
  const rootfs = parseRootfs(constraint.rootfs);
  const full = rootfs && `${rootfs.scheme}:${rootfs.opaque}`;
  const kind = full === undefined ? '' : named.has(full) ? full : `${rootfs?.scheme}:\n`;
  return [kind, sorted(constraint.volumeDrivers), sorted(constraint.placementTags)].join('\t');
};

/** Constraints to remember as they were written: each application may have a Docker image of its own. */
const MANY = 10_000;

/** As it is written: found sooner than what it comes to. */
const writtenKey = ({ rootfs, volumeDrivers, placementTags }: PlacementConstraint): string =>
  volumeDrivers.length + placementTags.length === 0
    ? rootfs
    : `${rootfs}\t${volumeDrivers.join('\n')}\t${placementTags.join('\n')}`;

export const createOffers = (states: readonly CellState[]): Offers => {
  const { offers, ofCell } = distinctOffers(states);
  const named = namedRootfs(offers);
  const matchers = new Map<string, Matcher>();

  const createMatcher = (constraint: PlacementConstraint): Matcher => {
    const stages = offers.map((offer) => matchStage(offer, constraint));
    return {
      offers: Int32Array.from(stages.flatMap((stage, offer) => (stage === 'matched' ? [offer] : []))),
      stage: furthest(stages),
    };
  };

  const matcherOf = (constraint: PlacementConstraint): Matcher => {
    const key = constraintKey(constraint, named);
    const known = matchers.get(key) ?? createMatcher(constraint);
    matchers.set(key, known);
    return known;
  };
  const asWritten = new Map<string, Matcher>();

  return {
    count: offers.length,
    ofCell,
    matcher(constraint) {
      const key = writtenKey(constraint);
      const known = asWritten.get(key);
      if (known !== undefined) return known;
      const matcher = matcherOf(constraint);
      if (asWritten.size < MANY) asWritten.set(key, matcher);
      return matcher;
    },
  };
};
