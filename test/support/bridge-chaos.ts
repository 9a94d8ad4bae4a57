import { must } from './bbs.js';
import { chaosScript, createAgenda, replaceLost, storm } from './simulation-chaos.js';
import { desiredOf, eventProblems, isWaiting, tasksOf } from './simulation-checks.js';
import { createMesosFaults } from './simulation-mesos-faults.js';
import type { MesosFault } from './simulation-mesos-faults.js';
import {
  askForBids,
  bridgeProblems,
  mesosLeftovers,
  mesosRunProblems,
  slotsOf,
} from './simulation-mesos-checks.js';
import { createSimulationMesos } from './simulation-mesos.js';
import type { SimulationMesos } from './simulation-mesos.js';
import { createPeople } from './simulation-people.js';
import type { People } from './simulation-people.js';
import { createSimulation } from './simulation.js';
import type { Simulation } from './simulation.js';

/** What hurts most: those named twice come twice as often. */
const FAULTS: readonly MesosFault[] = [
  'master-failover',
  'master-failover',
  'cut-streams',
  'lose-agent',
  'leave-agent',
  'cut-off-agent',
  'cut-off-agent',
  'restart-agent',
  'restart-agent',
  'kill-executor',
  'kill-executor',
  'kill-worker',
  'kill-bridge',
  'kill-bridge',
  'pause-bridge',
  'rescind-offers',
  'rescind-offers',
  'status-weather',
  'status-weather',
  'lost-launches',
  'lost-kills',
  'cut-bus',
  'cut-one',
  'remove-framework',
  'kill-bbs',
  'kill-auctioneer',
  'bus-weather',
  'wire-weather',
  'crash',
];

const MACHINES = 5;
/** simulated seconds in which all must be well again, and in which all that nobody wants must be gone */
const SOON = 150;
const SETTLED = 900;
const EMPTIED = 900;

export interface MesosAftermath {
  seed: number;
  simulation: Simulation;
  counts: ReadonlyMap<MesosFault, number>;
  /** simulated s from the last fault until all was well */
  settledSeconds: number;
  /** simulated s for which instances were away that had run before */
  outages: readonly number[];
  /** what happened, in numbers */
  summary: string;
  /** what must never happen, and did */
  wrongs: string[];
}

/** How long instances that have run once do not run. */
const createWatch = (simulation: Simulation, mesos: SimulationMesos) => {
  const { clock } = simulation;
  /** since when; undefined: it runs */
  const away = new Map<string, number | undefined>();
  const outages: number[] = [];
  return {
    outages,
    look(): void {
      if (simulation.board() === undefined) return;
      const slots = slotsOf(simulation, mesos);
      for (const slot of [...away.keys()]) if (!slots.has(slot)) away.delete(slot);
      for (const [slot, runs] of slots) {
        const since = away.get(slot);
        if (runs && since !== undefined) outages.push((clock.monotonic() - since) / 1000);
        if (runs) away.set(slot, undefined);
        else if (away.has(slot) && since === undefined) away.set(slot, clock.monotonic());
      }
    },
  };
};

const openSystem = async (seed: number, calm: () => boolean) => {
  const simulation: Simulation = createSimulation({
    seed,
    commitMs: 20,
    auctioneer: { backends: ['mesos'] },
    bbs: { expire_completed_task_duration: '1000h', expire_pending_task_duration: '1000h' },
    script: (process, container) => chaosScript(() => simulation.random.fraction(), calm)(process, container),
  });
  await simulation.startBbs();
  await simulation.addAuctioneer();
  await simulation.addAuctioneer();
  const mesos = createSimulationMesos(simulation);
  for (let index = 0; index < MACHINES; index += 1) mesos.addMachine();
  await simulation.drive(mesos.addBridge());
  await simulation.drive(mesos.addBridge());
  await simulation.run(5);
  must(await simulation.drive(simulation.client.upsertDomain('apps', 0, 'people')));
  return { simulation, mesos };
};

/** Removes all that is desired, and every task. */
const stopAll = async ({ client, drive, ...simulation }: Simulation): Promise<void> => {
  for (const { processGuid } of desiredOf(simulation as Simulation))
    must(await drive(client.removeDesiredLrp(processGuid, 'people')));
  for (const { taskGuid, state } of tasksOf(simulation as Simulation))
    if (state === 'Pending' || state === 'Running') await drive(client.cancelTask(taskGuid, 'people'));
};

