import t from 'tap';
import type { Fault } from '../support/simulation-chaos.js';
import { FAULTS } from '../support/simulation-chaos.js';
import { weather } from '../support/simulation-storm.js';
import { chosenSeed, rounds } from '../support/simulation.js';

const first = chosenSeed();
t.setTimeout(120_000 * rounds());

const WITHOUT_NETWORK: readonly Fault[] = [
  'crash',
  'lost-process',
  'kill-rep',
  'reboot-cell',
  'lose-cell',
  'restart-rep',
];

for (let round = 0; round < rounds(); round += 1) {
  const seed = first + round;
  t.test(`convergence - all faults together, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await weather({
      seed,
      seconds: 150,
      faults: FAULTS,
      faultEvery: 5,
      peopleEvery: 2,
    });
    t.comment(summary);
    t.same(wrongs, []);
  });

  t.test(`convergence - one fault after another under much work, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await weather({
      seed,
      seconds: 150,
      faults: FAULTS,
      faultEvery: 25,
      peopleEvery: 0.7,
    });
    t.comment(summary);
    t.same(wrongs, []);
  });

  t.test(`convergence - cells that have no room for all, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await weather({
      seed,
      seconds: 120,
      faults: FAULTS,
      faultEvery: 12,
      peopleEvery: 0.7,
      memoryMb: 1024,
    });
    t.comment(summary);
    t.same(wrongs, []);
  });

  t.test(`convergence - cells and containers fail, the network holds, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await weather({
      seed,
      seconds: 120,
      faults: WITHOUT_NETWORK,
      faultEvery: 2,
      peopleEvery: 2,
    });
    t.comment(summary);
    t.same(wrongs, []);
  });
}

t.test('convergence - the same seed is the same run', async (t) => {
  const storm = { seed: first, seconds: 60, faults: FAULTS, faultEvery: 5, peopleEvery: 2 };
  const [one, other] = [await weather(storm), await weather(storm)];
  t.equal(one.summary, other.summary);
  t.equal(one.simulation.log(), other.simulation.log());
});
