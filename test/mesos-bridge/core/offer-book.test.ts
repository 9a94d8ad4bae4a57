import t from 'tap';
import type { MesosBook } from '../../../mesos-bridge/core/book.js';
import type { ConstraintSpec } from '../../../mesos-bridge/core/constraints.js';
import { compileConstraint } from '../../../mesos-bridge/core/constraints.js';
import { readInverseOffer, readOffer } from '../../../mesos-bridge/core/offer.js';
import type { OfferEffect } from '../../../mesos-bridge/core/offer-book.js';
import { lrpWork, taskWork } from '../../support/lrps.js';
import { ROLE, bookOf, bookWith, offer, take } from '../../support/mesos-book.js';

const at = (now: number) => ({ now, wall: 1_000_000 + now });
const kinds = (effects: readonly OfferEffect[]): string[] => effects.map(({ kind }) => kind);
const due = (book: MesosBook, now: number): readonly OfferEffect[] =>
  book.due(now, { demandWaits: true, inFlight: new Set() }).offers;

const subscribed = (book: MesosBook, suppressed = true): readonly OfferEffect[] =>
  book.offers.subscribed({ homeRegion: 'eu', suppressed }, 0);

/** subscribed, and so long ago that offers are not wanted for that any more */
const calm = (book: MesosBook): void => {
  subscribed(book);
  due(book, 5_000);
};

t.test('#24 suppressed without demand, revived with it, and never held for nothing', async (t) => {
  const book = bookOf();
  calm(book);
  const early = book.offered([offer('a'), offer('b')], at(5_001));
  t.match(early, [{ kind: 'decline', offerIds: { length: 2 }, refuseSeconds: 3600 }]);
  t.same(kinds(book.offers.wants(2, 5_010)), ['revive']);
  t.same(kinds(book.offered([offer('a')], at(5_020))), []);
  t.equal(book.offers.held(), 1);
  t.same(kinds(book.offers.wants(0, 5_030)), [], 'more work may come at once: the offer is kept a little');
  const end = due(book, 5_030 + 5_000);
  t.same(kinds(end), ['decline', 'suppress']);
  t.match(end[0], { refuseSeconds: 3600, reason: 'no work waits for a place' });
  t.equal(book.offers.held(), 0);
  t.equal(book.offers.isSuppressed(), true);
});

t.test('#24 revives are rate-limited, and repeated once, since a DECLINE may overtake one', async (t) => {
  const book = bookOf();
  calm(book);
  const revives: number[] = [];
  const note = (effects: readonly OfferEffect[], now: number): void => {
    if (kinds(effects).includes('revive')) revives.push(now);
  };
  for (let now = 6_000; now <= 36_000; now += 100) {
    if (now < 18_000) note(book.offers.wants(1 + now / 100, now), now);
    note(due(book, now), now);
  }
  t.same(revives, [6_000, 11_000, 16_000, 21_000, 26_000], 'more and more for 12 s; then one repetition');
});

t.test(
  '#24 what an ACCEPT leaves over is asked for again at once while work waits, and only once',
  async (t) => {
    const book = bookWith([offer('a')]);
    due(book, 5_000);
    book.offered([offer('b')], at(5_010));
    t.equal(take(book, 'b', { lrps: [lrpWork({ index: 0 })] }, 5_020).acceptance?.tasks.length, 1);
    t.same(kinds(book.offers.wants(1, 5_100)), [], 'not as soon as after the revive before');
    t.same(kinds(due(book, 5_249)), []);
    t.same(kinds(due(book, 5_250)), ['revive']);
    for (let now = 5_260; now < 10_000; now += 100)
      t.same(kinds(book.offers.wants(1, now)), [], 'nothing was used since then');
  },
);

t.test(
  '#24 what gets a place at once is demand too; what comes after a SUPPRESS does not wait for long',
  async (t) => {
    const book = bookWith([offer('a'), offer('b')]);
    t.same(kinds(book.offers.wants(0, 1_000)), []);
    take(book, 'a', { lrps: [lrpWork({ index: 0 })] }, 4_000);
    book.offers.wants(0, 4_000);
    t.notOk(kinds(due(book, 8_900)).includes('suppress'));
    t.equal(book.offers.held(), 1, 'for what comes next');
    t.same(kinds(due(book, 9_000)), ['decline', 'suppress']);
    t.same(kinds(book.offers.wants(1, 9_250)), ['revive']);
  },
);

t.test('#23 an offer that comes later is held as well, and none for longer than it may be', async (t) => {
  const book = bookWith([offer('a')]);
  book.offered([offer('b')], at(4_000));
  t.equal(book.offers.nextDue(), 5_000, 'the repeated revive');
  due(book, 5_000);
  t.same(kinds(due(book, 9_999)), []);
  const back = due(book, 10_000);
  t.match(back, [{ kind: 'decline', offerIds: { length: 1 }, refuseSeconds: 5 }]);
  t.equal(book.offers.nextDue(), 14_000);
  t.same(
    book.changes(0, 10_000).states.map(({ cellId }) => cellId),
    ['mesos-b'],
  );
});

