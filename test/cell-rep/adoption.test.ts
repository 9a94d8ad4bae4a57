import t, { type Test } from 'tap';
import { createNoNotes } from '../../cell-rep/containers/file-notes.js';
import { eventually } from '../support/eventually.js';
import { desiredLrp, pendingTask, runAction } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

t.test(
  'adoption - a restarted rep takes over what runs: nothing restarts, no output is lost or repeated',
  async (t) => {
    const world = createWorld();
    const config = { data_dir: t.testdir() };
    world.bbs.desired.set('app', desiredLrp());
    const first = await startRep(world, config);
    first.workLrp();
    await first.until(() => world.bbs.starts.length === 1, 'started');
    const container = first.only();
    const main = container.main();
    main.emit('one\ntwo\nthr');
    await first.until(() => world.lines.includes('APP/PROC/WEB OUT two'), 'lines');
    await first.stop();
    t.same(main.signals, []);
    t.equal(world.runtime.containers.size, 1);

    main.emit('ee\nfour\n');
    const second = await startRep(world, config);
    await second.until(() => world.bbs.starts.length === 2, 'reported again');
    t.equal(second.only(), container);
    t.equal(second.rep.cell.state().lrpCounts.get('app'), 1);
    t.equal(second.rep.cell.state().startingContainerCount, 0);
    await second.until(() => world.lines.includes('APP/PROC/WEB OUT four'), 'lines');
    t.same(
      world.lines.filter((line) => line.startsWith('APP')),
      ['one', 'two', 'three', 'four'].map((text) => `APP/PROC/WEB OUT ${text}`),
    );
    t.equal([...container.processes.keys()].join(), 'main');
    t.same(main.signals, []);
    await second.stop();
  },
);

/** What a rep that has gone leaves behind: an instance and a task, both running. */
const leftRunning = async (t: Test) => {
  const world = createWorld();
  const config = { data_dir: t.testdir() };
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.allTasks.set('task', pendingTask());
  const first = await startRep(world, config);
  first.workLrp();
  first.workTask();
  await first.until(() => world.bbs.starts.length === 1, 'started');
  await first.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'task');
  await first.stop();
  return { world, config };
};

t.test('adoption - what ended meanwhile is reported with its exit status', async (t) => {
  const { world, config } = await leftRunning(t);
  for (const container of world.runtime.containers.values()) container.main().exit({ code: 7 });

  const second = await startRep(world, config);
  await second.until(() => world.bbs.completions.length === 1, 'task');
  t.match(world.bbs.completions[0], { failed: true, failureReason: 'APP/TASK/x: Exited with status 7' });
  await second.until(
    () => world.bbs.calls.includes('crash app.0: APP/PROC/WEB: Exited with status 7'),
    'crash',
  );
  await second.until(() => world.runtime.containers.size === 0, 'destroyed');
  await second.stop();
});

t.test('adoption - a crash that could not be told before the restart is told after it', async (t) => {
  const world = createWorld();
  const config = { data_dir: t.testdir() };
  world.bbs.desired.set('app', desiredLrp());
  const first = await startRep(world, config);
  first.workLrp();
  await first.until(() => world.bbs.starts.length === 1, 'started');
  world.bbs.away = true;
  first.only().main().exit({ code: 9 });
  await first.until(() => world.runtime.containers.size === 0, 'destroyed');
  await first.stop();
  world.bbs.away = false;
  const second = await startRep(world, config);
  await second.until(
    () => world.bbs.calls.includes('crash app.0: APP/PROC/WEB: Exited with status 9'),
    'crash',
  );
  t.notOk(world.bbs.calls.includes('remove app.0'), 'known, not taken for lost');
  await second.stop();
});

