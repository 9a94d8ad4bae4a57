import t from 'tap';
import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { desiredLrp, must, openBoard } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';
import { samplesOf } from '../support/metrics.js';

const startAuctioneer = async ({ board, bus, clock, logger }: TestBoard, seed: number) => {
  const connection = bus.client();
  const metrics = createPrometheusMetrics({ logger });
  const { members, health } = assembleAuctioneer({
    metrics,
    config: must(auctioneerConfig.parse({}, 'test')),
    clock,
    random: createSeededRandom(seed),
    logger,
    bus: connection,
    bbs: board,
  });
  const group = createGroup(members, logger);
  await group.start();
  return { connection, health, metrics, stop: group.stop };
};

const holder = async ({ board }: TestBoard): Promise<string | undefined> =>
  must(await board.leases('auctioneer'))[0]?.owner;

t.test('auctioneer - one that the bus has lost makes room for one that hears', async (t) => {
  const test = await openBoard({ auctioneer: false });
  const first = await startAuctioneer(test, 1);
  await test.clock.advance(100);
  const before = await holder(test);
  const second = await startAuctioneer(test, 2);
  await test.clock.advance(20_000);
  t.equal(await holder(test), before, 'the first is the active one');
  // the BBS still answers it: only the bus does not
  first.connection.disconnect();
  await test.clock.advance(25_000);
  t.not(await holder(test), before);
  t.ok(await holder(test), 'the second has taken over');
  first.connection.reconnect();
  await test.clock.advance(20_000);
  t.not(await holder(test), before, 'which stays so');
  await first.stop();
  await second.stop();
  await test.close();
});

t.test('auctioneer - back on the bus it is active at once, if nobody else is', async (t) => {
  const test = await openBoard({ auctioneer: false });
  const only = await startAuctioneer(test, 1);
  await test.clock.advance(100);
  only.connection.disconnect();
  await test.clock.advance(60_000);
  t.equal(await holder(test), undefined);
  only.connection.reconnect();
  await test.clock.advance(100);
  t.ok(await holder(test));
  await only.stop();
  await test.close();
});

t.test('auctioneer health - a stand-by is healthy; one without bus or BBS is not', async (t) => {
  const test = await openBoard({ auctioneer: false });
  const first = await startAuctioneer(test, 1);
  t.match(first.health(), { healthy: false, reason: 'the BBS does not answer for the lease' });
  await test.clock.advance(100);
  const second = await startAuctioneer(test, 2);
  await test.clock.advance(100);
  t.match(first.health(), { healthy: true, reason: '', details: { lease: 'held', bus: true } });
  t.match(second.health(), { healthy: true, reason: '', details: { lease: 'standing by', bus: true } });
  t.match(
    [await samplesOf(first.metrics), await samplesOf(second.metrics)],
    [{ LockHeld: 1 }, { LockHeld: 0 }],
  );
  first.connection.disconnect();
  t.match(first.health(), { healthy: false, reason: 'the bus is not connected' });
  await test.clock.advance(25_000);
  t.match(second.health(), { details: { lease: 'held' } });
  test.engine.faults.fence('bbs');
  t.notOk((await test.board.desireLrp(desiredLrp(), '')).ok, 'the BBS has lost its store');
  await test.clock.advance(25_000);
  t.match(second.health(), { healthy: false, reason: 'the BBS does not answer for the lease' });
  await first.stop();
  await second.stop();
  t.match(second.health(), { healthy: false, reason: /auctioneer is stopping/ });
  await test.close();
});