t.test('#17 a rescinded offer is gone; a new subscription makes all of them void', async (t) => {
  const [one, two, three] = [offer('a'), offer('b'), offer('c')];
  const book = bookWith([one, two, three]);
  book.offers.rescinded(one.id, 5);
  book.offers.rescinded('unknown', 5);
  t.equal(book.offers.held(), 2);
  book.agentFailed('b', 6);
  t.equal(book.offers.held(), 1);
  t.same(kinds(book.offers.subscribed({ homeRegion: '', suppressed: false }, 7)), ['revive']);
  t.equal(book.offers.held(), 0);
  t.match(
    book.offers.records(8).map(({ offerId, outcome, heldMs }) => [offerId, outcome, heldMs]),
    [
      [three.id, 'lost', 7],
      [two.id, 'lost', 6],
      [one.id, 'rescinded', 5],
    ],
  );
});

t.test('#26 demand before the first subscription waits for it', async (t) => {
  const book = bookOf();
  book.offers.wants(1, 0);
  t.same(kinds(book.offers.subscribed({ homeRegion: '', suppressed: true }, 100)), ['revive']);
});

t.test(
  'offers - after a subscription they are wanted for a moment: they name the executors that live',
  async (t) => {
    for (const suppressed of [true, false]) {
      const book = bookOf();
      t.same(kinds(subscribed(book, suppressed)), ['revive']);
      t.same(kinds(book.offered([offer('a', {}, { executorIds: [{ value: 'outcry.v.1' }] })], at(1_000))), [
        'decline',
      ]);
      t.match(book.executors.on('a'), { id: 'outcry.v.1', state: 'unknown' });
      t.same(kinds(due(book, 4_999)), []);
      t.same(kinds(due(book, 5_000)), ['suppress']);
    }
  },
);

const spec = (one: ConstraintSpec) => {
  const made = compileConstraint(one);
  if (!made.ok) throw new Error(made.error);
  return made.value;
};

t.test('offers - what is of no use goes back at once, with the reason', async (t) => {
  const inRegion = (region: string) => ({
    domain: { faultDomain: { region: { name: region }, zone: { name: 'z' } } },
  });
  const revocable = { name: 'cpus', type: 'SCALAR', scalar: { value: 4 }, revocable: {} };
  const gpus = { name: 'gpus', type: 'SCALAR', scalar: { value: 1 } };
  const cpus = { name: 'cpus', type: 'SCALAR', scalar: { value: 1 } };
  const mem = { name: 'mem', type: 'SCALAR', scalar: { value: 64 } };
  const book = bookOf({
    rules: { constraints: [spec({ field: 'rack', operator: 'LIKE', value: 'r[12]' })] },
  });
  const rack = { attributes: [{ name: 'rack', type: 'TEXT', text: { value: 'r1' } }] };
  subscribed(book);
  book.offers.wants(1, 0);
  const good = offer('good', {}, { ...rack, ...inRegion('eu') });
  const effects = book.offered(
    [
      good,
      offer('other-role', {}, { ...rack, allocationInfo: { role: 'web' } }),
      offer('remote', {}, { ...rack, ...inRegion('us') }),
      offer('no-rack'),
      offer('revocable', {}, { ...rack, resources: [revocable] }),
      offer('gpu', {}, { ...rack, resources: [cpus, mem, gpus] }),
      offer('odd', {}, { ...rack, resources: [{ ...cpus, scalar: { value: -1 } }] }),
      offer('no-cpu', {}, { ...rack, resources: [mem] }),
      offer('no-mem', {}, { ...rack, resources: [cpus] }),
      offer('soon', {}, { ...rack, unavailability: { start: { nanoseconds: 1_600_000_000_000n } } }),
    ],
    at(0),
  );
  t.same(
    [...book.offers.rejections()].map(([code, { count }]) => [code, count]),
    [
      ['role', 1],
      ['region', 1],
      ['constraint', 1],
      ['revocable', 1],
      ['scarce', 1],
      ['invalid', 1],
      ['cpus', 1],
      ['memory', 1],
      ['maintenance', 1],
    ],
  );
  t.same(
    effects.map((one) => (one.kind === 'decline' ? [one.reason, one.refuseSeconds] : [])),
    [
      ['it is for the role "web", which is not ours', 600],
      ['its region is "us", and the master\'s "eu"', 600],
      ['constraint rack LIKE r[12]: the agent has none', 600],
      ['all of it is revocable, shared, or a disk of its own', 600],
      ['the agent has GPUs, which are kept for work that needs them', 600],
      ["Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0", 600],
      ['only 0 cpus, where 0.01 are needed for anything to run', 600],
      ['only 0 MB, where 1 MB are needed for anything to run', 600],
      ['its maintenance begins in 10 min', 5],
    ],
  );
  t.same(
    book.changes(0, 0).states.map(({ cellId, placeable }) => [cellId, placeable]),
    [['mesos-good', true]],
  );
});

