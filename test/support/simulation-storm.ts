import type { Fault } from './simulation-chaos.js';
import { chaosScript, replaceLost, runChaos } from './simulation-chaos.js';
import { isWaiting, problemsOf } from './simulation-checks.js';
import type { People } from './simulation-people.js';
import { createPeople } from './simulation-people.js';
import { CELL_SIZE, openSystem } from './simulation-system.js';
import type { Simulation } from './simulation.js';

export interface Storm {
  seed: number;
  /** simulated seconds under faults */
  seconds: number;
  faults: readonly Fault[];
  /** mean seconds between two faults */
  faultEvery: number;
  /** mean seconds between two things that people do */
  peopleEvery: number;
  /** most seconds that a killed BBS is away; default 40 */
  bbsAway?: number;
  /** of every cell; default 4096, which is enough for all */
  memoryMb?: number;
}

export interface Aftermath {
  simulation: Simulation;
  /** what happened, in numbers */
  summary: string;
  /** what must never happen, and did */
  wrongs: string[];
}

/** Seconds in which all is well again, but for waits that are meant to be long; and those in which they are over. */
const SOON = 90;
const IN_THE_END = 1_800;

const settle = async (simulation: Simulation, people: People, problems: () => string[]): Promise<number> => {
  // a fault that waited for the next commit may make the BBS step down even now
  const check = async (): Promise<string[]> => {
    await replaceLost({ simulation, people });
    return problems();
  };
  let passed = 0;
  for (; passed < SOON && (await check()).length > 0; passed += 1) await simulation.run(1);
  const late = await check();
  if (late.length > 0 && !isWaiting(simulation)) {
    simulation.wrongs.push(`late: ${late.slice(0, 5).join(' · ')}`);
  }
  return passed + (await simulation.until(check, IN_THE_END));
};

/** Faults for a while, then none: everything must be as it should be, in time. */
export const weather = async (storm: Storm): Promise<Aftermath> => {
  const { seed } = storm;
  const size = { ...CELL_SIZE, memoryMb: storm.memoryMb ?? CELL_SIZE.memoryMb };
  let calm = false;
  const simulation: Simulation = await openSystem({
    seed,
    cells: 8,
    size,
    commitMs: 30,
    script: (process, container) =>
      chaosScript(
        () => simulation.random.fraction(),
        () => calm,
      )(process, container),
  });
  try {
    const people = createPeople(simulation, { apps: 15, tasks: 200, prefix: String(seed) });
    const chaos = await runChaos({ bbsAway: 40, ...storm, simulation, people, size });
    calm = true;
    const waiting = (): string[] => (people.waiting() > 0 ? ['people wait for answers'] : []);
    const problems = (): string[] => [...problemsOf(simulation), ...people.lost(), ...waiting()];
    const seconds = await settle(simulation, people, problems);
    const { apps, tasks, acknowledged } = people.counts();
    const summary = [
      `seed ${seed}: ${[...chaos.counts].map(([fault, count]) => `${fault} ${count}`).join(', ')}`,
      `${acknowledged} acknowledged, ${apps} apps, ${tasks} tasks`,
      `${simulation.sent()} messages of work, ${simulation.starts.size} starts`,
      `${simulation.events.length} events, ${simulation.store.cut} commits cut, settled in ${seconds} s`,
    ].join('; ');
    const { wrongs } = simulation;
    if (wrongs.length > 0) process.stderr.write(`${simulation.log()}\n`);
    return { simulation, summary, wrongs };
  } catch (error) {
    process.stderr.write(`${simulation.log()}\n`);
    throw error;
  } finally {
    simulation.close();
  }
};
