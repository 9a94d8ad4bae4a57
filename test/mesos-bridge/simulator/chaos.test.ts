/** A simulated Mesos that is broken in every way at once, by chance: it must still add up when all is whole again. */
import t from 'tap';
import type { Test } from 'tap';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import type { Random } from '../../../common/ports/random.js';
import { createChanceFates } from '../../../mesos-bridge/simulator/chance-fates.js';
import { eventually } from '../../support/eventually.js';
import { executorOf, startTestFramework, startTestMesos, taskOn } from '../../support/simulated-mesos.js';
import type { TestFramework, TestMesos } from '../../support/simulated-mesos.js';

const AGENTS = 5;
const STEPS = 60;
const PAUSE_MS = 30;

const CHANCES = { drop: 0, double: 0.1, behind: 0.1, delay: 0.1, longestDelayMs: 60 };

const TERMINAL = /FINISHED|FAILED|KILLED|ERROR|LOST|DROPPED|GONE/;

const pick = <T>(random: Random, of: readonly T[]): T | undefined =>
  of[Math.floor(random.fraction() * of.length)];

interface World {
  readonly mesos: TestMesos;
  readonly framework: TestFramework;
  readonly random: Random;
  launched: number;
  readonly done: Record<string, number>;
}

const launch = ({ framework, random, ...world }: World, of: World): void => {
  const offer = pick(random, [...framework.offers.values()]);
  if (!offer) return;
  const count = 1 + Math.floor(random.fraction() * 3);
  const executor = executorOf(`e-${Math.floor(random.fraction() * 3)}`);
  const ids = Array.from({ length: count }, (_, index) => `t-${world.launched + index}`);
  of.launched += count;
  framework.accept(
    offer,
    ids.map((id) => taskOn(offer, id, { executor })),
  );
};

const ACTIONS: Readonly<Record<string, (world: World) => void>> = {
  launch: (world) => launch(world, world),
  'launch again': (world) => launch(world, world),
  kill({ framework, random }) {
    const alive = framework.statuses.filter(({ state }) => state === 'TASK_RUNNING');
    const { taskId, agentId } = pick(random, alive) ?? {};
    if (taskId) void framework.client.send({ type: 'KILL', kill: { taskId, ...(agentId && { agentId }) } });
  },
  'kill an executor'({ mesos, random }) {
    const agent = pick(random, mesos.agents);
    const executor = pick(random, agent?.executors() ?? []);
    if (executor) agent?.signal(executor, 'SIGKILL');
  },
  'cut an agent off'({ mesos, random }) {
    const agent = pick(random, mesos.agents);
    if (agent?.id() !== undefined) mesos.partition(agent.hostname);
  },
  'bring them back': ({ mesos }) => mesos.faults.partitioned.clear(),
  'crash an agent': ({ mesos, random }) => {
    const agent = pick(random, mesos.agents);
    if (agent?.phase() === 'registered') agent.crash();
  },
  'start those that are down': ({ mesos }) => mesos.agents.forEach((agent) => agent.restart()),
  'another master': ({ mesos, random }) => {
    if (random.fraction() < 0.2) mesos.failOver();
  },
};

const breakIt = async (world: World): Promise<void> => {
  for (let step = 0; step < STEPS; step += 1) {
    const name = pick(world.random, Object.keys(ACTIONS)) ?? '';
    ACTIONS[name]?.(world);
    world.done[name] = (world.done[name] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
};

/** cpus that are offered, in thousandths */
const offered = ({ offers }: TestFramework): number =>
  [...offers.values()].reduce(
    (sum, { resources }) =>
      sum + Math.round(1_000 * (resources.find(({ name }) => name === 'cpus')?.scalar?.value ?? 0)),
    0,
  );

/** Until nothing runs and all is offered again: what is asked for once may be lost with a master. */
const empty = async ({ mesos, framework }: World): Promise<void> => {
  mesos.faults.partitioned.clear();
  mesos.agents.forEach((agent) => agent.restart());
  let asked = 0;
  await eventually(
    () => {
      asked += 1;
      if (asked % 30 === 1)
        for (const agent of mesos.agents)
          for (const { executorId } of agent.executors())
            void framework.client.send({
              type: 'SHUTDOWN',
              shutdown: { executorId: { value: executorId }, agentId: { value: agent.id() ?? '' } },
            });
      return mesos.agents.every((agent) => agent.phase() === 'registered' && agent.executors().length === 0);
    },
    { timeoutMs: 60_000, what: 'no executor is left' },
  );
  await eventually(() => offered(framework) === AGENTS * 4_000, {
    timeoutMs: 60_000,
    what: 'all is offered again',
  });
};

const live = async (t: Test, seed: number): Promise<void> => {
  const mesos = await startTestMesos(t, { seed, agents: AGENTS, masters: 2 });
  const framework = startTestFramework(t, mesos);
  await framework.offer();
  mesos.faults.fromAgent = createChanceFates(createSeededRandom(seed), CHANCES);
  mesos.faults.toAgent = createChanceFates(createSeededRandom(seed + 1), CHANCES);
  const world: World = { mesos, framework, random: createSeededRandom(seed), launched: 0, done: {} };
  await breakIt(world);
  await empty(world);
  t.comment(`seed ${seed}: ${world.launched} tasks, ${JSON.stringify(world.done)}`);
  const twice = [...mesos.executors.launches].filter(([, count]) => count > 1);
  t.same(twice, [], `seed ${seed}: no task was handed over twice`);
  const running = [...mesos.executors.launches.keys()].filter(
    (id) => !TERMINAL.test(framework.state(id) ?? ''),
  );
  t.same(
    running.filter((id) => !['TASK_UNREACHABLE', 'TASK_UNKNOWN'].includes(framework.state(id) ?? '')),
    [],
    `seed ${seed}: nothing is said to run`,
  );
  t.equal(mesos.executors.alive(), 0, `seed ${seed}: no executor is left`);
  await framework.client.close();
  await mesos.stop();
};

for (const seed of [1, 2, 3])
  t.test(`simulated Mesos - broken by chance, seed ${seed}`, (t) => live(t, seed));
