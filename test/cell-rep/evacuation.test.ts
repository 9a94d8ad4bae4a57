/** A cell being emptied, row by row of the behaviour sheet (§7.1). */
import t from 'tap';
import type { RouteRegistration } from '../../common/model/routing.js';
import { desiredLrp, pendingTask, runAction } from '../support/lrps.js';
import type { RepWorld, RunningRep } from '../support/rep.js';
import { createWorld, startRep } from '../support/rep.js';

const TRACE = { traceId: 'trace' };

const isEvacuation = (call: string): boolean =>
  call.includes('evacuat') || /^(start|remove|crash) /.test(call);
const told = ({ bbs }: RepWorld): string[] => bbs.calls.filter(isEvacuation);

const openCell = async (config: Record<string, unknown> = {}): Promise<RunningRep> => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ instances: 3 }));
  return startRep(world, config);
};

/** An instance runs, and the cell is told to empty itself. */
const drain = async (config: Record<string, unknown> = {}) => {
  const rep = await openCell(config);
  rep.workLrp();
  await rep.until(() => rep.bbs.starts.length === 1, 'started');
  rep.bbs.calls.length = 0;
  rep.rep.cell.evacuate(TRACE);
  return rep;
};

const isDone = (rep: RunningRep): (() => boolean) => {
  let done = false;
  void rep.rep.done.then(() => (done = true));
  return () => done;
};

t.test('evacuation - what the cell says of itself, and what it answers to work', async (t) => {
  const rep = await openCell();
  rep.workLrp();
  await rep.until(() => rep.bbs.starts.length === 1, 'started');
  const before = rep.rep.cell.state();
  t.notOk(before.evacuating);
  t.same(rep.rep.cell.evacuate(TRACE), { accepted: true, reason: '' });
  t.same(rep.rep.cell.evacuate(TRACE), { accepted: true, reason: '' }, 'again: as well');
  const now = rep.rep.cell.state();
  t.ok(now.evacuating && now.version > before.version);
  t.ok(rep.rep.health().healthy, 'it does its work');
  for (const reply of [rep.workLrp({ placementId: 'late' }), rep.workTask({ placementId: 'late-task' })]) {
    t.match(reply.outcomes, [{ status: 'refused', reason: 'cell is evacuating' }]);
  }
  await rep.stop();
});

t.test('evacuation - work over the bus: whoever asks the cell to evacuate is answered', async (t) => {
  const rep = await openCell();
  const asker = rep.bus.client();
  const { encode, decode } = await import('../../common/wire/codec.js');
  const asked = asker.request('cell.cell-1.evacuate', encode('Traced', TRACE), { timeoutMs: 1000 });
  await rep.clock.advance(50);
  const answer = await asked;
  t.ok(answer.ok);
  t.match(answer.ok && decode('Ack', answer.payload), { value: { accepted: true } });
  t.ok(rep.rep.cell.state().evacuating);
  await rep.stop();
});

