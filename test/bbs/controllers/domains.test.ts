import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createMemoryEngine } from '../../../common/store/memory-engine.js';
import { must, openBoard } from '../../support/bbs.js';

const HOUR_MS = 3_600_000;

t.test('domains - a clock that is set back makes none fresh for longer, one set forward none', async (t) => {
  const test = await openBoard({ converge: false });
  const fresh = async () => must(await test.board.domains());
  must(await test.board.upsertDomain('apps', 10, ''));
  test.clock.jump(-HOUR_MS);
  await test.clock.advance(9_000);
  t.same(await fresh(), ['apps']);
  await test.clock.advance(1_000);
  t.same(await fresh(), [], 'its age is what counts');

  test.clock.jump(2 * HOUR_MS);
  must(await test.board.upsertDomain('apps', 10, ''));
  test.clock.jump(-2 * HOUR_MS);
  await test.clock.advance(10_000);
  t.same(await fresh(), []);

  must(await test.board.upsertDomain('apps', 10, ''));
  test.clock.jump(2 * HOUR_MS);
  t.same(await fresh(), [], 'the machine may have slept');
  await test.close();
});

t.test(
  'domains - after a restart none is fresh for longer than its TTL, whatever the clock says',
  async (t) => {
    const [engine, clock] = [createMemoryEngine(), createFakeClock()];
    const first = await openBoard({ engine, clock, converge: false });
    must(await first.board.upsertDomain('apps', 10, ''));
    must(await first.board.upsertDomain('kept', 0, ''));
    await first.close();
    clock.jump(-HOUR_MS);
    const second = await openBoard({ engine, clock, converge: false });
    await clock.advance(9_000);
    t.same(must(await second.board.domains()), ['apps', 'kept']);
    await clock.advance(1_000);
    t.same(must(await second.board.domains()), ['kept']);
    await second.close();
  },
);
