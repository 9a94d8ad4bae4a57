import type { CellState } from '../../../common/model/cell.js';
import type { Auction } from '../auction.js';
import type { Bidders } from '../bidders.js';
import { type Bids, NONE, type Refusal } from '../bids.js';
import { insufficientText, mismatchText } from '../constraints.js';
import { type Policy, countsCellsByZone } from '../policy.js';
import { type Columns, createColumns, numberZones } from './columns.js';
import { type Instances, type Spread, createInstances } from './instances.js';
import { lackingEverywhere, nearestMiss } from './misses.js';
import { createOffers } from './offers.js';
import { ANY, type Wanted, createSearch } from './search.js';
import { type BidTree, changeKind, createTree, refresh } from './tree.js';

interface Entrants extends Pick<Bidders, 'bidding' | 'counting'> {
  policy: Policy;
  /** the processes that may be auctioned; instances of others need not be counted */
  processes: ReadonlySet<string>;
}

/** A request as the index looks for it. */
interface Sought extends Wanted {
  /** its number among the batch's processes; NONE for tasks */
  readonly process: number;
}

/** Counts those instances, on all cells, whose process is in the batch. */
const countInstances = (instances: Instances, entrants: Entrants, columns: Columns): void => {
  const { bidding, counting, processes } = entrants;
  const count = ({ lrpCounts }: CellState, position: number, zone: number): void => {
    for (const guid of Object.keys(lrpCounts)) {
      if (!processes.has(guid)) continue;
      instances.add(instances.process(guid), { position, zone, count: lrpCounts[guid] ?? 0 });
    }
  };
  for (const [number, state] of bidding.entries()) {
    const position = columns.position[number]!;
    count(state, position, columns.zone[position]!);
  }
  const { names } = numberZones(bidding);
  for (const state of counting) {
    const zone = names.get(state.zone);
    // a zone without a bid is never compared
    if (zone !== undefined) count(state, NONE, zone);
  }
};

/** A placement takes one container and makes one more that is starting. */
const reserve = ({ columns }: BidTree, auction: Auction, position: number, policy: Policy): void => {
  const { kind, request } = auction;
  const proxy = kind === 'lrp' && policy.compat !== 'diego' ? columns.proxy[position]! : 0;
  columns.memory[position]! -= request.memoryMb + proxy;
  columns.disk[position]! -= request.diskMb;
  columns.containers[position]! -= 1;
  columns.cpu[position]! -= columns.accountsCpu[position] === 1 ? request.cpuMilli : 0;
  columns.starting[position]! += 1;
  if (kind === 'task') columns.tasks[position]! += 1;
};

/** The same decisions as the exhaustive scorer's, without looking at every cell. At least one cell bids. */
export const openIndex = (entrants: Entrants): Bids => {
  const { bidding, policy } = entrants;
  const offers = createOffers(bidding);
  const zones = numberZones(bidding);
  const columns = createColumns({ states: bidding, zones, offers, countsByZone: countsCellsByZone(policy) });
  const tree = createTree(columns, offers);
  const search = createSearch(tree);
  const instances = createInstances(tree);
  countInstances(instances, entrants, columns);
  const sought = new Map<Auction['request'], Sought>();
  const nobody: Spread = { perNode: new Int32Array(tree.nodes), perZone: new Int32Array(columns.zoneCount) };

  const seek = ({ kind, request }: Auction): Sought => {
    const known = sought.get(request);
    if (known !== undefined) return known;
    const fresh = {
      memory: request.memoryMb,
      disk: request.diskMb,
      cpu: request.cpuMilli,
      matcher: offers.matcher(request),
      process: kind === 'lrp' ? instances.process(request.processGuid) : NONE,
    };
    if (kind === 'lrp') sought.set(request, fresh);
    return fresh;
  };

  /** Zones with the fewest instances first; the next group only when the ones before had no room. */
  const bestByZone = (wanted: Sought, spread: Spread): number => {
    let count = -1;
    for (;;) {
      count = instances.nextZoneCount(wanted.process, count);
      if (count === Infinity) return NONE;
      const best = search.best(wanted, spread, count);
      if (best !== NONE) return best;
    }
  };

  const bestPosition = (auction: Auction): number => {
    const wanted = seek(auction);
    if (wanted.matcher.hopeless) return NONE;
    if (auction.kind === 'task') return search.best(wanted, nobody, ANY);
    const spread = instances.spread(wanted.process);
    const best = bestByZone(wanted, spread);
    instances.release(wanted.process);
    return best;
  };

  return {
    count: bidding.length,
    starting: bidding.reduce((sum, state) => sum + state.startingContainerCount, 0),
    cellId: (number) => bidding[number]!.cellId,
    winner(auction) {
      changeKind(tree, auction.kind, policy);
      const position = bestPosition(auction);
      return position === NONE ? NONE : columns.number[position]!;
    },
    refusal(auction): Refusal {
      changeKind(tree, auction.kind, policy);
      const wanted = seek(auction);
      const stage = wanted.matcher.stage();
      if (stage !== 'matched') return { reason: mismatchText(stage, auction.request) };
      const reason = insufficientText(lackingEverywhere(tree, wanted));
      const miss = nearestMiss(tree, wanted);
      if (miss === undefined) return { reason };
      const { cellId } = bidding[columns.number[miss.position]!]!;
      return { reason, nearest: { cellId, ...miss.short } };
    },
    take(auction, number) {
      changeKind(tree, auction.kind, policy);
      const position = columns.position[number]!;
      reserve(tree, auction, position, policy);
      if (auction.kind === 'lrp') {
        const zone = columns.zone[position]!;
        instances.add(instances.process(auction.request.processGuid), { position, zone, count: 1 });
      }
      refresh(tree, position);
    },
  };
};
