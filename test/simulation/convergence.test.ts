import t from 'tap';
import type { Fault } from '../support/simulation-chaos.js';
import { FAULTS, chaosScript, runChaos } from '../support/simulation-chaos.js';
import { problemsOf } from '../support/simulation-checks.js';
import { createPeople } from '../support/simulation-people.js';
import type { Simulation } from '../support/simulation.js';
import { chosenSeed, createSimulation, rounds } from '../support/simulation.js';

const SIZE = { zone: 'z1', memoryMb: 4096, diskMb: 65_536, containers: 60 };
const CELLS = 8;

interface Run {
  seed: number;
  /** simulated seconds under faults */
  seconds: number;
  faults: readonly Fault[];
  faultEvery: number;
}

interface Told {
  simulation: Simulation;
  summary: string;
}

const open = async (seed: number): Promise<{ simulation: Simulation; calm(): void }> => {
  let calm = false;
  const simulation: Simulation = createSimulation({
    seed,
    commitMs: 30,
    script: chaosScript(
      () => simulation.random.fraction(),
      () => calm,
    ),
    bbs: { expire_completed_task_duration: '1000h', expire_pending_task_duration: '1000h' },
  });
  await simulation.startBbs();
  await simulation.addAuctioneer();
  await simulation.addAuctioneer();
  for (let index = 0; index < CELLS; index += 1) {
    await simulation.addCell(`cell-${index + 1}`, { ...SIZE, zone: `z${(index % 3) + 1}` });
  }
  await simulation.run(5);
  const fresh = await simulation.drive(simulation.client.upsertDomain('apps', 0, 'people'));
  if (!fresh.ok) throw new Error('no domain');
  return { simulation, calm: () => void (calm = true) };
};

/** Faults for a while, then none: everything must be as it should be, in time. */
const run = async ({ seed, seconds, faults, faultEvery }: Run): Promise<Told> => {
  const { simulation, calm } = await open(seed);
  try {
    const people = createPeople(simulation, { apps: 15, tasks: 200, prefix: String(seed) });
    const chaos = await runChaos({
      simulation,
      people,
      seconds,
      faults,
      faultEvery,
      peopleEvery: 2,
      size: SIZE,
    });
    calm();
    const settled = await simulation.until(
      () => [...problemsOf(simulation), ...people.lost(), ...(people.waiting() > 0 ? ['people wait'] : [])],
      3_600,
    );
    const { apps, tasks, acknowledged } = people.counts();
    const made = [...chaos.counts].map(([fault, count]) => `${fault} ${count}`).join(', ');
    return {
      simulation,
      summary: `seed ${seed}: ${made}; ${acknowledged} acknowledged, ${apps} apps, ${tasks} tasks, ${simulation.starts.size} starts, ${simulation.events.length} events, ${simulation.store.cut} commits cut; settled in ${settled} s`,
    };
  } catch (error) {
    process.stderr.write(`${simulation.log()}\n`);
    throw error;
  } finally {
    simulation.close();
  }
};

const first = chosenSeed();
t.setTimeout(30_000 * rounds());
for (let round = 0; round < rounds(); round += 1) {
  const seed = first + round;
  t.test(`convergence - all faults together, OUTCRY_SEED=${seed}`, async (t) => {
    const { simulation, summary } = await run({ seed, seconds: 300, faults: FAULTS, faultEvery: 6 });
    t.comment(summary);
    t.same(simulation.wrongs, []);
    if (simulation.wrongs.length > 0) process.stderr.write(`${simulation.log()}\n`);
  });
}
