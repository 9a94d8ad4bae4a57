import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { killAgainAndAgain, openFile } from '../support/bbs-kill.js';
import type { KillOptions } from '../support/bbs-kill.js';
import { chosenSeed } from '../support/simulation.js';

const seed = chosenSeed();
const options: KillOptions = { seed, rounds: 20, writers: 32, readers: 8, longestMs: 400 };

t.test(
  `BBS - killed 20 times under 32 writers, nothing acknowledged is lost, OUTCRY_SEED=${seed}`,
  async (t) => {
    const { problems, ...counts } = await killAgainAndAgain(options);
    t.comment(JSON.stringify(counts));
    t.same(problems, []);
    t.equal(counts.rounds, 20);
    t.ok(counts.written > 100 && counts.read > 50, 'and much was asked of it');
  },
);

/** Puts the file back as it was after the round before: all that was acknowledged since is gone. */
const forgetRound: KillOptions['tamper'] = async (file, round) => {
  for (const end of ['', '-wal']) {
    const kept = `${file}${end}.kept`;
    if (round === 0 && existsSync(file + end)) copyFileSync(file + end, kept);
    if (round === 1) rmSync(file + end, { force: true });
    if (round === 1 && existsSync(kept)) copyFileSync(kept, file + end);
  }
};

t.test('BBS - that a round is lost would be found', async (t) => {
  const { problems } = await killAgainAndAgain({ ...options, rounds: 2, tamper: forgetRound });
  t.match(problems.join('\n'), /round 2: .*: the file holds/);
});

/** Takes one row of a process away, and leaves the others. */
const halve: KillOptions['tamper'] = async (file) => {
  const store = await openFile(dirname(file));
  await store.transact((tables) => {
    const [wide] = [...tables.actual_lrps.entries()].filter(([key]) => key.startsWith('wide'));
    if (wide !== undefined) tables.actual_lrps.delete(wide[0]);
    else tables.kv.put('half', { key: 'half', value: '', version: 1 });
    return { value: undefined, events: [] };
  });
  await store.close();
};

t.test('BBS - half of a desired LRP, or a row that nobody wrote, would be found', async (t) => {
  const { problems } = await killAgainAndAgain({ ...options, rounds: 1, tamper: halve });
  t.match(problems.join('\n'), /round 1: (wide.*: the file holds|a row from nowhere: kv half)/);
});
