import fc from 'fast-check';
import t from 'tap';
import { type Decision, decide } from '../../../auctioneer/core/decide.js';
import { auctionId } from '../../../auctioneer/core/auction.js';
import { decisionInput } from '../../support/auction-arbitraries.js';

/** What was decided, in words; of the nearest miss only that there is one: several may be as near. */
const told = ({ placements, failures }: Decision): string[] => [
  ...placements.map(({ auction, cellId }) => `${auctionId(auction)} ${cellId}`),
  ...failures.map(
    ({ auction, reason, nearest }) => `${auctionId(auction)} ${reason} ${nearest !== undefined}`,
  ),
];

t.test('bid index - it decides as the exhaustive scorer does', async (t) => {
  fc.assert(
    fc.property(decisionInput, (input) => {
      t.same(told(decide(input, 'index')), told(decide(input, 'exhaustive')));
      return t.passing();
    }),
    { numRuns: Number(process.env.RUNS ?? 2_000) },
  );
});
