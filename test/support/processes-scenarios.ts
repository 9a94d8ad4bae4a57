/**
 * What a system of separate processes must stand; each scenario throws at the first thing that is not as it should
 * be, and answers what it counted. The suite runs them short, `npm run soak:processes` as long as they are promised.
 */
import assert from 'node:assert/strict';
import type { ActualLrp } from '../../common/model/lrp.js';
import { IMAGE_NODE } from './docker-engine.js';
import { eventually } from './eventually.js';
import { startLoad } from './load.js';
import type { Load } from './load.js';
import { PROBE, visit } from './one-process.js';
import type { ProcessSystem } from './processes.js';

export type Counts = Record<string, number>;

export const APP = 'probe';
const RATE = 100;

export const rows = async ({ bbs }: ProcessSystem): Promise<ActualLrp[]> => {
  const result = await bbs.actualLrps({});
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};

/** Instances as those who look for a restart see them. */
export const identities = (all: readonly ActualLrp[]): string[] =>
  all
    .map(({ processGuid, index, instanceGuid, cellId, state, presence, crashCount, since }) =>
      [processGuid, index, instanceGuid, cellId, state, presence, crashCount, since].join(' '),
    )
    .sort();

export const running = async (
  system: ProcessSystem,
  count: number,
  timeoutMs = 60_000,
): Promise<ActualLrp[]> =>
  eventually(
    async () => {
      const all = await rows(system);
      const sound = all.filter(({ state, presence }) => state === 'RUNNING' && presence === 'ORDINARY');
      return sound.length === count && all.length === count && all;
    },
    { timeoutMs, what: `${count} instances run, and nothing else is known` },
  );

export const answers = (system: ProcessSystem): Promise<true> =>
  eventually(async () => (await visit(system, APP)).status === 200, { what: 'the application answers' });

export const load = ({ endpoint }: ProcessSystem): Load =>
  startLoad({ url: endpoint.router, host: `${APP}.localhost`, perSecond: RATE });

export const assertUnbroken = (under: string, { failures, answered }: Load): void => {
  assert.deepEqual(failures, [], `every request is answered: ${under}`);
  assert.ok(answered > 0, `somebody asked: ${under}`);
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Pushes the probe application and waits until all of its instances run. */
export const pushProbe = async (system: ProcessSystem, instances: number): Promise<Counts> => {
  const pushed = await system.outcry('push', PROBE, '-i', String(instances), '-m', '64M');
  assert.match(pushed, new RegExp(`${instances} of ${instances} running`));
  await answers(system);
  return { instances: (await running(system, instances)).length };
};

/** An image of the engine's own that answers at a port which it exposes. */
export const IMAGE = 'outcry-story-image';
export const IMAGE_PORT = 9000;
export const IMAGE_COMMAND = [
  IMAGE_NODE,
  '-e',
  `require('http').createServer((_, response) => response.end('from an image')).listen(${IMAGE_PORT})`,
];

/** An image is pushed, answers, and is deleted again. */
export const imageAsApplication = async (system: ProcessSystem): Promise<Counts> => {
  const pushed = await system.outcry('push', 'picture', '-o', IMAGE, '-m', '64M', '-i', '2');
  assert.match(pushed, /2 of 2 running/);
  await eventually(async () => (await visit(system, 'picture')).body === 'from an image', {
    what: 'the image answers',
  });
  await system.outcry('delete', 'picture');
  return { instances: 2 };
};

/** Everyday work: scale over all cells, logs, a task, restart. */
export const everydayWork = async (system: ProcessSystem): Promise<Counts> => {
  assert.match(await system.outcry('scale', APP, '-i', '10'), /10 of 10 running/);
  const all = await running(system, 10);
  const cells = new Set(all.map(({ cellId }) => cellId));
  assert.equal(cells.size, system.cells.length, 'every cell has a part');
  assert.match(await system.outcry('run-task', APP, 'echo from the task', '--wait'), /succeeded/);
  await eventually(async () => /OUT from the task/.test(await system.outcry('logs', APP, '--recent')), {
    what: "the task's output is among the logs",
  });
  assert.match(await system.outcry('restart', APP), /10 of 10 running/);
  const again = await running(system, 10);
  const before = new Set(all.map(({ instanceGuid }) => instanceGuid));
  assert.ok(
    again.every(({ instanceGuid }) => !before.has(instanceGuid)),
    'a restart makes new instances',
  );
  return { instances: all.length, cells: cells.size };
};

/** One of three NATS servers dies: work goes on, and the others take over its clients. */
export const natsServerKilled = async (system: ProcessSystem): Promise<Counts> => {
  const before = identities(await rows(system));
  const asking = load(system);
  const [victim = ''] = system.natsServers;
  await system.kill(victim);
  assert.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/);
  system.start(victim);
  await system.ready();
  await asking.stop();
  assertUnbroken('a NATS server killed', asking);
  assert.deepEqual(identities(await rows(system)), before, 'nothing restarted');
  return { answered: asking.answered };
};

