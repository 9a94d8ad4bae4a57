/** Numbers: the numbered behaviours of Mesos's agents, as its own tests hold them. */
import t from 'tap';
import { aFramework, aTask, anExecutor, createAgentGround } from '../../support/mesos-agent.js';
import type { AgentGround } from '../../support/mesos-agent.js';

const shown = (ground: AgentGround): string[] =>
  ground
    .updates()
    .map(({ taskId, state, latestState, status }) =>
      [taskId, state, status.reason?.replace('REASON_', ''), latestState && `(latest ${latestState})`]
        .filter(Boolean)
        .join(' '),
    );

const launched = async (ids: readonly string[], executorId = 'e', framework = aFramework()) => {
  const ground = createAgentGround();
  await ground.register();
  for (const [index, id] of ids.entries())
    await ground.run(aTask(id, { executor: anExecutor(executorId) }), {
      framework,
      launchExecutor: index === 0,
    });
  ground.sent.length = 0;
  return ground;
};

t.test('agent - registers after a random part of a second, and again until it is answered', async (t) => {
  const ground = createAgentGround();
  ground.agent.start();
  await ground.clock.advance(1_000);
  t.equal(ground.sent[0]?.kind, 'register');
  await ground.clock.advance(10_000);
  t.ok(ground.sent.length > 2);
  await ground.tell({ kind: 'registered', agentId: 'm-S0' });
  ground.sent.length = 0;
  await ground.clock.advance(60_000);
  t.same(ground.sent, []);
  t.equal(ground.agent.id(), 'm-S0');
});

t.test('agent - 92, 100: without pings it looks for its master anew after 75 s', async (t) => {
  const ground = createAgentGround();
  await ground.register();
  ground.sent.length = 0;
  await ground.clock.advance(60_000);
  await ground.tell({ kind: 'ping', connected: true });
  t.same(ground.sent, [{ kind: 'pong' }]);
  await ground.clock.advance(74_000);
  t.equal(ground.sent.length, 1);
  await ground.clock.advance(2_000);
  t.equal(ground.sent[1]?.kind, 'reregister');
});

t.test('agent - a ping that says "not connected" makes it register again at once', async (t) => {
  const ground = createAgentGround();
  await ground.register();
  ground.sent.length = 0;
  await ground.tell({ kind: 'ping', connected: false });
  t.same(
    ground.sent.map(({ kind }) => kind),
    ['pong', 'reregister'],
  );
});

t.test('agent - 109: SUBSCRIBED first, then what has waited, in order', async (t) => {
  const ground = await launched(['a', 'b']);
  const executor = ground.subscribe('e');
  t.same(executor.types(), ['SUBSCRIBED', 'LAUNCH', 'LAUNCH']);
  t.same(
    executor.events.map(({ launch }) => launch?.task.taskId.value),
    [undefined, 'a', 'b'],
  );
  const { subscribed } = executor.events[0] ?? {};
  t.equal(subscribed?.agentInfo.id?.value, 'm-S0');
  t.equal(subscribed?.executorInfo.executorId.value, 'e');
  t.ok(subscribed?.containerId?.value);
});

t.test('agent - 67: one executor for all of its tasks', async (t) => {
  const ground = await launched(['a', 'b']);
  t.equal(ground.started.length, 1);
});

