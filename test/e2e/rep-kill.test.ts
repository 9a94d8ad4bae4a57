/** A rep killed under churn, with what runs on its cell watched past the platform: npm run soak:rep-kill, shorter. */
import t from 'tap';
import { withDockerEngine } from '../support/docker-engine.js';
import { killRepAgainAndAgain } from '../support/rep-kill.js';
import type { RepKillOptions } from '../support/rep-kill.js';
import { requireSuite } from '../support/requires.js';
import { chosenSeed } from '../support/simulation.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

const holds = (name: string, options: Omit<RepKillOptions, 'seed' | 'rounds'>): void => {
  t.test(
    `rep killed - ${name}: nothing restarts, none is orphaned, ends are told as they were`,
    async (t) => {
      const { problems, ...counts } = await killRepAgainAndAgain({ seed, rounds: 2, ...options });
      t.comment(JSON.stringify(counts));
      t.same(problems, []);
      t.ok(counts.started > 0 && counts.lived > 0, 'there was something to lose');
    },
  );
};

requireSuite(t, 'nats', () => {
  holds('processes', {});
  t.test('rep killed - what ends by itself is found out', async (t) => {
    const { problems } = await killRepAgainAndAgain({
      seed,
      rounds: 1,
      patienceMs: 6_000,
      tamper: (witness) => {
        for (const { pid } of witness.alive().values()) process.kill(pid, 'SIGKILL');
      },
    });
    t.ok(
      problems.some((problem) => /should be|does no more/.test(problem)),
      problems.join('\n'),
    );
  });
});

await withDockerEngine(t, (engine) => requireSuite(t, 'nats', () => holds('Docker', { engine })));
