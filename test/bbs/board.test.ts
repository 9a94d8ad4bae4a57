import t from 'tap';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { LogBatch } from '../../common/model/logs.js';
import { encode } from '../../common/wire/codec.js';
import { ANY_LOG } from '../../common/wire/subjects.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import {
  desiredLrp,
  errorType,
  KEY,
  must,
  ONE,
  openBoard,
  startOf,
  taskDefinition,
  TWO,
} from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';

const rows = async (test: TestBoard) => must(await test.board.actualLrps({ processGuid: 'app' }));
const states = async (test: TestBoard) => (await rows(test)).map((row) => `${row.presence} ${row.state}`);
const kindsOf = (test: TestBoard) => test.events.map((event) => event.kind);

const task = (taskGuid = 'task') => ({ taskGuid, domain: 'tasks', definition: taskDefinition() });

t.test('board - a desired LRP goes from desire to running, told in order and asked for once', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1');
  must(await test.board.desireLrp(desiredLrp(), 'trace-1'));
  await test.clock.advance(1);
  t.match(test.requests, [{ traceId: 'trace-1', lrps: [{ processGuid: 'app', instances: [{ index: 0 }] }] }]);
  must(await test.board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await test.board.startActualLrp(startOf(ONE), ''));
  t.same(await states(test), ['ORDINARY RUNNING']);
  t.same(
    kindsOf(test).filter((kind) => !kind.startsWith('cell')),
    [
      'desired_lrp_created',
      'actual_lrp_instance_created',
      'actual_lrp_instance_changed',
      'actual_lrp_instance_changed',
    ],
  );
  await test.close();
});

t.test('board - why an LRP was not taken is said in the log of its application', async (t) => {
  const test = await openBoard();
  const said: LogBatch[] = [];
  test.bus.subscribe(ANY_LOG, ({ payload }) => {
    said.push(JSON.parse(Buffer.from(payload).toString()) as LogBatch);
  });
  t.equal(
    errorType(await test.board.desireLrp({ ...desiredLrp(), logGuid: 'log-1', memoryMb: -1 }, '')),
    'InvalidRequest',
  );
  await test.clock.advance(1);
  t.match(said, [{ sourceId: 'log-1', lines: [{ sourceType: 'DIEGO-API', stream: 'ERR' }] }]);
  const text = Buffer.from(said[0]?.lines[0]?.payload ?? '', 'base64').toString();
  t.equal(text, 'Error parsing request for app with guid app, Invalid field: memory_mb');
  t.equal(
    errorType(await test.board.desireLrp({ ...desiredLrp(), logGuid: 'a b', memoryMb: -1 }, '')),
    'InvalidRequest',
  );
  await test.clock.advance(1);
  t.equal(said.length, 1, 'a log without a subject is told nothing');
  await test.close();
});

t.test('board - what is read is only what is durable', async (t) => {
  const test = await openBoard();
  const release = test.engine.faults.hold();
  const desiring = test.board.desireLrp(desiredLrp(), '');
  await test.clock.advance(0);
  t.same(must(await test.board.desiredLrps({})), []);
  t.same(test.events, [], 'nor is anything told');
  t.same(test.requests, [], 'nor asked for');
  release();
  must(await desiring);
  t.equal(must(await test.board.desiredLrps({})).length, 1);
  await test.close();
});

t.test('board - a failed commit answers unavailable and leaves nothing behind', async (t) => {
  const test = await openBoard();
  test.engine.faults.failCommits(1, 'disk full');
  const result = await test.board.desireLrp(desiredLrp(), '');
  t.match(result, { ok: false, error: { unavailable: true, message: 'STORE_FAILED: disk full' } });
  t.same(must(await test.board.desiredLrps({})), []);
  t.same(test.events, []);
  must(await test.board.desireLrp(desiredLrp(), ''));
  await test.close();
});

t.test('board - filters of lists', async (t) => {
  const test = await openBoard({ converge: false });
  for (const [processGuid, domain] of [
    ['a-1', 'apps'],
    ['a-2', 'apps'],
    ['b-1', 'other'],
  ] as const) {
    must(await test.board.desireLrp(desiredLrp({ processGuid, domain, instances: 2 }), ''));
  }
  const guids = async (filter: object) =>
    must(await test.board.desiredLrps(filter))
      .map((lrp) => lrp.processGuid)
      .sort();
  t.same(await guids({}), ['a-1', 'a-2', 'b-1']);
  t.same(await guids({ domain: 'apps' }), ['a-1', 'a-2']);
  t.same(await guids({ processGuids: ['a-1', 'b-1', 'none'] }), ['a-1', 'b-1']);
  t.same(await guids({ domain: 'apps', processGuids: ['a-1', 'b-1'] }), ['a-1']);
  t.same(await guids({ appGuids: ['b', 'a-2'] }), ['a-2', 'b-1']);
  const key = { processGuid: 'a-1', index: 1, domain: 'apps' };
  must(await test.board.claimActualLrp({ key, instanceKey: ONE }, ''));
  const count = async (filter: object) => must(await test.board.actualLrps(filter)).length;
  t.equal(await count({}), 6);
  t.equal(await count({ domain: 'apps' }), 4);
  t.equal(await count({ processGuid: 'a-1', index: 0 }), 1);
  t.equal(await count({ cellId: 'cell-1' }), 1);
  t.equal(await count({ cellId: 'cell-1', domain: 'other' }), 0);
  await test.close();
});

