import t from 'tap';
import { problemsOf, rowsOf, tasksOf } from '../support/simulation-checks.js';
import { instancesOf, openSystem, push, submit, told } from '../support/simulation-system.js';
import { chosenSeed } from '../support/simulation.js';
import type { Simulation } from '../support/simulation.js';
import type { SimulatedCell } from '../support/simulation-cell.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

const open = async (): Promise<{ simulation: Simulation; cell: SimulatedCell }> => {
  const simulation = await openSystem({ seed, cells: 8, commitMs: 5 });
  t.teardown(simulation.close);
  for (let app = 0; app < 8; app += 1) await push(simulation, `app-${app}`, 5);
  for (let task = 0; task < 16; task += 1) await submit(simulation, `task-${task}`);
  await simulation.until(() => problemsOf(simulation), 30);
  return { simulation, cell: simulation.cells.get('cell-4') as SimulatedCell };
};

const guidsOn = (cell: SimulatedCell, kind: 'lrp' | 'task'): string[] =>
  cell
    .contents()
    .flatMap(({ identity, running }) => (identity.kind === kind && running ? [identity.guid] : []));

/** What is left of a cell's work at the board. */
const rowsAt = (simulation: Simulation, cell: SimulatedCell) =>
  rowsOf(simulation).filter(({ cellId }) => cellId === cell.cellId);

t.test('rep - killed and back within its lease: nothing restarts, nobody noticed', async (t) => {
  const { simulation, cell } = await open();
  const before = instancesOf(simulation);
  const starts = simulation.starts.size;
  cell.kill();
  await simulation.run(8);
  await simulation.revive(cell);
  await simulation.until(() => problemsOf(simulation), 20);
  await simulation.run(60);
  t.same(problemsOf(simulation), []);
  t.same(instancesOf(simulation), before);
  t.equal(simulation.starts.size, starts);
  t.equal(told(simulation, 'SUSPECT'), 0);
  t.equal(tasksOf(simulation).filter(({ state }) => state === 'Running').length, 16);
  t.same(simulation.wrongs, []);
});

t.test(
  'rep - killed for long: its instances run elsewhere; it returns, and nothing is doubled',
  async (t) => {
    const { simulation, cell } = await open();
    const abandoned = guidsOn(cell, 'lrp');
    const tasks = guidsOn(cell, 'task');
    t.ok(abandoned.length > 0 && tasks.length > 0);
    cell.kill();
    await simulation.run(25);
    t.ok(told(simulation, 'SUSPECT') >= abandoned.length, 'its instances were suspected');
    t.same(rowsAt(simulation, cell), [], 'and replaced');
    t.equal(rowsOf(simulation).filter(({ state }) => state === 'RUNNING').length, 40);
    await simulation.run(60);
    const ended = tasksOf(simulation).filter(({ taskGuid }) => tasks.includes(taskGuid));
    t.same(
      ended.map(({ state, failureReason }) => `${state} ${failureReason}`),
      tasks.map(() => 'Completed cell disappeared before completion'),
    );
    t.same(guidsOn(cell, 'lrp').sort(), abandoned.sort(), 'its containers run on meanwhile');
    await simulation.revive(cell);
    const seconds = await simulation.until(() => problemsOf(simulation), 60);
    t.comment(`all well ${seconds} s after its return`);
    t.notOk(
      guidsOn(cell, 'lrp').some((guid) => abandoned.includes(guid)),
      'the abandoned ones were stopped',
    );
    t.same(guidsOn(cell, 'task'), []);
    t.same(simulation.wrongs, []);
  },
);

t.test('rep - back before its replacements run: they go, and its own stay', async (t) => {
  const { simulation, cell } = await open();
  const before = instancesOf(simulation);
  // replacements are claimed, and take a minute to be made
  Object.assign(simulation.faults.runtime, { slowMs: 120_000 });
  cell.kill();
  await simulation.run(22);
  const suspects = rowsAt(simulation, cell).filter(({ presence }) => presence === 'SUSPECT');
  t.ok(suspects.length > 0);
  await simulation.revive(cell);
  Object.assign(simulation.faults.runtime, { slowMs: 0 });
  await simulation.until(() => problemsOf(simulation), 200);
  const after = instancesOf(simulation);
  for (const { processGuid, index } of suspects) {
    const name = `${processGuid}/${index}`;
    t.equal(after.get(name), before.get(name), `${name} is the one it was`);
  }
  t.same(simulation.wrongs, []);
});

t.test('rep - the machine restarts: its instances are made anew at once, its tasks fail once', async (t) => {
  const { simulation, cell } = await open();
  const tasks = guidsOn(cell, 'task');
  cell.powerOff();
  await simulation.run(3);
  await simulation.revive(cell);
  const seconds = await simulation.until(() => problemsOf(simulation), 60);
  t.ok(seconds <= 5, `all run again ${seconds} s after its return`);
  t.equal(told(simulation, 'SUSPECT'), 0);
  t.same(
    tasks.map((guid) => tasksOf(simulation).find(({ taskGuid }) => taskGuid === guid)?.failureReason),
    tasks.map(() => 'task container does not exist'),
  );
  t.same(simulation.wrongs, []);
});

t.test('rep - a container that ended while its rep was away is told of with its end', async (t) => {
  const { simulation, cell } = await open();
  const [guid = ''] = guidsOn(cell, 'lrp');
  const [task = ''] = guidsOn(cell, 'task');
  cell.kill();
  cell.world.containers.get(guid)?.processes.get('main')?.end({ code: 42 });
  cell.world.containers.get(task)?.processes.get('main')?.end({ code: 0 });
  await simulation.run(3);
  await simulation.revive(cell);
  await simulation.until(() => problemsOf(simulation), 30);
  const crashes = simulation.events.filter((event) => event.kind === 'actual_lrp_crashed');
  t.match(crashes, [{ instanceGuid: guid, crashCount: 1, crashReason: /42/ }]);
  t.match(
    tasksOf(simulation).find(({ taskGuid }) => taskGuid === task),
    { state: 'Completed', failed: false },
  );
  t.same(simulation.wrongs, []);
});
