/**
 * How fast a whole batch is decided: from cell states and requests in memory to the placements. Timed: one auction per
 * instance, the order, the index, every decision, the list of placements. Not timed: decoding of JSON or protobuf,
 * committing. After warm-up runs of the same size; medians. Each case has a process of its own, so that its memory is
 * its own: resident memory is the most that process ever had, the workload itself included.
 *
 * `npm run bench:auction -- CASE…` runs only those; OUTCRY_BENCH_ROUNDS sets the number of rounds (5).
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { auctionsOf } from '../auctioneer/core/auction.js';
import { decide } from '../auctioneer/core/decide.js';
import { DEFAULT_POLICY } from '../auctioneer/core/policy.js';
import { machine, printTable } from './harness.js';
import { type Workload, makeAlike, makeDifferent, makeFull, makeWorkload } from './workload.js';

const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5);

const CASES: Record<string, () => Workload> = {
  '100x1000': () => makeWorkload({ cells: 100, lrps: 1_000 }),
  '1000x10000': () => makeWorkload({ cells: 1_000, lrps: 10_000 }),
  '10000x10000': () => makeWorkload({ cells: 10_000, lrps: 10_000 }),
  '10000x100000': () => makeWorkload({ cells: 10_000, lrps: 100_000 }),
  '10000x1000000': () => makeWorkload({ cells: 10_000, lrps: 1_000_000 }),
  '100000x1000000': () => makeWorkload({ cells: 100_000, lrps: 1_000_000 }),
  different: () => makeDifferent({ cells: 10_000, lrps: 100_000 }),
  alike: () => makeAlike({ cells: 10_000, lrps: 100_000 }),
  full: () => makeFull({ cells: 10_000, lrps: 100_000 }),
};

interface Result {
  name: string;
  cells: number;
  auctions: number;
  placed: number;
  runs: number;
  /** ms, median */
  median: number;
  least: number;
  perSecond: number;
  /** MB */
  resident: number;
}

const decideOnce = ({ cells, lrps, tasks }: Workload) => {
  const auctions = auctionsOf(lrps, tasks);
  return { auctions: auctions.length, ...decide({ cells, auctions, policy: DEFAULT_POLICY }) };
};

const round = (value: number): number => Math.round(value * 10) / 10;

/** Small batches are over before the compiler has seen them often enough: they are warmed up for some seconds. */
const WARM_UP = { rounds: 2, ms: 2_000 };

const measure = (name: string, workload: Workload): Result => {
  const began = performance.now();
  for (let at = 0; at < WARM_UP.rounds || performance.now() - began < WARM_UP.ms; at += 1)
    decideOnce(workload);
  const times: number[] = [];
  let [auctions, placed] = [0, 0];
  for (let at = 0; at < ROUNDS; at += 1) {
    const from = performance.now();
    const decided = decideOnce(workload);
    times.push(performance.now() - from);
    [auctions, placed] = [decided.auctions, decided.placements.length];
  }
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  return {
    name,
    cells: workload.cells.length,
    auctions,
    placed,
    runs: times.length,
    median: round(median),
    least: round(times[0] ?? 0),
    perSecond: Math.round((auctions / median) * 1_000),
    resident: Math.round(process.resourceUsage().maxRSS / 1024),
  };
};

const runInProcess = (name: string): Result => {
  const args = ['--max-old-space-size=4096', fileURLToPath(import.meta.url), '--alone', name];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Result;
};

/** The cost of a decision at 10 LRPs a cell, the largest cluster against the small one. */
const growth = (results: readonly Result[]): number | undefined => {
  const cost = (name: string): number => {
    const found = results.find((result) => result.name === name);
    return found === undefined ? Number.NaN : found.median / found.auctions;
  };
  const ratio = cost('100000x1000000') / cost('1000x10000');
  return Number.isNaN(ratio) ? undefined : Math.round(ratio * 100) / 100;
};

const report = (names: readonly string[]): void => {
  const results = names.map(runInProcess);
  console.log(JSON.stringify({ bench: 'auction', ...machine(), growth: growth(results), results }));
  printTable([
    ['case', 'cells', 'auctions', 'placed', 'ms', 'decisions/s', 'resident MB'],
    ...results.map(({ name, cells, auctions, placed, median, perSecond, resident }) => [
      name,
      cells,
      auctions,
      placed,
      median,
      perSecond,
      resident,
    ]),
  ]);
  const ratio = growth(results);
  if (ratio !== undefined) console.log(`a decision on 100,000 cells costs ${ratio} times one on 1,000`);
};

const alone = process.argv.indexOf('--alone');
const named = process.argv.slice(3);
if (alone !== -1) {
  const name = process.argv[alone + 1] ?? '';
  const make = CASES[name];
  if (make === undefined) throw new Error(`no case ${name}`);
  console.log(JSON.stringify(measure(name, make())));
} else {
  report(named.length > 0 ? named : Object.keys(CASES));
}
