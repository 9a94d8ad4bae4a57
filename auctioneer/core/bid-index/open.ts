import type { Bidders } from '../bidders.js';
import { type Bids, type Entry, NONE, type Refusal } from '../bids.js';
import { insufficientText, mismatchText } from '../constraints.js';
import { type Policy, countsCellsByZone } from '../policy.js';
import * as cell from './cells.js';
import { type Taking, createCells, numberZones, takePlace } from './cells.js';
import { type Corner, createForest } from './forest.js';
import { type Processes, countInstances, numberProcesses } from './found.js';
import { emptySpread } from './instances.js';
import { lackingEverywhere, nearestMiss } from './misses.js';
import { createOffers } from './offers.js';
import { changeKind, refresh } from './refresh.js';
import { ANY, type Wanted, findBest } from './search.js';

export interface Entrants extends Pick<Bidders, 'bidding' | 'counting'> {
  policy: Policy;
  processes: Processes;
}

/** A request as the index looks for it. */
interface Sought extends Wanted, Taking {
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
  const numbers = numberProcesses(processes);
  const ids = bidding.map(({ cellId }) => cellId);
  const requests: Sought[] = [];
  const nobody = emptySpread(cells);
  const row = (position: number, field: number): number => cells.rows[position * cell.CELL_FLOATS + field]!;

  const grow = () => {
    const forest = createForest(cells, offers.count, cornerOf(requests));
    return { forest, instances: countInstances({ bidding, counting, processes, numbers, zones, forest }) };
  };
  /** made when all requests have been entered */
  let grown: ReturnType<typeof grow> | undefined;

  /** The forest, for the kind of work of that request. */
  const standFor = ({ kind }: Sought): ReturnType<typeof grow> => {
    grown ??= grow();
    if (grown.forest.kind !== kind) changeKind(grown.forest, kind, policy);
    return grown;
  };

  const sought = (request: number): Sought => {
    const found = requests[request];
    if (found === undefined) throw new RangeError(`no request ${request} was entered`);
    return found;
  };

  /** Zones with the fewest instances first; the next group only when the ones before had no room. */
  const bestByZone = ({ forest, instances }: ReturnType<typeof grow>, wanted: Sought): number => {
    const spread = instances.spread(wanted.process);
    let best = NONE;
    let count = instances.nextZoneCount(wanted.process, -1);
    while (best === NONE && count !== Infinity) {
      best = findBest(forest, wanted, spread, count);
      count = instances.nextZoneCount(wanted.process, count);
    }
    instances.release(wanted.process);
    return best;
  };

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
      const wanted = sought(request);
      if (wanted.matcher.stage !== 'matched') return NONE;
      const all = standFor(wanted);
      const position =
        wanted.kind === 'task' ? findBest(all.forest, wanted, nobody, ANY) : bestByZone(all, wanted);
      return position === NONE ? NONE : row(position, cell.NUMBER);
    },
    refusal(request): Refusal {
      const wanted = sought(request);
      const { stage } = wanted.matcher;
      if (stage !== 'matched') return { reason: mismatchText(stage, wanted.entry.request) };
      const { forest } = standFor(wanted);
      const reason = insufficientText(lackingEverywhere(forest, wanted));
      const miss = nearestMiss(forest, wanted);
      if (miss === undefined) return { reason };
      return { reason, nearest: { cellId: ids[row(miss.position, cell.NUMBER)]!, ...miss.short } };
    },
    take(request, number) {
      const taking = sought(request);
      const { forest, instances } = standFor(taking);
      const position = cells.position[number]!;
      takePlace(cells, position, taking, policy.compat !== 'diego');
      if (taking.kind === 'lrp') instances.add(taking.process, position, row(position, cell.ZONE));
      refresh(forest, position);
    },
  };
};