for (const endsMeanwhile of [true, false]) {
  const what = endsMeanwhile ? 'has ended meanwhile' : 'runs still';
  t.test(`adoption - one that was told to stop did not crash, and goes: it ${what}`, async (t) => {
    const world = createWorld();
    const config = { data_dir: t.testdir() };
    world.bbs.desired.set('app', desiredLrp());
    const first = await startRep(world, config);
    first.workLrp();
    await first.until(() => world.bbs.starts.length === 1, 'started');
    const main = first.only().main();
    main.ignoresTerm = true;
    const instance = { processGuid: 'app', index: 0, domain: 'test', instanceGuid: first.only().guid };
    first.rep.cell.stop({ ...instance, traceId: 'trace' });
    await first.until(() => main.signals.length > 0, 'SIGTERM');
    const told = world.bbs.starts.length;
    await first.stop();
    if (endsMeanwhile) main.exit({ code: 0 });

    const second = await startRep(world, config);
    await second.until(() => world.bbs.calls.includes('remove app.0'), 'removed', 100);
    t.equal(world.bbs.calls.filter((call) => call.startsWith('crash')).length, 0);
    t.equal(world.bbs.starts.length, told, 'it is not told of as one that serves');
    t.same(main.signals, endsMeanwhile ? ['SIGTERM'] : ['SIGTERM', 'SIGTERM', 'SIGKILL']);
    await second.until(() => world.runtime.containers.size === 0, 'destroyed');
    await second.stop();
  });
}

t.test('adoption - why an instance ends is known before its other processes are ended', async (t) => {
  const world = createWorld();
  const config = { data_dir: t.testdir() };
  const sidecars = [{ action: runAction({ path: '/bin/sidecar' }), diskMb: 0, memoryMb: 0 }];
  world.bbs.desired.set('app', desiredLrp({ sidecars }));
  const first = await startRep(world, config);
  first.workLrp();
  await first.until(() => world.bbs.starts.length === 1, 'started');
  await first.until(() => first.only().processes.has('sidecar-0'), 'sidecar');
  const main = first.only().main();
  main.ignoresTerm = true;
  first.only().processes.get('sidecar-0')?.exit({ code: 0 });
  await first.until(() => main.signals.length > 0, 'SIGTERM');
  await first.stop();
  main.exit({ code: 143 });

  const second = await startRep(world, config);
  await second.until(() => world.bbs.calls.some((call) => call.startsWith('crash')), 'crash');
  t.ok(world.bbs.calls.includes('crash app.0: Codependent step exited'), world.bbs.calls.join());
  await second.stop();
});

t.test('adoption - how an instance ended is noted before it is told, and before anything goes', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  let note = (): void => undefined;
  const noting = new Promise<void>((resolve) => (note = resolve));
  const rep = await startRep(world, {}, { notes: { ...createNoNotes(), save: () => noting } });
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  rep.only().main().exit({ code: 7 });
  await world.clock.advance(5_000);
  const told = (): boolean => world.bbs.calls.some((call) => call.startsWith('crash'));
  t.notOk(told(), 'one that was killed now would tell of it again, as of one that has run meanwhile');
  t.equal(world.runtime.containers.size, 1, 'and would have nothing else to know it from');
  note();
  await rep.until(told, 'told');
  await rep.until(() => world.runtime.containers.size === 0, 'destroyed');
  await rep.stop();
});

t.test('adoption - one that ran and has nothing left in it is not begun again', async (t) => {
  const { world, config } = await leftRunning(t);
  const begun: string[] = [];
  world.runtime.onEvent = (event) => void (event.startsWith('run ') && begun.push(event));
  for (const { processes } of world.runtime.containers.values()) processes.clear();

  const second = await startRep(world, config);
  await second.until(() => world.bbs.calls.includes('crash app.0: missing garden container'), 'crash');
  await second.until(() => world.bbs.completions.length === 1, 'task');
  t.match(world.bbs.completions[0], { failed: true, failureReason: 'missing garden container' });
  t.same(begun, []);
  await second.until(() => world.runtime.containers.size === 0, 'destroyed');
  await second.stop();
});

t.test('adoption - one that was told to stop while it was prepared is not begun', async (t) => {
  const world = createWorld();
  const config = { data_dir: t.testdir() };
  world.bbs.desired.set('app', desiredLrp({ setup: runAction({ path: '/bin/setup' }) }));
  const first = await startRep(world, config);
  first.workLrp();
  await first.until(
    () => [...world.runtime.containers.values()][0]?.processes.has('setup') ?? false,
    'setup',
  );
  const container = first.only();
  const setup = container.processes.get('setup');
  Object.assign(setup ?? {}, { ignoresTerm: true });
  const instance = { processGuid: 'app', index: 0, domain: 'test', instanceGuid: container.guid };
  first.rep.cell.stop({ ...instance, traceId: 'trace' });
  await first.until(() => setup?.signals.length === 1, 'SIGTERM');
  await first.stop();
  setup?.exit({ code: 0 });

  const second = await startRep(world, config);
  await second.until(() => world.bbs.calls.includes('remove app.0'), 'removed');
  t.same([...container.processes.keys()], ['setup']);
  await second.stop();
});

