import fc from 'fast-check';
import t from 'tap';
import type { Work } from '../../common/model/auction.js';
import { createLedger } from '../../cell-rep/core/ledger.js';
import type { Ledger } from '../../cell-rep/core/ledger.js';
import { lrpWork, taskWork, workFor } from '../support/lrps.js';

const TOTAL = { memoryMb: 256, diskMb: 1024, containers: 3, cpuMilli: 0 };

const make = (over: { total?: typeof TOTAL; proxyMemoryMb?: number } = {}): Ledger => {
  let minted = 0;
  return createLedger({
    cellId: 'cell-1',
    incarnation: 'now',
    total: TOTAL,
    proxyMemoryMb: 0,
    ...over,
    mintGuid: () => `guid-${(minted += 1)}`,
  });
};

const work = (over: Partial<Work>): Work => workFor('now', over);
const at = (now: number, receivedAt = now) => ({ now, receivedAt, closed: '' });

t.test('ledger - the largest is admitted first, and what does not fit is refused by name', async (t) => {
  const ledger = make();
  const { outcomes, reserved } = ledger.admit(
    work({
      lrps: [
        lrpWork({ placementId: 'small', memoryMb: 100 }),
        lrpWork({ placementId: 'large', index: 1, memoryMb: 200 }),
      ],
    }),
    at(0),
  );
  t.same(outcomes, [
    { placementId: 'large', status: 'accepted', reason: '' },
    { placementId: 'small', status: 'refused', reason: 'insufficient resources: memory' },
  ]);
  t.same(
    reserved.map(({ guid, index }) => ({ guid, index })),
    [{ guid: 'guid-1', index: 1 }],
  );
  t.equal(ledger.available().memoryMb, 56);
});

const refusals: { name: string; work: Partial<Work>; now?: number; closed?: string; reason: string }[] = [
  {
    name: 'several resources, alphabetically',
    work: { lrps: [lrpWork({ memoryMb: 300, diskMb: 2000 })] },
    reason: 'insufficient resources: disk, memory',
  },
  {
    name: 'another incarnation',
    work: { incarnation: 'before', lrps: [lrpWork()] },
    reason: 'work is for another incarnation of this cell',
  },
  {
    name: 'another cell',
    work: { cellId: 'cell-2', lrps: [lrpWork()] },
    reason: 'workload cell ID does not match this cell',
  },
  { name: 'expired', work: { deadlineMs: 50, lrps: [lrpWork()] }, now: 50, reason: 'work has expired' },
  { name: 'no time at all', work: { deadlineMs: 0, lrps: [lrpWork()] }, reason: 'work has expired' },
  { name: 'negative memory', work: { lrps: [lrpWork({ memoryMb: -1 })] }, reason: 'invalid work: resources' },
  { name: 'fractional disk', work: { lrps: [lrpWork({ diskMb: 1.5 })] }, reason: 'invalid work: resources' },
  { name: 'index', work: { lrps: [lrpWork({ index: -1 })] }, reason: 'invalid work: index' },
  { name: 'guid', work: { tasks: [taskWork({ taskGuid: '../x' })] }, reason: 'invalid work: task_guid' },
  { name: 'closed', work: { lrps: [lrpWork()] }, closed: 'cell is stopping', reason: 'cell is stopping' },
];

for (const one of refusals) {
  t.test(`ledger - refuses: ${one.name}`, async (t) => {
    const ledger = make();
    const context = { receivedAt: 0, now: one.now ?? 0, closed: one.closed ?? '' };
    const { outcomes, reserved } = ledger.admit(work(one.work), context);
    t.same(
      outcomes.map(({ status, reason }) => ({ status, reason })),
      [{ status: 'refused', reason: one.reason }],
    );
    t.same(reserved, []);
    t.equal(ledger.entries().length, 0);
  });
}

t.test('ledger - the same placement id again answers as before, and books nothing twice', async (t) => {
  const ledger = make();
  const first = ledger.admit(work({ lrps: [lrpWork()] }), at(0));
  const again = ledger.admit(work({ lrps: [lrpWork()] }), at(1));
  t.same(again.outcomes, first.outcomes);
  t.same(again.reserved, []);
  t.equal(ledger.entries().length, 1);

  ledger.release(first.reserved[0]?.guid ?? '');
  t.equal(ledger.admit(work({ lrps: [lrpWork()] }), at(2)).outcomes[0]?.status, 'accepted');
  t.equal(ledger.entries().length, 0, 'not even after its container has gone');

  const large = lrpWork({ placementId: 'large', memoryMb: 500 });
  t.equal(ledger.admit(work({ lrps: [large] }), at(3)).outcomes[0]?.status, 'refused');
  const fits = { ...large, memoryMb: 1 };
  t.equal(ledger.admit(work({ lrps: [fits] }), at(4)).outcomes[0]?.status, 'refused', 'within its deadline');
  t.equal(ledger.admit(work({ lrps: [fits] }), at(20_000)).outcomes[0]?.status, 'accepted', 'after it');
});

