import fc from 'fast-check';
import { MesosWorld } from './mesos-world.js';

type Step = (world: MesosWorld, one: number, two: number) => void;

const STEPS: Record<string, Step> = {
  offer: (world, one) => world.offer(world.agent(one)),
  rescind: (world, one) => world.rescind(world.agent(one)),
  take: (world, one, two) => world.take(world.agent(one), two),
  starting: (world, one, two) => world.progress(world.agent(one), two, 'TASK_STARTING'),
  running: (world, one, two) => world.progress(world.agent(one), two, 'TASK_RUNNING'),
  finished: (world, one, two) => world.progress(world.agent(one), two, 'TASK_FINISHED'),
  failed: (world, one, two) => world.progress(world.agent(one), two, 'TASK_FAILED'),
  'executor dies': (world, one) => world.executorDies(world.agent(one)),
  vanish: (world, one) => world.vanish(world.agent(one)),
  'come back': (world, one) => world.comeBack(world.agent(one)),
  deliver: (world, one) => world.deliver(1 + one),
  'deliver all': (world) => world.deliver(Infinity),
  work: (world, one, two) => {
    world.offer(world.agent(one));
    world.deliver(Infinity);
    world.take(world.agent(one), two);
  },
  'a moment': (world, one) => world.pass(one * 100),
  'a while': (world, one) => world.pass(one * 10_000),
};

const step = fc.tuple(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('offer', 'take', 'deliver all', 'work') },
    { weight: 2, arbitrary: fc.constantFrom(...Object.keys(STEPS)) },
  ),
  fc.nat({ max: 9 }),
  fc.nat({ max: 99 }),
);

/** Everything ends: what is left then has leaked. */
const windUp = (world: MesosWorld): void => {
  world.deliver(Infinity);
  for (const agent of world.agents) world.comeBack(agent);
  world.deliver(Infinity);
  for (const agent of world.agents) while (agent.tasks.size > 0) world.progress(agent, 0, 'TASK_FINISHED');
  world.deliver(Infinity);
  world.check();
  world.book.offers.wants(0, world.now);
  for (let round = 0; round < 8; round += 1) {
    for (const agent of world.agents) world.offer(agent);
    world.deliver(Infinity);
    world.pass(200_000);
    world.deliver(Infinity);
  }
};

const leaks = (world: MesosWorld): string[] => [
  ...[...world.book.tasks.all()].map(({ id }) => `task ${id}`),
  ...[...world.book.executors.all()].map(({ id, state }) => `executor ${id} ${state}`),
  ...world.agents.flatMap(({ executors }) =>
    [...executors.keys()].map((id) => `executor ${id} on its agent`),
  ),
  ...(world.book.offers.held() > 0 ? ['offers'] : []),
];

/** How many tasks all worlds together have launched. */
export interface Tally {
  launched: number;
}

/** Any sequence of offers, work, statuses, losses: what a world of three agents throws at is a broken promise. */
export const bookKeepsItsPromises = (tally: Tally) =>
  fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
    const world = new MesosWorld(3);
    for (const [name, one, two] of steps) {
      STEPS[name]?.(world, one, two);
      world.check();
    }
    windUp(world);
    const left = leaks(world);
    if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
    tally.launched += world.launched.size;
  });
