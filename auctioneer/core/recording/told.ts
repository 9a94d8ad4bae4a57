import type {
  CellsStanding,
  Explanation as ToldExplanation,
} from '../../../common/model/auction-questions.js';
import { beyond } from '../bounded.js';
import type { Explanation, Standing } from '../explanation.js';

/** Zones, and cells that took no part, that are told. */
const MANY_ZONES = 50;
const MANY_EXCLUDED = 20;

const SCORE_DIGITS = 4;

const standingOf = ({
  cells,
  rootfs,
  volumeDrivers,
  placementTags,
  lacking,
  room,
}: Standing): CellsStanding => ({
  cells,
  rootfs,
  volumeDrivers,
  placementTags,
  shortOfContainers: lacking.containers,
  shortOfCpu: lacking.cpu,
  shortOfDisk: lacking.disk,
  shortOfMemory: lacking.memory,
  room,
});

type Told = Pick<
  ToldExplanation,
  'standing' | 'zones' | 'moreZones' | 'best' | 'wouldFit' | 'excluded' | 'moreExcluded'
>;

/** An explanation as it is told: bounded, with scores as text. */
export const toldOf = ({ zones, best, wouldFit, excluded, ...standing }: Explanation): Told => ({
  standing: standingOf(standing),
  zones: zones
    .slice(0, MANY_ZONES)
    .map(({ zone, instances, ...there }) => ({ zone, instances, standing: standingOf(there) })),
  moreZones: beyond(zones, MANY_ZONES),
  best: best.map(({ score, ...bid }) => ({ ...bid, score: score.toFixed(SCORE_DIGITS) })),
  wouldFit,
  excluded: excluded.slice(0, MANY_EXCLUDED),
  moreExcluded: beyond(excluded, MANY_EXCLUDED),
});

/** Nothing is known of it. */
export const unheardOf = (id: string, recording: boolean): ToldExplanation => ({
  text: '',
  state: 'unheard',
  recording,
  id,
  batchId: '',
  at: 0,
  cellId: '',
  retried: false,
  instances: 0,
  instancesPlaced: 0,
  zones: [],
  moreZones: 0,
  best: [],
  wouldFit: [],
  excluded: [],
  moreExcluded: 0,
});
