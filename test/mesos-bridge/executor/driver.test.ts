import t from 'tap';
import { OutcryError } from '../../../common/model/errors.js';
import { desiredLrp, pendingTask } from '../../support/lrps.js';
import { createScriptedAgent, lrpTask, oneOffTask, startExecutor } from '../../support/executor-world.js';
import type { RunningExecutor } from '../../support/executor-world.js';
import { createWorld } from '../../support/rep.js';

/** As the client says that there will be no agent any more. */
const gone = ({ agent }: RunningExecutor): void => {
  agent.isSubscribed = false;
  agent.handlers().onGone(new OutcryError('MESOS_AGENT_GONE', { server: 'agent', reason: 'it is away' }));
};

/** An executor whose board knows an app and a task, once it takes work. */
const ready = async (over: Parameters<typeof startExecutor>[0] = {}): Promise<RunningExecutor> => {
  const world = over.world ?? createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.allTasks.set('task', pendingTask());
  const executor = await startExecutor({ ...over, world });
  await executor.until(() => executor.cell.whyClosed() === '', 'takes work');
  return executor;
};

const isRunning = (executor: RunningExecutor, id: string) => () =>
  executor.agent.told(id).includes('RUNNING');

t.test(
  'driver - defects 5 and 9, an instance without a command: STARTING, RUNNING; its guid and its port are the ones of its task',
  async (t) => {
    const executor = await ready();
    const from = executor.world.clock.monotonic();
    const id = executor.launch(lrpTask('one', {}, { ports: [31_005, 31_006] }));
    await executor.until(isRunning(executor, id), 'running');
    t.ok(executor.world.clock.monotonic() - from < 100, 'told when it happens, not at the next look');
    t.same(executor.agent.told(id), ['STARTING', 'RUNNING']);
    t.equal(executor.only().guid, 'one');
    t.same(executor.only().spec.hostPorts, [31_005, 31_006]);
    t.match(executor.agent.last(id), {
      source: 'SOURCE_EXECUTOR',
      healthy: true,
    });
    t.match(executor.cell.state(), { placeable: false, total: { memoryMb: 64, containers: 1 } });
    await executor.stop();
  },
);

t.test(
  'driver - defect 1: KILL ends the container, in the grace of its policy, and is told as KILLING and KILLED',
  async (t) => {
    const executor = await ready();
    const id = executor.launch(lrpTask('one'));
    await executor.until(isRunning(executor, id), 'running');
    const main = executor.only().main();
    main.ignoresTerm = true;
    executor.kill(id, 4_000);
    await executor.until(() => main.signals.includes('SIGTERM'), 'told to end');
    t.same(executor.agent.told(id), ['STARTING', 'RUNNING', 'KILLING']);
    const from = executor.world.clock.monotonic();
    await executor.until(() => main.signals.includes('SIGKILL'), 'forced to');
    t.ok(Math.abs(executor.world.clock.monotonic() - from - 4_000) <= 20);
    await executor.until(() => executor.agent.told(id).includes('KILLED'), 'killed');
    t.equal(executor.world.runtime.containers.size, 0, 'told when nothing of it is left');
    t.match(executor.agent.last(id), { message: 'killed by the scheduler' });
    t.ok(executor.world.bbs.calls.includes('remove app.0'), 'the board hears of it');
    t.match(
      executor.cell.state(),
      { total: { memoryMb: 0, containers: 0 } },
      'what it was given is given back',
    );
    await executor.stop();
  },
);