t.test('evacuation - running: kept, with its routes, until the board says that it may go', async (t) => {
  const rep = await openCell();
  const registered: RouteRegistration[] = [];
  const unregistered: string[] = [];
  const router = rep.bus.client();
  router.subscribe('router.register', ({ payload }) => {
    registered.push(JSON.parse(Buffer.from(payload).toString()) as RouteRegistration);
  });
  router.subscribe('router.unregister', () => unregistered.push('unregister'));
  rep.workLrp();
  await rep.until(() => registered.length > 0, 'registered');
  const done = isDone(rep);
  rep.runtime.onEvent = (event) => unregistered.push(event);
  const main = rep.only().main();
  rep.bbs.calls.length = 0;
  rep.rep.cell.evacuate(TRACE);
  await rep.clock.advance(35_000);
  t.ok(told(rep).length >= 4, 'at once, and with every sync: 10 s');
  t.same([...new Set(told(rep))], ['evacuate-running app.0 routable=true']);
  t.same(rep.bbs.starts.at(-1)?.availabilityZone, 'default');
  t.same(rep.bbs.starts.at(-1)?.netInfo.ports.length, 1);
  t.same([main.signals, unregistered, done()], [[], [], false]);
  const requesting = rep.lines.filter((line) => line.includes('requesting replacement'));
  t.match(requesting, [/^CELL OUT Cell cell-1 requesting replacement for instance .+$/], 'said once');
  rep.bbs.keeps = false;
  await rep.until(done, 'the end');
  t.same(unregistered, ['unregister', 'SIGTERM main', 'exit main', 'destroy'], 'it leaves traffic first');
  t.same(new Set(told(rep)), new Set(['evacuate-running app.0 routable=true']), 'and nothing is told of it');
  t.equal(rep.rep.cell.containers().length, 0);
  t.notOk(
    rep.bbs.calls.some((call) => call.startsWith('release')),
    'present until the end',
  );
  await rep.stop();
  t.equal(rep.bbs.calls.at(-1), 'release cell/cell-1');
});

t.test('evacuation - a board that cannot tell is asked again; what runs is kept meanwhile', async (t) => {
  const rep = await openCell();
  rep.workLrp();
  await rep.until(() => rep.bbs.starts.length === 1, 'started');
  rep.bbs.keeps = false;
  rep.bbs.away = true;
  rep.rep.cell.evacuate(TRACE);
  await rep.clock.advance(20_000);
  t.same(rep.only().main().signals, []);
  rep.bbs.away = false;
  await rep.until(() => rep.rep.cell.containers().length === 0, 'gone');
  await rep.stop();
});

t.test('evacuation - claimed: another place is asked for, and the container goes', async (t) => {
  for (const [state, hold] of [
    ['reserved', 'claim'],
    ['initializing', 'desired'],
  ] as const) {
    const world = createWorld();
    world.bbs.desired.set('app', desiredLrp({ instances: 3 }));
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const { claimActualLrp, desiredLrp: fetched } = world.bbs;
    if (hold === 'claim') world.bbs.claimActualLrp = async (...args) => (await held, claimActualLrp(...args));
    else world.bbs.desiredLrp = async (...args) => (await held, fetched(...args));
    const rep = await startRep(world);
    rep.workLrp();
    await rep.until(() => rep.rep.cell.known()[0]?.state === state, state);
    const done = isDone(rep);
    rep.rep.cell.evacuate(TRACE);
    await rep.clock.advance(1_000);
    answer();
    await rep.until(done, 'the end');
    const calls = rep.bbs.calls.filter((call) => call.includes('claim'));
    t.same(calls, ['claim app.0', 'evacuate-claimed app.0'], `${state}: not before the claim was answered`);
    t.equal(rep.bbs.rows.size, 0);
    t.equal(rep.runtime.containers.size, 0, 'nothing was made');
    await rep.stop();
  }
});

t.test('evacuation - created, and not healthy yet: as claimed', async (t) => {
  const rep = await openCell();
  rep.bbs.desired.set('app', desiredLrp({ monitor: runAction({ path: 'check' }) }));
  rep.workLrp();
  await rep.until(() => rep.runtime.containers.size === 1 && rep.only().processes.has('main'), 'its process');
  t.equal(rep.rep.cell.known()[0]?.state, 'created');
  const { processes } = rep.only();
  rep.rep.cell.evacuate(TRACE);
  await rep.until(() => rep.rep.cell.containers().length === 0, 'gone');
  t.same(told(rep), ['evacuate-claimed app.0'], 'once');
  t.same(processes.get('main')?.signals, ['SIGTERM']);
  await rep.stop();
});

