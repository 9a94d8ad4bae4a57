import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Auction, auctionId, auctionsOf } from '../../../auctioneer/core/auction.js';
import { type Method, openBatch } from '../../../auctioneer/core/decide.js';
import { consideredOrder } from '../../../auctioneer/core/order.js';
import { DEFAULT_POLICY } from '../../../auctioneer/core/policy.js';
import { makeWorkload } from '../../../bench/workload.js';
import { packageRoot } from '../../../common/runtime/package-root.js';

/** What Diego's scheduler decided, in its order: `kind id cell`, a line each. */
const recorded = readFileSync(join(packageRoot(), 'test/fixtures/workload/1000x1000.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ') as [kind: string, id: string, cell: string]);

const orderKey = (auction: Auction): string =>
  `${auction.kind} ${auction.kind === 'lrp' ? auction.index : ''} ${auction.request.memoryMb}`;

const METHODS: Method[] = ['index', 'exhaustive'];

for (const method of METHODS) {
  t.test(`workload 1000x1000 by ${method} - every placement is Diego's`, async (t) => {
    const { cells, lrps, tasks } = makeWorkload({ cells: 1_000, lrps: 1_000 });
    const auctions = auctionsOf(lrps, tasks);
    const byLabel = new Map(auctions.map((auction) => [`${auction.kind} ${auctionId(auction)}`, auction]));
    // what is equal in Diego's order may stand in any: the recorded one is followed, so that placements compare
    const order = recorded.map(([kind, id]) => byLabel.get(`${kind} ${id}`) as Auction);
    t.same(order.map(orderKey), consideredOrder(auctions).map(orderKey), 'order');
    t.ok(
      consideredOrder(auctions, 'diego').every((auction, at) => auction === order[at]),
      "Diego's order of equals",
    );
    const batch = openBatch({ cells, auctions, policy: { ...DEFAULT_POLICY, compat: 'diego' } }, method);
    const chosen = order.map((auction) => {
      const choice = batch.consider(auction);
      if ('cellId' in choice) batch.take(auction, choice.cellId);
      return 'cellId' in choice ? choice.cellId : choice.reason;
    });
    t.same(
      chosen,
      recorded.map(([, , cell]) => cell),
      'placements',
    );
  });
}
