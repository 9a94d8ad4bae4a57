import t from 'tap';
import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { must, openBoard } from '../support/bbs.js';
import type { TestBoard } from '../support/bbs.js';

const startAuctioneer = async ({ board, bus, clock, logger }: TestBoard, seed: number) => {
  const connection = bus.client();
  const { members } = assembleAuctioneer({
    config: must(auctioneerConfig.parse({}, 'test')),
    clock,
    random: createSeededRandom(seed),
    logger,
    bus: connection,
    bbs: board,
  });
  const group = createGroup(members, logger);
  await group.start();
  return { connection, stop: group.stop };
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
