import t from 'tap';
import type { Auction } from '../../../auctioneer/core/auction.js';
import { type Method, openBatch } from '../../../auctioneer/core/decide.js';
import { consideredOrder } from '../../../auctioneer/core/order.js';
import { openScenario } from '../../../auctioneer/scenario/open.js';
import { goldenCases, labelOf, scenarioOf } from '../../support/golden-auction.js';

/** What the order is decided by; auctions with equal keys may stand in any order. */
const orderKey = (auction: Auction): string =>
  auction.kind === 'lrp'
    ? `lrp ${auction.index} ${auction.request.memoryMb}`
    : `task ${auction.request.memoryMb}`;

const METHODS: Method[] = ['exhaustive', 'index'];

for (const [golden, method] of goldenCases().flatMap((one) => METHODS.map((way) => [one, way] as const))) {
  t.test(
    `golden auction ${golden.name} by ${method} - every decision is one that Diego's scheduler accepts`,
    async (t) => {
      const input = openScenario(scenarioOf(golden, { compat: 'diego' }));
      const byLabel = new Map(input.auctions.map((auction) => [labelOf(auction), auction]));
      const recorded = golden.result.considered_order.map((label) => byLabel.get(label) as Auction);
      // without any cell Diego fails everything before it sorts
      if (input.cells.length > 0) {
        t.same(consideredOrder(input.auctions).map(orderKey), recorded.map(orderKey), 'order');
      }

      const batch = openBatch(input, method);
      for (const step of golden.trace) {
        const auction = byLabel.get(`${step.kind} ${step.id}`) as Auction;
        const choice = batch.consider(auction);
        if (step.diego_chose_cell) {
          t.ok('cellId' in choice, `${step.id} is placed`);
          if (!('cellId' in choice)) return;
          t.ok(step.acceptable_cells?.includes(choice.cellId), `${step.id} on ${choice.cellId}`);
          batch.take(auction, step.diego_chose_cell);
        } else {
          t.ok('reason' in choice, `${step.id} is not placed`);
          if (!('reason' in choice)) return;
          const reasons = step.acceptable_errors ?? [step.diego_error];
          t.ok(reasons.includes(choice.reason), `${choice.reason} is one of ${reasons.join(' | ')}`);
        }
      }
      t.equal(golden.trace.length, recorded.length, 'every auction was looked at');
    },
  );
}
