import fc from 'fast-check';
import t from 'tap';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { badRequest, createTormentor, QUIET } from '../support/bad-input.js';
import { desiredLrp, must, startOf, ONE } from '../support/bbs.js';
import { startBbs } from '../support/http-bbs.js';

t.test('bad input - has an error of the board for an answer, and changes nothing', async (t) => {
  const engine = createMemoryEngine();
  const { client, socketPath } = await startBbs(t, { engine, config: QUIET });
  must(await client.desireLrp(desiredLrp({ instances: 2 }), ''));
  must(await client.startActualLrp(startOf(ONE), ''));
  const before = must(await client.actualLrps({}));
  const tormentor = createTormentor({ socketPath, commits: engine.commits });
  t.teardown(tormentor.close);
  await fc.assert(fc.asyncProperty(badRequest, tormentor.check), { numRuns: 1_500 });
  const { refused, taken, errors, kinds } = tormentor.counts;
  t.ok(refused > 700, `${refused} refused, ${taken} taken`);
  t.ok((errors['InvalidRequest'] ?? 0) > 600);
  t.ok(Object.keys(kinds).length >= 15, 'of every kind');
  t.same(must(await client.actualLrps({ processGuid: 'app' })), before, 'what was there is as it was');
});
