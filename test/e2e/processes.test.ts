import t from 'tap';
import { openStory } from '../support/processes-story.js';
import { isRequired, requireSuite, suiteAvailable } from '../support/requires.js';

// the same at its promised length: npm run soak:processes
requireSuite(t, 'nats', () => {
  t.test('processes - work, killed servers and processes, NATS away, a machine asleep', async (t) => {
    const runtime = suiteAvailable('docker').available || isRequired('docker') ? 'docker' : 'process';
    const story = await openStory({
      outageMs: 8_000,
      presenceTtlMs: 6_000,
      tasks: 6,
      slackMs: 30_000,
      runtime,
    });
    t.teardown(story.close);
    for (const { name, run } of story.steps) {
      await t.test(name, async (t) => {
        t.comment(JSON.stringify(await run()));
        t.same(story.system.defects(), []);
      });
    }
  });
});
