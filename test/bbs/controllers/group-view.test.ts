import t from 'tap';
import type { BbsEvent } from '../../../common/model/events.js';
import type { ActualLrp, ActualLrpGroup } from '../../../common/model/lrp.js';
import { createGroupView } from '../../../bbs/controllers/group-view.js';
import { claim, crash, start } from '../../../bbs/core/actual-lrps.js';
import { convergeProcess } from '../../../bbs/core/convergence.js';
import type { Decided, Decision } from '../../../bbs/core/decision.js';
import { desire } from '../../../bbs/core/desired-lrps.js';
import type { GroupEvent, LrpEvent } from '../../../bbs/core/groups.js';
import { actualLrpRowKey } from '../../../bbs/core/rows.js';
import {
  actual,
  context,
  desiredLrp,
  KEY,
  must,
  ONE,
  rowsAfter,
  runningOn,
  slotOf,
  startOf,
  TWO,
  worldWith,
} from '../../support/bbs.js';

const viewOf = (...rows: ActualLrp[]) => {
  const table = new Map(rows.map((row) => [actualLrpRowKey(row), row]));
  return createGroupView({ keys: () => table.keys(), get: (key) => table.get(key) });
};

const shown = (row: ActualLrp | undefined): string =>
  row ? `${row.presence} ${row.state}${row.instanceGuid && ` ${row.instanceGuid}`}` : '-';
const group = ({ instance, evacuating }: ActualLrpGroup): string =>
  [instance, evacuating].filter(Boolean).map(shown).join(' + ');

const line = (event: LrpEvent | GroupEvent): string => {
  switch (event.kind) {
    case 'actual_lrp_created':
    case 'actual_lrp_removed':
      return `${event.kind.slice(11)}: ${group(event.actualLrpGroup)}`;
    case 'actual_lrp_changed':
      return `changed: ${group(event.before)} → ${group(event.after)}`;
    default:
      return event.kind;
  }
};

const eventsOf = (...decided: (Decided<unknown> | Decision<unknown>)[]): LrpEvent[] =>
  decided.flatMap((one) => ('ok' in one ? must(one) : one).events as LrpEvent[]);

t.test('groups - transitions of one slot after another within a commit stay apart', async (t) => {
  const row = actual();
  const claimed = must(claim(slotOf({ ordinary: row }), { instanceKey: ONE }, context()));
  const [held] = rowsAfter([row], claimed);
  const started = must(start(slotOf({ ordinary: held }), startOf(ONE), context()));
  const [running] = rowsAfter([held!], started);
  const crashed = must(
    crash(slotOf({ ordinary: running }), { key: KEY, instanceKey: ONE, reason: '' }, context()),
  );
  t.same(
    viewOf(row)
      .fold(eventsOf(claimed, started, crashed))
      .map(line),
    [
      'changed: ORDINARY UNCLAIMED → ORDINARY CLAIMED one',
      'changed: ORDINARY CLAIMED one → ORDINARY RUNNING one',
      'actual_lrp_crashed',
      'changed: ORDINARY RUNNING one → ORDINARY UNCLAIMED',
    ],
  );
});

t.test('groups - slots of one request each have their own, and what is desired stands between', async (t) => {
  const desired = must(desire({ desired: undefined, rows: [] }, desiredLrp({ instances: 2 }), context()));
  t.same(viewOf().fold(eventsOf(desired)).map(line), [
    'desired_lrp_created',
    'created: ORDINARY UNCLAIMED',
    'created: ORDINARY UNCLAIMED',
  ]);
});

t.test('groups - a copy on a draining cell beside its replacement', async (t) => {
  const running = runningOn(ONE);
  const evacuating = { ...running, presence: 'EVACUATING' as const };
  const replacement = actual();
  const moved: LrpEvent[] = [
    { kind: 'actual_lrp_instance_changed', traceId: '', before: running, after: evacuating },
    { kind: 'actual_lrp_instance_created', traceId: '', actualLrp: replacement },
  ];
  const view = viewOf(running);
  t.same(view.fold(moved).map(line), [
    'created: EVACUATING RUNNING one',
    'changed: ORDINARY RUNNING one → ORDINARY UNCLAIMED',
  ]);
  const started = must(start(slotOf({ ordinary: replacement, evacuating }), startOf(TWO), context()));
  t.same(view.fold(eventsOf(started)).map(line), [
    'changed: ORDINARY UNCLAIMED → ORDINARY RUNNING two',
    'removed: EVACUATING RUNNING one',
  ]);
});

t.test('groups - a crash beside a copy on a draining cell shows the whole group', async (t) => {
  const ordinary = runningOn(TWO);
  const evacuating = runningOn(ONE, { presence: 'EVACUATING' });
  const crashed = must(
    crash(slotOf({ ordinary, evacuating }), { key: KEY, instanceKey: TWO, reason: '' }, context()),
  );
  t.same(viewOf(ordinary, evacuating).fold(eventsOf(crashed)).map(line), [
    'actual_lrp_crashed',
    'changed: ORDINARY RUNNING two + EVACUATING RUNNING one → ORDINARY UNCLAIMED + EVACUATING RUNNING one',
  ]);
});

t.test('groups - a suspect stands for the instance until its replacement runs', async (t) => {
  const desired = desiredLrp();
  const lost = runningOn(ONE);
  const suspected = convergeProcess({ desired, rows: [lost] }, worldWith([]), context());
  const view = viewOf(lost);
  t.same(view.fold(eventsOf(suspected)).map(line), ['changed: ORDINARY RUNNING one → SUSPECT RUNNING one']);
  const rows = rowsAfter([lost], suspected);
  const [ordinary, suspect] = ['ORDINARY', 'SUSPECT'].map((presence) =>
    rows.find((row) => row.presence === presence),
  );
  const claimed = must(claim(slotOf({ ordinary, suspect }), { instanceKey: TWO }, context()));
  t.same(view.fold(eventsOf(claimed)).map(line), [], 'nothing that shows');
  const held = rowsAfter(rows, claimed).find((row) => row.presence === 'ORDINARY');
  const started = must(start(slotOf({ ordinary: held, suspect }), startOf(TWO), context()));
  t.same(view.fold(eventsOf(started)).map(line), [
    'created: ORDINARY RUNNING two',
    'removed: SUSPECT RUNNING one',
  ]);
});

t.test(
  'groups - a board that opens with a suspect knows it; one that is back is the same instance',
  async (t) => {
    const desired = desiredLrp();
    const suspect = runningOn(ONE, { presence: 'SUSPECT' });
    const ordinary = actual();
    const back = convergeProcess({ desired, rows: [ordinary, suspect] }, worldWith(['cell-1']), context());
    t.same(viewOf(ordinary, suspect).fold(eventsOf(back)).map(line), [
      'changed: SUSPECT RUNNING one → ORDINARY RUNNING one',
    ]);
  },
);

t.test('groups - rows that come and go', async (t) => {
  const running = runningOn(ONE);
  const removed: BbsEvent = { kind: 'actual_lrp_instance_removed', traceId: '', actualLrp: running };
  const created: BbsEvent = { kind: 'actual_lrp_instance_created', traceId: '', actualLrp: running };
  t.same(viewOf().fold([created, removed, created]).map(line), [
    'created: ORDINARY RUNNING one',
    'removed: ORDINARY RUNNING one',
    'created: ORDINARY RUNNING one',
  ]);
});
