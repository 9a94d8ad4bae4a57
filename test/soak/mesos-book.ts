/**
 * The bridge's books on 20,000 random stories of a small Mesos: offers, work, statuses that come late, executors and
 * agents that are lost and come back. By the same property as the suite's. `npm run soak:mesos-book [-- SEED]`.
 */
import fc from 'fast-check';
import { bookKeepsItsPromises } from '../support/mesos-book-properties.js';

const RUNS = 20_000;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const began = performance.now();
const tally = { launched: 0 };
const result = fc.check(bookKeepsItsPromises(tally), { numRuns: RUNS, seed });
if (result.failed) say((await fc.asyncDefaultReportMessage(result)) ?? '');
const seconds = ((performance.now() - began) / 1000).toFixed(0);
say(`seed ${seed}, ${result.numRuns} stories, ${tally.launched} tasks launched, ${seconds} s`);
process.exitCode = result.failed ? 1 : 0;