t.test('board - an instance that was removed is made anew soon, without waiting for the pass', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1');
  must(await test.board.desireLrp(desiredLrp(), ''));
  must(await test.board.startActualLrp(startOf(ONE), ''));
  must(await test.board.removeActualLrp({ key: KEY, instanceKey: ONE }, ''));
  t.same(await states(test), []);
  await test.clock.advance(100);
  t.same(await states(test), ['ORDINARY UNCLAIMED']);
  t.equal(test.requests.length, 2);
  await test.close();
});

t.test('board - stops, cancels and updates go to the cell concerned', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1', 'cell-2');
  must(await test.board.desireLrp(desiredLrp({ instances: 2 }), ''));
  must(await test.board.startActualLrp(startOf(ONE), ''));
  must(await test.board.startActualLrp(startOf(TWO, { ...KEY, index: 1 }), ''));
  must(await test.board.updateDesiredLrp('app', { routes: { 'internal-router': '[{"hostname":"a"}]' } }, ''));
  must(await test.board.updateDesiredLrp('app', { instances: 1 }, ''));
  must(await test.board.desireTask(task(), ''));
  t.equal(must(await test.board.startTask('task', 'cell-1', '')), true);
  must(await test.board.cancelTask('task', ''));
  must(await test.board.removeDesiredLrp('app', ''));
  await test.clock.advance(1);
  t.same(test.toCells, [
    'cell.cell-1.update',
    'cell.cell-2.update',
    'cell.cell-2.stop',
    'cell.cell-1.cancel',
    'cell.cell-1.stop',
    'cell.cell-2.stop',
  ]);
  await test.close();
});

t.test('board - a request that no auctioneer takes is made again, sooner than the next pass', async (t) => {
  const test = await openBoard({ auctioneer: false });
  must(await test.board.desireLrp(desiredLrp(), ''));
  await test.clock.advance(1);
  let taken = 0;
  test.outside.subscribe('auction.lrps', (message) => {
    taken += 1;
    message.respond(encode('AuctionAck', { accepted: 1, dropped: [] }));
  });
  await test.clock.advance(1_500);
  t.equal(taken, 1);
  await test.clock.advance(5_000);
  t.equal(taken, 1, 'and not after it was taken');
  await test.close();
});

t.test(
  'board - what could not be asked for while the bus was away is asked for when it is back',
  async (t) => {
    const test = await openBoard();
    test.bus.disconnect();
    must(await test.board.desireLrp(desiredLrp({ instances: 2 }), ''));
    must(await test.board.desireTask(task(), ''));
    await test.clock.advance(20_000);
    t.same(test.requests, []);
    t.equal(test.logger.named('request-auctions.failed').length, 1, 'told once');
    test.bus.reconnect();
    await test.clock.advance(500);
    t.same(
      test.requests.map((request) => [request.lrps[0]?.instances.length, request.tasks.length]),
      [
        [2, 0],
        [undefined, 1],
      ],
    );
    await test.clock.advance(5_000);
    t.equal(test.requests.length, 2, 'and not after it was taken');
    await test.close();
  },
);

t.test(
  'board - room that appeared has everything unplaced asked for again, gathered and not counted',
  async (t) => {
    const test = await openBoard();
    must(await test.board.desireLrp(desiredLrp({ instances: 2 }), ''));
    must(await test.board.desireTask(task(), ''));
    await test.clock.advance(10);
    test.requests.length = 0;
    for (let time = 0; time < 20; time += 1) {
      test.outside.publish('auction.capacity', encode('CapacityAppeared', { traceId: '', cellId: 'cell-1' }));
    }
    await test.clock.advance(200);
    t.same(
      test.requests.map((request) => [request.lrps.length, request.tasks.length]),
      [
        [1, 0],
        [0, 1],
      ],
    );
    for (let time = 0; time < 6; time += 1) must(await test.board.rejectTask('task', 'no room', ''));
    t.match(must(await test.board.task('task')), { state: 'Pending', rejectionCount: 0 });
    await test.clock.advance(30_000);
    must(await test.board.rejectTask('task', 'no room', ''));
    t.match(must(await test.board.task('task')), { rejectionCount: 1 }, 'a round of convergence counts');
    await test.close();
  },
);

t.test('board - a restarted system asks for what waits at once', async (t) => {
  const engine = createMemoryEngine();
  const clock = createFakeClock();
  const first = await openBoard({ engine, clock });
  must(await first.board.desireLrp(desiredLrp({ instances: 2 }), ''));
  must(await first.board.desireTask(task(), ''));
  must(await first.board.startActualLrp(startOf(ONE), ''));
  await first.close();
  const second = await openBoard({ engine, clock });
  await clock.advance(1);
  t.same((await states(second)).sort(), ['ORDINARY RUNNING', 'ORDINARY UNCLAIMED']);
  t.same(
    second.requests.flatMap((request) =>
      request.lrps.flatMap((lrp) => lrp.instances.map((one) => one.index)),
    ),
    [1],
  );
  t.equal(second.requests.flatMap((request) => request.tasks).length, 1);
  await second.close();
});

