/**
 * 100 seeded runs of the Mesos bridge under faults (test/support/bridge-chaos.ts says which), in simulated time.
 * `npm run soak:mesos [-- SEED [RUNS]]`; a run that fails prints its seed, and `-- SEED 1` does it again.
 */
import { mesosChaos } from '../support/bridge-chaos.js';

/** simulated, of each run, under faults */
const SECONDS = 120;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const first = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const runs = Number(process.argv[3] ?? 100);
const began = performance.now();
const faults = new Map<string, number>();
const [settled, outages]: [number[], number[]] = [[], []];
let failed = 0;

/** what went wrong; [] = nothing */
const run = async (seed: number): Promise<string[]> => {
  try {
    const { summary, wrongs, counts, settledSeconds, outages: away } = await mesosChaos(seed, SECONDS);
    say(`${wrongs.length > 0 ? 'FAIL' : 'ok  '}  ${summary}`);
    for (const [fault, count] of counts) faults.set(fault, (faults.get(fault) ?? 0) + count);
    settled.push(settledSeconds);
    outages.push(...away);
    return wrongs;
  } catch (error) {
    return [(error as Error).message];
  }
};

const spread = (name: string, numbers: readonly number[]): void => {
  const sorted = [...numbers].sort((one, other) => one - other);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  say(`${name}: ${sorted.length}, median ${at(0.5)} s, p95 ${at(0.95)} s, max ${at(1)} s (simulated)`);
};

for (let seed = first; seed < first + runs; seed += 1) {
  const wrongs = await run(seed);
  if (wrongs.length === 0) continue;
  failed += 1;
  for (const wrong of wrongs) say(`FAIL  seed ${seed}: ${wrong}`);
}
const counted = [...faults].map(([fault, count]) => `${fault} ${count}`).join(', ');
say(`faults: ${[...faults.values()].reduce((sum, count) => sum + count, 0)} (${counted})`);
spread('all was well again after the last fault', settled);
spread('instances were away', outages);
const seconds = ((performance.now() - began) / 1000).toFixed(0);
say(`seeds ${first} to ${first + runs - 1}, ${seconds} s, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
