import type { PlacementConstraint } from '../../common/model/auction.js';
import { type Auction, auctionId } from './auction.js';
import type { Excluded } from './bidders.js';
import type { Entry } from './bids.js';
import { type BatchCell, type Lack, distance, lacking, missOf } from './cell.js';
import { type Stage, matchStage } from './constraints.js';
import type { DecisionInput, Placement } from './decide.js';
import { explainShortage } from './explain.js';
import { type Zone, instancesIn } from './exhaustive.js';
import { type Moment, openMoment } from './moment.js';

/** How the cells of one zone, or of all, stood to one auction. */
export interface Standing {
  /** cells that bid */
  cells: number;
  /** that dropped out, by the stage at which they did */
  rootfs: number;
  volumeDrivers: number;
  placementTags: number;
  /** that match and are short of something; one may be short of several */
  lacking: Record<Lack, number>;
  /** that match and have room */
  room: number;
}

export interface ZoneStanding extends Standing {
  zone: string;
  /** instances of the same process there */
  instances: number;
}

export interface ScoredBid {
  cellId: string;
  zone: string;
  /** lower is better */
  score: number;
}

/** Why one auction ended as it did, at the moment at which it was decided. */
export interface Explanation extends Standing {
  id: string;
  excluded: Excluded[];
  zones: ZoneStanding[];
  /** of cells with room in the zones that came first, the best ones */
  best: ScoredBid[];
  /** when no cell had room: what would have to change, the least change first, in words */
  wouldFit: string[];
}

/** Bids and suggestions that are told. */
const MANY = 5;

const STAGE_FIELDS = {
  rootfs: 'rootfs',
  'volume-drivers': 'volumeDrivers',
  'placement-tags': 'placementTags',
} as const satisfies Record<Exclude<Stage, 'matched'>, keyof Standing>;

const emptyStanding = (): Standing => ({
  cells: 0,
  rootfs: 0,
  volumeDrivers: 0,
  placementTags: 0,
  lacking: { containers: 0, cpu: 0, disk: 0, memory: 0 },
  room: 0,
});

const standingOf = (cells: readonly BatchCell[], entry: Entry): Standing => {
  const standing = emptyStanding();
  for (const cell of cells) {
    standing.cells += 1;
    const stage = matchStage(cell.state, entry.request);
    if (stage !== 'matched') {
      standing[STAGE_FIELDS[stage]] += 1;
      continue;
    }
    const lacks = lacking(cell, entry);
    for (const lack of lacks) standing.lacking[lack] += 1;
    if (lacks.length === 0) standing.room += 1;
  }
  return standing;
};

const hasRoom = (cell: BatchCell, entry: Entry, constraint: PlacementConstraint): boolean =>
  matchStage(cell.state, constraint) === 'matched' && lacking(cell, entry).length === 0;

/** The cells that match and are short of the least, in words. */
const smallerRequests = (cells: readonly BatchCell[], entry: Entry): string[] =>
  cells
    .filter((cell) => matchStage(cell.state, entry.request) === 'matched')
    .map((cell) => {
      const miss = missOf(cell, entry);
      return { miss, far: distance(miss, entry), number: cell.number };
    })
    .sort((a, b) => a.far - b.far || a.number - b.number)
    .slice(0, MANY)
    .map(({ miss }) => explainShortage(miss));

/** The zones that would have room if one of the things that it wants were not wanted. */
const without = (
  zones: readonly Zone[],
  entry: Entry,
  field: 'placementTags' | 'volumeDrivers',
): string[] => {
  const what = field === 'placementTags' ? 'tag' : 'volume driver';
  return entry.request[field].flatMap((name) => {
    const others = entry.request[field].filter((other) => other !== name);
    const relaxed = { ...entry.request, [field]: others };
    return zones
      .filter(({ cells }) => cells.some((cell) => hasRoom(cell, entry, relaxed)))
      .map(({ name: zone }) => `zone ${zone} fits without ${what} ${name}`);
  });
};

