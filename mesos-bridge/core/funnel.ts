import type { CellState } from '../../common/model/cell.js';
import type { Bid } from './bid.js';
import type { Wanted } from './find.js';
import type { Rejections } from './offer-book.js';
import type { Useless } from './offer-rules.js';

/** Where offers fell out, in this order; the words come with each. */
export type FunnelStage = Useless | 'disk' | 'containers';

export interface FunnelLine {
  readonly stage: FunnelStage;
  /** offers, or agents, that fell out there */
  readonly count: number;
  /** the latest of them, or the nearest miss */
  readonly example: string;
}

export interface FunnelInput {
  readonly need: Wanted;
  /** of agents whose offers are held */
  readonly bids: readonly Bid[];
  /** of offers that went back at once */
  readonly rejections: Rejections;
}

const ORDER: readonly FunnelStage[] = [
  'role',
  'region',
  'constraint',
  'maintenance',
  'scarce',
  'invalid',
  'revocable',
  'executor',
  'resting',
  'containers',
  'cpus',
  'memory',
  'disk',
];

interface Miss {
  readonly stage: FunnelStage;
  readonly has: number;
  readonly text: string;
}

const megabytes = (milli = 0): number => milli / 1000;

/** The first thing that such work lacks on that agent; undefined when it fits. */
const missOn = ({ available, cpuMilliAvailable }: CellState, { scalars }: Wanted): Miss | undefined => {
  const { cpus = 0, mem = 0, disk = 0 } = scalars;
  if (available.containers < 1)
    return { stage: 'containers', has: 0, text: 'it has as many containers as it may have' };
  if (cpuMilliAvailable < cpus)
    return { stage: 'cpus', has: cpuMilliAvailable, text: `at most ${cpuMilliAvailable / 1000} cpus` };
  if (available.memoryMb < megabytes(mem))
    return { stage: 'memory', has: available.memoryMb, text: `at most ${available.memoryMb} MB of memory` };
  return available.diskMb < megabytes(disk)
    ? { stage: 'disk', has: available.diskMb, text: `at most ${available.diskMb} MB of disk` }
    : undefined;
};

const nearer = (one: Miss, other: Miss): Miss => (other.has > one.has ? other : one);

/** Of each stage the nearest miss, and how many there are. */
const groupMisses = (misses: readonly Miss[]): FunnelLine[] => {
  const groups = new Map<FunnelStage, { count: number; nearest: Miss }>();
  for (const miss of misses) {
    const group = groups.get(miss.stage);
    const nearest = group === undefined ? miss : nearer(group.nearest, miss);
    groups.set(miss.stage, { count: (group?.count ?? 0) + 1, nearest });
  }
  return [...groups].map(([stage, { count, nearest }]) => ({ stage, count, example: nearest.text }));
};

const merge = (lines: readonly FunnelLine[]): FunnelLine[] => {
  const merged = new Map<FunnelStage, FunnelLine>();
  for (const line of lines) {
    const count = (merged.get(line.stage)?.count ?? 0) + line.count;
    merged.set(line.stage, { ...line, count });
  }
  return [...merged.values()].sort((a, b) => ORDER.indexOf(a.stage) - ORDER.indexOf(b.stage));
};

/** Why no offer will do for such work: one reason per offer, the first that holds, as in Marathon's queue. */
export const funnelOf = ({ need, bids, rejections }: FunnelInput): FunnelLine[] => {
  const declined = [...rejections].map(([stage, { count, latest }]) => ({ stage, count, example: latest }));
  const closed = bids.flatMap(({ rejection }) =>
    rejection ? [{ stage: rejection.code, count: 1, example: rejection.reason }] : [],
  );
  const open = bids.filter(({ state }) => state.placeable);
  return merge([
    ...declined,
    ...closed,
    ...groupMisses(open.flatMap(({ state }) => missOn(state, need) ?? [])),
  ]);
};

/** Whether one of the agents has room for such work. */
export const hasRoom = (bids: readonly Bid[], need: Wanted): boolean =>
  bids.some(({ state }) => state.placeable && missOn(state, need) === undefined);