t.test(
  'driver - defect 2: SHUTDOWN drains, tells KILLED of everything, and ends within the grace',
  async (t) => {
    const executor = await ready({ shutdownGraceMs: 8_000 });
    const ids = [lrpTask('one'), lrpTask('two', { index: 1 }), oneOffTask('a')].map(executor.launch);
    for (const id of ids) await executor.until(isRunning(executor, id), 'running');
    for (const container of executor.world.runtime.containers.values()) container.main().ignoresTerm = true;
    const from = executor.world.clock.monotonic();
    executor.agent.tell({ type: 'SHUTDOWN' });
    await executor.until(executor.ended, 'ended');
    t.ok(executor.world.clock.monotonic() - from < 8_000);
    for (const id of ids) t.same(executor.agent.told(id), ['STARTING', 'RUNNING', 'KILLING', 'KILLED']);
    t.match(executor.world.bbs.completions, [
      { failed: true, failureReason: 'cell stopped before completion' },
    ]);
    t.equal(executor.world.runtime.containers.size, 0);
    t.match(executor.launch(lrpTask('late')), /late/);
    await executor.stop();
  },
);

t.test('driver - defect 3: how a container ended is told as it was', async (t) => {
  for (const [exit, state, message, reason] of [
    [{ code: 2 }, 'TASK_FAILED', 'APP/PROC/WEB: Exited with status 2', undefined],
    [{ code: 0 }, 'TASK_FAILED', 'exited with status 0, and was to run on', undefined],
    [
      { code: 137, outOfMemory: true },
      'TASK_FAILED',
      'APP/PROC/WEB: Exited with status 137 (out of memory)',
      'REASON_CONTAINER_LIMITATION_MEMORY',
    ],
    [
      { code: 137, outOfDisk: true as const },
      'TASK_FAILED',
      'APP/PROC/WEB: Exited with status 137 (out of disk)',
      'REASON_CONTAINER_LIMITATION_DISK',
    ],
  ] as const) {
    const executor = await ready();
    const id = executor.launch(lrpTask('one'));
    await executor.until(isRunning(executor, id), 'running');
    executor.only().main().exit(exit);
    await executor.until(() => executor.agent.told(id).length === 3, 'ended');
    t.match(executor.agent.last(id), { state, message });
    t.equal(executor.agent.last(id)?.reason, reason);
    await executor.stop();
  }
});

t.test('driver - defect 3: a task that succeeds has FINISHED, one that fails has FAILED', async (t) => {
  for (const [code, state, message] of [
    [0, 'TASK_FINISHED', undefined],
    [3, 'TASK_FAILED', 'APP/TASK/x: Exited with status 3'],
  ] as const) {
    const executor = await ready();
    const id = executor.launch(oneOffTask('a'));
    await executor.until(isRunning(executor, id), 'running');
    executor.only().main().exit({ code });
    await executor.until(() => executor.agent.told(id).length === 3, 'ended');
    t.equal(executor.agent.last(id)?.state, state);
    t.equal(executor.agent.last(id)?.message, message);
    t.match(executor.world.bbs.completions, [{ failed: code !== 0 }]);
    await executor.stop();
  }
});

t.test('driver - defect 4: what cannot be begun is DROPPED at once, with the reason', async (t) => {
  const executor = await ready();
  const broken = lrpTask('one');
  for (const [task, reason] of [
    [{ ...broken, data: new Uint8Array([255, 255]) }, /^its data is unreadable/],
    [{ ...broken, data: new Uint8Array() }, 'there is no work in its data'],
    [{ ...broken, taskId: { value: 'somebody-elses' } }, 'its id is none that the bridge has made'],
    [{ ...broken, taskId: { value: 'lrp.other.0.app' } }, 'its data and its id name two instances'],
    [{ ...broken, taskId: { value: 'task.x.app' } }, 'its data and its id are of two kinds'],
    [lrpTask('small', {}, { mem: 32 }), 'it needs 64 MB of memory, and was launched with 32'],
    [lrpTask('bad', { processGuid: 'a b' }), 'invalid work: process_guid'],
  ] as const) {
    const id = executor.launch(task);
    await executor.until(() => executor.agent.told(id).includes('DROPPED'), 'dropped');
    t.match(executor.agent.last(id), { state: 'TASK_DROPPED', message: reason });
    t.equal(executor.world.runtime.containers.size, 0);
  }
  t.match(executor.cell.state(), { total: { containers: 0 } }, 'and has no room');
  await executor.stop();
});

