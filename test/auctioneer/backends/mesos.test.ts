import t from 'tap';
import type { Test } from 'tap';
import { createMesosBackend } from '../../../auctioneer/backends/mesos.js';
import { overflow } from '../../../auctioneer/backends/overflow.js';
import { type Auction, auctionId, lrpAuctions, taskAuction } from '../../../auctioneer/core/auction.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { startRunner } from '../../support/auction-runner.js';
import type { MesosState, MesosStateQuery } from '../../../common/model/auction.js';
import type { Bus } from '../../../common/ports/bus.js';
import { decode, encode } from '../../../common/wire/codec.js';
import type { CellStates } from '../../../auctioneer/backends/cell-backend.js';
import { aCellState, aTaskWork, anLrpWork } from '../../support/cell-states.js';
import { createDirectCells } from '../../support/direct-cells.js';
import { addBid, startFakeBridge } from '../../support/fake-bridge.js';

const { placementId: _placementId, index: _index, ...start } = anLrpWork();
const instances = (processGuid: string, count: number): Auction[] =>
  lrpAuctions({
    ...start,
    processGuid,
    instances: Array.from({ length: count }, (_, index) => ({
      index,
      placementId: `${processGuid}.${index}@e.0`,
    })),
  });

const ground = (t: Test, { awayMs = 60_000, stateTimeoutMs = 100, workTimeoutMs = 100 } = {}) => {
  const bus = createMemoryBus();
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(async () => {
    clearInterval(alive);
    await bus.close();
  });
  const logger = createCaptureLogger();
  const backend = createMesosBackend({
    bus,
    clock: createSystemClock(),
    logger,
    stateTimeoutMs,
    workTimeoutMs,
    awayMs,
  });
  return { bus, logger, backend };
};

t.test('mesos backend - bids are told in pages, each once', async (t) => {
  const { bus, backend } = ground(t);
  const bridge = startFakeBridge(bus);
  for (let agent = 0; agent < 7; agent += 1)
    addBid(bridge, aCellState({ cellId: `mesos-${agent}`, cellIndex: agent }));
  const { cells } = await backend.states('t');
  t.same(
    cells.map(({ cellId }) => cellId),
    Array.from({ length: 7 }, (_, agent) => `mesos-${agent}`),
  );
  t.equal(bridge.asked.states, 4);
});

/** A bridge that answers with these, one after the other; what it was asked. */
const scripted = (bus: Bus, answers: readonly (Partial<MesosState> | undefined)[]): MesosStateQuery[] => {
  const asked: MesosStateQuery[] = [];
  bus.subscribe('mesos.state', (message) => {
    const query = decode('MesosStateQuery', message.payload);
    const answer = answers[asked.length];
    if (query.ok) asked.push(query.value);
    const blank = { bids: [], next: '', incarnation: 'one', since: 0, version: 0, gone: [] };
    if (answer !== undefined) message.respond(encode('MesosState', { ...blank, ...answer }));
  });
  return asked;
};

const bid = (cellId: string, taskCount = 0) => aCellState({ cellId, taskCount });
const toldIn = ({ cells, missed }: CellStates) => ({
  cells: cells.map(({ cellId, taskCount }) => `${cellId} ${taskCount}`).sort(),
  missed: [...missed].sort(),
});

t.test('mesos backend - only what has changed is asked for, and the rest stays as it was', async (t) => {
  const { bus, backend } = ground(t);
  const asked = scripted(bus, [
    { bids: [bid('a'), bid('b')], next: 'b', version: 7 },
    { bids: [bid('c'), { ...bid('d'), cellIndex: -1 }], version: 8 },
    { since: 7, version: 11, bids: [bid('b', 1), bid('c', 1)], gone: ['a'] },
    { since: 11, version: 12, bids: [bid('d')] },
    { incarnation: 'two', version: 3, bids: [bid('a', 5)] },
  ]);
  t.same(toldIn(await backend.states('t')), { cells: ['a 0', 'b 0', 'c 0'], missed: ['d'] });
  t.same(toldIn(await backend.states('t')), { cells: ['b 1', 'c 1'], missed: ['d'] });
  t.same(toldIn(await backend.states('t')), { cells: ['b 1', 'c 1', 'd 0'], missed: [] });
  t.same(toldIn(await backend.states('t')), { cells: ['a 5'], missed: [] }, 'another bridge tells all');
  t.same(
    asked.map(({ incarnation, since, after }) => [incarnation, since, after]),
    [
      ['', 0, ''],
      ['', 0, 'b'],
      ['one', 7, ''],
      ['one', 11, ''],
      ['one', 12, ''],
    ],
  );
});

