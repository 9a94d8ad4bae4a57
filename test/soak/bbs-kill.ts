/**
 * 200 times `kill -9` of a BBS under 32 writers and 8 readers, which share keys; see test/support/bbs-kill.ts for what has
 * to hold. `npm run soak:bbs-kill [-- SEED [ROUNDS]]`.
 */
import { killAgainAndAgain } from '../support/bbs-kill.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seed = Number(process.argv[2] ?? Date.now() % 2 ** 31);
const rounds = Number(process.argv[3] ?? 200);
const began = performance.now();

const { problems, ...counts } = await killAgainAndAgain({
  seed,
  rounds,
  writers: 32,
  readers: 8,
  longestMs: 1_500,
  onRound(so) {
    if (so.rounds % 10 === 0) say(`round ${so.rounds}: ${so.answered} answered, ${so.cutOff} cut off`);
  },
});
for (const problem of problems) say(`FAIL ${problem}`);
say(JSON.stringify(counts));
say(`seed ${seed}, ${((performance.now() - began) / 1000).toFixed(0)} s, ${problems.length} failed`);
process.exitCode = problems.length > 0 ? 1 : 0;
