import t from 'tap';
import { mesosChaos } from '../../support/mesos-chaos.js';

for (const seed of [1, 2, 3])
  t.test(`simulated Mesos - broken by chance, seed ${seed}`, async (t) => {
    const { summary, wrongs } = await mesosChaos(seed);
    t.comment(summary);
    t.same(wrongs, []);
  });
