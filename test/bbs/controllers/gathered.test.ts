import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createGathered } from '../../../bbs/controllers/gathered.js';

/** Notes when each run begins; each takes so many ms. */
const start = (timing: { intervalMs: number; rest: number }, tookMs: number) => {
  const clock = createFakeClock();
  const runs: number[] = [];
  const run = async (): Promise<void> => {
    runs.push(clock.monotonic());
    await clock.sleep(tookMs);
  };
  return { clock, runs, gathered: createGathered(clock, run, { delayMs: 10, ...timing }) };
};

t.test('gathered - causes are gathered, and one run at a time answers for them', async (t) => {
  const { clock, runs, gathered } = start({ intervalMs: 0, rest: 0 }, 100);
  t.equal(gathered.trigger(), true);
  t.equal(gathered.trigger(), false, 'a run is awaited that comes as soon');
  await clock.advance(10);
  t.same(runs, [10]);
  t.equal(gathered.trigger(), true, 'it may have missed this one');
  await clock.advance(99);
  t.same(runs, [10], 'never two at once');
  await clock.advance(1);
  t.same(runs, [10, 110]);
  await clock.advance(1_000);
  t.same(runs, [10, 110]);
});

t.test('gathered - an interval at least, and longer rests after longer runs', async (t) => {
  const short = start({ intervalMs: 250, rest: 4 }, 20);
  const long = start({ intervalMs: 250, rest: 4 }, 500);
  for (const { clock, gathered } of [short, long])
    for (let nth = 0; nth < 400; nth += 1) {
      gathered.trigger();
      await clock.advance(10);
    }
  t.same(short.runs.slice(0, 4), [10, 260, 510, 760]);
  t.same(long.runs, [10, 2_510], 'a fifth of the time');
});

t.test('gathered - what is asked for sooner comes sooner; stopped, nothing comes', async (t) => {
  const { clock, runs, gathered } = start({ intervalMs: 0, rest: 0 }, 0);
  gathered.trigger(500);
  t.equal(gathered.trigger(50), true);
  await clock.advance(50);
  t.same(runs, [50]);
  gathered.trigger();
  gathered.stop();
  await clock.advance(1_000);
  t.same(runs, [50]);
});
