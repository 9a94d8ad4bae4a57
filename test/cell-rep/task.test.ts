import t from 'tap';
import { pendingTask } from '../support/lrps.js';
import { createWorld, startRep } from '../support/rep.js';

t.test('task - runs once and is completed with its result', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set(
    'task',
    pendingTask({ resultFile: '/tmp/result', env: [{ name: 'A', value: 'b' }] }),
  );
  const rep = await startRep(world);
  rep.workTask();
  await rep.until(() => world.runtime.containers.size === 1, 'made');
  const container = rep.only();
  await rep.until(() => container.processes.has('main'), 'run');
  t.equal(container.guid, 'task');
  t.equal(container.main().spec.env['A'], 'b');
  t.equal(container.main().spec.env['INSTANCE_GUID'], undefined, 'tasks are no instances');
  t.equal(world.bbs.allTasks.get('task')?.state, 'Running');
  container.files.set('/tmp/result', Buffer.from('42'));
  container.main().exit();
  await rep.until(() => world.bbs.completions.length === 1, 'completed');
  t.match(world.bbs.completions[0], { taskGuid: 'task', cellId: 'cell-1', failed: false, result: '42' });
  await rep.until(() => world.runtime.containers.size === 0, 'destroyed');
  t.ok(world.lines.includes('APP/TASK/x OUT Exit status 0'));
  await rep.stop();
});

t.test(
  'task - failure names the exit status; a result that is missing or over 50 KiB fails it',
  async (t) => {
    const cases = [
      { code: 3, file: undefined, reason: 'APP/TASK/x: Exited with status 3' },
      { code: 0, file: undefined, reason: 'failed to fetch result' },
      { code: 0, file: Buffer.alloc(51_201), reason: 'failed to fetch result' },
      { code: 3, file: Buffer.alloc(51_201), reason: 'APP/TASK/x: Exited with status 3' },
      { code: 3, file: Buffer.from('half'), reason: 'APP/TASK/x: Exited with status 3', result: 'half' },
    ];
    for (const { code, file, reason, result = '' } of cases) {
      const world = createWorld();
      world.bbs.allTasks.set('task', pendingTask({ resultFile: '/r' }));
      const rep = await startRep(world);
      rep.workTask();
      await rep.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'run');
      if (file !== undefined) rep.only().files.set('/r', file);
      rep.only().main().exit({ code });
      await rep.until(() => world.bbs.completions.length === 1, 'completed');
      t.match(world.bbs.completions[0], { failed: true, failureReason: reason, result });
      await rep.stop();
    }
  },
);

t.test('task - the board says no: nothing is made', async (t) => {
  for (const state of ['Running', 'Completed'] as const) {
    const world = createWorld();
    world.bbs.allTasks.set('task', pendingTask({ state, cellId: state === 'Running' ? 'cell-1' : '' }));
    const rep = await startRep(world);
    rep.workTask();
    await rep.until(() => rep.rep.cell.containers().length === 0, 'dropped');
    t.equal(world.runtime.containers.size, 0);
    await rep.stop();
  }
});

t.test('task - a start whose answer was lost is not a second start: the task still runs, once', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask());
  const rep = await startRep(world);
  const startTask = world.bbs.startTask;
  let lost = 0;
  world.bbs.startTask = async (...given) => {
    const answer = await startTask(...given);
    if (lost > 0) return answer;
    lost += 1;
    return { ok: false, error: { type: 'UnknownError', message: 'cut', unavailable: true } };
  };
  rep.workTask();
  await rep.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'run', 100);
  t.equal(world.bbs.calls.filter((call) => call === 'start-task task').length, 2);
  await rep.stop();
});

t.test('task - what never got to run is given back for another cell', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask());
  world.runtime.refusal = 'no space';
  const rep = await startRep(world);
  rep.workTask();
  await rep.until(
    () => world.bbs.calls.includes('reject task: failed to create container: no space'),
    'rejected',
  );
  t.equal(world.bbs.completions.length, 0);
  await rep.stop();
});

t.test('task - cancelled: SIGTERM, the grace, SIGKILL, and no report', async (t) => {
  const world = createWorld();
  world.bbs.allTasks.set('task', pendingTask());
  const rep = await startRep(world);
  rep.workTask();
  await rep.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'run');
  const main = rep.only().main();
  main.ignoresTerm = true;
  const stopping = 'Cell cell-1 stopping instance task';
  t.same(rep.rep.cell.cancel({ traceId: '', taskGuid: 'task' }), { accepted: true, reason: '' });
  await world.clock.advance(9_900);
  t.same(main.signals, ['SIGTERM']);
  await world.clock.advance(200);
  t.same(main.signals, ['SIGTERM', 'SIGKILL']);
  await rep.until(() => world.runtime.containers.size === 0, 'destroyed');
  await rep.until(
    () => world.lines.includes('APP/TASK/x OUT Exit status 137 (exceeded 10s graceful shutdown interval)'),
    'log',
  );
  t.same(
    world.lines.filter((line) => line.includes('stopping')),
    [`CELL OUT ${stopping}`],
  );
  t.equal(world.bbs.completions.length, 0);
  await rep.stop();
});
