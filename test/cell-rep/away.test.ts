import t from 'tap';
import { decode, encode } from '../../common/wire/codec.js';
import { desiredLrp, lrpWork, workFor } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

t.test('away - containers run on without the board; on its return it hears the last state', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.desired.set('two', desiredLrp({ processGuid: 'two' }));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  world.bbs.away = true;
  await world.clock.advance(60_000);
  t.same(rep.only().main().signals, []);
  t.ok(rep.rep.cell.state().placeable);

  rep.only().main().exit({ code: 4 });
  await world.clock.advance(20_000);
  world.bbs.away = false;
  await rep.until(
    () => world.bbs.calls.includes('crash app.0: APP/PROC/WEB: Exited with status 4'),
    'crash',
    100,
  );
  t.equal(world.bbs.calls.filter((call) => call.startsWith('crash')).length, 1);
  await rep.stop();
});

t.test(
  'away - work that cannot be claimed within a minute is given up and may be asked for again',
  async (t) => {
    const world = createWorld();
    world.bbs.desired.set('app', desiredLrp());
    const rep = await startRep(world);
    world.bbs.away = true;
    rep.workLrp();
    await rep.until(() => rep.rep.cell.containers().length === 0, 'given up', 1000);
    t.equal(world.runtime.containers.size, 0);
    world.bbs.away = false;
    await world.clock.advance(15_000);
    t.equal(rep.workLrp().outcomes[0]?.status, 'accepted');
    await rep.until(() => world.bbs.starts.length === 1, 'started', 100);
    await rep.stop();
  },
);

t.test('presence - is kept over the bus, and over HTTP when the bus does not answer', async (t) => {
  const world = createWorld();
  const board = world.bus.client();
  const names: string[] = [];
  board.subscribe('cell.*.presence', (message) => {
    const request = decode('LeaseRequest', message.payload);
    if (!request.ok) throw new Error('unreadable');
    names.push(request.value.name);
    t.match(JSON.parse(request.value.value), { cell_id: 'cell-1', zone: 'default' });
    message.respond(encode('LeaseReply', { held: true, epoch: 1, holder: request.value.owner }));
  });
  const rep = await startRep(world);
  await world.clock.advance(11_000);
  t.same(names, ['cell/cell-1', 'cell/cell-1', 'cell/cell-1']);
  t.notOk(world.bbs.calls.includes('lease cell/cell-1'), 'HTTP is not needed');
  board.disconnect();
  await rep.until(() => world.bbs.calls.includes('lease cell/cell-1'), 'HTTP', 500);
  t.ok(rep.rep.cell.state().placeable);
  await rep.stop();
});

t.test(
  'presence - another cell with the same id: an event with a code, no work, and on it goes when that has gone',
  async (t) => {
    const world = createWorld();
    world.bbs.leaseHolder = 'somebody';
    world.bbs.away = true;
    const rep = await startRep(world);
    world.bbs.away = false;
    await rep.until(() => world.logger.named('rep.presence.lock-collision').length > 0, 'collision', 100);
    await world.clock.advance(20_000);
    const collisions = world.logger.named('rep.presence.lock-collision');
    t.equal(collisions.length, 1, 'said once');
    t.match(collisions[0]?.fields, { code: 'CELL_ID_IN_USE' });
    t.equal(rep.workLrp().outcomes[0]?.reason, 'another cell has this id');
    t.notOk(rep.rep.cell.state().placeable);
    world.bbs.leaseHolder = '';
    await rep.until(() => rep.rep.cell.state().placeable, 'taken up', 500);
    await rep.stop();
  },
);

t.test(
  'a cell that the BBS keeps out, though its presence is held, takes no work until it answers',
  async (t) => {
    const world = createWorld();
    const board = world.bus.client();
    board.subscribe('cell.*.presence', ({ respond }) =>
      respond(encode('LeaseReply', { held: true, epoch: 1, holder: 'me' })),
    );
    const rep = await startRep(world);
    await world.clock.advance(1_000);
    t.ok(rep.rep.cell.state().placeable);
    world.bbs.away = true;
    await rep.until(() => !rep.rep.cell.state().placeable, 'closed', 500);
    t.equal(rep.workLrp().outcomes[0]?.reason, 'the bulletin board does not answer this cell');
    t.match(rep.rep.health(), { healthy: false, reason: 'the bulletin board does not answer this cell' });
    world.bbs.away = false;
    await rep.until(() => rep.rep.cell.state().placeable, 'open', 500);
    await rep.stop();
    t.notOk(rep.rep.cell.state().placeable);
  },
);

t.test('presence - a BBS that is away is told once, until it has answered', async (t) => {
  const world = createWorld();
  world.bbs.away = true;
  const rep = await startRep(world);
  const told = () => world.logger.named('rep.presence.presence-not-renewed').length;
  await world.clock.advance(20_000);
  t.equal(told(), 1);
  world.bbs.away = false;
  await rep.until(() => rep.rep.cell.state().placeable, 'presence', 500);
  world.bbs.away = true;
  await world.clock.advance(20_000);
  t.equal(told(), 2);
  await rep.stop();
});

