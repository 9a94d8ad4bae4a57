/** An agent's process ends and starts again. Numbers: the numbered behaviours of Mesos's agents. */
import t from 'tap';
import { AGENT_ID, aFramework, aTask, anExecutor, createAgentGround } from '../../support/mesos-agent.js';
import type { AgentGround } from '../../support/mesos-agent.js';

const CHECKPOINTING = aFramework({ checkpoint: true });

const shown = (ground: AgentGround): string[] =>
  ground
    .updates()
    .map(({ taskId, state, status }) =>
      [taskId, state, status.reason?.replace('REASON_', '')].filter(Boolean).join(' '),
    );

const running = async (ids: readonly string[], framework = CHECKPOINTING) => {
  const ground = createAgentGround();
  await ground.register();
  for (const [index, id] of ids.entries())
    await ground.run(aTask(id, { executor: anExecutor('e') }), { framework, launchExecutor: index === 0 });
  ground.sent.length = 0;
  return ground;
};

/** until it speaks to its master again */
const back = async (ground: AgentGround): Promise<void> => {
  await ground.clock.advance(5_000);
  await ground.tell({ kind: 'reregistered', agentId: AGENT_ID, unknownTasks: [] });
};

const reregistration = ({ sent }: AgentGround) => {
  const found = sent.find(({ kind }) => kind === 'reregister');
  if (found?.kind !== 'reregister') throw new Error('it did not register again');
  return found;
};

t.test('agent restart - 96: with checkpoints tasks live on, under the same agent id', async (t) => {
  const ground = await running(['a']);
  const executor = ground.subscribe('e');
  executor.update('a', 'TASK_RUNNING');
  ground.agent.crash();
  t.equal(executor.ended, true);
  ground.agent.restart();
  await ground.clock.advance(100);
  const again = ground.subscribe('e');
  t.same(again.types(), ['SUBSCRIBED']);
  ground.sent.length = 0;
  await back(ground);
  const { introduction, tasks, executors, frameworks } = reregistration(ground);
  t.equal(introduction.agent.id?.value, AGENT_ID);
  t.match(tasks, [{ taskId: { value: 'a' }, state: 'TASK_RUNNING', statusUpdateState: 'TASK_RUNNING' }]);
  t.equal(executors[0]?.info.executorId.value, 'e');
  t.equal(frameworks.length, 1);
  t.same(shown(ground), ['a TASK_RUNNING'], 'what was not acknowledged comes again');
  t.equal(ground.started[0]?.destroyed, false);
});

t.test('agent restart - 96: without, executors are ended and nobody speaks of them any more', async (t) => {
  const ground = await running(['a'], aFramework());
  ground.subscribe('e').update('a', 'TASK_RUNNING');
  ground.agent.crash();
  ground.agent.restart();
  t.equal(ground.started[0]?.destroyed, true);
  ground.sent.length = 0;
  await back(ground);
  t.same(reregistration(ground).tasks, []);
  t.same(shown(ground), []);
});

t.test(
  'agent restart - 108: it first does not know its containers, then takes SUBSCRIBE alone',
  async (t) => {
    const ground = await running(['a']);
    const executor = ground.subscribe('e');
    executor.update('a', 'TASK_RUNNING');
    ground.agent.crash();
    ground.agent.restart();
    t.equal(ground.door().isRecovering(), true);
    await ground.clock.advance(100);
    t.equal(ground.door().isRecovering(), false);
    t.same(ground.say('e', { type: 'MESSAGE', message: { data: Buffer.from('x') } }), {
      status: 503,
      text: 'Agent has not finished recovery',
    });
    t.same(ground.subscribe('e').types(), ['SUBSCRIBED']);
  },
);

t.test(
  'agent restart - statuses that it has not seen come with SUBSCRIBE, those that it has are not doubled',
  async (t) => {
    const ground = await running(['a']);
    const executor = ground.subscribe('e');
    const starting = executor.update('a', 'TASK_STARTING');
    ground.sent.length = 0;
    ground.agent.crash();
    ground.agent.restart();
    await ground.clock.advance(100);
    const status = { ...starting, state: 'TASK_RUNNING' as const, uuid: Buffer.alloc(16, 9) };
    const again = ground.subscribe('e', {
      unacknowledgedUpdates: [{ status: starting }, { status }],
    });
    t.same(again.types(), ['ACKNOWLEDGED', 'ACKNOWLEDGED', 'SUBSCRIBED']);
    await back(ground);
    t.same(shown(ground), ['a TASK_STARTING']);
    await ground.acknowledge(starting);
    t.same(shown(ground), ['a TASK_RUNNING']);
    await ground.acknowledge(status);
    await ground.clock.advance(30_000);
    t.same(shown(ground), []);
  },
);

t.test('agent restart - 97: a task that the executor does not know was lost on the way', async (t) => {
  const ground = await running(['a', 'b']);
  const executor = ground.subscribe('e');
  executor.update('a', 'TASK_RUNNING');
  ground.sent.length = 0;
  ground.agent.crash();
  ground.agent.restart();
  await ground.clock.advance(100);
  ground.subscribe('e');
  await back(ground);
  t.same(shown(ground), ['a TASK_RUNNING', 'b TASK_DROPPED AGENT_RESTARTED']);
});

t.test('agent restart - a delivered task that the executor names lives on', async (t) => {
  const ground = await running(['a']);
  ground.subscribe('e');
  ground.agent.crash();
  ground.agent.restart();
  await ground.clock.advance(100);
  const again = ground.subscribe('e', { unacknowledgedTasks: [aTask('a')] });
  t.same(again.types(), ['SUBSCRIBED']);
  await back(ground);
  t.same(shown(ground), []);
});

