import type { PlacementConstraint } from '../../../common/model/auction.js';
import type { CellState, RootfsProvider } from '../../../common/model/cell.js';
import { type Offer, STAGES, type Stage, furthest, matchStage, parseRootfs } from '../constraints.js';

/**
 * Bits by which whole subtrees are passed over. More features than bits share bits, so a mask may let pass what does
 * not match, and never the other way round: a cell's own offer has the last word.
 */
export interface Masks {
  rootfs: number;
  /** volume drivers, and tags required or optional */
  offers: number;
  /** required tags */
  requires: number;
}

const BITS = 32;

const createFeatures = () => {
  const bits = new Map<string, number>();
  return {
    /** the bit of a feature that some cell has */
    add(name: string): number {
      const known = bits.get(name);
      if (known !== undefined) return known;
      const bit = 1 << (bits.size % BITS);
      bits.set(name, bit);
      return bit;
    },
    find: (name: string): number | undefined => bits.get(name),
    entries: () => bits.entries(),
  };
};
type Features = ReturnType<typeof createFeatures>;

const sorted = (names: readonly string[]): string => [...names].sort().join('\n');

const providerKey = ([scheme, provider]: [string, RootfsProvider]): string =>
  provider.type === 'arbitrary' ? `${scheme}:*` : `${scheme}:\n${sorted(provider.set)}`;

const offerKey = (state: CellState): string =>
  [
    Object.entries(state.rootfsProviders).map(providerKey).sort().join('\r'),
    sorted(state.volumeDrivers),
    sorted(state.placementTags),
    sorted(state.optionalPlacementTags),
  ].join('\t');

const constraintKey = ({ rootfs, volumeDrivers, placementTags }: PlacementConstraint): string =>
  placementTags.length + volumeDrivers.length === 0
    ? rootfs
    : `${rootfs}\t${sorted(volumeDrivers)}\t${sorted(placementTags)}`;

/** A kind of work, seen by what cells it can go to. */
export interface Matcher extends Masks {
  /** bits of required tags that it does not want */
  unwanted: number;
  /** it wants what no cell has */
  hopeless: boolean;
  /** per offer: MATCHED, another reach, or 0 as long as nobody asked */
  readonly known: Uint8Array;
  /** finds out how far cells with this offer get */
  reach(offer: number): number;
  /** the furthest stage that any cell reaches */
  stage(): Stage;
}

export interface Offers {
  readonly count: number;
  /** of each cell, the number of its offer; offers are numbered so that like ones are near each other */
  readonly ofCell: Uint32Array;
  masks(offer: number): Masks;
  matcher(constraint: PlacementConstraint): Matcher;
}

interface Distinct {
  offers: Offer[];
  ofCell: Uint32Array;
}

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
const offerKeys = (states: readonly CellState[]): string[] => {
  const recent: { state: CellState; key: string }[] = [];
  return states.map((state) => {
    const known = recent.find((one) => sameOffer(one.state, state));
    if (known !== undefined) return known.key;
    const key = offerKey(state);
    recent.unshift({ state, key });
    recent.splice(RECENT);
    return key;
  });
};

/** Numbers the different offers in the order of their keys. */
const distinctOffers = (states: readonly CellState[]): Distinct => {
  const keys = offerKeys(states);
  const order = [...new Set(keys)].sort();
  const numbers = new Map(order.map((key, number) => [key, number]));
  const ofCell = Uint32Array.from(keys, (key) => numbers.get(key)!);
  const offers = Array.from<Offer>({ length: order.length });
  for (const [cell, number] of ofCell.entries()) offers[number] = states[cell]!;
  return { offers, ofCell };
};

const addRootfs = (features: Features, scheme: string, provider: RootfsProvider): number => {
  if (provider.type === 'arbitrary') return features.add(`${scheme}:*`);
  return provider.set.reduce((mask, name) => mask | features.add(`${scheme}:=${name}`), 0);
};

/** A cell that takes any root file system of a scheme also takes those that others name. */
const arbitraryRootfs = (features: Features, { rootfsProviders }: Offer): number => {
  let mask = 0;
  for (const [scheme, provider] of Object.entries(rootfsProviders)) {
    if (provider.type !== 'arbitrary') continue;
    for (const [name, bit] of features.entries()) if (name.startsWith(`${scheme}:=`)) mask |= bit;
  }
  return mask;
};

interface FeatureTables {
  rootfs: Features;
  offers: Features;
  requires: Features;
}

const masksOf = (offers: readonly Offer[], tables: FeatureTables): Masks[] => {
  const add = (features: Features, names: readonly string[]): number =>
    names.reduce((mask, name) => mask | features.add(name), 0);
  const masks = offers.map((offer) => ({
    rootfs: Object.entries(offer.rootfsProviders).reduce(
      (mask, [scheme, provider]) => mask | addRootfs(tables.rootfs, scheme, provider),
      0,
    ),
    offers:
      add(tables.offers, offer.volumeDrivers) |
      add(tables.offers, offer.placementTags) |
      add(tables.offers, offer.optionalPlacementTags),
    requires: add(tables.requires, offer.placementTags),
  }));
  return masks.map((mask, at) => ({
    ...mask,
    rootfs: mask.rootfs | arbitraryRootfs(tables.rootfs, offers[at]!),
  }));
};

const neededMasks = (
  constraint: PlacementConstraint,
  tables: FeatureTables,
): Omit<Matcher, 'known' | 'reach' | 'stage'> => {
  const rootfs = parseRootfs(constraint.rootfs);
  const named = rootfs && tables.rootfs.find(`${rootfs.scheme}:=${rootfs.opaque}`);
  const any = rootfs && tables.rootfs.find(`${rootfs.scheme}:*`);
  const bitsOf = (features: Features, names: readonly string[]): number =>
    names.reduce((mask, name) => mask | (features.find(name) ?? 0), 0);
  const wanted = [...constraint.volumeDrivers, ...constraint.placementTags];
  return {
    rootfs: named ?? any ?? 0,
    offers: bitsOf(tables.offers, wanted),
    requires: 0,
    unwanted: ~bitsOf(tables.requires, constraint.placementTags),
    hopeless: (named ?? any) === undefined || wanted.some((name) => tables.offers.find(name) === undefined),
  };
};

const rankOf = (stage: Stage): number => STAGES.indexOf(stage) + 1;
export const MATCHED = rankOf('matched');

/** Remembers, per kind of work and offer, how far it gets. */
export const createOffers = (states: readonly CellState[]): Offers => {
  const { offers, ofCell } = distinctOffers(states);
  const tables = { rootfs: createFeatures(), offers: createFeatures(), requires: createFeatures() };
  const masks = masksOf(offers, tables);
  const matchers = new Map<string, Matcher>();

  const createMatcher = (constraint: PlacementConstraint): Matcher => {
    const known = new Uint8Array(offers.length);
    const reach = (offer: number): number =>
      (known[offer] = known[offer] || rankOf(matchStage(offers[offer]!, constraint)));
    let stage: Stage | undefined;
    return {
      ...neededMasks(constraint, tables),
      known,
      reach,
      stage: () => (stage ??= furthest(offers.map((_, offer) => STAGES[reach(offer) - 1]!))),
    };
  };

  return {
    count: offers.length,
    ofCell,
    masks: (offer) => masks[offer]!,
    matcher(constraint) {
      const key = constraintKey(constraint);
      const known = matchers.get(key) ?? createMatcher(constraint);
      matchers.set(key, known);
      return known;
    },
  };
};
