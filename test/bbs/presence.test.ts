import t from 'tap';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { decode, encode } from '../../common/wire/codec.js';
import {
  desiredLrp,
  KEY,
  must,
  ONE,
  openBoard,
  presenceLease,
  startOf,
  taskDefinition,
  TWO,
} from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';

const SECOND = 1_000;

const cells = async (test: TestBoard) => must(await test.board.cells()).map((cell) => cell.cellId);
const shown = async (test: TestBoard) =>
  must(await test.board.actualLrps({}))
    .map((row) => `${row.index} ${row.presence} ${row.state} ${row.cellId}`.trim())
    .sort();
const cellEvents = (test: TestBoard) =>
  test.events.flatMap((event) =>
    event.kind === 'cell_appeared' || event.kind === 'cell_disappeared'
      ? [`${event.kind} ${event.cellId}`]
      : [],
  );

/** Time passes; the cells given renew every 5 s. */
const pass = async (test: TestBoard, seconds: number, ...alive: string[]): Promise<void> => {
  for (let passed = 0; passed < seconds; passed += 5) {
    await test.renew(...alive);
    await test.clock.advance(5 * SECOND);
  }
};

const running = async (test: TestBoard): Promise<void> => {
  must(await test.board.desireLrp(desiredLrp(), ''));
  must(await test.board.startActualLrp(startOf(ONE), ''));
};

const OTHERS = ['cell-3', 'cell-4', 'cell-5', 'cell-6', 'cell-7', 'cell-8', 'cell-9'];

t.test('presence - a cell is there while it renews, and gone a TTL after it stops', async (t) => {
  const test = await openBoard();
  await pass(test, 60, 'cell-1', 'cell-2');
  t.same((await cells(test)).sort(), ['cell-1', 'cell-2']);
  await pass(test, 20, 'cell-2');
  t.same(await cells(test), ['cell-2']);
  t.same(cellEvents(test), ['cell_appeared cell-1', 'cell_appeared cell-2', 'cell_disappeared cell-1']);
  await pass(test, 5, 'cell-1', 'cell-2');
  t.equal(cellEvents(test).at(-1), 'cell_appeared cell-1');
  await test.close();
});

t.test('presence - a lost cell is acted on at once, its return as well', async (t) => {
  const test = await openBoard({ config: { converge_repeat_interval: '1h' } });
  await test.renew('cell-1', 'cell-2');
  await running(test);
  await pass(test, 20, 'cell-2');
  t.same(await shown(test), ['0 ORDINARY UNCLAIMED', '0 SUSPECT RUNNING cell-1']);
  t.ok(test.requests.some((request) => request.lrps.length === 1));
  await test.renew('cell-1');
  await test.clock.advance(1);
  t.same(await shown(test), ['0 ORDINARY RUNNING cell-1']);
  await test.close();
});

t.test('presence - a replacement that runs takes the place of the suspect', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1', 'cell-2');
  await running(test);
  await pass(test, 20, 'cell-2');
  must(await test.board.startActualLrp(startOf(TWO), ''));
  t.same(await shown(test), ['0 ORDINARY RUNNING cell-2']);
  await test.close();
});

t.test('presence - a cell that releases its lease is gone at once', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1');
  await running(test);
  must(await test.board.releaseLease('cell/cell-1', 'somebody-else'));
  t.same(await cells(test), ['cell-1']);
  must(await test.board.releaseLease('cell/cell-1', 'rep-of-cell-1'));
  await test.clock.advance(1);
  t.same(await cells(test), []);
  t.match(await shown(test), ['0 ORDINARY UNCLAIMED', '0 SUSPECT RUNNING cell-1']);
  await test.close();
});

t.test('presence - a task fails one TTL after its cell was lost', async (t) => {
  const test = await openBoard({ config: { converge_repeat_interval: '1h' } });
  await test.renew('cell-1', ...OTHERS);
  must(await test.board.desireTask({ taskGuid: 'task', domain: 'd', definition: taskDefinition() }, ''));
  t.equal(must(await test.board.startTask('task', 'cell-1', '')), true);
  await pass(test, 20, ...OTHERS);
  t.equal(must(await test.board.task('task')).state, 'Running');
  await pass(test, 20, ...OTHERS);
  t.match(must(await test.board.task('task')), {
    state: 'Completed',
    failed: true,
    failureReason: 'cell disappeared before completion',
  });
  await test.close();
});

t.test('presence - when more than 30 % vanish within a TTL: alarm, and no task fails', async (t) => {
  const test = await openBoard({ config: { mass_disappearance_hold: '120s' } });
  await test.renew('cell-1', 'cell-2', ...OTHERS);
  must(await test.board.desireTask({ taskGuid: 'task', domain: 'd', definition: taskDefinition() }, ''));
  must(await test.board.startTask('task', 'cell-1', ''));
  await running(test);
  const left = OTHERS.slice(2);
  await pass(test, 90, ...left);
  t.match(test.logger.named('presence.mass-disappearance'), [
    { level: 'error', fields: { cells: 4, total: 9 } },
  ]);
  t.equal(must(await test.board.task('task')).state, 'Running');
  t.same(await shown(test), ['0 ORDINARY UNCLAIMED', '0 SUSPECT RUNNING cell-1'], 'replacements are sought');
  await pass(test, 90, ...left);
  t.equal(must(await test.board.task('task')).failed, true, 'the hold ends');
  await test.close();
});