t.test('driver - defect 4: what the board does not give to this container is DROPPED', async (t) => {
  const executor = await ready();
  executor.world.bbs.refuse.set('claim', 'ActualLRPCannotBeClaimed');
  const id = executor.launch(lrpTask('one'));
  await executor.until(() => executor.agent.told(id).includes('DROPPED'), 'dropped');
  t.match(executor.agent.last(id), {
    message: 'the bulletin board has not given the instance to this container',
  });
  await executor.stop();
});

t.test(
  'driver - defect 6: a task is known before the rep hears of it, and never goes backwards',
  async (t) => {
    const executor = await ready();
    const { agent } = executor;
    agent.acknowledges = false;
    const id = executor.launch(oneOffTask('a'));
    await executor.until(isRunning(executor, id), 'running');
    executor.only().main().exit();
    await executor.until(() => agent.told(id).includes('FINISHED'), 'finished');
    t.same(agent.told(id), ['STARTING', 'RUNNING', 'FINISHED']);
    executor.kill(id);
    t.same(agent.told(id), ['STARTING', 'RUNNING', 'FINISHED'], 'a late KILL changes nothing');
    await executor.stop();
  },
);

t.test('driver - defect 7: of what Mesos has not launched Mesos is told nothing', async (t) => {
  const world = createWorld();
  const foreign = await ready({ world, agent: createScriptedAgent() });
  const id = foreign.launch(lrpTask('one'));
  await foreign.until(isRunning(foreign, id), 'running');
  // the next life adopts the container, and has no note of its task
  const agent = createScriptedAgent();
  const executor = await ready({ world, agent });
  await executor.until(() => executor.cell.container('one') !== undefined, 'adopted');
  executor.only().main().exit({ code: 1 });
  await executor.until(() => world.runtime.containers.size === 0, 'gone');
  t.same(agent.told(), []);
});

t.test(
  'driver - defect 8: the scheduler hears when the cell takes no work, and work waits for it',
  async (t) => {
    const executor = await ready();
    const { agent, world } = executor;
    await executor.until(() => agent.messages.at(-1) === '{"kind":"cell","closed":""}', 'said');
    world.runtime.becomeHealthy(false);
    await executor.until(() => agent.messages.at(-1)?.includes('unhealthy') ?? false, 'told');
    const id = executor.launch(lrpTask('one'));
    const other = executor.launch(lrpTask('two', { index: 1 }));
    await executor.until(() => agent.told(other).includes('STARTING'), 'known');
    executor.kill(other);
    await executor.until(() => agent.told(other).includes('KILLED'), 'killed without ever having begun');
    world.runtime.becomeHealthy(true);
    await executor.until(isRunning(executor, id), 'begun when it could be');
    world.runtime.becomeHealthy(false);
    const late = executor.launch(lrpTask('three', { index: 2 }));
    await executor.until(() => agent.told(late).includes('DROPPED'), 'given up', 1_000);
    t.match(agent.last(late), { message: 'container runtime is unhealthy' });
    world.runtime.becomeHealthy(true);
    await executor.stop();
  },
);

t.test('driver - defect 10: without work an executor stays, until it is told to go', async (t) => {
  const executor = await ready();
  const id = executor.launch(oneOffTask('a'));
  await executor.until(isRunning(executor, id), 'running');
  executor.only().main().exit();
  await executor.until(() => executor.agent.told(id).includes('FINISHED'), 'finished');
  for (let hours = 0; hours < 3; hours += 1) await executor.world.clock.advance(3_600_000);
  t.notOk(executor.ended());
  const next = executor.launch(lrpTask('one'));
  await executor.until(isRunning(executor, next), 'running');
  await executor.stop();
});

t.test('driver - an agent that does not come back: replacements first, then the executor ends', async (t) => {
  const executor = await ready();
  const id = executor.launch(lrpTask('one'));
  await executor.until(isRunning(executor, id), 'running');
  gone(executor);
  await executor.until(
    () => executor.world.bbs.calls.some((call) => call.startsWith('evacuate-running app.0')),
    'asked',
  );
  t.notOk(executor.ended());
  executor.world.bbs.keeps = false;
  await executor.until(executor.ended, 'ended', 1_000);
  t.equal(executor.world.runtime.containers.size, 0);
  await executor.stop();
});

