import type { PlacementConstraint } from '../../common/model/auction.js';
import type { CellState, RootfsProvider } from '../../common/model/cell.js';

/** How far a cell, or the best cell of several, got in the filter. Higher is further. */
export const STAGES = ['rootfs', 'volume-drivers', 'placement-tags', 'matched'] as const;
export type Stage = (typeof STAGES)[number];

export const stageRank = (stage: Stage): number => STAGES.indexOf(stage);

export const furthest = (stages: Iterable<Stage>): Stage => {
  let best: Stage = 'rootfs';
  for (const stage of stages) if (stageRank(stage) > stageRank(best)) best = stage;
  return best;
};

/** What a cell offers to constraints. Cells with the same offer match the same work. */
export type Offer = Pick<
  CellState,
  'rootfsProviders' | 'volumeDrivers' | 'placementTags' | 'optionalPlacementTags'
>;

export interface Rootfs {
  /** lower case */
  scheme: string;
  /** the part that a fixed set is searched for */
  opaque: string;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):([^#]*)/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

const hasControlCharacter = (text: string): boolean =>
  [...text].some((char) => char < ' ' || char === '\u007f');

/** As Go's net/url does it. Undefined: does not parse, and matches no cell. */
export const parseRootfs = (url: string): Rootfs | undefined => {
  if (hasControlCharacter(url)) return undefined;
  const parsed = SCHEME.exec(url);
  if (parsed === null) return undefined;
  const [, scheme = '', rest = ''] = parsed;
  const [opaque = ''] = rest.split('?');
  // escapes are only looked at in paths
  if (opaque.startsWith('/') && BAD_ESCAPE.test(opaque)) return undefined;
  return { scheme: scheme.toLowerCase(), opaque };
};

const providerOf = (offer: Offer, scheme: string): RootfsProvider | undefined =>
  Object.hasOwn(offer.rootfsProviders, scheme) ? offer.rootfsProviders[scheme] : undefined;

/** The scheme picks the provider; a fixed set matches the part before `?`. A URL that does not parse never matches. */
const takesRootfs = (offer: Offer, url: string): boolean => {
  const rootfs = parseRootfs(url);
  if (rootfs === undefined) return false;
  const provider = providerOf(offer, rootfs.scheme);
  if (provider === undefined) return false;
  return provider.type === 'arbitrary' || provider.set.includes(rootfs.opaque);
};

const takesTags = (offer: Offer, wanted: readonly string[]): boolean =>
  offer.placementTags.every((tag) => wanted.includes(tag)) &&
  wanted.every((tag) => offer.placementTags.includes(tag) || offer.optionalPlacementTags.includes(tag));

/** The stage at which this cell drops out, or 'matched'. */
export const matchStage = (offer: Offer, constraint: PlacementConstraint): Stage => {
  if (!takesRootfs(offer, constraint.rootfs)) return 'rootfs';
  if (!constraint.volumeDrivers.every((driver) => offer.volumeDrivers.includes(driver)))
    return 'volume-drivers';
  if (!takesTags(offer, constraint.placementTags)) return 'placement-tags';
  return 'matched';
};

const listed = (tags: readonly string[]): string => {
  const quoted = tags.map((tag) => `"${tag}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} and ${last}`;
};

const MISMATCHES = {
  rootfs: 'found no compatible cell for required rootfs',
  'volume-drivers': 'found no compatible cell with required volume drivers',
  'placement-tags': 'found no compatible cell with',
} as const;

/** How the texts of that stage begin. */
export const mismatchStart = (stage: Exclude<Stage, 'matched'>): string => MISMATCHES[stage];

/** Diego's text for work that no cell matches, by the furthest stage any cell reached. */
export const mismatchText = (stage: Exclude<Stage, 'matched'>, constraint: PlacementConstraint): string => {
  const text = MISMATCHES[stage];
  if (stage !== 'placement-tags') return text;
  const tags = constraint.placementTags;
  if (tags.length === 0) return `${text} no placement tags`;
  return `${text} placement tag${tags.length === 1 ? '' : 's'} ${listed(tags)}`;
};

export const NO_CELLS = 'unable to communicate to compatible cells';
export const IN_FLIGHT_LIMIT = 'waiting to start instance: reached in-flight start limit';

/** Where a policy of one's own wants none of the cells that have room. */
export const NO_SCORE = 'the policy gave no cell a score';

/** `lacking`: what lacked on every matching cell. */
export const insufficientText = (lacking: readonly string[]): string =>
  lacking.length === 0
    ? 'insufficient resources'
    : `insufficient resources: ${[...lacking].sort().join(', ')}`;
