/**
 * Decisions on 12,000 random clusters, of every kind there is, by the same properties as the suite's: recorded and
 * replayed too. `npm run soak:auction [-- SEED]`.
 */
import fc from 'fast-check';
import { decide } from '../../auctioneer/core/decide.js';
import { decisionInput } from '../support/auction-arbitraries.js';
import { AUCTION_PROPERTIES } from '../support/auction-properties.js';
import { changesOfCells, replaysAsOriginal } from '../support/auction-replays.js';

const RUNS = 12_000;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const began = performance.now();
let failed = 0;

const tell = async <T>(
  name: string,
  check: () => fc.RunDetails<T> | Promise<fc.RunDetails<T>>,
): Promise<void> => {
  const from = performance.now();
  const result = await check();
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  if (result.failed) failed += 1;
  say(`${result.failed ? 'FAIL' : 'ok  '}  ${name}  ${result.numRuns} clusters, ${seconds} s`);
  if (result.failed) say((await fc.asyncDefaultReportMessage(result)) ?? '');
};

for (const [name, check] of Object.entries(AUCTION_PROPERTIES))
  await tell(name, () => fc.check(fc.property(decisionInput, check), { numRuns: RUNS, seed }));

const replays = fc.asyncProperty(decisionInput, changesOfCells, replaysAsOriginal);
await tell('a replay is as the original', () => fc.check(replays, { numRuns: RUNS, seed }));

// the mix that was drawn: a proof over clusters where nothing is placed, or all is, would prove little
const counts = { clusters: 0, cells: 0, auctions: 0, placed: 0, refused: 0, excluded: 0 };
for (const input of fc.sample(decisionInput, { numRuns: RUNS, seed })) {
  const { placements, failures, excluded } = decide(input);
  counts.clusters += 1;
  counts.cells += input.cells.length;
  counts.auctions += input.auctions.length;
  counts.placed += placements.length;
  counts.refused += failures.length;
  counts.excluded += excluded.length;
}
say(JSON.stringify(counts));
say(`seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
