import t from 'tap';
import type { ActualLrp } from '../../../common/model/lrp.js';
import {
  evacuateClaimed,
  evacuateCrashed,
  evacuateRunning,
  evacuateStopped,
  removeEvacuating,
} from '../../../bbs/core/evacuation.js';
import type { Context, Decided } from '../../../bbs/core/decision.js';
import type { Slot } from '../../../bbs/core/rows.js';
import {
  actual,
  auctioned,
  context,
  desiredLrp,
  effects,
  errorType,
  KEY,
  kinds,
  must,
  NOW,
  ONE,
  rowsAfter,
  runningOn,
  slotOf,
  startOf,
  TWO,
} from '../../support/bbs.js';

const THREE = { instanceGuid: 'three', cellId: 'cell-3' };
const CHANGED = 'actual_lrp_instance_changed';
const CREATED = 'actual_lrp_instance_created';
const REMOVED = 'actual_lrp_instance_removed';

const unclaimed = actual();
const claimed = (instance = ONE) => actual({ ...instance, state: 'CLAIMED' });
const crashedRow = actual({ state: 'CRASHED', crashCount: 3 });
const evacuating = (instance = ONE) => runningOn(instance, { presence: 'EVACUATING' });
const suspect = (instance = ONE) => runningOn(instance, { presence: 'SUSPECT' });

type Rows = Partial<Record<'ordinary' | 'suspect' | 'evacuating', ActualLrp>>;
const list = (rows: Rows): ActualLrp[] => Object.values(rows);
const shown = (rows: ActualLrp[]): string[] =>
  rows.map((row) => `${row.presence} ${row.state} ${row.instanceGuid}`.trim());

const crash = (slot: Slot, ctx: Context) =>
  evacuateCrashed(slot, { key: KEY, instanceKey: ONE, reason: 'boom' }, ctx);
const claim = (slot: Slot, ctx: Context) => evacuateClaimed(slot, { instanceKey: ONE }, ctx);
const stop = (slot: Slot, ctx: Context) => evacuateStopped(slot, { instanceKey: ONE }, ctx);
const run = (slot: Slot, ctx: Context, running = 0) =>
  evacuateRunning(slot, { request: startOf(ONE), runningInstances: () => running }, ctx);

interface Row {
  situation: string;
  call: (slot: Slot, ctx: Context) => Decided<boolean>;
  rows: Rows;
  keep: boolean;
  left: string[];
  told: string[];
  auctioned?: boolean;
}

