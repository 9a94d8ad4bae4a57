/**
 * 120,000 requests that are most likely wrong, over HTTP, against one BBS: each has one of the board's errors for an
 * answer and changes nothing, or was right after all; none has a status of 500, and the memory does not grow.
 * `npm run soak:bbs-bad-input [-- SEED]`.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { badRequest, createTormentor, QUIET } from '../support/bad-input.js';
import { startBbs } from '../support/http-bbs.js';

const ROUNDS = 12;
const REQUESTS = 10_000;
/** What may be left of all rounds but the first, in which everything is compiled and every list finds its length. */
const GROWTH_MB = 12;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const heapMb = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
};

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const began = performance.now();
const tasks: (() => unknown)[] = [];
const engine = createMemoryEngine();
const { socketPath } = await startBbs(
  { teardown: (task) => tasks.push(task) },
  { engine, config: QUIET, log: false },
);
const tormentor = createTormentor({ socketPath, commits: engine.commits });

let failed = 0;
let first: number | undefined;
for (let round = 0; round < ROUNDS; round += 1) {
  const property = fc.asyncProperty(badRequest, tormentor.check);
  const result = await fc.check(property, { numRuns: REQUESTS, seed: seed + round });
  if (result.failed) {
    failed += 1;
    say(`${fc.defaultReportMessage(result) ?? ''}\n${String(result.errorInstance)}`);
  }
  await tormentor.clear();
  const heap = heapMb();
  first ??= heap;
  const { requests, refused, taken } = tormentor.counts;
  say(
    `${result.failed ? 'FAIL' : 'ok  '}  ${requests} requests, ${refused} refused, ${taken} taken, ${heap.toFixed(1)} MB`,
  );
  if (heap - first > GROWTH_MB) {
    failed += 1;
    say(`FAIL  ${(heap - first).toFixed(1)} MB more than after the first round`);
  }
}
await tormentor.close();
for (const task of tasks) await task();
say(JSON.stringify(tormentor.counts));
say(`seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
