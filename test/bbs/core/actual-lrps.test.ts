import t from 'tap';
import type { ActualLrp, ActualLrpState } from '../../../common/model/lrp.js';
import { lrpPlacementId } from '../../../common/model/ids.js';
import {
  allowsTransition,
  claim,
  crash,
  fail,
  remove,
  retire,
  start,
} from '../../../bbs/core/actual-lrps.js';
import {
  actual,
  auctioned,
  context,
  effects,
  errorType,
  KEY,
  kinds,
  must,
  netInfo,
  NOW,
  ONE,
  rowsAfter,
  runningOn,
  slotOf,
  startOf,
  TWO,
} from '../../support/bbs.js';

const NONE = { instanceGuid: '', cellId: '' };
const STATES: ActualLrpState[] = ['UNCLAIMED', 'CLAIMED', 'RUNNING', 'CRASHED'];

/** Diego's table, cell by cell: which of (same key, other key, no key) may make the change. */
const TABLE: Record<ActualLrpState, Record<ActualLrpState, string>> = {
  UNCLAIMED: { UNCLAIMED: 'any', CLAIMED: 'any', RUNNING: 'any', CRASHED: '' },
  CLAIMED: { UNCLAIMED: 'none', CLAIMED: 'same', RUNNING: 'any', CRASHED: 'same' },
  RUNNING: { UNCLAIMED: 'none', CLAIMED: 'same', RUNNING: 'same', CRASHED: 'same' },
  CRASHED: { UNCLAIMED: 'none', CLAIMED: '', RUNNING: '', CRASHED: '' },
};

const inState = (state: ActualLrpState): ActualLrp =>
  state === 'CLAIMED' || state === 'RUNNING' ? actual({ ...ONE, state }) : actual({ state });

t.test('transitions - every cell of the table of allowed ones', async (t) => {
  for (const from of STATES) {
    for (const state of STATES) {
      const allowed = TABLE[from][state];
      const row = inState(from);
      const may = (instanceKey: typeof NONE): boolean =>
        allowsTransition(row, { key: KEY, instanceKey, state });
      t.equal(may(ONE), allowed === 'any' || allowed === 'same', `${from} to ${state} by its instance`);
      t.equal(may(TWO), allowed === 'any', `${from} to ${state} by another instance`);
      if (state === 'UNCLAIMED') t.equal(may(NONE), true, `${from} to ${state} giving up the key`);
      const otherDomain = { ...KEY, domain: 'other' };
      t.equal(allowsTransition(row, { key: otherDomain, instanceKey: ONE, state }), false, 'another domain');
    }
  }
});

t.test('claim - takes an unclaimed row and clears its placement error', async (t) => {
  const ordinary = actual({ placementError: 'no room', crashCount: 2 });
  const made = must(claim(slotOf({ ordinary }), { instanceKey: ONE }, context()));
  const [row] = rowsAfter([ordinary], made);
  t.match(row, { ...ONE, state: 'CLAIMED', placementError: '', since: NOW, crashCount: 2 });
  t.same(row?.modificationTag, { epoch: ordinary.modificationTag.epoch, index: 1 });
  t.same(kinds(made), ['actual_lrp_instance_changed']);
});

t.test('claim - again by the same instance changes nothing; by another is refused', async (t) => {
  const ordinary = actual({ ...ONE, state: 'CLAIMED' });
  t.same(must(claim(slotOf({ ordinary }), { instanceKey: ONE }, context())).changes, []);
  t.equal(
    errorType(claim(slotOf({ ordinary }), { instanceKey: TWO }, context())),
    'ActualLRPCannotBeClaimed',
  );
  t.equal(errorType(claim(slotOf({}), { instanceKey: ONE }, context())), 'ResourceNotFound');
  const crashed = actual({ state: 'CRASHED' });
  t.equal(
    errorType(claim(slotOf({ ordinary: crashed }), { instanceKey: ONE }, context())),
    'ActualLRPCannotBeClaimed',
  );
});

t.test('claim - of an instance that is suspect is passed over', async (t) => {
  const suspect = runningOn(ONE, { presence: 'SUSPECT' });
  const made = must(claim(slotOf({ ordinary: actual(), suspect }), { instanceKey: ONE }, context()));
  t.same(made, { value: undefined, changes: [], events: [], effects: [] });
});