t.test(
  'agent - 70: a status is sent again after 10, 20, 40 … s, at most 10 min apart, with the same uuid',
  async (t) => {
    const ground = await launched(['a']);
    const executor = ground.subscribe('e');
    const { uuid } = executor.update('a', 'TASK_STARTING');
    const at: number[] = [];
    const start = ground.clock.monotonic();
    for (let second = 0; second <= 2_600; second += 1) {
      for (const { status } of ground.updates()) {
        t.same(status.uuid, uuid);
        at.push((ground.clock.monotonic() - start) / 1_000);
      }
      if (second % 60 === 0) await ground.tell({ kind: 'ping', connected: true });
      await ground.clock.advance(1_000);
    }
    t.same(at, [0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
  },
);

t.test('agent - 71: the next status of a task only after the one before was acknowledged', async (t) => {
  const ground = await launched(['a', 'b']);
  const executor = ground.subscribe('e');
  const starting = executor.update('a', 'TASK_STARTING');
  executor.update('a', 'TASK_RUNNING');
  executor.update('b', 'TASK_STARTING');
  t.same(shown(ground), ['a TASK_STARTING', 'b TASK_STARTING']);
  await ground.acknowledge({ ...starting, uuid: Buffer.alloc(16, 7) });
  t.same(shown(ground), [], 'a wrong uuid moves nothing');
  await ground.acknowledge(starting);
  t.same(shown(ground), ['a TASK_RUNNING']);
});

t.test('agent - 72: the newest state travels when the head is sent again', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  executor.update('a', 'TASK_STARTING');
  executor.update('a', 'TASK_FINISHED');
  t.same(shown(ground), ['a TASK_STARTING']);
  await ground.clock.advance(10_000);
  t.same(shown(ground), ['a TASK_STARTING (latest TASK_FINISHED)']);
});

t.test(
  'agent - 74: a second end of a task is not told before the first was acknowledged, but after it',
  async (t) => {
    const ground = await launched(['a']);
    const executor = ground.subscribe('e');
    const finished = executor.update('a', 'TASK_FINISHED');
    executor.update('a', 'TASK_FAILED');
    t.equal(
      executor.types().filter((type) => type === 'ACKNOWLEDGED').length,
      2,
      'the executor is done with both',
    );
    await ground.acknowledge(finished);
    t.same(shown(ground), ['a TASK_FINISHED']);
    executor.update('a', 'TASK_FAILED');
    t.same(shown(ground), ['a TASK_FAILED']);
  },
);

t.test('agent - 77: the executor hears ACKNOWLEDGED though no framework has acknowledged', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  const { uuid } = executor.update('a', 'TASK_RUNNING');
  t.same(executor.events.at(-1), { type: 'ACKNOWLEDGED', acknowledged: { taskId: { value: 'a' }, uuid } });
});

t.test('agent - statuses of an executor get the agent, its container and a time', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  executor.update('a', 'TASK_RUNNING');
  executor.update('strange', 'TASK_RUNNING');
  const [known, unknown] = ground.updates();
  t.equal(known?.status.agentId?.value, 'm-S0');
  t.equal(known?.status.containerStatus?.executorPid, 4711);
  t.same(known?.status.containerStatus?.networkInfos[0]?.ipAddresses[0]?.ipAddress, '127.0.0.1');
  t.equal(unknown?.status.containerStatus, undefined, 'a task that it was never given has no container');
});

t.test('agent - 78: KILL reaches the executor with its policy', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  const killPolicy = { gracePeriod: { nanoseconds: 7n } };
  await ground.tell({ kind: 'kill-task', frameworkId: 'm-0000', taskId: 'a', killPolicy });
  t.same(executor.events.at(-1), { type: 'KILL', kill: { taskId: { value: 'a' }, killPolicy } });
});

t.test('agent - 80: killed before its executor has subscribed, a task is never delivered', async (t) => {
  const ground = await launched(['a', 'b']);
  await ground.tell({ kind: 'kill-task', frameworkId: 'm-0000', taskId: 'a' });
  const [{ status } = {}] = ground.updates();
  t.match(status, {
    state: 'TASK_KILLED',
    reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
    source: 'SOURCE_AGENT',
    message: 'Killed before delivery to the executor',
    executorId: { value: 'e' },
  });
  const executor = ground.subscribe('e');
  t.same(
    executor.events.flatMap(({ launch }) => launch?.task.taskId.value ?? []),
    ['b'],
  );
});

t.test('agent - killing one queued task of a group kills the group', async (t) => {
  const ground = createAgentGround();
  await ground.register();
  const placement = { framework: aFramework(), executor: anExecutor('e'), launchExecutor: true };
  await ground.tell({ kind: 'run-group', placement, group: { tasks: [aTask('a'), aTask('b')] } });
  await ground.tell({ kind: 'kill-task', frameworkId: 'm-0000', taskId: 'a' });
  const updates = ground.updates();
  t.same(
    updates.map(({ taskId, state }) => [taskId, state]),
    [
      ['a', 'TASK_KILLED'],
      ['b', 'TASK_KILLED'],
    ],
  );
  t.equal(
    updates[1]?.status.message,
    'A task within the task group was killed before delivery to the executor',
  );
});

t.test('agent - a group is delivered as one', async (t) => {
  const ground = createAgentGround();
  await ground.register();
  const placement = { framework: aFramework(), executor: anExecutor('e'), launchExecutor: true };
  await ground.tell({ kind: 'run-group', placement, group: { tasks: [aTask('a'), aTask('b')] } });
  t.same(ground.subscribe('e').types(), ['SUBSCRIBED', 'LAUNCH_GROUP']);
});

t.test(
  'agent - 81: an executor all of whose first tasks were killed is shut down when it subscribes',
  async (t) => {
    const ground = await launched(['a']);
    await ground.tell({ kind: 'kill-task', frameworkId: 'm-0000', taskId: 'a' });
    t.same(ground.subscribe('e').types(), ['SHUTDOWN']);
  },
);