t.test(
  'offers - maintenance: far windows are no matter, begun ones close, ended ones are over',
  async (t) => {
    const book = bookOf({ offers: { times: { ...LONG_HOLD } } });
    subscribed(book);
    book.offers.wants(1, 0);
    const window = (startMs: number, durationMs?: number) => ({
      unavailability: {
        start: { nanoseconds: BigInt(1_000_000 + startMs) * 1_000_000n },
        ...(durationMs !== undefined && { duration: { nanoseconds: BigInt(durationMs) * 1_000_000n } }),
      },
    });
    book.offered(
      [offer('far', {}, window(7_200_000, 60_000)), offer('over', {}, window(-10_000, 5_000))],
      at(0),
    );
    const open = (now: number): string[] =>
      book
        .changes(0, now)
        .states.filter(({ placeable }) => placeable)
        .map(({ cellId }) => cellId);
    t.same(open(0), ['mesos-far', 'mesos-over']);
    t.same(open(3_600_000), ['mesos-over'], 'an hour before it begins');
    t.same(book.offers.leaving(3_600_000), []);
    t.same(book.offers.leaving(6_900_000), ['far']);
    t.same(open(7_200_000 + 60_000), ['mesos-far', 'mesos-over']);
  },
);

const LONG_HOLD = {
  holdMs: 1e9,
  refuseUnusedMs: 5_000,
  refuseIdleMs: 3_600_000,
  refuseUselessMs: 600_000,
  refuseInverseMs: 300_000,
};

t.test('offers - inverse offers: we leave in time, unless a task runs there', async (t) => {
  const book = bookWith([offer('a'), offer('b')]);
  take(book, 'a', { tasks: [taskWork()] });
  take(book, 'b', { lrps: [lrpWork()] });
  const inverse = ['a', 'b'].map((agentId) =>
    readInverseOffer({
      id: { value: `i-${agentId}` },
      agentId: { value: agentId },
      unavailability: { start: { nanoseconds: 1_000_000_000_000n } },
    }),
  );
  t.same(book.offers.inverseOffered(inverse, at(0)), [
    { kind: 'accept-inverse-offers', inverseOfferIds: ['i-b'], refuseSeconds: 300 },
    { kind: 'decline-inverse-offers', inverseOfferIds: ['i-a'], refuseSeconds: 300 },
  ]);
  t.same(book.offers.leaving(0), ['a', 'b']);
  book.offers.inverseRescinded('i-a');
  t.same(book.offers.leaving(0), ['b']);
});

t.test('#43 what became of each offer, for how long and for whom', async (t) => {
  const [one, two] = [offer('a', { cpus: 1 }), offer('b')];
  const book = bookWith([one, two], { offers: { mostEnded: 3 } });
  take(book, 'a', { lrps: [lrpWork({ index: 3 })], tasks: [taskWork()] }, 1_500);
  const [held, used] = book.offers.records(2_000);
  t.match(held, { offerId: two.id, outcome: 'held', heldMs: 2_000, hostname: 'b.example.com', role: ROLE });
  t.match(used, { offerId: one.id, outcome: 'used', heldMs: 1_500, usedBy: ['app.3', 'task'] });
  t.match(used?.resources, /cpus\(allocated: outcry\):1; mem/);
  for (let more = 0; more < 5; more += 1) {
    const late = offer(`c-${more}`);
    book.offered([late], at(3_000 + more));
    book.offers.rescinded(late.id, 3_000 + more);
  }
  t.same(
    book.offers.records(4_000).map(({ agentId }) => agentId),
    ['b', 'c-4', 'c-3', 'c-2'],
    'the history is bounded, the newest first',
  );
  t.same(book.offers.counts(), { received: 7, used: 1, declined: 0, rescinded: 5, lost: 0 });
});

t.test('offers - odd ones never throw', async (t) => {
  const odd = readOffer(
    {
      id: { value: 'o' },
      agentId: { value: '' },
      hostname: '',
      resources: [{ name: 'x', type: 'TEXT' }],
      attributes: [
        { name: 'a', type: 'RANGES', ranges: { range: [{ begin: 5, end: 1 }] } },
        { name: 'b', type: 'SCALAR', scalar: { value: NaN } },
        { name: 'c', type: 'NONE' },
      ],
      unavailability: { start: { nanoseconds: 1.5 } },
    },
    ROLE,
  );
  t.match(odd, {
    attributes: [],
    invalid: { length: 1 },
    role: ROLE,
    region: '',
    unavailability: { startMs: 0 },
  });
  t.match(bookWith([odd]).offers.counts(), { declined: 1 });
});