t.test('adoption - a task that the whole cell stopped has failed by that, not by its end', async (t) => {
  const world = createWorld();
  const config = { data_dir: t.testdir() };
  world.bbs.allTasks.set('task', pendingTask());
  const first = await startRep(world, config);
  first.workTask();
  await first.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'task');
  const main = first.only().main();
  main.ignoresTerm = true;
  void first.rep.cell.container('task')?.stop('shutdown');
  await first.until(() => main.signals.length > 0, 'SIGTERM');
  await first.stop();
  main.exit({ code: 143 });

  const second = await startRep(world, config);
  await second.until(() => world.bbs.completions.length === 1, 'task');
  t.match(world.bbs.completions[0], { failed: true, failureReason: 'cell stopped before completion' });
  await second.stop();
});

t.test('adoption - without notes, the container is still known by its tags', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const first = await startRep(world, {});
  first.workLrp();
  await first.until(() => world.bbs.starts.length === 1, 'started');
  await first.stop();
  world.bbs.leaseHolder = '';
  const second = await startRep(world, {});
  await second.until(() => world.bbs.starts.length === 2, 'reported');
  t.same([...second.only().processes.keys()], ['main']);
  await second.stop();
});

t.test('adoption - without notes and without the board, it runs on until the board is back', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const first = await startRep(world, {});
  first.workLrp();
  await first.until(() => world.bbs.starts.length === 1, 'started');
  await first.stop();
  world.bbs.leaseHolder = '';
  world.bbs.away = true;

  const second = await startRep(world, {});
  await world.clock.advance(600_000);
  t.same(second.only().main().signals, []);
  await second.stop();
  await world.clock.advance(10_000);
  t.equal(world.runtime.containers.size, 1, 'nor is it taken away when the rep leaves');

  const third = await startRep(world, {});
  await world.clock.advance(600_000);
  world.bbs.away = false;
  await third.until(() => world.bbs.starts.length === 2, 'reported', 1000);
  t.same(third.only().main().signals, []);
  await third.stop();
});

t.test(
  'adoption - rows without container are removed, tasks without container fail, orphans go',
  async (t) => {
    const world = createWorld();
    world.bbs.desired.set('app', desiredLrp());
    world.bbs.allTasks.set('lost', pendingTask({ taskGuid: 'lost', state: 'Running', cellId: 'cell-1' }));
    const first = await startRep(world, {});
    first.workLrp();
    await first.until(() => world.bbs.starts.length === 1, 'started');
    await first.stop();
    await world.runtime.create({
      guid: 'stranger',
      rootfs: '',
      limits: { memoryMb: 0, diskMb: 0, maxPids: 0, cpuWeight: 0, cpuMilli: 0 },
      ports: [],
      tags: {},
    });
    await world.runtime.containers.get(first.only().guid)?.destroy();
    world.bbs.leaseHolder = '';
    const second = await startRep(world, {});
    await second.until(() => world.bbs.calls.includes('remove app.0'), 'row');
    await second.until(() => world.bbs.completions.some(({ taskGuid }) => taskGuid === 'lost'), 'task');
    t.equal(world.bbs.completions[0]?.failureReason, 'task container does not exist');
    await eventually(() => !world.runtime.containers.has('stranger'));
    await second.stop();
  },
);

t.test('adoption - an instance that nobody desires any more is stopped at the next sync', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  const rep = await startRep(world, {});
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  world.bbs.desired.delete('app');
  world.bbs.rows.clear();
  await rep.until(() => world.runtime.containers.size === 0, 'stopped', 500);
  t.equal(world.bbs.starts.length, 1, 'no row is made anew for it');
  await rep.stop();
});
