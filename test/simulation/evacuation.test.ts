/** A cell is emptied under traffic: whoever sends requests notices nothing. */
import t from 'tap';
import type { RouteRegistration } from '../../common/model/routing.js';
import { desiredLrp, must } from '../support/bbs.js';
import { problemsOf, rowsOf, tasksOf } from '../support/simulation-checks.js';
import type { SimulatedCell } from '../support/simulation-cell.js';
import { CELL_SIZE, openSystem, push, submit, told } from '../support/simulation-system.js';
import type { SystemOptions } from '../support/simulation-system.js';
import { chosenSeed } from '../support/simulation.js';
import type { Simulation } from '../support/simulation.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

const APPS = 6;
const INSTANCES = 3;

const read = (payload: Uint8Array) => JSON.parse(Buffer.from(payload).toString()) as RouteRegistration;

/** A router's table, and what a request at any moment would find. */
const addRouter = (simulation: Simulation) => {
  const endpoints = new Map<string, Set<string>>();
  const [neighbour] = [...simulation.auctioneers.values()];
  if (neighbour === undefined) throw new Error('there is no auctioneer');
  // a connection that outlives the BBS
  const bus = neighbour.connection;
  const of = (uri: string): Set<string> => {
    const found = endpoints.get(uri) ?? new Set();
    endpoints.set(uri, found);
    return found;
  };
  bus.subscribe('router.register', ({ payload }) => {
    const { uris, private_instance_id: id = '' } = read(payload);
    for (const uri of uris) of(uri).add(id);
  });
  bus.subscribe('router.unregister', (message) => {
    const { uris, private_instance_id: id = '' } = read(message.payload);
    for (const uri of uris) of(uri).delete(id);
    message.respond(Buffer.from(JSON.stringify({ id: 'router-1' })));
  });
  const start = { id: 'router-1', hosts: [], minimumRegisterIntervalInSeconds: 5 };
  bus.publish('router.start', Buffer.from(JSON.stringify(start)));
  return { endpoints };
};

type Router = ReturnType<typeof addRouter>;

const runningGuids = (simulation: Simulation): Set<string> =>
  new Set(
    [...simulation.cells.values()].flatMap((cell) =>
      cell.contents().flatMap(({ identity, running }) => (running ? [identity.guid] : [])),
    ),
  );

/** Requests, one per application and step: each needs an endpoint, and every endpoint an instance that runs. */
const request = (simulation: Simulation, { endpoints }: Router): string[] => {
  const running = runningGuids(simulation);
  return [...endpoints].flatMap(([uri, ids]) => {
    const dead = [...ids].filter((id) => !running.has(id));
    return ids.size === 0
      ? [`${uri} has no endpoint`]
      : dead.map((id) => `${uri} leads to ${id}, which is gone`);
  });
};

const open = async (
  options: Partial<SystemOptions> & { updateStrategy?: 'RECREATE' } = {},
): Promise<{ simulation: Simulation; router: Router; cell: SimulatedCell }> => {
  const { updateStrategy = 'ROLLING', ...others } = options;
  const script = () => ({ startMs: 500 });
  const simulation = await openSystem({ seed, cells: 4, commitMs: 5, script, ...others });
  t.teardown(simulation.close);
  const router = addRouter(simulation);
  for (let app = 0; app < APPS; app += 1) {
    const hostnames = [`app-${app}.example.com`];
    const routes = { 'cf-router': JSON.stringify([{ hostnames, port: 8080 }]) };
    const lrp = desiredLrp({
      processGuid: `app-${app}`,
      instances: INSTANCES,
      ports: [8080],
      routes,
      updateStrategy,
    });
    must(await simulation.drive(simulation.client.desireLrp(lrp, 'people')));
  }
  await simulation.until(() => problemsOf(simulation), 30);
  return { simulation, router, cell: simulation.cells.get('cell-2') as SimulatedCell };
};

/** Moves on in small steps, sending requests all the time, until `done`; what went wrong. */
const traffic = async (
  simulation: Simulation,
  router: Router,
  { done, seconds }: { done(): boolean; seconds: number },
): Promise<string[]> => {
  const wrong = new Set<string>();
  for (let step = 0; !done(); step += 1) {
    if (step > seconds * 20) return [...wrong, `not done after ${seconds} s`];
    await simulation.clock.advance(50);
    for (const problem of request(simulation, router)) wrong.add(problem);
  }
  return [...wrong];
};

/** Has the cell evacuate, and stops its rep when it says that it is done, as its process does. */
const evacuate = (simulation: Simulation, cell: SimulatedCell): (() => boolean) => {
  let gone = false;
  const rep = cell.rep();
  rep?.cell.evacuate({ traceId: 'operator' });
  void rep?.done.then(async () => {
    await cell.stop();
    simulation.cells.delete(cell.cellId);
    gone = true;
  });
  return () => gone;
};

const rowsAt = (simulation: Simulation, cell: SimulatedCell) =>
  rowsOf(simulation).filter(({ cellId }) => cellId === cell.cellId);

t.test('evacuation - under traffic: every request finds an instance, and all run elsewhere', async (t) => {
  const { simulation, router, cell } = await open();
  const moved = rowsAt(simulation, cell).length;
  t.ok(moved > 0, `${moved} instances are to move`);
  const done = evacuate(simulation, cell);
  t.same(await traffic(simulation, router, { done, seconds: 60 }), []);
  t.same(rowsAt(simulation, cell), []);
  await simulation.until(() => problemsOf(simulation), 30);
  t.equal(rowsOf(simulation).filter(({ state }) => state === 'RUNNING').length, APPS * INSTANCES);
  t.equal(told(simulation, 'SUSPECT'), 0, 'nobody took the cell for lost');
  t.equal(told(simulation, 'crashed'), 0);
  t.same(simulation.wrongs, []);
});

