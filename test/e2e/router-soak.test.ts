import t from 'tap';
import { requireSuite } from '../support/requires.js';
import { soakRouter } from '../support/router-soak.js';

requireSuite(t, 'nats', () => {
  t.test('router - endpoints come, go, die and hang under traffic, and NATS is killed twice', async (t) => {
    const seed = Date.now() % 2 ** 31;
    const { counts, problems } = await soakRouter({ seed, seconds: 15 });
    t.same(problems, [], `seed ${seed}`);
    t.comment(JSON.stringify({ seed, ...counts }));
    t.ok(counts.answered > 0 && counts.acknowledged > 0 && counts.died > 0);
  });
});
