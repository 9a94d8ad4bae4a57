import fc from 'fast-check';
import t from 'tap';
import { convergeProcess, reauctionRows } from '../../../bbs/core/convergence.js';
import type { World } from '../../../bbs/core/convergence.js';
import { pruneDomains } from '../../../bbs/core/domains.js';
import type { ActualLrp, DesiredLrp } from '../../../common/model/lrp.js';
import {
  actual,
  auctioned,
  context,
  desiredLrp,
  effects,
  kinds,
  NOW,
  ONE,
  rowsAfter,
  runningOn,
  SECOND,
  TWO,
  worldWith,
} from '../../support/bbs.js';

const BOTH = ['cell-1', 'cell-2'];

const converge = (desired: DesiredLrp | undefined, rows: ActualLrp[], world: World = worldWith(BOTH)) => {
  const made = convergeProcess({ desired, rows }, world, context());
  return { made, rows: rowsAfter(rows, made) };
};

const shown = (rows: ActualLrp[]): string[] =>
  rows.map((row) => `${row.index} ${row.presence} ${row.state} ${row.cellId}`.trim());

t.test('convergence - a process as desired is left alone', async (t) => {
  const { made } = converge(desiredLrp(), [runningOn(ONE)]);
  t.same(made, { value: { missing: 0, extra: 0, open: [] }, changes: [], events: [], effects: [] });
});

t.test('convergence 1 - expired domains are pruned', async (t) => {
  const rows = [
    { name: 'over', expiresAt: NOW - 1, ttlSeconds: 1 },
    { name: 'fresh', expiresAt: NOW + SECOND, ttlSeconds: 1 },
    { name: 'for-ever', expiresAt: 0, ttlSeconds: 0 },
  ];
  t.match(pruneDomains(rows, NOW), [{ remove: { name: 'over' } }]);
});

t.test('convergence 2 - a draining copy goes with its cell', async (t) => {
  const evacuating = runningOn(ONE, { presence: 'EVACUATING' });
  const rows = [runningOn(TWO), evacuating];
  t.same(shown(converge(desiredLrp(), rows).rows), shown([evacuating, runningOn(TWO)]));
  const { made, rows: left } = converge(desiredLrp(), rows, worldWith(['cell-2']));
  t.same(shown(left), ['0 ORDINARY RUNNING cell-2']);
  t.same(kinds(made), ['actual_lrp_instance_removed']);
});

t.test(
  'convergence 3 - what has waited for longer than 30 s is asked for again, in one request',
  async (t) => {
    const rows = [
      actual({ index: 0, since: NOW - 31 * SECOND }),
      actual({ index: 1, since: NOW - 29 * SECOND }),
      actual({ index: 2, since: NOW - 300 * SECOND }),
    ];
    const { made } = converge(desiredLrp({ instances: 3 }), rows);
    t.same(auctioned(made), [0, 2]);
    t.same(effects(made), ['auction-lrps']);
    t.same(made.changes, []);
  },
);

t.test('convergence 4 - a crashed instance is restarted after its back-off', async (t) => {
  const crashed = (count: number, seconds: number) => [
    actual({ state: 'CRASHED', crashCount: count, since: NOW - seconds * SECOND }),
  ];
  for (const [count, seconds] of [
    [3, 30],
    [4, 60],
    [7, 480],
    [8, 960],
    [100, 960],
  ] as const) {
    t.same(shown(converge(desiredLrp(), crashed(count, seconds - 1)).rows), ['0 ORDINARY CRASHED']);
    const { made, rows } = converge(desiredLrp(), crashed(count, seconds));
    t.same(shown(rows), ['0 ORDINARY UNCLAIMED'], `${count} crashes, ${seconds} s`);
    t.equal(rows[0]?.crashCount, count);
    t.same(auctioned(made), [0]);
    t.same(kinds(made), ['actual_lrp_instance_changed']);
  }
  t.same(shown(converge(desiredLrp(), crashed(200, 1e6)).rows), ['0 ORDINARY CRASHED'], 'never after 200');
});

t.test('convergence 5 - missing instances are made, in any domain', async (t) => {
  const { made, rows } = converge(desiredLrp({ instances: 3 }), [runningOn(ONE, { index: 1 })], {
    ...worldWith(BOTH),
    fresh: () => false,
  });
  t.same(shown(rows), ['0 ORDINARY UNCLAIMED', '1 ORDINARY RUNNING cell-1', '2 ORDINARY UNCLAIMED']);
  t.same(auctioned(made), [0, 2]);
});

