/** A rep killed under churn, with what runs on its cell watched past the platform: npm run soak:rep-kill, shorter. */
import { spawn } from 'node:child_process';
import t from 'tap';
import { withDockerEngine } from '../support/docker-engine.js';
import { killRepAgainAndAgain } from '../support/rep-kill.js';
import type { RepKillOptions } from '../support/rep-kill.js';
import { requireSuite } from '../support/requires.js';
import { chosenSeed } from '../support/simulation.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

/** How soon all has to be well is for the long form to say: here other suites run at the same time. */
const PATIENCE_MS = 90_000;

const holds = (name: string, options: Omit<RepKillOptions, 'seed' | 'rounds'>): void => {
  t.test(
    `rep killed - ${name}: nothing restarts, none is orphaned, ends are told as they were`,
    async (t) => {
      const { problems, ...counts } = await killRepAgainAndAgain({
        seed,
        rounds: 2,
        patienceMs: PATIENCE_MS,
        ...options,
      });
      t.comment(JSON.stringify(counts));
      t.same(problems, []);
      t.ok(counts.started > 0 && counts.lived > 0, 'there was something to lose');
    },
  );
};

requireSuite(t, 'nats', () => {
  holds('processes', {});
  t.test('rep killed - a program that nobody knows is found out', async (t) => {
    const found = (problems: readonly string[]): boolean =>
      problems.some((problem) => problem.includes('stranger main lives, unknown'));
    const { problems } = await killRepAgainAndAgain({
      seed,
      rounds: 1,
      isHopeless: found,
      tamper({ mark }) {
        const stray = spawn('/bin/sh', ['-c', 'sleep 300 & wait', mark, 'main', 'stranger'], {
          detached: true,
        });
        t.teardown(() => process.kill(-(stray.pid ?? 0), 'SIGKILL'));
      },
    });
    t.ok(found(problems), `found: ${problems.join('; ')}`);
  });
});

await withDockerEngine(t, (engine) => requireSuite(t, 'nats', () => holds('Docker', { engine })));