t.test('evacuation - it crashes, or is stopped, while it drains', async (t) => {
  const crashing = await drain();
  await crashing.until(() => told(crashing).length === 1, 'told');
  crashing.only().main().exit({ code: 3 });
  await crashing.until(() => crashing.rep.cell.containers().length === 0, 'gone');
  t.match(told(crashing).at(-1), /^evacuate-crashed app\.0: .*Exited with status 3/);
  await crashing.stop();

  const stopping = await drain();
  await stopping.until(() => told(stopping).length === 1, 'told');
  const { guid: instanceGuid } = stopping.only();
  stopping.rep.cell.stop({ traceId: '', processGuid: 'app', index: 0, domain: 'test', instanceGuid });
  await stopping.until(() => stopping.rep.cell.containers().length === 0, 'gone');
  t.same(told(stopping).slice(1), ['evacuate-running app.0 routable=false', 'evacuate-stopped app.0']);
  await stopping.stop();
});

t.test('evacuation - tasks run to their end, and the rep waits for them', async (t) => {
  const rep = await openCell();
  rep.bbs.allTasks.set('task', pendingTask());
  rep.workTask();
  await rep.until(() => rep.runtime.containers.size === 1 && rep.only().processes.has('main'), 'the task');
  const done = isDone(rep);
  const main = rep.only().main();
  rep.rep.cell.evacuate(TRACE);
  await rep.clock.advance(300_000);
  t.same([main.signals, done()], [[], false]);
  main.exit({ code: 0 });
  await rep.until(done, 'the end');
  t.match(rep.bbs.completions, [{ failed: false }]);
  await rep.stop();
});

t.test('evacuation - an empty cell is done at once', async (t) => {
  const rep = await openCell();
  const done = isDone(rep);
  rep.rep.cell.evacuate(TRACE);
  await rep.clock.advance(0);
  t.ok(done());
  await rep.stop();
});

t.test('evacuation - after the timeout: copies are forgotten, containers go, and it is told', async (t) => {
  const rep = await openCell({ evacuation_timeout: '600s' });
  rep.bbs.allTasks.set('task', pendingTask());
  rep.workLrp();
  rep.workTask();
  await rep.until(() => rep.bbs.starts.length === 1 && rep.runtime.containers.size === 2, 'both run');
  const done = isDone(rep);
  rep.rep.cell.evacuate(TRACE);
  await rep.until(() => told(rep).some((call) => call.startsWith('evacuate-running')), 'told');
  await rep.clock.advance(599_000);
  t.notOk(done());
  await rep.until(done, 'the end', 500);
  t.equal(told(rep).filter((call) => call === 'remove-evacuating app.0').length, 1);
  t.match(rep.bbs.completions, [{ failed: true, failureReason: 'cell stopped before completion' }]);
  t.equal(rep.runtime.containers.size, 0);
  t.ok(rep.lines.some((line) => line.startsWith('CELL OUT Cell cell-1 reached evacuation timeout for')));
  t.match(await rep.metrics.scrape(), /^StrandedEvacuatingActualLRPs 1$/m);
  await rep.stop();
});

t.test('evacuation - containers that do not go at the end are left, and that is an error', async (t) => {
  const rep = await drain({ evacuation_timeout: '20s' });
  const done = isDone(rep);
  rep.only().destroy = () => Promise.reject(new Error('busy'));
  await rep.clock.advance(20_000 + 10_000 + 9_000);
  t.notOk(done());
  await rep.until(done, 'the end', 100);
  t.ok(rep.logger.events.some(({ event }) => event.endsWith('failed-to-cleanup-all-containers')));
  await rep.stop();
});

t.test('evacuation - a rep that is started anew takes work again', async (t) => {
  const rep = await drain();
  await rep.until(() => told(rep).length === 1, 'told');
  await rep.stop();
  rep.bbs.leaseHolder = '';
  const again = await startRep(rep);
  t.notOk(again.rep.cell.state().evacuating);
  t.match(again.workLrp({ placementId: 'new', index: 1 }).outcomes, [{ status: 'accepted' }]);
  await again.stop();
});