t.test('start - runs an unclaimed, claimed or absent row', async (t) => {
  for (const ordinary of [actual(), actual({ ...TWO, state: 'CLAIMED', crashCount: 3 }), undefined]) {
    const made = must(start(slotOf({ ordinary }), startOf(ONE), context()));
    const rows = rowsAfter(ordinary ? [ordinary] : [], made);
    t.equal(rows.length, 1);
    t.match(rows[0], {
      ...ONE,
      ...netInfo(),
      state: 'RUNNING',
      since: NOW,
      routable: true,
      availabilityZone: 'z1',
    });
    t.equal(rows[0]?.crashCount, ordinary?.crashCount ?? 0, 'crashes are kept');
    t.same(kinds(made), [ordinary ? 'actual_lrp_instance_changed' : 'actual_lrp_instance_created']);
  }
});

t.test('start - again with the same data is no change, with other data one', async (t) => {
  const first = rowsAfter([], must(start(slotOf({}), startOf(ONE), context(NOW - 1))));
  const ordinary = first[0];
  t.same(must(start(slotOf({ ordinary }), startOf(ONE), context())).changes, []);
  for (const change of [
    { routable: false },
    { netInfo: netInfo('10.9.9.9') },
    { internalRoutes: [{ hostname: 'x' }] },
    { metricTags: { a: 'b' } },
    { availabilityZone: 'z2' },
  ]) {
    const made = must(start(slotOf({ ordinary }), { ...startOf(ONE), ...change }, context()));
    t.same(kinds(made), ['actual_lrp_instance_changed'], JSON.stringify(change));
  }
  const { routable, ...unset } = startOf(ONE);
  t.equal(routable, true);
  t.same(must(start(slotOf({ ordinary }), unset, context())).changes, [], 'routable unset counts as true');
});

t.test('start - refused while another instance runs, or of a crashed row', async (t) => {
  for (const ordinary of [runningOn(TWO), actual({ state: 'CRASHED' })]) {
    t.equal(errorType(start(slotOf({ ordinary }), startOf(ONE), context())), 'ActualLRPCannotBeStarted');
  }
});

t.test('start - replaces the copies on draining and vanished cells, running told first', async (t) => {
  const ordinary = actual({ ...TWO, state: 'CLAIMED' });
  const suspect = runningOn(ONE, { presence: 'SUSPECT' });
  const evacuating = runningOn({ instanceGuid: 'three', cellId: 'cell-3' }, { presence: 'EVACUATING' });
  const made = must(start(slotOf({ ordinary, suspect, evacuating }), startOf(TWO), context()));
  t.same(
    rowsAfter([ordinary, suspect, evacuating], made).map((row) => row.presence),
    ['ORDINARY'],
  );
  t.same(kinds(made), [
    'actual_lrp_instance_changed',
    'actual_lrp_instance_removed',
    'actual_lrp_instance_removed',
  ]);
});

t.test('start - of an instance that is suspect is passed over', async (t) => {
  const suspect = runningOn(ONE, { presence: 'SUSPECT' });
  t.same(must(start(slotOf({ ordinary: actual(), suspect }), startOf(ONE), context())).changes, []);
});

t.test('crash - the first two are restarted at once, the third rests', async (t) => {
  for (const [before, state] of [
    [0, 'UNCLAIMED'],
    [1, 'UNCLAIMED'],
    [2, 'CRASHED'],
    [7, 'CRASHED'],
  ] as const) {
    const ordinary = runningOn(ONE, { crashCount: before });
    const made = must(crash(slotOf({ ordinary }), { key: KEY, instanceKey: ONE, reason: 'boom' }, context()));
    const [row] = rowsAfter([ordinary], made);
    t.match(row, {
      ...NONE,
      address: '',
      ports: [],
      state,
      crashCount: before + 1,
      crashReason: 'boom',
      since: NOW,
    });
    const restarted = state === 'UNCLAIMED';
    t.same(auctioned(made), restarted ? [0] : []);
    t.same(
      kinds(made),
      restarted
        ? ['actual_lrp_crashed', 'actual_lrp_instance_created', 'actual_lrp_instance_removed']
        : ['actual_lrp_crashed', 'actual_lrp_instance_changed'],
    );
    t.match(made.events[0], { ...ONE, crashCount: before + 1, crashReason: 'boom', since: NOW });
  }
});

t.test('crash - asks for a place under the id of the new row', async (t) => {
  const ordinary = runningOn(ONE);
  const made = must(crash(slotOf({ ordinary }), { key: KEY, instanceKey: ONE, reason: '' }, context()));
  const [row] = rowsAfter([ordinary], made);
  const [effect] = made.effects;
  t.ok(row && effect?.kind === 'auction-lrps');
  if (!row || effect?.kind !== 'auction-lrps') return;
  t.same(effect.start.instances, [{ index: 0, placementId: lrpPlacementId(row, row.modificationTag) }]);
  t.equal(effect.start.memoryMb, 64);
});

