import t from 'tap';
import { createCells, numberZones } from '../../../auctioneer/core/bid-index/cells.js';
import { createForest } from '../../../auctioneer/core/bid-index/grow-forest.js';
import { createOffers } from '../../../auctioneer/core/bid-index/offers.js';
import { createViews } from '../../../auctioneer/core/bid-index/views.js';
import { DEFAULT_POLICY } from '../../../auctioneer/core/policy.js';
import { makeWorkload } from '../../../bench/workload.js';

t.test('close views - taken when searches are misled, given up when they are left too soon', async (t) => {
  const { cells: states } = makeWorkload({ cells: 80, lrps: 10 });
  const [zones, offers] = [numberZones(states), createOffers(states)];
  const forest = createForest(createCells({ states, zones, offers, countsByZone: false }), offers.count);
  const asked = [1024, 1000, 900, 512, 64].map((memory) => ({ kind: 'lrp' as const, memory, disk: 10 }));
  const [largest, large, near, half, small] = asked as [Asked, Asked, Asked, Asked, Asked];
  const views = createViews(forest, asked, { policy: DEFAULT_POLICY });
  const least = (): number => forest.view.frame.leastMemory;

  views.show(largest);
  t.equal(least(), 64, 'at first all requests are in view');
  const expected = 24;
  forest.looked = expected;
  views.show(large);
  t.equal(least(), 64, 'a search that looks into a few groups is not misled');

  forest.looked = 1_000;
  views.show(large);
  t.equal(least(), 900, 'misled: only what asks for little less');
  t.equal(forest.looked, 0);
  for (let at = 0; at < 10; at += 1) views.show(near);
  views.show(half);
  t.equal(least(), 512, 'it has served long enough for another one');
  views.show(small);
  t.equal(least(), 64, 'it has not: back to all');
  t.equal(forest.view.frame.memory, 2 * (1024 - 64));
  views.show({ ...small, kind: 'task' });
  t.equal(forest.view.kind, 'task');
});

type Asked = { kind: 'lrp'; memory: number; disk: number };
