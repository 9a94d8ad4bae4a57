import t from 'tap';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { problemsOf, tasksOf } from '../support/simulation-checks.js';
import { instancesOf, openSystem, push, submit, told } from '../support/simulation-system.js';
import { chosenSeed } from '../support/simulation.js';
import type { Simulation } from '../support/simulation.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

const open = async (): Promise<Simulation> => {
  const simulation = await openSystem({ seed, cells: 8, commitMs: 5 });
  t.teardown(simulation.close);
  for (let app = 0; app < 8; app += 1) await push(simulation, `app-${app}`, 5);
  for (let task = 0; task < 10; task += 1) await submit(simulation, `task-${task}`);
  await simulation.until(() => problemsOf(simulation), 30);
  return simulation;
};

const allConnections = (simulation: Simulation): MemoryBus[] =>
  [
    simulation.boardConnection(),
    ...[...simulation.cells.values()].map((cell) => cell.connection()),
    ...[...simulation.auctioneers.values()].map(({ connection }) => connection),
  ].filter((one) => one !== undefined);

t.test('bus - down for a minute: nothing restarts, nobody is suspected, all catches up', async (t) => {
  const simulation = await open();
  const before = instancesOf(simulation);
  const starts = simulation.starts.size;
  const connections = allConnections(simulation);
  for (const connection of connections) connection.disconnect();
  await simulation.run(10);
  await push(simulation, 'late-app', 6);
  await submit(simulation, 'late-task');
  await simulation.run(50);
  t.same(instancesOf(simulation), before, 'the same instances run');
  t.equal(simulation.starts.size, starts, 'nothing was started');
  t.equal(tasksOf(simulation).filter(({ state }) => state === 'Running').length, 10);
  for (const connection of connections) connection.reconnect();
  const seconds = await simulation.until(() => problemsOf(simulation), 60);
  t.ok(seconds <= 10, `what was asked for meanwhile runs after ${seconds} s`);
  t.same(
    [...instancesOf(simulation)].filter(([name]) => !name.startsWith('late')),
    [...before],
  );
  t.same([told(simulation, 'SUSPECT'), told(simulation, 'crashed')], [0, 0]);
  t.same(simulation.wrongs, []);
});

t.test('bus - lost by one cell for five minutes: its presence goes another way', async (t) => {
  const simulation = await open();
  const before = instancesOf(simulation);
  const cell = simulation.cells.get('cell-3');
  cell?.connection()?.disconnect();
  await simulation.run(60);
  await push(simulation, 'late-app', 6);
  await simulation.run(240);
  t.same(problemsOf(simulation), [], 'the others took the new work');
  t.notOk([...(cell?.contents() ?? [])].some(({ identity }) => identity.processGuid === 'late-app'));
  cell?.connection()?.reconnect();
  await simulation.run(10);
  t.same(problemsOf(simulation), []);
  t.same(
    [...instancesOf(simulation)].filter(([name]) => !name.startsWith('late')),
    [...before],
  );
  t.equal(told(simulation, 'SUSPECT'), 0);
});

t.test('bus - lost by the BBS alone: no lease ends that could not be heard', async (t) => {
  const simulation = await open();
  const before = instancesOf(simulation);
  simulation.boardConnection()?.disconnect();
  await simulation.run(300);
  simulation.boardConnection()?.reconnect();
  await push(simulation, 'late-app', 6);
  await simulation.until(() => problemsOf(simulation), 30);
  t.same(
    [...instancesOf(simulation)].filter(([name]) => !name.startsWith('late')),
    [...before],
  );
  t.equal(told(simulation, 'SUSPECT'), 0);
});

t.test('bus - lost by the BBS, and its HTTP out of reach as well: still nobody is suspected', async (t) => {
  const simulation = await open();
  const before = instancesOf(simulation);
  simulation.boardConnection()?.disconnect();
  simulation.faults.wire.loseRequest = 1;
  await simulation.run(60);
  simulation.boardConnection()?.reconnect();
  // back on the bus, cells have a whole lease's time to be heard
  await simulation.run(14);
  simulation.faults.wire.loseRequest = 0;
  await simulation.until(() => problemsOf(simulation), 60);
  t.same(instancesOf(simulation), before);
  t.equal(told(simulation, 'SUSPECT'), 0);
  t.equal(tasksOf(simulation).filter(({ state }) => state === 'Running').length, 10);
  t.same(simulation.wrongs, []);
});

t.test('bus - lost by the active auctioneer, or the auctioneer killed: the stand-by places', async (t) => {
  const simulation = await open();
  const [first] = simulation.auctioneers.values();
  first?.connection.disconnect();
  await push(simulation, 'app-of-the-second', 6);
  const seconds = await simulation.until(() => problemsOf(simulation), 60);
  t.ok(seconds <= 30, `placed by the second after ${seconds} s`);
  first?.connection.reconnect();
  await simulation.run(20);
  const [, second] = simulation.auctioneers.values();
  second?.kill();
  await push(simulation, 'app-of-the-first', 6);
  const again = await simulation.until(() => problemsOf(simulation), 60);
  t.ok(again <= 30, `placed by the first again after ${again} s`);
  t.same(simulation.wrongs, []);
});
