/**
 * 100 seeded runs of the simulated Mesos under faults (test/support/mesos-chaos.ts says which).
 * `npm run soak:mesos-simulator [-- SEED [RUNS]]`; a run that fails prints its seed.
 */
import { mesosChaos } from '../support/mesos-chaos.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const first = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const runs = Number(process.argv[3] ?? 100);
const began = performance.now();
let failed = 0;

/** what went wrong; [] = nothing */
const run = async (seed: number): Promise<readonly string[]> => {
  try {
    const { summary, wrongs } = await mesosChaos(seed);
    say(`${wrongs.length > 0 ? 'FAIL' : 'ok  '}  ${summary}`);
    return wrongs;
  } catch (error) {
    return [(error as Error).message];
  }
};

for (let seed = first; seed < first + runs; seed += 1) {
  const wrongs = await run(seed);
  if (wrongs.length === 0) continue;
  failed += 1;
  for (const wrong of wrongs) say(`FAIL  seed ${seed}: ${wrong}`);
}
const seconds = ((performance.now() - began) / 1000).toFixed(0);
say(`seeds ${first} to ${first + runs - 1}, ${seconds} s, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