t.test('convergence 6 - extra instances are stopped where the domain is fresh', async (t) => {
  const rows = [runningOn(ONE), runningOn(TWO, { index: 1 }), actual({ index: 2 })];
  const { made, rows: left } = converge(desiredLrp(), rows);
  t.same(shown(left), ['0 ORDINARY RUNNING cell-1', '1 ORDINARY RUNNING cell-2']);
  t.match(made.effects, [{ kind: 'stop', cellId: 'cell-2' }]);
  const stale = converge(desiredLrp(), rows, { ...worldWith(BOTH), fresh: () => false });
  t.same(stale.made.changes, []);
  t.same(stale.made.effects, []);
});

t.test('convergence 7 - instances nobody desires are stopped where the domain is fresh', async (t) => {
  const rows = [runningOn(ONE), actual({ index: 1, state: 'CRASHED' })];
  const { made, rows: left } = converge(undefined, rows);
  t.same(shown(left), ['0 ORDINARY RUNNING cell-1']);
  t.match(made.effects, [{ kind: 'stop', cellId: 'cell-1' }]);
  const lost = converge(undefined, rows, worldWith([]));
  t.same(shown(lost.rows), [], 'what a lost cell ran is removed');
  const stale = converge(undefined, rows, { ...worldWith([]), fresh: () => false });
  t.same(shown(stale.rows), shown(rows));
});

t.test('convergence 8 - a lost cell leaves a suspect and a replacement', async (t) => {
  for (const state of ['RUNNING', 'CLAIMED'] as const) {
    const { made, rows } = converge(desiredLrp(), [actual({ ...ONE, state })], worldWith(['cell-2']));
    t.same(shown(rows), ['0 ORDINARY UNCLAIMED', `0 SUSPECT ${state} cell-1`]);
    t.same(auctioned(made), [0]);
    const expected = ['actual_lrp_instance_changed', 'actual_lrp_instance_created'];
    t.same(kinds(made), expected, 'what still runs is told first');
  }
});

t.test('convergence 8 - a second lost cell gives up the replacement, no second suspect', async (t) => {
  const rows = [runningOn(ONE, { presence: 'SUSPECT' }), actual({ ...TWO, state: 'CLAIMED' })];
  const { made, rows: left } = converge(desiredLrp(), rows, worldWith([]));
  t.same(shown(left), ['0 ORDINARY UNCLAIMED', '0 SUSPECT RUNNING cell-1']);
  t.same(auctioned(made), [0]);
});

t.test('convergence 8 - in doubt about a cell nothing is done', async (t) => {
  const doubt = { ...worldWith([]), gone: () => false };
  const rows = [runningOn(ONE), runningOn(TWO, { presence: 'SUSPECT' })];
  const alone = converge(desiredLrp(), rows.slice(0, 1), doubt);
  t.same(alone.made.changes, []);
  const waiting = [actual({ since: NOW }), runningOn(TWO, { presence: 'SUSPECT' })];
  t.same(converge(desiredLrp(), waiting, doubt).made.changes, [], 'nor is a suspect promoted');
});

t.test('convergence 9 - a suspect whose cell is back takes its slot again', async (t) => {
  const suspect = runningOn(ONE, { presence: 'SUSPECT' });
  const unplaced = converge(desiredLrp(), [actual(), suspect]);
  t.same(shown(unplaced.rows), ['0 ORDINARY RUNNING cell-1']);
  t.same(kinds(unplaced.made), ['actual_lrp_instance_changed', 'actual_lrp_instance_removed']);
  t.same(effects(unplaced.made), []);
  const claimed = converge(desiredLrp(), [actual({ ...TWO, state: 'CLAIMED' }), suspect]);
  t.same(shown(claimed.rows), ['0 ORDINARY RUNNING cell-1']);
  t.match(claimed.made.effects, [{ kind: 'stop', cellId: 'cell-2', instanceGuid: 'two' }]);
});

t.test('convergence 10 - a suspect whose replacement runs is removed', async (t) => {
  const rows = [runningOn(TWO), runningOn(ONE, { presence: 'SUSPECT' })];
  t.same(shown(converge(desiredLrp(), rows).rows), ['0 ORDINARY RUNNING cell-2']);
});

t.test('convergence 11 - suspects nobody desires are removed', async (t) => {
  const orphan = [runningOn(ONE, { presence: 'SUSPECT' })];
  t.same(shown(converge(undefined, orphan, worldWith([])).rows), []);
  const extra = [runningOn(TWO), runningOn(ONE, { presence: 'SUSPECT', index: 1 })];
  t.same(shown(converge(desiredLrp(), extra, worldWith(['cell-2'])).rows), ['0 ORDINARY RUNNING cell-2']);
});