/** All of NATS is away for a while: nothing restarts, nobody is suspected, routes serve on; all catches up. */
export const natsDown = async (system: ProcessSystem, { downMs }: { downMs: number }): Promise<Counts> => {
  const before = identities(await rows(system));
  const asking = load(system);
  await Promise.all(system.natsServers.map((name) => system.kill(name)));
  const until = performance.now() + downMs;
  let looks = 0;
  while (performance.now() < until) {
    assert.deepEqual(identities(await rows(system)), before, 'no instance restarts, none is SUSPECT');
    looks += 1;
    await sleep(250);
  }
  for (const name of system.natsServers) system.start(name);
  await system.ready();
  assert.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/);
  await asking.stop();
  assertUnbroken('NATS away', asking);
  assert.deepEqual(identities(await rows(system)), before, 'nor when it is back');
  return { answered: asking.answered, looks };
};

/** Every process in turn is killed and started again, the router aside: the application answers throughout. */
export const eachProcessKilled = async (system: ProcessSystem): Promise<Counts> => {
  const before = identities(await rows(system));
  const asking = load(system);
  const victims = [...system.natsServers, ...system.components].filter((name) => name !== 'router');
  for (const victim of victims) {
    const answered = asking.answered;
    await system.kill(victim);
    await eventually(() => asking.answered > answered + RATE / 2, {
      what: `requests go on without ${victim}`,
    });
    system.start(victim);
    await system.ready();
    assertUnbroken(`${victim} killed`, asking);
  }
  await asking.stop();
  assertUnbroken('after the last', asking);
  assert.deepEqual(identities(await rows(system)), before, 'no instance restarted');
  return { killed: victims.length, answered: asking.answered };
};

/** The router comes back with all routes by itself. */
export const routerKilled = async (system: ProcessSystem): Promise<Counts> => {
  const before = identities(await rows(system));
  await system.kill('router');
  system.start('router');
  await answers(system);
  assert.deepEqual(identities(await rows(system)), before);
  return { killed: 1 };
};

/** Of one task: each start prints a number of its own, so that a line told twice is no second start. */
export const startsOf = (log: string, word: string): number =>
  new Set([...log.matchAll(new RegExp(`${word} ([0-9a-f-]{36})`, 'g'))].map(([, start]) => start)).size;

/**
 * A cell dies for good, with tasks on it: its instances run elsewhere within the lease and 2 s, and no task is run a
 * second time.
 */
export const cellKilled = async (
  system: ProcessSystem,
  { tasks, slackMs }: { tasks: number; slackMs: number },
): Promise<Counts> => {
  const [victim = ''] = system.cells;
  const count = (await rows(system)).length;
  const words = Array.from({ length: tasks }, (_, index) => `begun-${index}`);
  for (const word of words)
    await system.outcry('run-task', APP, `echo "${word} $(cat /proc/sys/kernel/random/uuid)"; sleep 300`);
  await eventually(
    async () => {
      const log = await system.outcry('logs', APP, '--recent');
      return words.every((word) => startsOf(log, word) === 1);
    },
    { timeoutMs: 60_000, what: 'every task has begun' },
  );

  const onVictim = (await rows(system)).filter(({ cellId }) => cellId === victim);
  assert.ok(onVictim.length > 0, 'the cell had instances');
  const killedAt = performance.now();
  await system.kill(victim);
  const moved = await eventually(
    async () => {
      const sound = (await rows(system)).filter(
        ({ state, cellId }) => state === 'RUNNING' && cellId !== victim,
      );
      return new Set(sound.map(({ index }) => index)).size === count && sound;
    },
    { timeoutMs: system.presenceTtlMs + slackMs, what: `its instances run elsewhere in time` },
  );
  const movedAfterMs = Math.round(performance.now() - killedAt);

  system.start(victim);
  await system.ready();
  await running(system, count);
  const log = await system.outcry('logs', APP, '--recent');
  for (const word of words) assert.equal(startsOf(log, word), 1, `${word} ran once`);
  return { moved: onVictim.length, movedAfterMs, running: moved.length, tasks };
};

/** The machine sleeps: every process of the platform stops for a while and goes on as if nothing had been. */
export const machineAsleep = async (
  system: ProcessSystem,
  { sleepMs }: { sleepMs: number },
): Promise<Counts> => {
  const before = identities(await rows(system));
  const all = [...system.natsServers, ...system.components];
  for (const name of all) system.signal(name, 'SIGSTOP');
  await sleep(sleepMs);
  for (const name of all) system.signal(name, 'SIGCONT');
  await system.ready();
  await answers(system);
  // longer than a presence lives unheard: whatever would be declared lost has been
  const until = performance.now() + system.presenceTtlMs + 5_000;
  let looks = 0;
  while (performance.now() < until) {
    assert.deepEqual(identities(await rows(system)), before, 'nothing is declared lost, nothing restarted');
    looks += 1;
    await sleep(500);
  }
  assert.match(await system.outcry('run-task', APP, 'true', '--wait'), /succeeded/);
  return { asleepMs: sleepMs, looks };
};

/** What has been pushed can be deleted, and nothing of it is left on any cell. */
export const deleteAll = async (system: ProcessSystem): Promise<Counts> => {
  await system.outcry('delete', APP);
  await eventually(async () => (await rows(system)).length === 0, { what: 'no instance is left' });
  await eventually(async () => (await visit(system, APP)).status === 404, { what: 'its route is gone' });
  return {};
};