t.test('evacuation - two cells, one after the other has begun, and tasks that end meanwhile', async (t) => {
  const { simulation, router, cell } = await open();
  for (let task = 0; task < 8; task += 1) await submit(simulation, `task-${task}`);
  await simulation.until(() => problemsOf(simulation), 30);
  const other = simulation.cells.get('cell-3') as SimulatedCell;
  const gone = [cell, other].map((one) => evacuate(simulation, one));
  const tasks = [cell, other].flatMap((one) =>
    one.contents().filter(({ identity, running }) => running && identity.kind === 'task'),
  );
  t.ok(tasks.length > 0, `${tasks.length} tasks run there`);
  t.same(
    await traffic(simulation, router, { done: () => simulation.clock.monotonic() > 60_000, seconds: 60 }),
    [],
  );
  t.same(
    [cell, other].map((one) => one.contents().every(({ identity }) => identity.kind === 'task')),
    [true, true],
    'only tasks are left',
  );
  for (const { container } of tasks) container.processes.get('main')?.end({ code: 7 });
  t.same(await traffic(simulation, router, { done: () => gone.every((one) => one()), seconds: 60 }), []);
  const ended = tasksOf(simulation).filter(({ taskGuid }) =>
    tasks.some(({ identity }) => identity.guid === taskGuid),
  );
  t.ok(ended.every(({ state, failureReason }) => state === 'Completed' && /status 7/.test(failureReason)));
  await simulation.until(() => problemsOf(simulation), 60);
  t.same(simulation.wrongs, []);
});

t.test('evacuation - RECREATE: the old one is gone before the new one comes, one at a time', async (t) => {
  const { simulation, router, cell } = await open({ updateStrategy: 'RECREATE' });
  let most = 0;
  let fewest = INSTANCES;
  const gone = evacuate(simulation, cell);
  const done = (): boolean => {
    most = Math.max(most, ...[...router.endpoints.values()].map(({ size }) => size));
    const running = rowsOf(simulation).filter(({ state }) => state === 'RUNNING');
    for (let app = 0; app < APPS; app += 1) {
      const here = running.filter(({ processGuid }) => processGuid === `app-${app}`).length;
      fewest = Math.min(fewest, here);
    }
    return gone();
  };
  t.same(await traffic(simulation, router, { done, seconds: 300 }), [], 'the others of an application serve');
  t.equal(most, INSTANCES, 'no two of one index have traffic');
  t.equal(fewest, INSTANCES - 1, 'one of an application at a time');
  await simulation.until(() => problemsOf(simulation), 60);
  t.notOk(simulation.events.some((event) => JSON.stringify(event).includes('"EVACUATING"')));
  t.same(simulation.wrongs, []);
});

t.test('evacuation - no room elsewhere: what runs is served until the timeout, then given up', async (t) => {
  const cells = 3;
  const size = { ...CELL_SIZE, containers: (APPS * INSTANCES) / cells };
  const { simulation, router, cell } = await open({ cells, size, rep: { evacuation_timeout: '90s' } });
  const gone = evacuate(simulation, cell);
  const from = simulation.clock.monotonic();
  t.same(
    await traffic(simulation, router, {
      done: () => simulation.clock.monotonic() > from + 89_000,
      seconds: 100,
    }),
    [],
  );
  t.notOk(gone());
  const moved = rowsAt(simulation, cell).length;
  t.ok(moved > 0 && rowsAt(simulation, cell).every(({ presence }) => presence === 'EVACUATING'));
  await simulation.until(() => (gone() ? [] : ['it is there']), 40);
  t.same(rowsAt(simulation, cell), []);
  t.equal(rowsOf(simulation).filter(({ placementError }) => placementError !== '').length, moved);
  await simulation.addCell('cell-4', size);
  await simulation.until(() => problemsOf(simulation), 120);
  t.same(simulation.wrongs, []);
});

t.test('evacuation - the BBS is away for a while, and so is the rep: nothing is lost', async (t) => {
  const { simulation, router, cell } = await open();
  const done = evacuate(simulation, cell);
  await simulation.clock.advance(10);
  simulation.killBbs();
  await simulation.run(20);
  await simulation.startBbs();
  t.same(await traffic(simulation, router, { done, seconds: 120 }), []);
  await simulation.until(() => problemsOf(simulation), 60);
  const third = simulation.cells.get('cell-1') as SimulatedCell;
  third.rep()?.cell.evacuate({ traceId: 'operator' });
  await simulation.clock.advance(200);
  await simulation.revive(third);
  await simulation.until(() => problemsOf(simulation), 60);
  t.notOk(third.rep()?.cell.state().evacuating, 'a new life of the rep is not evacuating');
  t.same(simulation.wrongs, []);
});

t.test('evacuation - an application whose only instance is here is served without a break', async (t) => {
  const { simulation, router } = await open();
  await push(simulation, 'alone', 1);
  await simulation.until(() => problemsOf(simulation), 30);
  const row = rowsOf(simulation).find(({ processGuid }) => processGuid === 'alone');
  const cell = simulation.cells.get(row?.cellId ?? '') as SimulatedCell;
  const runs = (): boolean =>
    [...simulation.cells.values()].some((one) =>
      one.contents().some(({ identity, running }) => running && identity.processGuid === 'alone'),
    );
  const gone = evacuate(simulation, cell);
  let always = true;
  const done = (): boolean => {
    always &&= runs();
    return gone();
  };
  t.same(await traffic(simulation, router, { done, seconds: 60 }), []);
  t.ok(always);
  t.same(simulation.wrongs, []);
});
