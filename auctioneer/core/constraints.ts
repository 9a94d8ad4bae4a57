import type { PlacementConstraint } from '../../common/model/auction.js';
import type { CellState } from '../../common/model/cell.js';

/** How far a cell, or the best cell of several, got in the filter. Higher is further. */
export const STAGES = ['rootfs', 'volume-drivers', 'placement-tags', 'matched'] as const;
export type Stage = (typeof STAGES)[number];

const stageRank = (stage: Stage): number => STAGES.indexOf(stage);

export const furthest = (stages: Iterable<Stage>): Stage => {
  let best: Stage = 'rootfs';
  for (const stage of stages) if (stageRank(stage) > stageRank(best)) best = stage;
  return best;
};

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/;

/** The scheme picks the provider; a fixed set matches the part before `?`. A URL that does not parse never matches. */
const takesRootfs = (cell: CellState, rootfs: string): boolean => {
  const parsed = SCHEME.exec(rootfs);
  if (parsed === null) return false;
  const [, scheme = '', rest = ''] = parsed;
  const provider = cell.rootfsProviders[scheme.toLowerCase()];
  if (provider === undefined) return false;
  return provider.type === 'arbitrary' || provider.set.includes(rest.split('?')[0] ?? '');
};

const takesTags = (cell: CellState, wanted: readonly string[]): boolean =>
  cell.placementTags.every((tag) => wanted.includes(tag)) &&
  wanted.every((tag) => cell.placementTags.includes(tag) || cell.optionalPlacementTags.includes(tag));

/** The stage at which this cell drops out, or 'matched'. */
export const matchStage = (cell: CellState, constraint: PlacementConstraint): Stage => {
  if (!takesRootfs(cell, constraint.rootfs)) return 'rootfs';
  if (!constraint.volumeDrivers.every((driver) => cell.volumeDrivers.includes(driver)))
    return 'volume-drivers';
  if (!takesTags(cell, constraint.placementTags)) return 'placement-tags';
  return 'matched';
};

const listed = (tags: readonly string[]): string => {
  const quoted = tags.map((tag) => `"${tag}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} and ${last}`;
};

/** Diego's text for work that no cell matches, by the furthest stage any cell reached. */
export const mismatchText = (stage: Exclude<Stage, 'matched'>, constraint: PlacementConstraint): string => {
  if (stage === 'rootfs') return 'found no compatible cell for required rootfs';
  if (stage === 'volume-drivers') return 'found no compatible cell with required volume drivers';
  const tags = constraint.placementTags;
  if (tags.length === 0) return 'found no compatible cell with no placement tags';
  return `found no compatible cell with placement tag${tags.length === 1 ? '' : 's'} ${listed(tags)}`;
};

export const NO_CELLS = 'unable to communicate to compatible cells';
export const IN_FLIGHT_LIMIT = 'waiting to start instance: reached in-flight start limit';

/** `lacking`: what lacked on every matching cell. */
export const insufficientText = (lacking: readonly string[]): string =>
  lacking.length === 0
    ? 'insufficient resources'
    : `insufficient resources: ${[...lacking].sort().join(', ')}`;
