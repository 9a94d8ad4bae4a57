import t from 'tap';
import { mesosChaos } from '../support/bridge-chaos.js';
import { chosenSeed, rounds } from '../support/simulation.js';

const SEEDS = 2;
const SECONDS = 40;

const first = chosenSeed();
t.setTimeout(240_000 * rounds());

for (let seed = first; seed < first + SEEDS * rounds(); seed += 1)
  t.test(`Mesos chaos - nothing twice, nothing lost, nothing left, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await mesosChaos(seed, SECONDS);
    t.comment(summary);
    t.same(wrongs, []);
  });

t.test('Mesos chaos - the same seed gives the same run', async (t) => {
  const [one, other] = [await mesosChaos(first, 10), await mesosChaos(first, 10)];
  t.equal(one.simulation.log(), other.simulation.log());
  t.match(one.simulation.log(), /mesos-bridge.launch/);
});