t.test(
  'ledger - tells what became of a placement, and refuses one it has never seen until its deadline',
  async (t) => {
    const ledger = make();
    ledger.admit(work({ lrps: [lrpWork({ placementId: 'in' })] }), at(0));
    ledger.admit(work({ lrps: [lrpWork({ placementId: 'out', memoryMb: 999 })] }), at(0));
    const query = { traceId: '', placementIds: ['in', 'out', 'lost'], deadlineMs: 1000 };
    t.same(
      ledger.outcomes(query, 10).map(({ status }) => status),
      ['accepted', 'refused', 'never_seen'],
    );
    const late = work({ lrps: [lrpWork({ placementId: 'lost', index: 7 })] });
    t.equal(ledger.admit(late, at(20)).outcomes[0]?.status, 'refused');
    t.equal(ledger.admit(late, at(1010)).outcomes[0]?.status, 'accepted');
  },
);

t.test('ledger - an abandoned placement may be asked for again after a while', async (t) => {
  const ledger = make();
  const { reserved } = ledger.admit(work({ lrps: [lrpWork()] }), at(0));
  ledger.abandon(reserved[0]?.guid ?? '', 0);
  t.equal(ledger.admit(work({ lrps: [lrpWork()] }), at(5_000)).outcomes[0]?.status, 'refused');
  t.equal(ledger.admit(work({ lrps: [lrpWork()] }), at(15_000)).outcomes[0]?.status, 'accepted');
});

t.test('ledger - a task that is here already is not taken under another placement', async (t) => {
  const ledger = make();
  ledger.admit(work({ tasks: [taskWork()] }), at(0));
  const again = ledger.admit(work({ tasks: [taskWork({ placementId: 'task@1' })] }), at(0));
  t.equal(again.outcomes[0]?.reason, 'task is already on this cell');
});

t.test('ledger - counts per process, tasks and what is starting; every change is a version', async (t) => {
  const ledger = make({ proxyMemoryMb: 32 });
  const { reserved } = ledger.admit(
    work({ lrps: [lrpWork(), lrpWork({ placementId: 'b', index: 1 })], tasks: [taskWork()] }),
    at(0),
  );
  t.same(ledger.counts(), { lrpCounts: new Map([['app', 2]]), taskCount: 1, startingContainerCount: 3 });
  t.equal(ledger.used().memoryMb, 64 * 3 + 32 * 2, 'proxy memory for LRPs only');
  const before = ledger.version();
  ledger.setState(reserved[0]?.guid ?? '', 'running');
  t.ok(ledger.version() > before);
  t.equal(ledger.counts().startingContainerCount, 2);
});

t.test('ledger - cpu counts only where the cell accounts it', async (t) => {
  const heavy = work({ lrps: [lrpWork({ cpuMilli: 5000 })] });
  t.equal(make().admit(heavy, at(0)).outcomes[0]?.status, 'accepted');
  const accounting = make({ total: { ...TOTAL, cpuMilli: 1000 } });
  t.equal(accounting.admit(heavy, at(0)).outcomes[0]?.reason, 'insufficient resources: cpu');
});

const step = fc.oneof(
  fc.record({
    do: fc.constant('admit' as const),
    id: fc.nat(40),
    memoryMb: fc.nat(120),
    diskMb: fc.nat(500),
    task: fc.boolean(),
  }),
  fc.record({ do: fc.constant('release' as const), pick: fc.nat(50) }),
  fc.record({ do: fc.constant('abandon' as const), pick: fc.nat(50) }),
);

t.test('ledger - resources add up and nothing is over-committed, under any sequence of work', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const ledger = make();
      let version = ledger.version();
      steps.forEach((one, now) => {
        const guids = ledger.entries().map(({ identity }) => identity.guid);
        if (one.do === 'admit') {
          const size = { memoryMb: one.memoryMb, diskMb: one.diskMb, placementId: `p${one.id}` };
          const asked = one.task
            ? work({ tasks: [taskWork({ ...size, taskGuid: `t${one.id}` })] })
            : work({ lrps: [lrpWork({ ...size, index: one.id })] });
          const { outcomes, reserved } = ledger.admit(asked, at(now));
          if (reserved.length > 0 && outcomes[0]?.status !== 'accepted')
            throw new Error('reserved, not accepted');
        } else if (guids.length > 0) {
          const guid = guids[one.pick % guids.length] as string;
          if (one.do === 'release') ledger.release(guid);
          else ledger.abandon(guid, now);
        }
        const sum = ledger.entries().reduce((all, { identity }) => all + identity.demand.memoryMb, 0);
        if (sum !== ledger.used().memoryMb || sum > TOTAL.memoryMb) throw new Error(`memory ${sum}`);
        if (ledger.available().memoryMb !== TOTAL.memoryMb - sum) throw new Error('available');
        if (ledger.entries().length > TOTAL.containers) throw new Error('containers');
        const ids = ledger.entries().map(({ identity }) => identity.placementId);
        if (new Set(ids).size !== ids.length) throw new Error('one placement, two containers');
        if (ledger.version() < version) throw new Error('version went back');
        version = ledger.version();
      });
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('ledger - counts processes of any name', async (t) => {
  const ledger = make();
  ledger.admit(work({ lrps: [lrpWork({ processGuid: 'constructor' })], tasks: [] }), at(0));
  t.same(ledger.counts().lrpCounts, new Map([['constructor', 1]]));
});