t.test('board - requests larger than a message are split', async (t) => {
  const test = await openBoard({ converge: false });
  must(await test.board.desireLrp(desiredLrp({ instances: 20_000 }), ''));
  await test.clock.advance(10);
  t.ok(test.requests.length > 1);
  const indices = test.requests.flatMap((request) =>
    request.lrps.flatMap((lrp) => lrp.instances.map(({ index }) => index)),
  );
  t.equal(new Set(indices).size, 20_000);
  t.equal(indices.length, 20_000);
  await test.close();
});

t.test('board - kv and other answers of requests that are wrong', async (t) => {
  const test = await openBoard({ converge: false });
  t.same(must(await test.board.kvGet('k')), { key: 'k', value: '', version: 0 });
  t.equal(must(await test.board.kvPut({ key: 'k', value: 'v', version: 0 })).version, 1);
  t.equal(errorType(await test.board.kvPut({ key: 'k', value: 'w', version: 0 })), 'ResourceConflict');
  t.equal(errorType(await test.board.task('')), 'InvalidRequest');
  t.equal(errorType(await test.board.desiredLrp('none')), 'ResourceNotFound');
  t.equal(errorType(await test.board.failActualLrp(KEY, '', '')), 'InvalidRequest');
  t.equal(errorType(await test.board.upsertDomain('a', -1, '')), 'InvalidRequest');
  must(await test.board.upsertDomain('apps', 10, ''));
  t.same(must(await test.board.domains()), ['apps']);
  await test.clock.advance(10_000);
  t.same(must(await test.board.domains()), []);
  await test.close();
});

t.test('board - what was asked for while the bus was down is asked for when it is back', async (t) => {
  const test = await openBoard();
  test.bus.disconnect();
  must(await test.board.desireLrp(desiredLrp(), ''));
  await test.clock.advance(20_000);
  t.same(test.requests, []);
  test.bus.reconnect();
  await test.clock.advance(1_000);
  t.equal(test.requests.length, 1);
  await test.close();
});

t.test('board - convergence looks again at what could not be stored', async (t) => {
  const test = await openBoard();
  await test.renew('cell-1');
  must(await test.board.desireLrp(desiredLrp(), ''));
  for (const reason of ['a', 'b', 'c']) {
    must(await test.board.startActualLrp(startOf(ONE), ''));
    must(await test.board.crashActualLrp({ key: KEY, instanceKey: ONE, reason }, ''));
  }
  t.same(await states(test), ['ORDINARY CRASHED']);
  await test.clock.advance(29_000);
  test.engine.faults.failCommits(1);
  await test.clock.advance(1_000);
  t.same(await states(test), ['ORDINARY CRASHED'], 'not stored');
  await test.clock.advance(30_000);
  t.same(await states(test), ['ORDINARY UNCLAIMED']);
  await test.close();
});

t.test('board - a pass costs as much as there is to do, not as much as there is', async (t) => {
  const test = await openBoard();
  const onePass = async () => {
    for (let at = 0; at < 30; at += 5) {
      await test.renew('cell-1');
      await test.clock.advance(5_000);
    }
  };
  await test.renew('cell-1');
  must(await test.board.desireLrp(desiredLrp({ instances: 50 }), ''));
  for (let index = 0; index < 50; index += 1) {
    const instance = { instanceGuid: `i-${index}`, cellId: 'cell-1' };
    must(await test.board.startActualLrp(startOf(instance, { ...KEY, index }), ''));
  }
  await onePass();
  t.equal(test.store.committed.actual_lrps.count(), 50);
  const decided: number[] = [];
  const { transact } = test.store;
  test.store.transact = (decide) =>
    transact((tables) => {
      let looked = 0;
      const { get, byIndex } = tables.actual_lrps;
      const counting = {
        ...tables,
        actual_lrps: {
          ...tables.actual_lrps,
          get: (key: string) => ((looked += 1), get(key)),
          byIndex: (name: string, value: string) => ((looked += 1), byIndex(name, value)),
        },
      };
      const made = decide(counting);
      decided.push(looked);
      return made;
    });
  await onePass();
  t.equal(
    decided.reduce((sum, looked) => sum + looked, 0),
    0,
    'nothing is to be done, nothing is looked at',
  );
  const crashed = { instanceGuid: 'i-7', cellId: 'cell-1' };
  must(await test.board.crashActualLrp({ key: { ...KEY, index: 7 }, instanceKey: crashed, reason: '' }, ''));
  decided.length = 0;
  await onePass();
  const looks = decided.reduce((sum, looked) => sum + looked, 0);
  t.ok(looks > 0 && looks <= 3, `one slot is looked at: ${looks}`);
  await test.close();
});