t.test('presence - a rep that was killed takes up its own presence', async (t) => {
  const world = createWorld();
  const config = { data_dir: t.testdir() };
  const first = await startRep(world, config);
  const holder = world.bbs.leaseHolder;
  await first.stop();
  t.equal(world.bbs.leaseHolder, holder, 'not released: its containers run on');
  const second = await startRep(world, config);
  t.ok(second.rep.cell.state().placeable);
  await second.stop();
});

t.test('bus - answers state, work and outcome; tells of changes and of room', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const rep = await startRep(world);
  const auctioneer = world.bus.client();
  const heard: string[] = [];
  auctioneer.subscribe('cell.changed', ({ payload }) => {
    const state = decode('CellState', payload);
    if (state.ok) heard.push(`changed ${state.value.version} ${state.value.lrpCounts.get('app') ?? 0}`);
  });
  auctioneer.subscribe('auction.capacity', () => heard.push('capacity'));
  const asked = await auctioneer.request('cell.state', new Uint8Array(0), { timeoutMs: 100 });
  const state = decode('CellState', asked.ok ? asked.payload : new Uint8Array(0));
  if (!state.ok) throw new Error('unreadable');
  t.match(state.value, { cellId: 'cell-1', placeable: true, total: { memoryMb: 1024, containers: 250 } });

  const work = workFor(state.value.incarnation, { lrps: [lrpWork()] });
  const answer = await auctioneer.request('cell.cell-1.work', encode('Work', work), { timeoutMs: 100 });
  const reply = answer.ok ? decode('WorkReply', answer.payload) : undefined;
  t.match(reply, {
    ok: true,
    value: { outcomes: [{ status: 'accepted' }], state: undefined },
  });
  t.equal(rep.rep.cell.state().lrpCounts.get('app'), 1);
  const refused = encode('Work', workFor('another', { lrps: [lrpWork({ index: 1 })] }));
  const refusal = await auctioneer.request('cell.cell-1.work', refused, { timeoutMs: 100 });
  t.match(refusal.ok && decode('WorkReply', refusal.payload), {
    ok: true,
    value: { outcomes: [{ status: 'refused' }], state: { lrpCounts: new Map([['app', 1]]) } },
  });
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  await rep.until(() => heard.length > 0, 'heard');

  const query = encode('OutcomeQuery', { traceId: '', placementIds: ['app.0@e.0', 'x'], deadlineMs: 1 });
  const told = await auctioneer.request('cell.cell-1.outcome', query, { timeoutMs: 100 });
  const outcomes = told.ok ? decode('WorkReply', told.payload) : undefined;
  t.match(outcomes, { ok: true, value: { outcomes: [{ status: 'accepted' }, { status: 'never_seen' }] } });

  heard.length = 0;
  rep.only().main().exit({ code: 1 });
  await rep.until(() => heard.includes('capacity'), 'room');
  t.ok(heard.findIndex((one) => one.endsWith(' 0')) < heard.indexOf('capacity'), 'the state comes first');

  auctioneer.publish('cell.cell-1.work', Buffer.from([255, 255, 255]));
  await rep.until(() => world.logger.named('rep.request-unreadable').length === 1, 'stated');
  await rep.stop();
});

t.test('bus - a stop for an instance that is not here removes its row at once', async (t) => {
  const world = createWorld();
  const rep = await startRep(world);
  const request = { traceId: '', processGuid: 'app', index: 3, domain: 'test', instanceGuid: 'gone' };
  const asked = world.bus
    .client()
    .request('cell.cell-1.stop', encode('StopRequest', request), { timeoutMs: 100 });
  await rep.until(() => world.bbs.calls.includes('remove app.3'), 'removed');
  t.equal((await asked).ok, true);
  await rep.stop();
});

t.test('presence - a renewal that throws is logged, and the next one comes', async (t) => {
  const world = createWorld();
  const rep = await startRep(world);
  const acquire = world.bbs.acquireLease;
  let asked = 0;
  world.bbs.acquireLease = async () => {
    asked += 1;
    throw new Error('broken');
  };
  await rep.until(() => asked === 2, 'asked again', 500);
  world.bbs.acquireLease = acquire;
  t.ok(world.logger.named('rep.presence.presence-renewal-failed').length >= 1);
  t.ok(rep.rep.cell.state().placeable);
  await rep.stop();
});

t.test('stop - a row that cannot be removed because of a defect is logged', async () => {
  const world = createWorld();
  const rep = await startRep(world);
  world.bbs.removeActualLrp = async () => {
    throw new Error('broken');
  };
  rep.rep.cell.stop({ traceId: '', processGuid: 'app', index: 0, domain: 'test', instanceGuid: 'gone' });
  await rep.until(() => world.logger.named('rep.failed-to-remove-row').length === 1, 'logged');
  await rep.stop();
});

t.test('reports - one that throws is logged, and made again', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const rep = await startRep(world);
  const start = world.bbs.startActualLrp;
  let asked = 0;
  world.bbs.startActualLrp = async (...request) => {
    asked += 1;
    if (asked === 1) throw new Error('broken');
    return start(...request);
  };
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'told');
  t.equal(world.logger.named('rep.ordinary-lrp-processor.report-failed').length, 1);
  await rep.stop();
});
