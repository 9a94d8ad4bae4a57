import t from 'tap';
import { auctionChaos } from '../support/auction-chaos.js';
import { chosenSeed, rounds } from '../support/simulation.js';

const SEEDS = 3;
const SECONDS = 40;

const first = chosenSeed();
t.setTimeout(120_000 * rounds());

for (let seed = first; seed < first + SEEDS * rounds(); seed += 1)
  t.test(`auction chaos - nothing twice, nothing lost, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await auctionChaos(seed, SECONDS);
    t.comment(summary);
    t.same(wrongs, []);
  });

t.test('auction chaos - the same seed gives the same run', async (t) => {
  const [one, other] = [await auctionChaos(first, 20), await auctionChaos(first, 20)];
  t.equal(one.simulation.log(), other.simulation.log());
  t.match(one.simulation.log(), /scheduled/);
});