/** Zones where only a required tag that the work does not want keeps it out. */
const withTag = (zones: readonly Zone[], entry: Entry): string[] =>
  zones.flatMap(({ name, cells }) => {
    const tags = cells.flatMap(({ state }) =>
      state.placementTags.filter((tag) => !entry.request.placementTags.includes(tag)),
    );
    return [...new Set(tags)]
      .filter((tag) => {
        const relaxed = { ...entry.request, placementTags: [...entry.request.placementTags, tag] };
        return cells.some((cell) => hasRoom(cell, entry, relaxed));
      })
      .map((tag) => `zone ${name} fits with tag ${tag}`);
  });

/** Root file systems that cells with room take instead. */
const otherRootfs = (zones: readonly Zone[], entry: Entry): string[] =>
  zones.flatMap(({ name, cells }) => {
    const urls = cells.flatMap(({ state }) =>
      Object.entries(state.rootfsProviders).flatMap(([scheme, provider]) =>
        provider.type === 'fixed_set' ? provider.set.map((set) => `${scheme}:${set}`) : [],
      ),
    );
    return [...new Set(urls)]
      .filter((rootfs) => cells.some((cell) => hasRoom(cell, entry, { ...entry.request, rootfs })))
      .map((rootfs) => `zone ${name} fits with rootfs ${rootfs}`);
  });

const suggestions = (zones: readonly Zone[], entry: Entry): string[] => {
  const cells = zones.flatMap((zone) => zone.cells);
  const smaller = smallerRequests(cells, entry);
  const relaxed = [
    ...without(zones, entry, 'placementTags'),
    ...without(zones, entry, 'volumeDrivers'),
    ...withTag(zones, entry),
  ];
  const found = [...smaller.slice(0, 1), ...relaxed, ...smaller.slice(1)];
  return (found.length > 0 ? found : otherRootfs(zones, entry)).slice(0, 2 * MANY);
};

/** Zones with the fewest instances that have room; all zones for tasks. */
const firstGroup = (zones: readonly Zone[], entry: Entry): Zone[] => {
  const open = zones.filter(({ cells }) => cells.some((cell) => hasRoom(cell, entry, entry.request)));
  const fewest = Math.min(...open.map((zone) => instancesIn(zone, entry)));
  return open.filter((zone) => instancesIn(zone, entry) === fewest);
};

const bestBids = ({ zones, scoreOf }: Moment, entry: Entry): ScoredBid[] =>
  firstGroup(zones, entry)
    .flatMap((zone) => zone.cells)
    .filter((cell) => hasRoom(cell, entry, entry.request))
    .map((cell) => ({
      bid: { cellId: cell.state.cellId, zone: cell.state.zone, score: scoreOf(cell, entry) },
      number: cell.number,
    }))
    .filter(({ bid }) => bid.score < Infinity)
    .sort((a, b) => a.bid.score - b.bid.score || a.number - b.number)
    .slice(0, MANY)
    .map(({ bid }) => bid);

export interface ExplainOptions extends DecisionInput {
  /** what was placed before, in order */
  before: readonly Placement[];
  auction: Auction;
}

/** Looks at every cell as it is at this moment. */
export const explainAt = (moment: Moment, auction: Auction): Explanation => {
  const { zones, cells, excluded } = moment;
  const standing = standingOf(cells, auction);
  return {
    id: auctionId(auction),
    ...standing,
    excluded,
    zones: zones.map((zone) => ({
      zone: zone.name,
      instances: instancesIn(zone, auction),
      ...standingOf(zone.cells, auction),
    })),
    best: standing.room > 0 ? bestBids(moment, auction) : [],
    wouldFit: standing.room > 0 ? [] : suggestions(zones, auction),
  };
};

/** Goes back to the moment at which an auction was decided, and looks at every cell. */
export const explain = ({ before, auction, ...input }: ExplainOptions): Explanation => {
  const moment = openMoment(input);
  for (const placement of before) moment.take(placement);
  return explainAt(moment, auction);
};
