/** Masters that lead, follow, recover and die. Numbers are those of the behaviours in mesos-v1.md §19. */
import t from 'tap';
import { createFaults } from '../../../mesos-bridge/simulator/faults.js';
import { createRegistry } from '../../../mesos-bridge/simulator/master/master.js';
import { eventually } from '../../support/eventually.js';
import { aFrameworkInfo, anExecutorTask, aStatusOf, createMasterGround } from '../../support/mesos-master.js';

t.test(
  'master standing - 9, 10: a follower leads everybody on before it looks at anything; without a leader 503',
  async (t) => {
    const ground = await createMasterGround(t);
    const leader = await ground.another();
    ground.master.follow(leader.address);
    const garbage = await ground.post({ headers: {}, body: Buffer.from('garbage') });
    t.equal(garbage.status, 307);
    t.equal(garbage.headers.location, `//${leader.address}/master/api/v1/scheduler`);
    t.equal(
      (await ground.post({ method: 'GET', path: '/redirect' })).headers.location,
      `//${leader.address}`,
    );
    t.equal((await ground.post({ method: 'GET', path: '/redirect/x' })).status, 404);
    t.equal((await ground.post({ method: 'GET', path: '/health' })).status, 200);
    ground.master.follow(undefined);
    t.equal((await ground.post({})).body.toString(), 'No leader elected');
    ground.master.recover();
    const recovering = await ground.post({});
    t.same([recovering.status, recovering.body.toString()], [503, 'Master has not finished recovery']);
  },
);

t.test('master standing - 8: whoever is not known gets 401 before anything else', async (t) => {
  const credentials = [{ principal: 'p', secret: 's' }];
  const ground = await createMasterGround(t, { credentials });
  const refused = await ground.post({ method: 'GET', headers: {} });
  t.equal(refused.status, 401);
  t.equal(refused.headers['www-authenticate'], 'Basic realm="mesos-master-scheduler"');
  t.equal((await ground.post({ path: '/api/v1' })).status, 401);
  const authorization = `Basic ${Buffer.from('p:s').toString('base64')}`;
  const headers = { 'Content-Type': 'application/json', Authorization: authorization };
  const scheduler = await ground.subscribe(aFrameworkInfo(), {}, { headers });
  t.same(scheduler.told(), ['SUBSCRIBED', 'HEARTBEAT']);
});

t.test(
  'master standing - 34, 35, 89: a new master knows the agents of the old one, and nothing of their tasks until they come',
  async (t) => {
    const registry = createRegistry();
    const ground = await createMasterGround(t, { registry });
    const agent = await ground.agent();
    const scheduler = await ground.subscribe();
    await scheduler.launch([anExecutorTask('t1', agent.name, 'e1')], scheduler.offers()[0]!);
    agent.send({ kind: 'status-update', frameworkId: scheduler.id, status: aStatusOf('t1', 'TASK_RUNNING') });
    await ground.settle();
    await ground.master.kill();
    await eventually(() => scheduler.answer.ended() === 'broken');
    await ground.master.restart();
    t.equal((await scheduler.call({ type: 'REVIVE' })).body.toString(), 'Framework cannot be found');
    const back = await ground.subscribe(aFrameworkInfo({ id: { value: scheduler.id } }));
    t.equal(back.id, scheduler.id);
    const ask = (tasks: { taskId: { value: string }; agentId?: { value: string } }[]) =>
      back.call({ type: 'RECONCILE', reconcile: { tasks } });
    await ask([{ taskId: { value: 't1' }, agentId: { value: agent.name } }, { taskId: { value: 'x' } }]);
    await back.call({ type: 'KILL', kill: { taskId: { value: 't1' }, agentId: { value: agent.name } } });
    t.same(back.statuses(), []);
    agent.reregister(ground.master.door);
    await ground.settle();
    await ask([]);
    t.same(back.told().slice(2), ['OFFERS', 'UPDATE t1 TASK_RUNNING REASON_RECONCILIATION']);
  },
);

