/**
 * 50 times `kill -9` of a rep under churn, with each runtime; see test/support/rep-kill.ts for what has to hold.
 * `npm run soak:rep-kill [-- SEED [ROUNDS [process|docker]]]`.
 */
import { startDockerEngine } from '../support/docker-engine.js';
import { killRepAgainAndAgain } from '../support/rep-kill.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const rounds = Number(process.argv[3] ?? 50);
const only = process.argv[4];
const began = performance.now();
let failed = 0;

for (const runtime of ['process', 'docker'].filter((name) => only === undefined || name === only)) {
  const from = performance.now();
  const engine = runtime === 'docker' ? await startDockerEngine() : undefined;
  const { problems, ...counts } = await killRepAgainAndAgain({
    seed,
    rounds,
    ...(engine && { engine }),
    onRound(so) {
      if (so.rounds % 10 === 0) say(`${runtime}, round ${so.rounds}: ${JSON.stringify(so)}`);
    },
  });
  await engine?.close();
  for (const problem of problems) say(`FAIL ${runtime}: ${problem}`);
  failed += problems.length;
  const seconds = ((performance.now() - from) / 1000).toFixed(0);
  say(`${problems.length === 0 ? 'ok  ' : 'FAIL'}  ${runtime}  ${seconds} s  ${JSON.stringify(counts)}`);
}
say(`seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
