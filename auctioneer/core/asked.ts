import type { Auction } from './auction.js';
import { type Entry, NONE } from './bids.js';
import { runsOf } from './order.js';

/** The processes of a batch. */
export interface Processes {
  /** by guid, in the order in which they are first considered */
  readonly numbers: ReadonlyMap<string, number>;
  /** of each, how many of its instances are asked for */
  readonly instances: readonly number[];
}

/** What is asked in a batch, once for all auctions of a request that lie in a row. */
export interface Asked {
  /** in the order in which they are first considered, so that what is considered in a row lies side by side in memory */
  requests: Entry[];
  /** of each, the number of its process; NONE for a task */
  processOf: number[];
  /** of each auction in the order in which they are considered, the number of its request */
  ofPlace: Uint32Array;
  processes: Processes;
}

const NOT_YET = 0xffff_ffff;

const createProcesses = () => {
  const numbers = new Map<string, number>();
  const instances: number[] = [];
  return {
    numbers,
    instances,
    numberOf({ kind, request }: Entry): number {
      if (kind === 'task') return NONE;
      const known = numbers.get(request.processGuid);
      if (known !== undefined) return known;
      numbers.set(request.processGuid, instances.length);
      return instances.push(0) - 1;
    },
    /** one more of its instances */
    count(process: number): void {
      if (process !== NONE) instances[process] = (instances[process] ?? 0) + 1;
    },
  };
};

/** Of each auction, the first of its run. */
const headsOf = (auctions: readonly Auction[]): Uint32Array => {
  const begins = runsOf(auctions);
  const heads = new Uint32Array(auctions.length);
  for (let run = 0; run + 1 < begins.length; run += 1)
    heads.fill(begins[run] ?? 0, begins[run], begins[run + 1]);
  return heads;
};

/** `order`: positions in `auctions` in the order in which they are considered. */
export const askedIn = (auctions: readonly Auction[], order: Uint32Array): Asked => {
  const heads = headsOf(auctions);
  const numbers = new Uint32Array(auctions.length).fill(NOT_YET);
  const ofPlace = new Uint32Array(order.length);
  const requests: Entry[] = [];
  const processOf: number[] = [];
  const processes = createProcesses();
  for (let place = 0; place < order.length; place += 1) {
    const head = heads[order[place] ?? 0] ?? 0;
    if (numbers[head] === NOT_YET) {
      const auction = auctions[head] as Auction;
      processOf.push(processes.numberOf(auction));
      numbers[head] = requests.push(auction) - 1;
    }
    const number = numbers[head] ?? 0;
    ofPlace[place] = number;
    processes.count(processOf[number] ?? NONE);
  }
  return { requests, processOf, ofPlace, processes };
};