t.test('presence - none ends while the bus is down, nor within a TTL after it is back', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1');
  await running(test);
  test.bus.disconnect();
  await test.clock.advance(300 * SECOND);
  t.same(await cells(test), ['cell-1']);
  test.bus.reconnect();
  await test.clock.advance(14 * SECOND);
  t.same(await cells(test), ['cell-1']);
  t.same(await shown(test), ['0 ORDINARY RUNNING cell-1']);
  await test.clock.advance(3 * SECOND);
  t.same(await cells(test), []);
  await test.close();
});

t.test(
  'presence - none ends within a TTL after becoming active, and unknown cells count as there',
  async (t) => {
    const engine = createMemoryEngine();
    const clock = createFakeClock();
    const first = await openBoard({ engine, clock });
    await first.renew('cell-1');
    await running(first);
    must(await first.board.desireLrp(desiredLrp({ processGuid: 'other' }), ''));
    const key = { ...KEY, processGuid: 'other' };
    must(await first.board.startActualLrp(startOf({ instanceGuid: 'x', cellId: 'never-heard' }, key), ''));
    await first.close();
    await clock.advance(3_600 * SECOND);
    const second = await openBoard({ engine, clock });
    await clock.advance(14 * SECOND);
    t.same(await shown(second), ['0 ORDINARY RUNNING cell-1', '0 ORDINARY RUNNING never-heard']);
    await clock.advance(60 * SECOND);
    t.same(
      (await shown(second)).filter((row) => row.includes('SUSPECT')),
      ['0 SUSPECT RUNNING cell-1', '0 SUSPECT RUNNING never-heard'],
    );
    await second.close();
  },
);

t.test('presence - a restart does not bring the dead back: suspects stay suspects', async (t) => {
  const engine = createMemoryEngine();
  const clock = createFakeClock();
  const first = await openBoard({ engine, clock });
  await first.renew('cell-1', 'cell-2');
  await running(first);
  await pass(first, 20, 'cell-2');
  await first.close();
  const second = await openBoard({ engine, clock });
  await clock.advance(1);
  t.same(await shown(second), ['0 ORDINARY UNCLAIMED', '0 SUSPECT RUNNING cell-1']);
  await second.renew('cell-1');
  await clock.advance(1);
  t.same(await shown(second), ['0 ORDINARY RUNNING cell-1']);
  await second.close();
});

t.test('presence - leases may be forgotten with the process that held them', async (t) => {
  const engine = createMemoryEngine();
  const clock = createFakeClock();
  const first = await openBoard({ engine, clock });
  await first.renew('cell-1');
  await running(first);
  await first.close();
  const second = await openBoard({ engine, clock, config: { forget_leases_on_start: true } });
  await clock.advance(1);
  t.same(await shown(second), ['0 ORDINARY RUNNING cell-1'], 'what runs is not in doubt yet');
  const reply = must(await second.board.acquireLease(presenceLease('cell-1', 'a new process')));
  t.equal(reply.held, true);
  await clock.advance(1);
  t.same(await shown(second), ['0 ORDINARY RUNNING cell-1']);
  await second.close();
});

t.test('presence - time in which this process slept says nothing', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1');
  const { clock } = test;
  const ticking = clock.monotonic;
  let slept = 0;
  clock.monotonic = () => ticking() + slept;
  slept = 60 * SECOND;
  await clock.advance(14 * SECOND);
  t.same(await cells(test), ['cell-1']);
  await clock.advance(2 * SECOND);
  t.same(await cells(test), []);
  await test.close();
});

t.test(
  'presence - over the bus: held, refused naming the holder, and only for the cell of the subject',
  async (t) => {
    const test = await openBoard();
    const ask = async (subject: string, request: ReturnType<typeof presenceLease>) => {
      const pending = test.outside.request(subject, encode('LeaseRequest', request), { timeoutMs: 100 });
      await test.clock.advance(200);
      const reply = await pending;
      return reply.ok ? must(decode('LeaseReply', reply.payload)) : reply.error;
    };
    t.same(await ask('cell.cell-1.presence', presenceLease('cell-1', 'a')), {
      held: true,
      epoch: 1,
      holder: 'a',
    });
    t.same(await ask('cell.cell-1.presence', presenceLease('cell-1', 'b')), {
      held: false,
      epoch: 1,
      holder: 'a',
    });
    t.equal(await ask('cell.cell-2.presence', presenceLease('cell-1', 'a')), 'timeout');
    t.equal(
      await ask('cell.cell-3.presence', { ...presenceLease('cell-3'), value: '{"cell_id":"x"}' }),
      'timeout',
    );
    await ask('cell.cell-1.presence', presenceLease('cell-1', 'b'));
    t.equal(test.logger.named('presence.lock-collision').length, 1, 'not with every attempt');
    await test.close();
  },
);

t.test('leases - one that is not renewed passes to the next with a higher epoch', async (t) => {
  const test = await openBoard();
  const lease = { name: 'auctioneer', ttlMs: 15_000, value: '' };
  t.match(must(await test.board.acquireLease({ ...lease, owner: 'a' })), { held: true, epoch: 1 });
  await test.clock.advance(10 * SECOND);
  t.match(must(await test.board.acquireLease({ ...lease, owner: 'b' })), { held: false, holder: 'a' });
  await test.clock.advance(10 * SECOND);
  t.match(must(await test.board.renewLease({ ...lease, owner: 'a', epoch: 1 })), { held: false });
  t.match(must(await test.board.acquireLease({ ...lease, owner: 'b' })), { held: true, epoch: 2 });
  t.same(
    must(await test.board.leases('')).map((row) => row.owner),
    ['b'],
  );
  await test.close();
});
