/** Subscriptions of frameworks at a simulated master. Numbers are those of the behaviours in mesos-v1.md §19. */
import t from 'tap';
import {
  aCommandTask,
  aFrameworkInfo,
  anExecutorTask,
  aStatusOf,
  createMasterGround,
} from '../../support/mesos-master.js';

t.test(
  'master frameworks - 11, 13: SUBSCRIBED and a heartbeat at once, then one every 15 s; another stream id each time',
  async (t) => {
    const ground = await createMasterGround(t);
    const first = await ground.subscribe();
    t.same(first.told(), ['SUBSCRIBED', 'HEARTBEAT']);
    t.equal(first.answer.headers['transfer-encoding'], 'chunked');
    await ground.advance(14_999);
    t.equal(first.events('HEARTBEAT').length, 1);
    await ground.advance(30_001);
    t.equal(first.events('HEARTBEAT').length, 4);
    const again = await ground.subscribe(aFrameworkInfo({ id: { value: first.id } }));
    t.equal(again.id, first.id);
    t.not(again.answer.headers['mesos-stream-id'], first.answer.headers['mesos-stream-id']);
  },
);

t.test(
  'master frameworks - 19, 14: whoever comes later wins; the older stream hears it and ends, its id is refused',
  async (t) => {
    const ground = await createMasterGround(t);
    const old = await ground.subscribe();
    const taken = await ground.subscribe(aFrameworkInfo({ id: { value: old.id } }));
    t.equal(old.events('ERROR')[0]?.error?.message, 'Framework failed over');
    t.equal(old.answer.ended(), 'last chunk');
    const refused = await old.call({ type: 'REVIVE' });
    t.equal(refused.status, 400);
    t.match(refused.body.toString(), /^The stream ID '.*' included in this request didn't match/);
    t.equal((await taken.call({ type: 'REVIVE' })).status, 202);
  },
);

t.test(
  'master frameworks - 16, 21, 26: away it gets 403; past its failover timeout it is removed with all it runs',
  async (t) => {
    const ground = await createMasterGround(t);
    const agent = await ground.agent();
    const scheduler = await ground.subscribe(aFrameworkInfo({ failoverTimeout: 10 }));
    const [offer] = scheduler.offers();
    await scheduler.launch([anExecutorTask('t1', agent.name, 'e1')], offer!);
    await scheduler.close();
    t.equal((await scheduler.call({ type: 'REVIVE' })).status, 403);
    await ground.advance(9_999);
    t.notOk(agent.told.some(({ kind }) => kind === 'shutdown-framework'));
    await ground.advance(1);
    t.ok(agent.told.some(({ kind }) => kind === 'shutdown-framework'));
    const again = await ground.subscribe(aFrameworkInfo({ id: { value: scheduler.id } }));
    t.equal(again.events('ERROR')[0]?.error?.message, 'Framework has been removed');
    t.equal(again.answer.ended(), 'last chunk');
    t.equal((await scheduler.call({ type: 'REVIVE' })).body.toString(), 'Framework cannot be found');
  },
);

t.test(
  'master frameworks - 28: without a failover timeout, and with a negative one, the end of the stream is the end',
  async (t) => {
    const ground = await createMasterGround(t);
    for (const failoverTimeout of [0, -1]) {
      const scheduler = await ground.subscribe(aFrameworkInfo({ failoverTimeout }));
      await scheduler.close();
      const again = await ground.subscribe(aFrameworkInfo({ id: { value: scheduler.id } }));
      t.equal(again.events('ERROR')[0]?.error?.message, 'Framework has been removed');
    }
  },
);

t.test(
  'master frameworks - 24, 25, 30: what was under way reaches the new stream; the offers of before are void',
  async (t) => {
    const ground = await createMasterGround(t);
    const agent = await ground.agent();
    const old = await ground.subscribe();
    await old.launch([anExecutorTask('t1', agent.name, 'e1')], old.offers()[0]!, 0);
    await ground.advance(1_000);
    const held = old.offers().at(-1)!;
    const taken = await ground.subscribe(aFrameworkInfo({ id: { value: old.id } }));
    t.notOk(taken.told().includes('RESCIND'));
    agent.send({ kind: 'status-update', frameworkId: old.id, status: aStatusOf('t1', 'TASK_RUNNING') });
    agent.send({ kind: 'executor-message', frameworkId: old.id, executorId: 'e1', data: Buffer.from('hi') });
    await taken.call({
      type: 'MESSAGE',
      message: { agentId: { value: agent.name }, executorId: { value: 'e1' }, data: Buffer.from('ho') },
    });
    t.same(taken.told().slice(2), ['UPDATE t1 TASK_RUNNING', 'MESSAGE']);
    t.equal(agent.told.filter(({ kind }) => kind === 'framework-message').length, 1);
    await taken.launch([aCommandTask('t2', agent.name)], held);
    t.equal(taken.told().at(-1), 'UPDATE t2 TASK_DROPPED REASON_INVALID_OFFERS');
  },
);

t.test(
  'master frameworks - 29: suppressed from the start, it is offered nothing until it revives',
  async (t) => {
    const ground = await createMasterGround(t);
    await ground.agent();
    const scheduler = await ground.subscribe(aFrameworkInfo(), { suppressedRoles: ['*'] });
    await ground.advance(5_000);
    t.same(scheduler.offers(), []);
    await scheduler.call({ type: 'REVIVE' });
    t.equal(scheduler.offers().length, 1);
    await scheduler.close();
    const back = await ground.subscribe(aFrameworkInfo({ id: { value: scheduler.id } }), {
      suppressedRoles: ['*'],
    });
    await ground.advance(5_000);
    t.same(back.offers(), []);
  },
);

t.test('master frameworks - 31, 32: what UPDATE_FRAMEWORK may change, and what comes of it', async (t) => {
  const ground = await createMasterGround(t);
  await ground.agent();
  const scheduler = await ground.subscribe(aFrameworkInfo({ roles: ['a'] }));
  const update = (of: Parameters<typeof aFrameworkInfo>[0], suppressedRoles: string[] = []) =>
    scheduler.call({
      type: 'UPDATE_FRAMEWORK',
      updateFramework: {
        frameworkInfo: aFrameworkInfo({ id: { value: scheduler.id }, ...of }),
        suppressedRoles,
      },
    });
  t.match(
    (await update({ roles: ['a'], user: 'other' })).body.toString(),
    /Updating 'FrameworkInfo.user' is unsupported/,
  );
  t.match(
    (await update({ roles: ['a'], checkpoint: false })).body.toString(),
    /'FrameworkInfo.checkpoint' is unsupported/,
  );
  t.match((await update({ roles: ['/x'] })).body.toString(), /^Supplied FrameworkInfo is not valid/);
  scheduler.news();
  t.equal((await update({ roles: ['b'] }, ['b'])).status, 200);
  await ground.advance(2_000);
  t.same(scheduler.news(), ['RESCIND']);
  t.equal((await update({ roles: ['b'] })).status, 200);
  await ground.advance(1_000);
  t.same(scheduler.news(), ['OFFERS']);
  t.equal(scheduler.offers().at(-1)?.allocationInfo?.role, 'b');
});

t.test('master frameworks - 36: of the removed ones only so many are remembered', async (t) => {
  const ground = await createMasterGround(t, { flags: { maxCompletedFrameworks: 1 } });
  const [first, second] = [await ground.subscribe(), await ground.subscribe()];
  await first.call({ type: 'TEARDOWN' });
  await second.call({ type: 'TEARDOWN' });
  const forgotten = await ground.subscribe(aFrameworkInfo({ id: { value: first.id } }));
  t.equal(forgotten.id, first.id);
  const remembered = await ground.subscribe(aFrameworkInfo({ id: { value: second.id } }));
  t.same(remembered.told(), ['ERROR']);
});

t.test('master frameworks - 85, 22: TEARDOWN ends the stream and shuts its executors down', async (t) => {
  const ground = await createMasterGround(t);
  const agent = await ground.agent();
  const scheduler = await ground.subscribe();
  await scheduler.launch([anExecutorTask('t1', agent.name, 'e1')], scheduler.offers()[0]!);
  const idle = await ground.agent({ port: 5052 });
  t.equal((await scheduler.call({ type: 'TEARDOWN' })).status, 202);
  t.equal(scheduler.answer.ended(), 'last chunk');
  for (const { told } of [agent, idle])
    t.ok(
      told.some(({ kind }) => kind === 'shutdown-framework'),
      'whatever it runs for all that is known',
    );
  const { response } = await ground.operate({ type: 'GET_TASKS' });
  t.same(
    response.getTasks?.completedTasks.map(({ taskId, state }) => [taskId.value, state]),
    [['t1', 'TASK_KILLED']],
  );
});