t.test('mesos backend - what was not told to the end is asked for as a whole', async (t) => {
  const { bus, backend } = ground(t, { awayMs: 0 });
  const asked = scripted(bus, [
    { bids: [bid('a'), bid('b')], version: 7 },
    { since: 7, version: 9, bids: [bid('b', 1)], next: 'b' },
    { incarnation: 'two', since: 0, version: 1, bids: [bid('c')] },
    { incarnation: 'two', since: 0, version: 2, bids: [bid('c')] },
    { incarnation: 'two', since: 1, version: 5, bids: [] },
  ]);
  await backend.states('t');
  t.same(toldIn(await backend.states('t')), { cells: ['b 1'], missed: ['a'] }, 'of two bridges');
  t.same(toldIn(await backend.states('t')), { cells: ['c 0'], missed: [] });
  t.same(toldIn(await backend.states('t')), { cells: [], missed: ['c'] }, 'not what was asked');
  t.same(
    asked.map(({ since }) => since),
    [0, 7, 7, 0, 2],
  );
});

t.test('mesos backend - what waits for offers is deferred, which is no failure', async (t) => {
  const { bus, backend } = ground(t);
  const bridge = startFakeBridge(bus);
  const { runner, failures, deferred, answers } = startRunner(backend);
  runner.add([...instances('web', 2), taskAuction(aTaskWork({ taskGuid: 'job' }))]);
  await runner.settled();
  t.same(bridge.sought.sort(), ['job@0', 'web.0@e.0', 'web.1@e.0']);
  t.same(failures, []);
  t.same(deferred.map(({ auction }) => auctionId(auction)).sort(), ['job', 'web.0', 'web.1']);
  t.match(await answers.explain({ traceId: 't', id: 'web.0', brief: true }), {
    state: 'failed',
    text: 'unable to communicate to compatible cells; waits for offers',
  });
});

t.test('mesos backend - what the bridge no longer seeks has failed, with both reasons', async (t) => {
  const { bus, backend } = ground(t);
  const bridge = startFakeBridge(bus);
  bridge.seek = (ids) => [{ status: 'refused', reason: 'no offer in 60 s', placementIds: ids }];
  const full = createDirectCells([
    aCellState({ available: { memoryMb: 0, diskMb: 4096, containers: 1 }, cellId: 'own' }),
  ]);
  const { runner, failures, deferred } = startRunner(overflow(full, backend));
  runner.add(instances('web', 1));
  await runner.settled();
  t.same(deferred, []);
  t.same(
    failures.map(({ reason }) => reason),
    ['insufficient resources: memory; no offer in 60 s'],
  );
});

t.test(
  'mesos backend - own cells come first, offers take what is left, and only that is sought',
  async (t) => {
    const { bus, backend } = ground(t);
    const bridge = startFakeBridge(bus);
    const room = { memoryMb: 1024, diskMb: 4096, containers: 1 };
    const agent = addBid(bridge, aCellState({ cellId: 'mesos-1', available: room, total: room }));
    const own = createDirectCells([aCellState({ cellId: 'own', available: room, total: room })]);
    const { runner, deferred } = startRunner(overflow(own, backend));
    runner.add(instances('web', 3));
    await runner.settled();
    t.equal(own.taken.length, 1);
    t.same(
      agent.taken.map(({ lrps }) => lrps.map(({ index }) => index)),
      [[1]],
    );
    t.same(
      deferred.map(({ auction }) => auctionId(auction)),
      ['web.2'],
    );
    t.same(bridge.sought, ['web.2@e.0']);
  },
);

t.test('mesos backend - a bridge that is late holds up one batch, and is left alone then', async (t) => {
  const { bus, backend, logger } = ground(t);
  const bridge = startFakeBridge(bus);
  bridge.silent = true;
  const full = createDirectCells([]);
  const { runner, failures } = startRunner(overflow(full, backend));
  runner.add(instances('web', 1));
  await runner.settled();
  t.same(bridge.asked, { states: 1, auctions: 0 });
  runner.add(instances('web', 1));
  await runner.settled();
  t.same(bridge.asked, { states: 1, auctions: 0 }, 'asked nothing while it is away');
  t.equal(failures.length, 2);
  t.equal(logger.named('mesos-bridge-silent').length, 1);
});

t.test('mesos backend - a bridge that comes back bids again', async (t) => {
  const { bus, backend, logger } = ground(t, { awayMs: 0 });
  const bridge = startFakeBridge(bus);
  addBid(bridge, aCellState({ cellId: 'mesos-1' }));
  bridge.silent = true;
  t.same((await backend.states('t')).cells, []);
  bridge.silent = false;
  t.equal((await backend.states('t')).cells.length, 1);
  t.equal(logger.named('mesos-bridge-answers').length, 1);
});

t.test('mesos backend - without a bridge nothing is waited for, and nothing deferred', async (t) => {
  const { backend } = ground(t, { stateTimeoutMs: 60_000 });
  const { runner, failures, deferred } = startRunner(backend);
  runner.add(instances('web', 1));
  await runner.settled();
  t.same([failures.length, deferred.length], [1, 0]);
});

t.test('mesos backend - many that have no place are told in messages that are not too large', async (t) => {
  const { bus, backend } = ground(t, { workTimeoutMs: 10_000 });
  const bridge = startFakeBridge(bus);
  const sought = await backend.seek?.(instances('web', 5_000), 't');
  t.equal(sought?.size, 5_000);
  t.equal(bridge.asked.auctions, 25);
});