/** What instance `one` on cell-1 reports, line by line as the behaviour sheet has it in §7.2. */
const TABLE: Row[] = [
  ...([claim, crash, stop] as const).flatMap((call): Row[] => [
    {
      situation: 'a copy that drains goes',
      call,
      rows: { ordinary: unclaimed, evacuating: evacuating() },
      keep: false,
      left: ['ORDINARY UNCLAIMED'],
      told: [REMOVED],
    },
    {
      situation: 'a suspect goes',
      call,
      rows: { ordinary: unclaimed, suspect: suspect() },
      keep: false,
      left: ['ORDINARY UNCLAIMED'],
      told: [REMOVED],
    },
  ]),
  {
    situation: 'claimed: given up and asked for',
    call: claim,
    rows: { ordinary: claimed() },
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [CREATED, REMOVED],
    auctioned: true,
  },
  {
    situation: 'claimed, by an instance of which a copy drains as well: both go',
    call: claim,
    rows: { ordinary: claimed(), evacuating: evacuating() },
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [REMOVED, CREATED, REMOVED],
    auctioned: true,
  },
  {
    situation: 'crashed: counted, not asked for at once and not told as a crash',
    call: crash,
    rows: { ordinary: runningOn(ONE) },
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [CREATED, REMOVED],
  },
  {
    situation: 'crashed for the third time',
    call: crash,
    rows: { ordinary: runningOn(ONE, { crashCount: 2 }) },
    keep: false,
    left: ['ORDINARY CRASHED'],
    told: [CHANGED],
  },
  {
    situation: 'stopped: removed',
    call: stop,
    rows: { ordinary: runningOn(ONE) },
    keep: false,
    left: [],
    told: [REMOVED],
  },
  { situation: 'running: no rows', call: run, rows: {}, keep: false, left: [], told: [] },
  {
    situation: 'running: nobody desires it any more',
    call: run,
    rows: { evacuating: evacuating() },
    keep: false,
    left: [],
    told: [REMOVED],
  },
  {
    situation: 'running: another instance runs',
    call: run,
    rows: { ordinary: runningOn(TWO), evacuating: evacuating() },
    keep: false,
    left: ['ORDINARY RUNNING two'],
    told: [REMOVED],
  },
  {
    situation: 'running: another instance runs, and nothing of the caller is known',
    call: run,
    rows: { ordinary: runningOn(TWO) },
    keep: false,
    left: ['ORDINARY RUNNING two'],
    told: [],
  },
  {
    situation: 'running: another instance crashed',
    call: run,
    rows: { ordinary: crashedRow, evacuating: evacuating() },
    keep: false,
    left: ['ORDINARY CRASHED'],
    told: [REMOVED],
  },
  {
    situation: 'running: unknown, and another copy drains elsewhere',
    call: run,
    rows: { ordinary: unclaimed, evacuating: evacuating(TWO) },
    keep: false,
    left: ['EVACUATING RUNNING two', 'ORDINARY UNCLAIMED'],
    told: [],
  },
  {
    situation: 'running: unknown, and nothing runs',
    call: run,
    rows: { ordinary: unclaimed },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY UNCLAIMED'],
    told: [CREATED],
  },
  {
    situation: 'running: unknown, and another is claimed',
    call: run,
    rows: { ordinary: claimed(TWO) },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY CLAIMED two'],
    told: [CREATED],
  },
  {
    situation: 'running: drains already',
    call: run,
    rows: {
      ordinary: unclaimed,
      evacuating: { ...evacuating(), ...startOf(ONE).netInfo, availabilityZone: 'z1' },
    },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY UNCLAIMED'],
    told: [],
  },
  {
    situation: 'running: drains already, with other addresses',
    call: run,
    rows: { ordinary: unclaimed, evacuating: evacuating() },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY UNCLAIMED'],
    told: [CHANGED],
  },
  ...[runningOn(ONE), claimed()].map((ordinary): Row => ({
    situation: `running: the slot's own, ${ordinary.state}`,
    call: run,
    rows: { ordinary },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY UNCLAIMED'],
    told: [CHANGED, CREATED],
    auctioned: true,
  })),
  {
    situation: "running: the slot's own, while an older copy drains elsewhere",
    call: run,
    rows: { ordinary: claimed(), evacuating: evacuating(THREE) },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY UNCLAIMED'],
    told: [CHANGED, REMOVED, CREATED],
    auctioned: true,
  },
  {
    situation: 'running: a suspect becomes a copy that drains',
    call: run,
    rows: { ordinary: unclaimed, suspect: suspect() },
    keep: true,
    left: ['EVACUATING RUNNING one', 'ORDINARY UNCLAIMED'],
    told: [CHANGED],
  },
];

for (const row of TABLE) {
  t.test(`evacuation - ${row.situation}`, async (t) => {
    const made = must(row.call(slotOf(row.rows), context()));
    t.equal(made.value, row.keep, 'the container');
    t.same(shown(rowsAfter(list(row.rows), made)), row.left);
    t.same(kinds(made), row.told);
    t.same(auctioned(made), row.auctioned ? [0] : []);
  });
}

t.test('evacuation - claimed, crashed and stopped ones that nobody knows', async (t) => {
  for (const call of [claim, crash, stop]) {
    for (const rows of [
      {},
      { ordinary: unclaimed },
      { ordinary: runningOn(TWO) },
      { ordinary: crashedRow },
    ]) {
      t.equal(errorType(call(slotOf(rows), context())), 'ResourceNotFound');
    }
  }
  const elsewhere = { key: { ...KEY, domain: 'other' }, instanceKey: ONE, reason: 'boom' };
  t.equal(
    errorType(evacuateCrashed(slotOf({ ordinary: runningOn(ONE) }), elsewhere, context())),
    'ActualLRPCannotBeCrashed',
  );
});