t.test(
  'agent - 82, 83: SHUTDOWN, and destroyed when the grace is over; it ends first, then its tasks',
  async (t) => {
    for (const [info, graceMs] of [
      [{}, 5_000],
      [{ shutdownGracePeriod: { nanoseconds: 1_000_000_000n } }, 1_000],
    ] as const) {
      const ground = createAgentGround();
      await ground.register();
      await ground.run(aTask('a', { executor: anExecutor('e', info) }));
      const executor = ground.subscribe('e');
      await ground.tell({ kind: 'shutdown-executor', frameworkId: 'm-0000', executorId: 'e' });
      t.equal(executor.types().at(-1), 'SHUTDOWN');
      await ground.clock.advance(graceMs - 1);
      t.equal(ground.started[0]?.destroyed, false);
      ground.sent.length = 0;
      await ground.clock.advance(1);
      t.equal(ground.started[0]?.destroyed, true);
      t.match(ground.sent, [
        { kind: 'exited-executor', executorId: 'e', status: 9 },
        { kind: 'status-update', status: { state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED' } },
      ]);
    }
  },
);

t.test(
  'agent - an executor that is to be made anew while the old one is mourned: its master is told',
  async (t) => {
    const ground = await launched(['a']);
    const executor = ground.subscribe('e');
    executor.update('a', 'TASK_RUNNING');
    ground.started[0]?.exit(9);
    await ground.clock.advance(1);
    ground.sent.length = 0;
    await ground.run(aTask('b', { executor: anExecutor('e') }));
    t.match(ground.sent, [
      { kind: 'status-update', status: { state: 'TASK_DROPPED', reason: 'REASON_EXECUTOR_TERMINATED' } },
      { kind: 'exited-executor', executorId: 'e', status: -1 },
    ]);
  },
);

t.test('agent - 84: messages both ways, dropped while the executor is away', async (t) => {
  const ground = await launched(['a']);
  const message = {
    kind: 'framework-message',
    frameworkId: 'm-0000',
    executorId: 'e',
    data: Buffer.from('x'),
  } as const;
  await ground.tell(message);
  const executor = ground.subscribe('e');
  t.notOk(executor.types().includes('MESSAGE'));
  await ground.tell(message);
  t.match(executor.events.at(-1), { type: 'MESSAGE', message: { data: Buffer.from('x') } });
  ground.say('e', { type: 'MESSAGE', message: { data: Buffer.from('y') } });
  t.match(ground.sent.at(-1), { kind: 'executor-message', executorId: 'e', data: Buffer.from('y') });
});

t.test('agent - 85, 26: a framework that is shut down hears nothing of its tasks any more', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  executor.update('a', 'TASK_RUNNING');
  ground.sent.length = 0;
  await ground.tell({ kind: 'shutdown-framework', frameworkId: 'm-0000' });
  t.equal(executor.types().at(-1), 'SHUTDOWN');
  executor.update('a', 'TASK_KILLED');
  ground.started[0]?.exit(0);
  await ground.clock.advance(20_000);
  t.same(ground.sent, []);
  t.same(ground.agent.executors(), []);
});

t.test('agent - 103: while it drains, tasks are killed and launches refused', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  await ground.tell({ kind: 'drain', maxGraceNanoseconds: 3_000_000_000n, markGone: false });
  t.match(executor.events.at(-1), { kill: { killPolicy: { gracePeriod: { nanoseconds: 3_000_000_000n } } } });
  executor.update('a', 'TASK_KILLING');
  await ground.run(aTask('late', { executor: anExecutor('e') }), { launchExecutor: false });
  t.same(shown(ground), ['a TASK_KILLING AGENT_DRAINING', 'late TASK_DROPPED AGENT_DRAINING']);
});

t.test('agent - 110: a heartbeat after half an hour', async (t) => {
  const ground = await launched(['a']);
  const executor = ground.subscribe('e');
  await ground.clock.advance(1_799_000);
  t.notOk(executor.types().includes('HEARTBEAT'));
  await ground.clock.advance(1_000);
  t.equal(executor.types().at(-1), 'HEARTBEAT');
});

t.test('agent - 111: an executor that does not subscribe within a minute is ended', async (t) => {
  const ground = await launched(['a']);
  await ground.clock.advance(59_999);
  t.equal(ground.started[0]?.destroyed, false);
  await ground.clock.advance(1);
  t.equal(ground.started[0]?.destroyed, true);
  t.match(ground.updates()[0]?.status, {
    state: 'TASK_FAILED',
    reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT',
    message: 'Executor did not register within 1mins',
  });
});

