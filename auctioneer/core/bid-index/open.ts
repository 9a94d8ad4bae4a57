import type { Bidders } from '../bidders.js';
import { type Bids, type Entry, NONE, type Refusal } from '../bids.js';
import { insufficientText, mismatchText } from '../constraints.js';
import { type Policy, countsCellsByZone } from '../policy.js';
import * as cell from './cells.js';
import { type Taking, createCells, numberZones, takePlace } from './cells.js';
import { type Processes, countInstances, numberProcesses } from './found.js';
import { type Spread, emptySpread } from './instances.js';
import { lackingEverywhere, nearestMiss } from './misses.js';
import { createOffers } from './offers.js';
import { ANY, type Wanted, createSearch } from './search.js';
import { changeKind, createTree, refresh } from './tree.js';

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

/** The same decisions as the exhaustive scorer's, without looking at every cell. At least one cell bids. */
export const openIndex = ({ bidding, counting, policy, processes }: Entrants): Bids => {
  const offers = createOffers(bidding);
  const zones = numberZones(bidding);
  const cells = createCells({ states: bidding, zones, offers, countsByZone: countsCellsByZone(policy) });
  const tree = createTree(cells, offers);
  const search = createSearch(tree);
  const numbers = numberProcesses(processes);
  const instances = countInstances({ bidding, counting, processes, numbers, zones }, tree);
  const nobody = emptySpread(tree);
  const requests: Sought[] = [];

  const seek = (request: number): Sought => {
    const sought = requests[request];
    if (sought === undefined) throw new RangeError(`no request ${request} was entered`);
    changeKind(tree, sought.kind, policy);
    return sought;
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

  const bestPosition = (wanted: Sought): number => {
    if (wanted.matcher.hopeless) return NONE;
    if (wanted.kind === 'task') return search.best(wanted, nobody, ANY);
    const spread = instances.spread(wanted.process);
    const best = bestByZone(wanted, spread);
    instances.release(wanted.process);
    return best;
  };

  const row = (position: number, field: number): number => cells.rows[position * cell.CELL_FLOATS + field]!;
  const idAt = (position: number): string => bidding[row(position, cell.NUMBER)]!.cellId;

  return {
    count: bidding.length,
    starting: bidding.reduce((sum, state) => sum + state.startingContainerCount, 0),
    cellId: (number) => bidding[number]!.cellId,
    enter(entry) {
      const { kind, request } = entry;
      const process = entry.kind === 'lrp' ? (numbers.get(entry.request.processGuid) ?? NONE) : NONE;
      if (kind === 'lrp' && process === NONE) throw new RangeError('a process that was not announced');
      return (
        requests.push({
          kind,
          entry,
          process,
          memory: request.memoryMb,
          disk: request.diskMb,
          cpu: request.cpuMilli,
          matcher: offers.matcher(request),
        }) - 1
      );
    },
    winner(request) {
      const position = bestPosition(seek(request));
      return position === NONE ? NONE : row(position, cell.NUMBER);
    },
    refusal(request): Refusal {
      const wanted = seek(request);
      const stage = wanted.matcher.stage();
      if (stage !== 'matched') return { reason: mismatchText(stage, wanted.entry.request) };
      const reason = insufficientText(lackingEverywhere(tree, wanted));
      const miss = nearestMiss(tree, wanted);
      if (miss === undefined) return { reason };
      return { reason, nearest: { cellId: idAt(miss.position), ...miss.short } };
    },
    take(request, number) {
      const sought = seek(request);
      const position = cells.position[number]!;
      takePlace(cells, position, sought, policy.compat !== 'diego');
      if (sought.kind === 'lrp') {
        const place = { leaf: tree.leaf[position]!, zone: row(position, cell.ZONE), count: 1 };
        instances.add(sought.process, place);
      }
      refresh(tree, position);
    },
  };
};
