import t from 'tap';
import type { DesiredLrp } from '../../../common/model/lrp.js';
import type { Decision } from '../../../bbs/core/decision.js';
import { desire, removeDesired, update } from '../../../bbs/core/desired-lrps.js';
import {
  actual,
  auctioned,
  context,
  desiredLrp,
  effects,
  errorType,
  kinds,
  must,
  NOW,
  ONE,
  rowsAfter,
  runningOn,
  TWO,
} from '../../support/bbs.js';

const here = { gone: () => false };
const desiredAfter = (made: Decision<unknown>): DesiredLrp | undefined => {
  const change = made.changes.find((one) => one.table === 'desired_lrps');
  return change && 'put' in change ? (change.put as DesiredLrp) : undefined;
};

t.test('desire - makes the rows of all indices and asks for them in one request', async (t) => {
  const made = must(desire({ desired: undefined, rows: [] }, desiredLrp({ instances: 3 }), context()));
  t.match(desiredAfter(made), { modificationTag: { epoch: 'guid-1', index: 0 }, metricsGuid: 'app-log' });
  const rows = rowsAfter([], made);
  t.same(
    rows.map((row) => [row.index, row.state, row.since]),
    [
      [0, 'UNCLAIMED', NOW],
      [1, 'UNCLAIMED', NOW],
      [2, 'UNCLAIMED', NOW],
    ],
  );
  t.equal(new Set(rows.map((row) => row.modificationTag.epoch)).size, 3);
  t.same(kinds(made), ['desired_lrp_created', ...Array(3).fill('actual_lrp_instance_created')]);
  t.same(effects(made), ['auction-lrps']);
  t.same(auctioned(made), [0, 1, 2]);
});

t.test('desire - again is refused; rows still there are kept', async (t) => {
  const process = { desired: desiredLrp(), rows: [] };
  t.equal(errorType(desire(process, desiredLrp(), context())), 'ResourceExists');
  const left = { desired: undefined, rows: [runningOn(ONE)] };
  const made = must(desire(left, desiredLrp({ instances: 2 }), context()));
  t.same(auctioned(made), [1]);
});

t.test('desire - zero instances is a process without rows', async (t) => {
  const made = must(desire({ desired: undefined, rows: [] }, desiredLrp({ instances: 0 }), context()));
  t.same(effects(made), []);
  t.same(kinds(made), ['desired_lrp_created']);
});

t.test('update - scaling up makes what is missing, scaling down stops what is too much', async (t) => {
  const desired = desiredLrp({ instances: 2 });
  const rows = [runningOn(ONE), runningOn(TWO, { index: 1 })];
  const up = must(update({ desired, rows }, { update: { instances: 4 }, cells: here }, context()));
  t.same(auctioned(up), [2, 3]);
  t.equal(desiredAfter(up)?.modificationTag.index, desired.modificationTag.index + 1);
  const down = must(update({ desired, rows }, { update: { instances: 1 }, cells: here }, context()));
  t.match(down.effects, [{ kind: 'stop', cellId: 'cell-2', key: { index: 1 } }]);
  const unplaced = [runningOn(ONE), actual({ index: 1 })];
  const gone = must(
    update({ desired, rows: unplaced }, { update: { instances: 1 }, cells: here }, context()),
  );
  t.same(
    rowsAfter(unplaced, gone).map((row) => row.index),
    [0],
  );
});

t.test('update - only what is present changes', async (t) => {
  const desired = desiredLrp({ annotation: 'old', routes: { 'cf-router': '[]' } });
  const made = must(
    update({ desired, rows: [runningOn(ONE)] }, { update: { annotation: 'new' }, cells: here }, context()),
  );
  t.match(desiredAfter(made), { annotation: 'new', instances: 1, routes: { 'cf-router': '[]' } });
  t.same(kinds(made), ['desired_lrp_changed']);
  t.same(effects(made), []);
  const routes = must(
    update(
      { desired, rows: [] },
      { update: { routes: { tcp: '1' }, metricTags: {} }, cells: here },
      context(),
    ),
  );
  t.same(desiredAfter(routes)?.routes, { tcp: '1' }, 'maps replace the whole map');
  t.same(desiredAfter(routes)?.metricTags, desired.metricTags, 'no tags at all means unchanged');
});

t.test(
  'update - internal routes and metric tags are told to running instances, resolved for each',
  async (t) => {
    const desired = desiredLrp({ instances: 2 });
    const rows = [
      runningOn(ONE),
      actual({ ...TWO, state: 'CLAIMED', index: 1 }),
      runningOn({ instanceGuid: 'old', cellId: 'cell-3' }, { presence: 'EVACUATING' }),
    ];
    const change = {
      routes: { 'internal-router': '[{"hostname":"app.internal"}]' },
      metricTags: {
        source_id: { static: 'app-log', dynamic: 'DynamicValueInvalid' as const },
        index: { static: '', dynamic: 'INDEX' as const },
        guid: { static: '', dynamic: 'INSTANCE_GUID' as const },
      },
    };
    const made = must(update({ desired, rows }, { update: change, cells: here }, context()));
    t.match(made.effects, [
      {
        kind: 'update',
        cellId: 'cell-1',
        internalRoutes: [{ hostname: 'app.internal' }],
        metricTags: { source_id: 'app-log', index: '0', guid: 'one' },
      },
      { kind: 'update', cellId: 'cell-2', metricTags: { index: '1', guid: 'two' } },
    ]);
    t.equal(made.effects.length, 2);
  },
);

t.test('update and remove - of an unknown process are refused', async (t) => {
  const nobody = { desired: undefined, rows: [] };
  t.equal(errorType(update(nobody, { update: {}, cells: here }, context())), 'ResourceNotFound');
  t.equal(errorType(removeDesired(nobody, here, context())), 'ResourceNotFound');
});

t.test(
  'remove - deletes what nobody runs, stops the rest, leaves draining copies to their rep',
  async (t) => {
    const desired = desiredLrp({ instances: 3 });
    const evacuating = runningOn(TWO, { presence: 'EVACUATING' });
    const rows = [runningOn(ONE), actual({ index: 1 }), actual({ index: 2, state: 'CRASHED' }), evacuating];
    const made = must(removeDesired({ desired, rows }, here, context()));
    t.same(
      rowsAfter(rows, made).map((row) => row.presence),
      ['EVACUATING', 'ORDINARY'],
    );
    t.match(made.effects, [{ kind: 'stop', cellId: 'cell-1', instanceGuid: 'one' }]);
    t.equal(kinds(made)[0], 'desired_lrp_removed');
    const lost = must(removeDesired({ desired, rows }, { gone: () => true }, context()));
    t.same(rowsAfter(rows, lost), [evacuating], 'what a lost cell ran is gone too');
  },
);