t.test('evacuation - the copy has an epoch of its own, the slot goes on with its own', async (t) => {
  const modificationTag = { epoch: 'first', index: 7 };
  const ordinary = runningOn(ONE, { crashCount: 2, availabilityZone: 'z1', modificationTag });
  const made = must(run(slotOf({ ordinary }), context()));
  const [copy, own] = rowsAfter([ordinary], made);
  t.match(copy, {
    ...startOf(ONE).netInfo,
    routable: true,
    crashCount: 0,
    since: NOW,
    modificationTag: { index: 0 },
  });
  t.not(copy?.modificationTag.epoch, 'first');
  t.match(own, { crashCount: 2, address: '', availabilityZone: 'z1', routable: true, since: NOW });
  t.same(own?.modificationTag, { epoch: 'first', index: 8 });
  t.match(made.events, [
    { before: { presence: 'ORDINARY' }, after: { presence: 'EVACUATING' } },
    { actualLrp: { state: 'UNCLAIMED' } },
  ]);
});

t.test('evacuation - a crash keeps its reason and is counted', async (t) => {
  const ordinary = runningOn(ONE, { crashCount: 1 });
  const [row] = rowsAfter([ordinary], must(crash(slotOf({ ordinary }), context())));
  t.match(row, { state: 'UNCLAIMED', crashCount: 2, crashReason: 'boom', instanceGuid: '', cellId: '' });
});

t.test('evacuation - a stopped instance that is desired still is made anew by convergence', async (t) => {
  const ordinary = runningOn(ONE);
  t.same(effects(must(stop(slotOf({ ordinary }), context()))), ['converge']);
  t.same(effects(must(stop(slotOf({ ordinary, desired: undefined }), context()))), []);
});

t.test('evacuation - the time to drain is over', async (t) => {
  const rows = { ordinary: unclaimed, evacuating: evacuating() };
  const made = must(removeEvacuating(slotOf(rows), { instanceKey: ONE }, context()));
  t.same(shown(rowsAfter(list(rows), made)), ['ORDINARY UNCLAIMED']);
  t.same(kinds(made), [REMOVED]);
  for (const other of [{}, { ordinary: runningOn(ONE) }, { evacuating: evacuating(TWO) }]) {
    t.equal(errorType(removeEvacuating(slotOf(other), { instanceKey: ONE }, context())), 'ResourceNotFound');
  }
});

const recreated = (instances: number) => desiredLrp({ instances, updateStrategy: 'RECREATE' });

/** Behaviour sheet §7.3: one at a time, and no copy ever. */
const RECREATE: (Row & { running: number })[] = [
  {
    situation: 'nothing else is missing: gone, and asked for',
    rows: { ordinary: runningOn(ONE) },
    running: 2,
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [CREATED, REMOVED],
    auctioned: true,
    call: run,
  },
  {
    situation: 'another is missing: later',
    rows: { ordinary: runningOn(ONE) },
    running: 1,
    keep: true,
    left: ['ORDINARY RUNNING one'],
    told: [],
    call: run,
  },
  {
    situation: 'claimed, and as many as desired run',
    rows: { ordinary: claimed() },
    running: 2,
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [CREATED, REMOVED],
    auctioned: true,
    call: run,
  },
  {
    situation: 'claimed, and it is the one that is missing: noted as running',
    rows: { ordinary: claimed() },
    running: 1,
    keep: true,
    left: ['ORDINARY RUNNING one'],
    told: [CHANGED],
    call: run,
  },
  {
    situation: 'a copy that drains goes',
    rows: { ordinary: unclaimed, evacuating: evacuating() },
    running: 2,
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [REMOVED],
    call: run,
  },
  {
    situation: 'a suspect goes',
    rows: { ordinary: unclaimed, suspect: suspect() },
    running: 2,
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [REMOVED],
    call: run,
  },
  {
    situation: 'unknown',
    rows: { ordinary: unclaimed },
    running: 2,
    keep: false,
    left: ['ORDINARY UNCLAIMED'],
    told: [],
    call: run,
  },
];

for (const row of RECREATE) {
  t.test(`evacuation, recreate - ${row.situation}`, async (t) => {
    const made = must(run(slotOf({ ...row.rows, desired: recreated(2) }), context(), row.running));
    t.equal(made.value, row.keep, 'the container');
    t.same(shown(rowsAfter(list(row.rows), made)), row.left);
    t.same(kinds(made), row.told);
    t.same(auctioned(made), row.auctioned ? [0] : []);
  });
}
