import type { Processes } from '../asked.js';
import type { Bidders } from '../bidders.js';
import { type Bids, type Entry, NONE, type Refusal } from '../bids.js';
import { insufficientText, mismatchText } from '../constraints.js';
import { type Policy, countsCellsByZone } from '../policy.js';
import * as cell from './cells.js';
import { type Taking, createCells, numberZones, takePlace } from './cells.js';
import type { BidForest } from './forest.js';
import { createForest } from './grow-forest.js';
import { countInstances } from './found.js';
import { emptySpread } from './instances.js';
import { lackingEverywhere, nearestMiss } from './misses.js';
import { createOffers } from './offers.js';
import { refresh } from './refresh.js';
import { createRefused } from './refused.js';
import { ANY, type Wanted, findBest } from './search.js';
import { type Patience, createViews } from './views.js';

export interface Entrants extends Pick<Bidders, 'bidding' | 'counting'> {
  policy: Policy;
  processes: Processes;
  /** of searches; absent: as measured */
  patience?: Patience;
}

/** A request as the index looks for it. */
interface Sought extends Wanted, Taking {
  /** the process's number; NONE for tasks */
  readonly process: number;
  readonly entry: Entry;
}

/** The same decisions as the exhaustive scorer's, without looking at every cell. At least one cell bids. */
export const openIndex = ({ bidding, counting, policy, processes, patience }: Entrants): Bids => {
  const offers = createOffers(bidding);
  const zones = numberZones(bidding);
  const cells = createCells({ states: bidding, zones, offers, countsByZone: countsCellsByZone(policy) });
  const ids = bidding.map(({ cellId }) => cellId);
  const requests: Sought[] = [];
  const nobody = emptySpread(cells);
  const refused = createRefused();
  const row = (position: number, field: number): number => cells.rows[position * cell.CELL_FLOATS + field]!;

  const grow = () => {
    const forest = createForest(cells, offers.count);
    const instances = countInstances({ bidding, counting, processes, zones, forest });
    return { forest, instances, views: createViews(forest, requests, { policy, patience }) };
  };
  /** made when all requests have been entered */
  let grown: ReturnType<typeof grow> | undefined;

  /** The forest, as bounds stand for that request. */
  const standFor = (wanted: Sought): ReturnType<typeof grow> => {
    const all = (grown ??= grow());
    all.views.show(wanted);
    return all;
  };

  const sought = (request: number): Sought => {
    const found = requests[request];
    if (found === undefined) throw new RangeError(`no request ${request} was entered`);
    return found;
  };

  /** Zones with the fewest instances first; the next group only when the ones before had no room. */
  const bestByZone = ({ forest, instances }: ReturnType<typeof grow>, wanted: Sought): number => {
    const spread = instances.spread(wanted.process);
    if (instances.isNowhere(wanted.process)) return findBest(forest, wanted, nobody, ANY);
    let best = NONE;
    let count = instances.nextZoneCount(wanted.process, -1);
    while (best === NONE && count !== Infinity) {
      best = findBest(forest, wanted, spread, count);
      count = instances.nextZoneCount(wanted.process, count);
    }
    instances.release();
    return best;
  };

  /** What all matching cells lack, and the one that lacks least. */
  const whyNot = (forest: BidForest, wanted: Sought): Refusal => {
    const reason = insufficientText(lackingEverywhere(forest, wanted));
    const miss = nearestMiss(forest, wanted);
    if (miss === undefined) return { reason };
    return { reason, nearest: { cellId: ids[row(miss.position, cell.NUMBER)]!, ...miss.short } };
  };

  return {
    count: bidding.length,
    starting: bidding.reduce((sum, state) => sum + state.startingContainerCount, 0),
    cellId: (number) => ids[number]!,
    enter(entry, process) {
      const { kind, request } = entry;
      const { memoryMb: memory, diskMb: disk, cpuMilli: cpu } = request;
      const matcher = offers.matcher(request);
      return requests.push({ kind, entry, process, memory, disk, cpu, matcher }) - 1;
    },
    winner(request) {
      const wanted = sought(request);
      if (wanted.matcher.stage !== 'matched' || refused.isKnown(wanted)) return NONE;
      const all = standFor(wanted);
      const position =
        wanted.kind === 'task' ? findBest(all.forest, wanted, nobody, ANY) : bestByZone(all, wanted);
      if (position !== NONE) return row(position, cell.NUMBER);
      refused.add(wanted);
      return NONE;
    },
    refusal(request): Refusal {
      const wanted = sought(request);
      const { stage } = wanted.matcher;
      if (stage !== 'matched') return { reason: mismatchText(stage, wanted.entry.request) };
      return refused.reasonOf(wanted, () => whyNot(standFor(wanted).forest, wanted));
    },
    take(request, number) {
      const taking = sought(request);
      const { forest, instances } = (grown ??= grow());
      const position = cells.position[number]!;
      takePlace(cells, position, taking, policy.compat !== 'diego');
      if (taking.kind === 'lrp') instances.add(taking.process, position, row(position, cell.ZONE));
      refresh(forest, position);
      refused.cellChanged();
    },
  };
};
