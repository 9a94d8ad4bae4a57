import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type Auction, auctionId } from '../../../auctioneer/core/auction.js';
import { biddersOf } from '../../../auctioneer/core/bidders.js';
import { type Decision, type DecisionInput, decide } from '../../../auctioneer/core/decide.js';
import type { Strategy } from '../../../auctioneer/core/policy.js';
import type { Scorer } from '../../../auctioneer/core/scorer.js';
import { loadScorer } from '../../../auctioneer/policy-module.js';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { decisionInput } from '../../support/auction-arbitraries.js';

interface Case {
  name: string;
  strategy: Strategy;
  scorer?: Scorer;
}

const example = await loadScorer(join(packageRoot(), 'examples/policies/keep-tags-free.mjs'), (reason) => {
  throw new Error(reason);
});

const CASES: Case[] = [
  { name: 'diego', strategy: 'diego' },
  { name: 'spread', strategy: 'spread' },
  { name: 'binpack', strategy: 'binpack' },
  { name: 'examples/policies/keep-tags-free.mjs', strategy: 'diego', scorer: example },
];

const by = (input: DecisionInput, { strategy, scorer }: Case): DecisionInput => ({
  ...input,
  policy: { strategy, startingContainerMaximum: input.policy.startingContainerMaximum, compat: 'outcry' },
  scorer,
});

const sum = (auctions: readonly Auction[], amount: (auction: Auction) => number): number =>
  auctions.reduce((total, auction) => total + amount(auction), 0);

/** No cell is promised more than it has, and none that takes no part is promised anything. */
const overcommitted = ({ cells }: DecisionInput, { placements }: Decision): string[] => {
  const bidding = new Set(biddersOf(cells).bidding.map(({ cellId }) => cellId));
  return cells.flatMap((cell) => {
    const here = placements.filter(({ cellId }) => cellId === cell.cellId).map(({ auction }) => auction);
    if (!bidding.has(cell.cellId)) return here.length === 0 ? [] : [`${cell.cellId} takes no part`];
    const proxies = here.filter(({ kind }) => kind === 'lrp').length * cell.proxyMemoryMb;
    const over = [
      here.length > Math.max(0, cell.available.containers) && 'containers',
      here.length > 0 &&
        sum(here, ({ request }) => request.memoryMb) + proxies > cell.available.memoryMb &&
        'memory',
      here.length > 0 && sum(here, ({ request }) => request.diskMb) > cell.available.diskMb && 'disk',
      cell.cpuMilliTotal > 0 &&
        sum(here, ({ request }) => request.cpuMilli) > cell.cpuMilliAvailable &&
        'cpu',
    ];
    return over.flatMap((what) => (what === false ? [] : [`${cell.cellId} ${what}`]));
  });
};

const accounted = ({ auctions }: DecisionInput, decision: Decision): boolean => {
  const told = [...decision.placements, ...decision.failures].map(({ auction }) => auction);
  return told.length === auctions.length && new Set(told).size === new Set(auctions).size;
};

const inWords = ({ placements, failures }: Decision): string[] => [
  ...placements.map(({ auction, cellId }) => `${auctionId(auction)} ${cellId}`),
  ...failures.map(({ auction, reason }) => `${auctionId(auction)} ${reason}`),
];

const RUNS = { numRuns: Number(process.env['RUNS'] ?? 400) };

for (const one of CASES) {
  t.test(`policy ${one.name} - no cell is over-committed, and every auction is accounted for`, async (t) => {
    fc.assert(
      fc.property(decisionInput, (any) => {
        const input = by(any, one);
        const decision = decide(input);
        t.same(overcommitted(input, decision), []);
        t.ok(accounted(input, decision));
        return t.passing();
      }),
      RUNS,
    );
  });

  t.test(`policy ${one.name} - the order in which cells are listed changes nothing`, async (t) => {
    const shuffled = decisionInput.chain((input) =>
      fc.tuple(fc.constant(input), fc.shuffledSubarray([...input.cells], { minLength: input.cells.length })),
    );
    fc.assert(
      fc.property(shuffled, ([any, cells]) => {
        const input = by(any, one);
        t.same(inWords(decide({ ...input, cells })), inWords(decide(input)));
        return t.passing();
      }),
      RUNS,
    );
  });
}