t.test('crash - without a desired LRP asks for nothing', async (t) => {
  const slot = slotOf({ ordinary: runningOn(ONE), desired: undefined });
  t.same(must(crash(slot, { key: KEY, instanceKey: ONE, reason: '' }, context())).effects, []);
});

t.test('crash - refused for another instance, a row without one, and no row', async (t) => {
  const request = { key: KEY, instanceKey: ONE, reason: '' };
  for (const ordinary of [runningOn(TWO), actual(), actual({ state: 'CRASHED' })]) {
    t.equal(errorType(crash(slotOf({ ordinary }), request, context())), 'ActualLRPCannotBeCrashed');
  }
  t.equal(errorType(crash(slotOf({}), request, context())), 'ResourceNotFound');
});

t.test('crash - a suspect that crashed is only forgotten', async (t) => {
  const suspect = runningOn(ONE, { presence: 'SUSPECT' });
  const ordinary = actual();
  const made = must(
    crash(slotOf({ ordinary, suspect }), { key: KEY, instanceKey: ONE, reason: '' }, context()),
  );
  t.same(rowsAfter([ordinary, suspect], made), [ordinary]);
  t.same(kinds(made), ['actual_lrp_instance_removed']);
});

t.test('crash - a long reason is cut to 1024 bytes, within no character', async (t) => {
  const ordinary = runningOn(ONE);
  for (const reason of ['x'.repeat(1024), 'é'.repeat(2000), '😀'.repeat(600)]) {
    const made = must(crash(slotOf({ ordinary }), { key: KEY, instanceKey: ONE, reason }, context()));
    const cut = rowsAfter([ordinary], made)[0]?.crashReason ?? '';
    t.ok(Buffer.byteLength(cut) <= 1024 && Buffer.byteLength(cut) > 1020);
    t.ok(cut.endsWith('(truncated)'));
    t.notMatch(cut, '\ufffd');
  }
  const short = must(
    crash(slotOf({ ordinary }), { key: KEY, instanceKey: ONE, reason: 'y'.repeat(1023) }, context()),
  );
  t.equal(rowsAfter([ordinary], short)[0]?.crashReason, 'y'.repeat(1023));
});

t.test('fail - sets the placement error of an unclaimed row only, and moves since', async (t) => {
  const ordinary = actual();
  const made = must(fail(slotOf({ ordinary }), { placementError: 'no room' }, context()));
  const [row] = rowsAfter([ordinary], made);
  t.match(row, { state: 'UNCLAIMED', placementError: 'no room', since: NOW, modificationTag: { index: 1 } });
  t.same(kinds(made), ['actual_lrp_instance_changed']);
  for (const other of [runningOn(ONE), actual({ state: 'CRASHED' }), actual({ ...ONE, state: 'CLAIMED' })]) {
    const refused = fail(slotOf({ ordinary: other }), { placementError: 'x' }, context());
    t.equal(errorType(refused), 'ActualLRPCannotBeFailed');
  }
  t.equal(errorType(fail(slotOf({}), { placementError: 'x' }, context())), 'ResourceNotFound');
});

t.test('remove - takes the row of that instance, and has a desired index converged', async (t) => {
  const ordinary = runningOn(ONE);
  const made = must(remove(slotOf({ ordinary }), { instanceKey: ONE }, context()));
  t.same(rowsAfter([ordinary], made), []);
  t.same(effects(made), ['converge']);
  t.same(
    effects(must(remove(slotOf({ ordinary, desired: undefined }), { instanceKey: ONE }, context()))),
    [],
  );
  t.equal(errorType(remove(slotOf({ ordinary }), { instanceKey: TWO }, context())), 'ResourceNotFound');
  t.same(
    rowsAfter([ordinary], must(remove(slotOf({ ordinary }), {}, context()))),
    [],
    'without an instance key',
  );
});

t.test('retire - deletes what nobody runs, stops what runs, deletes what a lost cell ran', async (t) => {
  const here = { gone: () => false };
  const nowhere = { gone: () => true };
  for (const ordinary of [actual(), actual({ state: 'CRASHED' })]) {
    const made = must(retire(slotOf({ ordinary }), here, context()));
    t.same(rowsAfter([ordinary], made), []);
  }
  for (const ordinary of [runningOn(ONE), actual({ ...ONE, state: 'CLAIMED' })]) {
    const stopped = must(retire(slotOf({ ordinary }), here, context()));
    t.same(stopped.changes, []);
    t.match(stopped.effects, [{ kind: 'stop', cellId: 'cell-1', instanceGuid: 'one', key: KEY }]);
    t.same(rowsAfter([ordinary], must(retire(slotOf({ ordinary }), nowhere, context()))), []);
  }
  t.equal(errorType(retire(slotOf({}), here, context())), 'ResourceNotFound');
});