t.test('driver - without checkpoints the executor ends with its agent', async (t) => {
  const executor = await ready({ recovers: false });
  const id = executor.launch(lrpTask('one'));
  await executor.until(isRunning(executor, id), 'running');
  gone(executor);
  await executor.until(executor.ended, 'ended');
  t.equal(executor.world.runtime.containers.size, 0, 'and leaves nothing');
  await executor.stop();
});

t.test('driver - defect 44: what the board stops over the bus Mesos hears of, with the reason', async (t) => {
  const executor = await ready();
  const id = executor.launch(lrpTask('one'));
  await executor.until(isRunning(executor, id), 'running');
  const key = { processGuid: 'app', index: 0, domain: 'test', instanceGuid: 'one', traceId: '' };
  executor.cell.stop(key);
  await executor.until(() => executor.agent.told(id).includes('KILLED'), 'killed');
  t.same(executor.agent.told(id), ['STARTING', 'RUNNING', 'KILLING', 'KILLED']);
  t.match(executor.agent.last(id), { message: 'stopped by the bulletin board' });
  await executor.stop();
});

t.test(
  'driver - a second task for an instance that is here is dropped, and the first one stays',
  async (t) => {
    const executor = await ready();
    const id = executor.launch(lrpTask('one'));
    await executor.until(isRunning(executor, id), 'running');
    const again = executor.launch(lrpTask('one', { index: 1 }));
    await executor.until(() => executor.agent.told(again).includes('DROPPED'), 'dropped');
    t.match(executor.agent.last(again), { message: `it is here already as the task ${id}` });
    executor.launch(lrpTask('one'));
    const taken = executor.launch(lrpTask('two', { index: 2, placementId: 'p-one' }));
    await executor.until(() => executor.agent.told(taken).includes('DROPPED'), 'dropped');
    t.match(executor.agent.last(taken), { message: 'its placement was taken up before' });
    t.same(executor.agent.told(id), ['STARTING', 'RUNNING']);
    await executor.stop();
  },
);

t.test('driver - tasks of a group are tasks like others', async (t) => {
  const executor = await ready();
  const tasks = [lrpTask('one'), oneOffTask('a')];
  executor.agent.tell({ type: 'LAUNCH_GROUP', launchGroup: { taskGroup: { tasks } } });
  for (const { taskId } of tasks) await executor.until(isRunning(executor, taskId.value), 'running');
  t.equal(executor.world.runtime.containers.size, 2);
  await executor.stop();
});

t.test(
  'driver - the next life of a killed executor goes on with its tasks, and tells what was not told',
  async (t) => {
    const world = createWorld();
    const first = await ready({ world });
    first.agent.acknowledges = false;
    const [one, two] = [first.launch(lrpTask('one')), first.launch(oneOffTask('a'))];
    await first.until(isRunning(first, one), 'running');
    await first.until(isRunning(first, two), 'running');
    // it is killed: nothing of it says or does anything any more
    const { notes } = first;
    const records = structuredClone([...notes.records.values()]);
    const second = await startExecutor({
      world,
      notes: { ...notes, load: () => Promise.resolve(records) },
    });
    t.same(second.agent.told(one), ['STARTING', 'RUNNING'], 'told at once, with SUBSCRIBE');
    await second.until(() => second.cell.container('one')?.state() === 'running', 'adopted');
    world.runtime.containers.get('task')?.main().exit({ code: 5 });
    await second.until(() => second.agent.told(two).includes('FAILED'), 'ended');
    second.kill(one);
    await second.until(() => second.agent.told(one).includes('KILLED'), 'killed');
    t.same(second.agent.told(one), ['STARTING', 'RUNNING', 'KILLING', 'KILLED']);
    t.equal(notes.records.size, 0, 'what Mesos knows is not kept');
    await second.stop();
  },
);
