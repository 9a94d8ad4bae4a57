import type { Fault } from './simulation-chaos.js';
import { weather } from './simulation-storm.js';
import type { Aftermath } from './simulation-storm.js';

/** What hurts the auction most: those named twice come twice as often. */
const FAULTS: readonly Fault[] = [
  'kill-auctioneer',
  'kill-auctioneer',
  'pause-auctioneer',
  'pause-auctioneer',
  'answer-weather',
  'answer-weather',
  'bus-weather',
  'lost-news',
  'wire-weather',
  'cut-one',
  'cut-all',
  'kill-bbs',
  'store',
  'kill-rep',
  'lose-cell',
  'slow-runtimes',
  'crash',
];

/**
 * Auctioneers killed and paused in the middle of batches, reps that answer late, twice or never, messages lost, doubled
 * and late, the bus and the BBS away, cells short of memory. Nothing is placed twice, no task runs twice, and in the end
 * nothing is lost. The same seed gives the same run.
 */
export const auctionChaos = (seed: number, seconds: number): Promise<Aftermath> =>
  weather({ seed, seconds, faults: FAULTS, faultEvery: 4, peopleEvery: 0.7, bbsAway: 20, memoryMb: 1024 });
