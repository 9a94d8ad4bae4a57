import t from 'tap';
import { createDemand } from '../../../mesos-bridge/core/demand.js';
import type { MesosBook } from '../../../mesos-bridge/core/book.js';
import { hasRoom } from '../../../mesos-bridge/core/funnel.js';
import type { HungerInput, HungerStep } from '../../../mesos-bridge/core/hunger.js';
import { HUNGER_DEFAULTS, createHunger } from '../../../mesos-bridge/core/hunger.js';
import { NEED_DEFAULTS, needOf } from '../../../mesos-bridge/core/needs.js';
import { lrpWork } from '../../support/lrps.js';
import { bookWith, offer } from '../../support/mesos-book.js';

const need = needOf(lrpWork({ memoryMb: 1024 }), NEED_DEFAULTS);
const input = (book: MesosBook, now: number, over: Partial<HungerInput> = {}): HungerInput => ({
  now,
  waiting: 2,
  oldest: { need, since: 0 },
  bids: book.bids(now),
  rejections: book.offers.rejections(),
  lastOfferAt: undefined,
  isSubscribed: true,
  ...over,
});

t.test('#25 no offer comes: it is said in plain words, and tried in order', async (t) => {
  const hunger = createHunger(HUNGER_DEFAULTS);
  const book = bookWith([]);
  const steps: [number, HungerStep][] = [];
  for (let now = 0; now <= 150_000; now += 5_000) {
    const { step } = hunger.look(input(book, now));
    if (step !== undefined) steps.push([now, step]);
  }
  t.same(steps, [
    [30_000, 'revive'],
    [60_000, 'resubscribe'],
    [90_000, 'step-down'],
  ]);
  t.equal(
    hunger.look(input(book, 150_000)).report?.words,
    '2 pieces of work wait for a place on Mesos, the oldest for 150 s; it needs 1024 MB of memory, 0.1 cpus, ' +
      '64 MB of disk. The master has not sent a single offer. So far the bridge has asked the master again for ' +
      'offers 120 s ago, subscribed anew 90 s ago, let a stand-by bridge take over 60 s ago.',
  );
  t.same(hunger.look(input(book, 151_000, { oldest: undefined })), { report: undefined, step: undefined });
});

t.test('#25 offers come and none will do: the funnel says why, and nothing is tried in vain', async (t) => {
  const hunger = createHunger(HUNGER_DEFAULTS);
  const gpus = [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 8 } },
    { name: 'gpus', type: 'SCALAR', scalar: { value: 2 } },
  ];
  const book = bookWith([
    offer('a', { mem: 600 }),
    offer('b', { mem: 900 }),
    offer('c', { cpus: 0.15 }),
    offer('d', { disk: 100 }),
    offer('e', { mem: 100 }),
    offer('g', {}, { resources: gpus }),
  ]);
  const { report, step } = hunger.look(input(book, 40_000, { lastOfferAt: 39_000 }));
  t.equal(step, undefined);
  t.same(report?.funnel, [
    {
      stage: 'scarce',
      count: 1,
      example: 'g.example.com: the agent has GPUs, which are kept for work that needs them',
    },
    { stage: 'executor', count: 1, example: 'it offers too little for an executor: mem' },
    { stage: 'cpus', count: 1, example: 'at most 0.05 cpus' },
    { stage: 'memory', count: 2, example: 'at most 772 MB of memory' },
    { stage: 'disk', count: 1, example: 'at most 36 MB of disk' },
  ]);
  t.match(report?.words, 'The last offer came 1 s ago. None will do: 1 × scarce (g.example.com: ');
  t.equal(hunger.look(input(book, 20_000)).report, undefined, 'not yet');
});

t.test('hunger - room ends it; without a subscription there is nothing to try', async (t) => {
  const hunger = createHunger(HUNGER_DEFAULTS);
  t.equal(hasRoom(bookWith([offer('a')]).bids(0), need), true);
  t.equal(hunger.look(input(bookWith([offer('a')]), 40_000)).report, undefined);
  const away = hunger.look(input(bookWith([]), 40_000, { isSubscribed: false }));
  t.equal(away.step, undefined);
  t.match(away.report?.words, 'The framework is not subscribed with a Mesos master.');
});

t.test('demand - what waits, since when; forgotten when it is asked for no more', async (t) => {
  const demand = createDemand(1_000);
  demand.waits('a', need, 0);
  demand.waits('b', need, 10);
  demand.waits('a', need, 900);
  t.match(demand.oldest(), { key: 'a', since: 0 });
  t.equal(demand.expire(1_009), false);
  t.equal(demand.expire(1_010), true);
  t.same(
    [...demand.all()].map(({ key }) => key),
    ['a'],
  );
  demand.served('a');
  t.same([demand.size(), demand.oldest()], [0, undefined]);
});