t.test('convergence 12 - a running instance whose routes or tags differ is told', async (t) => {
  const desired = desiredLrp({ routes: { 'internal-router': '[{"hostname":"a.internal"}]' } });
  const differing = converge(desired, [runningOn(ONE)]);
  t.match(differing.made.effects, [
    { kind: 'update', cellId: 'cell-1', internalRoutes: [{ hostname: 'a.internal' }] },
  ]);
  const same = converge(desired, [runningOn(ONE, { internalRoutes: [{ hostname: 'a.internal' }] })]);
  t.same(same.made.effects, []);
  t.same(effects(converge(desiredLrp(), [runningOn(ONE, { metricTags: {} })]).made), ['update']);
  const garbled = desiredLrp({ routes: { 'internal-router': '{"not":"a list"}' } });
  t.same(converge(garbled, [runningOn(ONE)]).made.effects, []);
});

t.test('convergence - doing it twice changes nothing the second time', async (t) => {
  const desired = desiredLrp({ instances: 3 });
  const rows = [
    runningOn(ONE),
    actual({ index: 1, state: 'CRASHED', crashCount: 3, since: NOW - 40 * SECOND }),
  ];
  const world = worldWith(['cell-2']);
  const once = converge(desired, rows, world);
  t.not(once.made.changes.length, 0);
  const again = converge(desired, once.rows, world);
  t.same(again.made.changes, []);
  t.same(again.made.effects, []);
});

t.test('convergence - says what is missing or too many, and what has to be looked at again', async (t) => {
  const rows = [
    runningOn(ONE),
    actual({ ...TWO, index: 1, state: 'CLAIMED' }),
    actual({ index: 2, since: NOW }),
    runningOn(TWO, { index: 4 }),
  ];
  const said = (world: World) => converge(desiredLrp({ instances: 4 }), rows, world).made.value;
  t.same(said(worldWith(BOTH)), { missing: 1, extra: 1, open: [2, 3, 4] });
  t.same(said({ ...worldWith(BOTH), fresh: () => false }), { missing: 1, extra: 0, open: [2, 3, 4] });
  const doubt = { ...worldWith(BOTH), present: () => false };
  t.same(said(doubt).open, [2, 3, 4], 'what is on a cell in doubt is as it should be until it is gone');
  t.same(said(worldWith(['cell-2'])).open.slice(0, 1), [0]);
});

t.test('convergence - what is said to be settled gives no duty anything to do', async (t) => {
  const state = fc.constantFrom('UNCLAIMED', 'CLAIMED', 'RUNNING', 'CRASHED');
  const row = fc.record({
    state,
    index: fc.nat({ max: 3 }),
    cell: fc.constantFrom(ONE, TWO),
    tags: fc.constantFrom({ source_id: 'app-log' }, {}, { source_id: 'app-log', more: 'x' }),
    age: fc.constantFrom(0, 20, 40, 4_000),
  });
  const arbitrary = fc.record({
    rows: fc.uniqueArray(row, { selector: ({ index }) => index, maxLength: 4 }),
    instances: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
    present: fc.subarray(BOTH),
    fresh: fc.boolean(),
  });
  fc.assert(
    fc.property(arbitrary, ({ rows: drawn, instances, present, fresh }) => {
      const rows = drawn.map(({ state, index, cell, tags, age }) =>
        actual({
          ...(state === 'CLAIMED' || state === 'RUNNING' ? cell : {}),
          state,
          index,
          metricTags: tags,
          since: NOW - age * SECOND,
        }),
      );
      const desired = instances === undefined ? undefined : desiredLrp({ instances });
      const world = { ...worldWith(present), fresh: () => fresh };
      const { open } = converge(desired, rows, world).made.value;
      // nothing is settled where no cell is present, so that every duty has its look
      const settled = rows.filter(({ index }) => !open.includes(index));
      const { made } = converge(desired, settled, { ...world, present: () => false });
      const touched = made.changes.map(
        (change) => ('put' in change ? change.put : change.remove) as ActualLrp,
      );
      t.same(
        touched.filter(({ index }) => settled.some((row) => row.index === index)),
        [],
      );
      t.same(
        made.effects.filter(({ kind }) => kind !== 'auction-lrps'),
        [],
      );
    }),
    { numRuns: 500 },
  );
});

t.test('room appeared - every unplaced row that is desired is asked for', async (t) => {
  const rows = [
    actual({ since: NOW }),
    runningOn(ONE, { index: 1 }),
    actual({ index: 2 }),
    actual({ index: 5 }),
  ];
  t.same(auctioned(reauctionRows({ desired: desiredLrp({ instances: 4 }), rows })), [0, 2]);
  t.same(reauctionRows({ desired: undefined, rows }).effects, []);
});

t.test('convergence - a clock that was set back makes nobody wait for it', async (t) => {
  const ahead = NOW + 3600 * SECOND;
  const crashed = [actual({ state: 'CRASHED', crashCount: 5, since: ahead })];
  t.same(shown(converge(desiredLrp(), crashed).rows), ['0 ORDINARY UNCLAIMED']);
  const waiting = [actual({ state: 'UNCLAIMED', since: ahead })];
  t.same(auctioned(converge(desiredLrp(), waiting).made), [0]);
});
