import { IN_FLIGHT_LIMIT, NO_CELLS, NO_SCORE, STAGES, type Stage, mismatchStart } from './constraints.js';
import { UNSEEN } from './outcomes.js';

/** Kinds of reasons, from no cell at all to cells that have all but the room. */
const KINDS = [
  'no_cells',
  'rootfs',
  'volume_drivers',
  'placement_tags',
  'policy',
  'resources',
  'in_flight_limit',
  'expired',
  'incarnation',
  'evacuating',
  'unseen',
  'other',
] as const;

/** Few enough to be counted one by one: texts name tags, and cells say what they like. */
export type ReasonKind = (typeof KINDS)[number];

const OF_STAGE: Record<Exclude<Stage, 'matched'>, ReasonKind> = {
  rootfs: 'rootfs',
  'volume-drivers': 'volume_drivers',
  'placement-tags': 'placement_tags',
};

const mismatches = STAGES.flatMap((stage) =>
  stage === 'matched' ? [] : [[mismatchStart(stage), OF_STAGE[stage]] as const],
);

/** How texts begin, ours and those of a cell; the first that fits counts. */
const BEGINNINGS: readonly (readonly [string, ReasonKind])[] = [
  [NO_CELLS, 'no_cells'],
  ...mismatches,
  [NO_SCORE, 'policy'],
  ['insufficient resources', 'resources'],
  [IN_FLIGHT_LIMIT, 'in_flight_limit'],
  ['work has expired', 'expired'],
  ['work is for another incarnation', 'incarnation'],
  ['cell is evacuating', 'evacuating'],
  [UNSEEN, 'unseen'],
];

export const reasonKind = (reason: string): ReasonKind =>
  BEGINNINGS.find(([beginning]) => reason.startsWith(beginning))?.[1] ?? 'other';

/** How far the best cell got, by why it has no place. Higher is further. */
export const reasonRank = (reason: string): number => KINDS.indexOf(reasonKind(reason));
