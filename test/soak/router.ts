/**
 * 20 minutes of traffic through a router whose endpoints come, go, die and hang; see test/support/router-soak.ts for
 * what has to hold. `npm run soak:router [-- SEED [SECONDS]]`.
 */
import { soakRouter } from '../support/router-soak.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const seconds = Number(process.argv[3] ?? 1_170);
const { counts, problems } = await soakRouter({
  seed,
  seconds,
  onProgress: (so) => say(JSON.stringify(so)),
});
for (const problem of problems) say(`FAIL ${problem}`);
say(`${problems.length === 0 ? 'ok  ' : 'FAIL'}  seed ${seed}, ${seconds} s  ${JSON.stringify(counts)}`);
process.exit(problems.length === 0 ? 0 : 1);