t.test(
  'master standing - 35: a framework that only its agents know of is recovered, and may not call',
  async (t) => {
    const registry = createRegistry();
    const ground = await createMasterGround(t, { registry });
    const agent = await ground.agent();
    const scheduler = await ground.subscribe();
    await scheduler.launch([anExecutorTask('t1', agent.name, 'e1')], scheduler.offers()[0]!);
    ground.master.lead();
    agent.reregister(ground.master.door);
    await ground.settle();
    const { response } = await ground.operate({ type: 'GET_FRAMEWORKS' });
    const [view] = response.getFrameworks?.frameworks ?? [];
    t.same([view?.recovered, view?.active, view?.connected], [true, false, false]);
    const refused = await scheduler.call({ type: 'REVIVE' });
    t.same([refused.status, refused.body.toString()], [403, 'Framework is not subscribed']);
    agent.send({
      kind: 'executor-message',
      frameworkId: scheduler.id,
      executorId: 'e1',
      data: Buffer.from('x'),
    });
    const back = await ground.subscribe(aFrameworkInfo({ id: { value: scheduler.id } }));
    t.notOk(back.told().includes('MESSAGE'));
  },
);

t.test(
  'master standing - 100: an agent that does not come back to a new master is given up after 10 min',
  async (t) => {
    const registry = createRegistry();
    const ground = await createMasterGround(t, { registry });
    const agent = await ground.agent();
    ground.master.lead();
    const scheduler = await ground.subscribe();
    await ground.advance(599_000);
    t.notOk(scheduler.told().some((word) => word.startsWith('FAILURE')));
    await ground.advance(1_001);
    t.equal(scheduler.told().filter((word) => word === `FAILURE ${agent.name}`).length, 1);
    await scheduler.call({
      type: 'RECONCILE',
      reconcile: { tasks: [{ taskId: { value: 't' }, agentId: { value: agent.name } }] },
    });
    t.equal(scheduler.told().at(-1), 'UPDATE t TASK_UNREACHABLE REASON_RECONCILIATION');
  },
);

t.test(
  'master standing - faults: refused subscriptions, lost, doubled and late events, cut connections',
  async (t) => {
    const faults = createFaults();
    const ground = await createMasterGround(t, { faults });
    Object.assign(faults.refuseSubscribe, { times: 2, status: 503 });
    t.same([(await ground.subscribe()).answer.status, (await ground.subscribe()).answer.status], [503, 503]);
    Object.assign(faults.refuseSubscribe, { times: 1, status: 307, location: 'other:5050' });
    t.equal((await ground.subscribe()).answer.headers.location, '//other:5050/master/api/v1/scheduler');
    const fates = ['double', 'drop', { delayMs: 20_000 }, 'behind'] as const;
    let at = 0;
    const scheduler = await ground.subscribe();
    faults.toScheduler = () => fates[at++] ?? 'deliver';
    await ground.advance(15_000);
    t.equal(scheduler.events('HEARTBEAT').length, 3);
    await ground.advance(15_000);
    t.equal(scheduler.events('HEARTBEAT').length, 3);
    await ground.advance(15_000);
    await ground.advance(15_000);
    t.equal(scheduler.events('HEARTBEAT').length, 3);
    await ground.advance(5_001);
    t.equal(scheduler.events('HEARTBEAT').length, 5);
    faults.toScheduler = undefined;
    ground.master.cutConnections();
    await ground.settle();
    await eventually(() => scheduler.answer.ended() === 'broken');
    const back = await ground.subscribe(aFrameworkInfo({ id: { value: scheduler.id } }));
    t.equal(back.id, scheduler.id);
  },
);

t.test(
  'master standing - a subscribed framework that sends a call of no type aborts the master',
  async (t) => {
    const ground = await createMasterGround(t);
    const scheduler = await ground.subscribe();
    await t.rejects(scheduler.call({ type: 'UNKNOWN' }));
    t.equal(ground.master.state(), undefined);
  },
);
