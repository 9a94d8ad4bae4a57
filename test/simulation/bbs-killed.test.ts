import t from 'tap';
import { problemsOf } from '../support/simulation-checks.js';
import { weather } from '../support/simulation-storm.js';
import { instancesOf, openSystem, push, submit, told } from '../support/simulation-system.js';
import { chosenSeed, rounds } from '../support/simulation.js';

const first = chosenSeed();
t.setTimeout(120_000 * rounds());

for (let round = 0; round < rounds(); round += 1) {
  const seed = first + round;
  t.test(`bbs - killed again and again under work, in mid-commit too, OUTCRY_SEED=${seed}`, async (t) => {
    const { summary, wrongs } = await weather({
      seed,
      seconds: 120,
      faults: ['kill-bbs', 'store', 'crash'],
      faultEvery: 3,
      peopleEvery: 0.5,
      bbsAway: 4,
    });
    t.comment(summary);
    t.same(wrongs, [], 'nothing acknowledged was lost');
  });
}

t.test('bbs - away for five minutes: nothing restarts, and what ended meanwhile is told', async (t) => {
  const simulation = await openSystem({ seed: first, cells: 8, commitMs: 5 });
  t.teardown(simulation.close);
  for (let app = 0; app < 8; app += 1) await push(simulation, `app-${app}`, 5);
  await submit(simulation, 'task');
  await simulation.until(() => problemsOf(simulation), 30);
  const before = instancesOf(simulation);
  const containers = [...simulation.cells.values()].flatMap((cell) => cell.contents());
  const [one] = containers.filter(({ identity }) => identity.kind === 'lrp');
  const [task] = containers.filter(({ identity }) => identity.kind === 'task');
  simulation.killBbs();
  await simulation.run(100);
  one?.container.processes.get('main')?.end({ code: 3 });
  task?.container.processes.get('main')?.end({ code: 0 });
  await simulation.run(200);
  await simulation.startBbs();
  await simulation.until(() => problemsOf(simulation), 30);
  const after = instancesOf(simulation);
  const changed = [...before].filter(([name, guid]) => after.get(name) !== guid);
  t.equal(changed.length, 1, 'only the instance that ended is another');
  t.equal(changed[0]?.[1], one?.identity.guid);
  t.same([told(simulation, 'SUSPECT'), told(simulation, 'crashed')], [0, 1]);
  t.match(simulation.fold.task('task'), { state: 'Completed', failed: false });
  t.same(simulation.wrongs, []);
});
