import t from 'tap';
import { eventually } from '../support/eventually.js';
import { desiredLrp, pendingTask } from '../support/lrps.js';
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

t.test('adoption - what ended meanwhile is reported with its exit status', async (t) => {
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