t.test('agent restart - an executor that was never given a task is shut down', async (t) => {
  const ground = await running(['a']);
  ground.agent.crash();
  ground.agent.restart();
  await ground.clock.advance(100);
  t.same(ground.subscribe('e').types(), ['SHUTDOWN']);
  await back(ground);
  t.same(shown(ground), ['a TASK_DROPPED AGENT_RESTARTED']);
});

t.test(
  'agent restart - 94: an executor that ended meanwhile leaves TASK_FAILED and no word of itself',
  async (t) => {
    const ground = await running(['a']);
    ground.subscribe('e').update('a', 'TASK_RUNNING');
    ground.agent.crash();
    ground.started[0]?.exit(35_072);
    await ground.clock.advance(1_000);
    ground.agent.restart();
    ground.sent.length = 0;
    await back(ground);
    t.same(reregistration(ground).executors, []);
    t.notOk(ground.sent.some(({ kind }) => kind === 'exited-executor'));
    const updates = ground.updates();
    t.equal(updates[0]?.state, 'TASK_RUNNING');
    await ground.acknowledge(updates[0]!.status);
    t.same(shown(ground), ['a TASK_FAILED EXECUTOR_TERMINATED']);
  },
);

t.test(
  'agent restart - an executor that does not come back within 2 s is ended, its tasks gone',
  async (t) => {
    const ground = await running(['a']);
    const executor = ground.subscribe('e');
    const { uuid } = executor.update('a', 'TASK_RUNNING');
    await ground.acknowledge({ taskId: { value: 'a' }, state: 'TASK_RUNNING', uuid: uuid! });
    ground.agent.crash();
    ground.agent.restart();
    await ground.clock.advance(2_049);
    t.equal(ground.started[0]?.destroyed, false);
    await ground.clock.advance(1);
    t.equal(ground.started[0]?.destroyed, true);
    ground.sent.length = 0;
    await back(ground);
    t.match(ground.updates()[0]?.status, {
      state: 'TASK_GONE',
      reason: 'REASON_EXECUTOR_REREGISTRATION_TIMEOUT',
      message: 'Executor did not reregister within 2secs',
    });
  },
);

t.test('agent restart - 98: tasks that only the master knows are dropped, with a uuid', async (t) => {
  const ground = await running(['a']);
  ground.subscribe('e').update('a', 'TASK_RUNNING');
  ground.agent.crash();
  ground.agent.restart();
  await ground.clock.advance(100);
  ground.subscribe('e');
  await ground.clock.advance(5_000);
  ground.sent.length = 0;
  await ground.tell({
    kind: 'reregistered',
    agentId: AGENT_ID,
    unknownTasks: [{ framework: CHECKPOINTING, taskIds: ['a', 'lost'] }],
  });
  const lost = ground.updates().filter(({ taskId }) => taskId === 'lost');
  t.match(lost[0]?.status, {
    state: 'TASK_DROPPED',
    source: 'SOURCE_AGENT',
    reason: 'REASON_RECONCILIATION',
    message: 'Reconciliation: task unknown to the agent',
  });
  t.equal(lost[0]?.status.uuid?.length, 16);
  await ground.acknowledge(lost[0]!.status);
  await ground.clock.advance(60_000);
  t.same(
    ground.updates().filter(({ taskId }) => taskId === 'lost'),
    [],
  );
});

t.test('agent restart - 95: what happened while no master heard it is told when one does', async (t) => {
  const ground = await running(['a']);
  const executor = ground.subscribe('e');
  ground.listen(false);
  ground.breakLink();
  executor.update('a', 'TASK_FINISHED');
  await ground.clock.advance(100_000);
  t.same(shown(ground), []);
  ground.listen(true);
  await ground.clock.advance(60_000);
  t.match(reregistration(ground).tasks, [{ state: 'TASK_FINISHED', statusUpdateState: 'TASK_FINISHED' }]);
  await ground.tell({ kind: 'reregistered', agentId: AGENT_ID, unknownTasks: [] });
  t.same(shown(ground), ['a TASK_FINISHED']);
});

t.test('agent restart - a lost machine takes its executors with it', async (t) => {
  const ground = await running(['a']);
  ground.agent.lose();
  t.equal(ground.started[0]?.destroyed, true);
  await ground.clock.advance(200_000);
  t.equal(ground.agent.phase(), 'down');
});

t.test(
  'agent restart - told to shut down, it ends its executors, with their grace, and itself',
  async (t) => {
    const ground = await running(['a']);
    const executor = ground.subscribe('e');
    await ground.tell({ kind: 'shutdown', message: 'gone' });
    t.equal(executor.types().at(-1), 'SHUTDOWN');
    ground.sent.length = 0;
    await ground.clock.advance(4_999);
    t.equal(ground.started[0]?.destroyed, false);
    await ground.clock.advance(200_000);
    t.equal(ground.started[0]?.destroyed, true);
    t.same(ground.sent, []);
    t.equal(ground.agent.phase(), 'ended');
  },
);

t.test('agent restart - after it has left, it comes back under its id and knows of no task', async (t) => {
  const ground = await running(['a']);
  ground.subscribe('e').update('a', 'TASK_RUNNING');
  ground.agent.leave();
  t.equal(ground.sent.at(-1)?.kind, 'unregister');
  ground.started[0]?.exit(0);
  await ground.clock.advance(10);
  ground.sent.length = 0;
  ground.agent.restart();
  await back(ground);
  const { introduction, tasks, executors } = reregistration(ground);
  t.equal(introduction.agent.id?.value, AGENT_ID);
  t.same([tasks, executors], [[], []]);
  t.same(shown(ground), []);
});