/** In how many s all is well: soon, but for waits that are meant to be long. */
const settle = async (
  { simulation, mesos }: { simulation: Simulation; mesos: SimulationMesos },
  problems: () => Promise<string[]>,
): Promise<number> => {
  const isCell = (cellId: string): boolean =>
    mesos.boxes().some((box) => box.cellId === cellId && box.exists());
  let passed = 0;
  for (; passed < SOON && (await problems()).length > 0; passed += 1) await simulation.run(1);
  const late = await problems();
  if (late.length > 0 && !isWaiting(simulation, isCell))
    simulation.parts.wrong(`late: ${late.slice(0, 8).join(' · ')}`);
  return passed + (late.length > 0 ? await simulation.until(problems, SETTLED) : 0);
};

const summaryOf = (parts: {
  seed: number;
  counts: ReadonlyMap<MesosFault, number>;
  people: People;
  simulation: Simulation;
  mesos: SimulationMesos;
  settledSeconds: number;
}): string => {
  const { seed, counts, people, simulation, mesos, settledSeconds } = parts;
  const { apps, tasks, acknowledged } = people.counts();
  return [
    `seed ${seed}: ${[...counts].map(([fault, count]) => `${fault} ${count}`).join(', ')}`,
    `${acknowledged} acknowledged, ${apps} apps, ${tasks} tasks`,
    `${simulation.starts.size} starts, ${mesos.boxes().length} executors`,
    `settled in ${settledSeconds} s`,
  ].join('; ');
};

/**
 * A simulated Mesos, two bridges, auctioneers and a BBS, of which all but the sockets and the containers is real, under
 * faults. In the end everything that is wanted runs once, whoever is asked; then nothing is wanted, and nothing is left.
 * The same seed gives the same run.
 */
export const mesosChaos = async (seed: number, seconds: number): Promise<MesosAftermath> => {
  let calm = false;
  const { simulation, mesos } = await openSystem(seed, () => calm);
  const { wrongs } = simulation;
  try {
    const people = createPeople(simulation, { apps: 10, tasks: 150, prefix: String(seed) });
    const agenda = createAgenda(simulation);
    const watch = createWatch(simulation, mesos);
    const witness = simulation.parts.connect();
    const openBbs = async (): Promise<void> => {
      await simulation.startBbs();
      wrongs.push(...people.lost().map((problem) => `after a restart ${problem}`));
    };
    const step = async (): Promise<void> => {
      await replaceLost({ simulation, people });
      wrongs.push(...eventProblems(simulation));
      watch.look();
      void askForBids(witness, mesos).then((problems) => problems.forEach(simulation.parts.wrong));
    };
    const make = createMesosFaults({ simulation, mesos, agenda, openBbs });
    const weather = { simulation, people, seconds, faultEvery: 4, peopleEvery: 0.8 };
    const { counts } = await storm({ ...weather, faults: FAULTS, make, agenda, step });
    calm = true;
    const waiting = (): string[] => (people.waiting() > 0 ? ['people wait for answers'] : []);
    const settling = async (problems: () => string[]): Promise<string[]> => {
      await step();
      const all = problems();
      return all.length > 0 ? all : simulation.drive(bridgeProblems(witness, mesos));
    };
    const all = (): Promise<string[]> =>
      settling(() => [...mesosRunProblems(simulation, mesos), ...people.lost(), ...waiting()]);
    const settledSeconds = await settle({ simulation, mesos }, all);
    await stopAll(simulation);
    await simulation.until(() => settling(() => mesosLeftovers(simulation, mesos)), EMPTIED);
    const summary = summaryOf({ seed, counts, people, simulation, mesos, settledSeconds });
    if (wrongs.length > 0) process.stderr.write(`${simulation.log()}\n`);
    return { seed, simulation, counts, settledSeconds, outages: watch.outages, summary, wrongs };
  } catch (error) {
    process.stderr.write(`${simulation.log()}\n`);
    throw error;
  } finally {
    mesos.close();
    simulation.close();
  }
};
