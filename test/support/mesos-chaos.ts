/** A simulated Mesos that is broken in every way at once, by chance: it must still add up when all is whole again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { Random } from '../../common/ports/random.js';
import { createChanceFates } from '../../mesos-bridge/simulator/chance-fates.js';
import { eventually } from './eventually.js';
import { executorOf, startTestFramework, startTestMesos, taskOn } from './simulated-mesos.js';
import type { TestFramework, TestMesos } from './simulated-mesos.js';

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

export interface MesosChaos {
  readonly summary: string;
  /** what did not add up; [] = nothing */
  readonly wrongs: readonly string[];
}

const SAID_TO_BE_LOST = /UNREACHABLE|UNKNOWN/;

const check = ({ mesos, framework }: World): string[] => {
  const twice = [...mesos.executors.launches].filter(([, count]) => count > 1);
  const running = [...mesos.executors.launches.keys()].filter((id) => {
    const state = framework.state(id) ?? '';
    return !TERMINAL.test(state) && !SAID_TO_BE_LOST.test(state);
  });
  return [
    ...twice.map(([id, count]) => `${id} was handed over ${count} times`),
    ...running.map(
      (id) => `${id} is said to be ${framework.state(id) ?? 'nothing'}, and no executor is left`,
    ),
    ...(mesos.executors.alive() === 0 ? [] : [`${mesos.executors.alive()} executors are left`]),
  ];
};

const live = async (seed: number, mesos: TestMesos, framework: TestFramework): Promise<MesosChaos> => {
  await framework.offer();
  mesos.faults.fromAgent = createChanceFates(createSeededRandom(seed), CHANCES);
  mesos.faults.toAgent = createChanceFates(createSeededRandom(seed + 1), CHANCES);
  const world: World = { mesos, framework, random: createSeededRandom(seed), launched: 0, done: {} };
  await breakIt(world);
  const began = performance.now();
  await empty(world);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const done = Object.entries(world.done).map(([name, count]) => `${count} × ${name}`);
  return {
    summary: `seed ${seed}: ${world.launched} tasks; ${done.join(', ')}; all back after ${seconds} s`,
    wrongs: check(world),
  };
};

export const mesosChaos = async (seed: number): Promise<MesosChaos> => {
  const dir = mkdtempSync(join(tmpdir(), 'mesos-chaos-'));
  const ends: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const ground = { testdir: () => dir, teardown: (end: () => unknown) => void ends.unshift(end) };
  try {
    const mesos = await startTestMesos(ground, { seed, agents: AGENTS, masters: 2 });
    return await live(seed, mesos, startTestFramework(ground, mesos));
  } finally {
    for (const end of ends) await end();
  }
};
