import type { Bidders } from '../bidders.js';
import { type Bids, type Entry, NONE, type Refusal } from '../bids.js';
import { insufficientText, mismatchText } from '../constraints.js';
import { type Policy, countsCellsByZone } from '../policy.js';
import * as cell from './cells.js';
import { type Taking, createCells, numberZones, takePlace } from './cells.js';
import { type Processes, countInstances, numberProcesses } from './found.js';
import { type Spread, emptySpread } from './instances.js';
import { lackingEverywhere, nearestMiss } from './misses.js';
import { type Matcher, createOffers } from './offers.js';
import { createPools } from './pools.js';
import { ANY, type Wanted, findBest } from './search.js';
import type { BidTree, Corner } from './tree.js';

export interface Entrants extends Pick<Bidders, 'bidding' | 'counting'> {
  policy: Policy;
  processes: Processes;
}

/** A request as the index looks for it. */
interface Sought extends Wanted, Taking {
  readonly matcher: Matcher;
  /** the process's number; NONE for tasks */
  readonly process: number;
  readonly entry: Entry;
}

/** Twice the most that is asked: then every request lies between the three. */
const cornerOf = (requests: readonly Wanted[]): Corner => {
  let [memory, disk] = [1, 1];
  for (const wanted of requests) {
    memory = Math.max(memory, wanted.memory);
    disk = Math.max(disk, wanted.disk);
  }
  return { memory: 2 * memory, disk: 2 * disk };
};

/** The same decisions as the exhaustive scorer's, without looking at every cell. At least one cell bids. */
export const openIndex = ({ bidding, counting, policy, processes }: Entrants): Bids => {
  const offers = createOffers(bidding);
  const zones = numberZones(bidding);
  const cells = createCells({ states: bidding, zones, offers, countsByZone: countsCellsByZone(policy) });
  const requests: Sought[] = [];
  const pools = createPools(cells, policy, () => cornerOf(requests));
  const numbers = numberProcesses(processes);
  const instances = countInstances({ bidding, counting, processes, numbers, zones, cells });
  const nobody = emptySpread(cells);
  const ids = bidding.map(({ cellId }) => cellId);

  const sought = (request: number): Sought => {
    const found = requests[request];
    if (found === undefined) throw new RangeError(`no request ${request} was entered`);
    return found;
  };

  /** Zones with the fewest instances first; the next group only when the ones before had no room. */
  const bestByZone = (tree: BidTree, wanted: Sought, spread: Spread): number => {
    let count = -1;
    for (;;) {
      count = instances.nextZoneCount(wanted.process, count);
      if (count === Infinity) return NONE;
      const best = findBest(tree, wanted, spread, count);
      if (best !== NONE) return best;
    }
  };

  const bestPosition = (wanted: Sought): number => {
    const tree = pools.tree(wanted.matcher, wanted.kind);
    if (tree === undefined) return NONE;
    if (wanted.kind === 'task') return findBest(tree, wanted, nobody, ANY);
    const spread = instances.spread(wanted.process, tree);
    const best = bestByZone(tree, wanted, spread);
    instances.release(wanted.process);
    return best;
  };

  const row = (position: number, field: number): number => cells.rows[position * cell.CELL_FLOATS + field]!;
  const idAt = (position: number): string => bidding[row(position, cell.NUMBER)]!.cellId;

  return {
    count: bidding.length,
    starting: bidding.reduce((sum, state) => sum + state.startingContainerCount, 0),
    cellId: (number) => ids[number]!,
    enter(entry) {
      const { kind, request } = entry;
      const process = entry.kind === 'lrp' ? (numbers.get(entry.request.processGuid) ?? NONE) : NONE;
      if (kind === 'lrp' && process === NONE) throw new RangeError('a process that was not announced');
      const { memoryMb: memory, diskMb: disk, cpuMilli: cpu } = request;
      const matcher = offers.matcher(request);
      return requests.push({ kind, entry, process, memory, disk, cpu, matcher }) - 1;
    },
    winner(request) {
      const position = bestPosition(sought(request));
      return position === NONE ? NONE : row(position, cell.NUMBER);
    },
    refusal(request): Refusal {
      const wanted = sought(request);
      const { stage } = wanted.matcher;
      if (stage !== 'matched') return { reason: mismatchText(stage, wanted.entry.request) };
      const tree = pools.tree(wanted.matcher, wanted.kind);
      if (tree === undefined) return { reason: insufficientText([]) };
      const reason = insufficientText(lackingEverywhere(tree, wanted));
      const miss = nearestMiss(tree, wanted);
      if (miss === undefined) return { reason };
      return { reason, nearest: { cellId: idAt(miss.position), ...miss.short } };
    },
    take(request, number) {
      const taking = sought(request);
      const position = cells.position[number]!;
      takePlace(cells, position, taking, policy.compat !== 'diego');
      if (taking.kind === 'lrp') {
        instances.add(taking.process, position, row(position, cell.ZONE));
      }
      pools.changed(position);
    },
  };
};