t.test('agent - 112: the environment is what Mesos gives, and nothing else', async (t) => {
  const ground = createAgentGround();
  await ground.register();
  const environment = { variables: [{ name: 'X', value: '1' }] };
  const command = { value: 'run', uris: [], arguments: [], environment };
  await ground.run(aTask('a', { executor: anExecutor('e', { command }) }), {
    framework: aFramework({ checkpoint: true }),
  });
  const { request } = ground.started[0]!;
  t.strictSame(request.environment, {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LIBPROCESS_IP: '127.0.0.1',
    LIBPROCESS_PORT: '0',
    MESOS_FRAMEWORK_ID: 'm-0000',
    MESOS_EXECUTOR_ID: 'e',
    MESOS_AGENT_ENDPOINT: '127.0.0.1:5051',
    MESOS_SLAVE_ID: 'm-S0',
    MESOS_SLAVE_PID: 'slave(1)@127.0.0.1:5051',
    MESOS_DIRECTORY: request.sandbox,
    MESOS_SANDBOX: request.sandbox,
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
    MESOS_EXECUTOR_AUTHENTICATION_TOKEN: ground.agent.executors()[0]?.token,
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_CHECKPOINT: '1',
    MESOS_RECOVERY_TIMEOUT: '15mins',
    MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
    X: '1',
  });
  t.match(request.sandbox, /^\/work\/slaves\/m-S0\/frameworks\/m-0000\/executors\/e\/runs\/[0-9a-f-]{36}$/);
});

t.test('agent - 113: an executor that exits, however it does', async (t) => {
  for (const status of [0, 768, 35_072]) {
    const ground = await launched(['a', 'b']);
    const executor = ground.subscribe('e');
    const { uuid } = executor.update('a', 'TASK_FINISHED');
    await ground.acknowledge({ taskId: { value: 'a' }, state: 'TASK_FINISHED', uuid: uuid! });
    ground.sent.length = 0;
    ground.started[0]?.exit(status);
    await ground.clock.advance(0);
    t.match(ground.sent[0], { kind: 'exited-executor', status });
    t.same(shown(ground), ['b TASK_FAILED EXECUTOR_TERMINATED']);
    t.equal(executor.ended, true);
  }
});

t.test('agent - an executor that cannot be started tells why', async (t) => {
  const ground = createAgentGround();
  await ground.register();
  ground.failNext({
    status: 256,
    state: 'TASK_FAILED',
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: 'no such file',
  });
  await ground.run(aTask('a', { executor: anExecutor('e') }));
  t.match(ground.sent.at(-2), { kind: 'exited-executor', status: 256 });
  t.match(ground.updates().at(-1)?.status, {
    reason: 'REASON_CONTAINER_LAUNCH_FAILED',
    message: 'no such file',
  });
});

t.test('agent - what does not agree with what the master knows of executors is dropped', async (t) => {
  const ground = await launched(['a']);
  await ground.run(aTask('b', { executor: anExecutor('e') }), { launchExecutor: true });
  await ground.run(aTask('c', { executor: anExecutor('other') }), { launchExecutor: false });
  t.same(shown(ground), ['b TASK_DROPPED EXECUTOR_TERMINATED', 'c TASK_DROPPED EXECUTOR_TERMINATED']);
  const legacy = aFramework({ id: { value: 'm-0001' }, capabilities: [] });
  await ground.run(aTask('d', { executor: anExecutor('x') }), { framework: legacy, launchExecutor: false });
  t.same(shown(ground), ['d TASK_LOST EXECUTOR_TERMINATED'], 'a framework that is not partition aware');
});

t.test('agent - a task that was handed over twice runs once', async (t) => {
  const ground = await launched(['a']);
  await ground.run(aTask('a', { executor: anExecutor('e') }), { launchExecutor: true });
  t.same(ground.subscribe('e').types(), ['SUBSCRIBED', 'LAUNCH']);
  t.same(shown(ground), []);
});

t.test(
  'agent - a second SUBSCRIBE ends the first stream without a word; tasks are not sent again',
  async (t) => {
    const ground = await launched(['a']);
    const first = ground.subscribe('e');
    first.update('a', 'TASK_RUNNING');
    const before = first.types();
    const second = ground.subscribe('e');
    t.same(first.types(), before);
    t.equal(first.ended, true);
    t.same(second.types(), ['SUBSCRIBED']);
    t.same(shown(ground), ['a TASK_RUNNING']);
  },
);
