/** What a simulated master offers, and what becomes of it. Numbers are those of the behaviours in mesos-v1.md §19. */
import t from 'tap';
import { readResources, resourcesText } from '../../../mesos-bridge/core/resources.js';
import type { Offer } from '../../../mesos-bridge/protocol/messages.js';
import {
  aCommandTask,
  aFrameworkInfo,
  anExecutorTask,
  aStatusOf,
  createMasterGround,
} from '../../support/mesos-master.js';

const amounts = ({ resources }: Offer): string => resourcesText(readResources(resources).resources);

t.test('master offers - 37, 38, 49: how long a refusal holds', async (t) => {
  for (const [refuseSeconds, comesBackWithin] of [
    [0, 1_000],
    [0.1, 2_000],
    [3, 4_000],
    [-1, 6_000],
  ] as const) {
    const ground = await createMasterGround(t);
    await ground.agent();
    const scheduler = await ground.subscribe();
    await ground.advance(500);
    const offerIds = scheduler.offers().map(({ id }) => id);
    await scheduler.call({ type: 'DECLINE', decline: { offerIds, filters: { refuseSeconds } } });
    const earliest = refuseSeconds < 0 ? 5_000 : Math.max(refuseSeconds * 1_000, 400);
    await ground.advance(earliest - 100);
    t.equal(scheduler.offers().length, 1, `${refuseSeconds} s: not earlier`);
    await ground.advance(comesBackWithin - earliest + 100);
    t.equal(scheduler.offers().length, 2, `${refuseSeconds} s: offered again`);
  }
});

t.test('master offers - 49: at most a year', async (t) => {
  const ground = await createMasterGround(t, {
    flags: { allocationIntervalMs: 86_400_000, heartbeatMs: 1e9, agentPingTimeoutMs: 1e9 },
  });
  await ground.agent();
  const scheduler = await ground.subscribe();
  const offerIds = scheduler.offers().map(({ id }) => id);
  await scheduler.call({ type: 'DECLINE', decline: { offerIds, filters: { refuseSeconds: 1e12 } } });
  await ground.advance(364 * 86_400_000);
  t.equal(scheduler.offers().length, 1);
  await ground.advance(2 * 86_400_000);
  t.equal(scheduler.offers().length, 2);
});

t.test('master offers - 39: more than was refused is offered all the same', async (t) => {
  const ground = await createMasterGround(t);
  const agent = await ground.agent();
  const [holder, other] = [
    await ground.subscribe(),
    await ground.subscribe(aFrameworkInfo({ name: 'other' })),
  ];
  await holder.launch([aCommandTask('t1', agent.name, 'cpus:2;mem:1024')], holder.offers()[0]!, 0);
  await holder.call({ type: 'SUPPRESS' });
  await ground.advance(1_000);
  const offerIds = other.offers().map(({ id }) => id);
  await other.call({ type: 'DECLINE', decline: { offerIds, filters: { refuseSeconds: 1_000 } } });
  await ground.advance(5_000);
  t.equal(other.offers().length, 1);
  agent.send({ kind: 'status-update', frameworkId: holder.id, status: aStatusOf('t1', 'TASK_FINISHED') });
  await ground.advance(1_000);
  t.match(amounts(other.offers()[1]!), /cpus\(allocated: \*\):4/);
});

t.test(
  'master offers - 40: SUPPRESS and REVIVE, also of single roles; a role that it does not have spoils the call',
  async (t) => {
    const ground = await createMasterGround(t);
    await ground.agent();
    const scheduler = await ground.subscribe(aFrameworkInfo({ roles: ['a', 'b'] }), {
      suppressedRoles: ['a', 'b'],
    });
    await scheduler.call({ type: 'REVIVE', revive: { roles: ['b', 'nope'] } });
    await ground.advance(1_000);
    t.same(scheduler.offers(), []);
    await scheduler.call({ type: 'REVIVE', revive: { roles: ['b'] } });
    t.same(
      scheduler.offers().map(({ allocationInfo }) => allocationInfo?.role),
      ['b'],
    );
    const offerIds = scheduler.offers().map(({ id }) => id);
    await scheduler.call({ type: 'SUPPRESS', suppress: { roles: ['b'] } });
    t.notOk(scheduler.told().includes('RESCIND'));
    await scheduler.call({ type: 'DECLINE', decline: { offerIds, filters: { refuseSeconds: 1_000 } } });
    await ground.advance(2_000);
    await scheduler.call({ type: 'REVIVE' });
    t.equal(scheduler.offers().length, 2);
  },
);

t.test(
  'master offers - 41, 42, 67, 72: the rest comes back, what has ended too, and the executor is charged once',
  async (t) => {
    const ground = await createMasterGround(t);
    const agent = await ground.agent();
    const scheduler = await ground.subscribe();
    await scheduler.launch([anExecutorTask('t1', agent.name, 'e1')], scheduler.offers()[0]!, 0);
    await ground.advance(1_000);
    const second = scheduler.offers()[1]!;
    t.match(amounts(second), /cpus\(allocated: \*\):3.8;/);
    t.same(second.executorIds, [{ value: 'e1' }]);
    await scheduler.launch([anExecutorTask('t2', agent.name, 'e1')], second, 0);
    await ground.advance(1_000);
    t.match(amounts(scheduler.offers()[2]!), /cpus\(allocated: \*\):3.7;/);
    const status = aStatusOf('t1', 'TASK_STARTING');
    agent.send({ kind: 'status-update', frameworkId: scheduler.id, status });
    await ground.advance(1_000);
    t.equal(scheduler.offers().length, 3);
    agent.send({ kind: 'status-update', frameworkId: scheduler.id, status, latestState: 'TASK_FINISHED' });
    await ground.advance(1_000);
    t.equal(amounts(scheduler.offers()[3]!), 'cpus(allocated: *):0.1; mem(allocated: *):32');
  },
);

t.test(
  'master offers - 43: an offer that is not answered is rescinded in time, one that was used is not',
  async (t) => {
    const ground = await createMasterGround(t, { flags: { offerTimeoutMs: 3_000 } });
    const agent = await ground.agent();
    const scheduler = await ground.subscribe();
    await ground.advance(2_999);
    t.same(scheduler.news(), ['SUBSCRIBED', 'HEARTBEAT', 'OFFERS']);
    await ground.advance(1);
    t.same(scheduler.news(), ['RESCIND', 'OFFERS']);
    const offer = scheduler.offers()[1]!;
    await scheduler.launch(
      [aCommandTask('t1', agent.name, 'cpus:4;mem:4096;disk:10000;ports:[31000-31999]')],
      offer,
    );
    await ground.advance(5_000);
    t.same(scheduler.news(), []);
  },
);

t.test('master offers - 44 … 48: several offers in one ACCEPT, and lists that are wrong', async (t) => {
  const ground = await createMasterGround(t);
  const [one, two] = [await ground.agent({ port: 5051 }), await ground.agent({ port: 5052 })];
  const scheduler = await ground.subscribe();
  const of = (name: string): Offer => scheduler.offers().findLast(({ agentId }) => agentId.value === name)!;
  const acceptAll = (offers: readonly Offer[], id: string, resources = 'cpus:0.1;mem:32') =>
    scheduler.call({
      type: 'ACCEPT',
      accept: {
        offerIds: offers.map((offer) => offer.id),
        operations: [{ type: 'LAUNCH', launch: { taskInfos: [aCommandTask(id, one.name, resources)] } }],
        filters: { refuseSeconds: 60 },
      },
    });
  await acceptAll([of(one.name), of(two.name)], 'agents');
  await ground.advance(1_000);
  await acceptAll([of(one.name), of(one.name)], 'twice');
  await ground.advance(1_000);
  await acceptAll([of(one.name), { ...of(one.name), id: { value: 'nope' } }], 'unknown');
  await ground.advance(1_000);
  const told = scheduler.statuses();
  t.same(
    told.map(({ taskId, state }) => `${taskId.value} ${state}`),
    ['agents TASK_DROPPED', 'twice TASK_DROPPED', 'unknown TASK_DROPPED'],
  );
  t.ok(told.every(({ reason, uuid }) => reason === 'REASON_INVALID_OFFERS' && uuid === undefined));
  t.match(
    told[0]?.message,
    /: Aggregated offers must belong to one single agent\. Offer .* uses agent .* and agent /,
  );
  t.match(told[1]?.message, /: Duplicate offer .* in offer list$/);
  t.match(told[2]?.message, /: Offer nope is no longer valid$/);
  const first = of(one.name);
  await scheduler.launch([aCommandTask('half', one.name, 'cpus:1;mem:1000')], first, 0);
  await scheduler.call({ type: 'KILL', kill: { taskId: { value: 'half' } } });
  await ground.advance(1_000);
  const rest = of(one.name);
  one.send({ kind: 'status-update', frameworkId: scheduler.id, status: aStatusOf('half', 'TASK_KILLED') });
  await ground.advance(1_000);
  t.not(of(one.name).id.value, rest.id.value);
  await acceptAll([rest, of(one.name)], 'whole', 'cpus:4;mem:4096');
  t.equal(one.told.filter(({ kind }) => kind === 'run-task').length, 2);
});

t.test('master offers - 50, 51: what is too little, too far or too special is not offered', async (t) => {
  const ground = await createMasterGround(t, {
    flags: { domain: { faultDomain: { region: { name: 'r1' }, zone: { name: 'z1' } } } },
  });
  const far = { faultDomain: { region: { name: 'r2' }, zone: { name: 'z1' } } };
  const small = await ground.agent({ port: 1, resources: 'cpus:0.001;mem:31' });
  const remote = await ground.agent({ port: 2, resources: 'cpus:1;mem:64', domain: far });
  const graphic = await ground.agent({ port: 3, resources: 'cpus:1;mem:64;gpus:1' });
  const names = async (of: Parameters<typeof aFrameworkInfo>[0]) => {
    const scheduler = await ground.subscribe(aFrameworkInfo(of));
    const offered = scheduler.offers().map(({ agentId }) => agentId.value);
    await scheduler.call({ type: 'TEARDOWN' });
    return offered.toSorted();
  };
  const all = aFrameworkInfo().capabilities ?? [];
  t.same(await names({}), []);
  t.same(await names({ capabilities: [...all, { type: 'REGION_AWARE' }] }), [remote.name]);
  t.same(await names({ capabilities: [...all, { type: 'GPU_RESOURCES' }] }), [graphic.name]);
  t.same(await names({ offerFilters: { '*': { minAllocatableResources: {} } } }), [small.name]);
});

t.test(
  'master offers - 52: only frameworks of several roles see whom resources are allocated to',
  async (t) => {
    const ground = await createMasterGround(t);
    await ground.agent();
    const plain = await ground.subscribe(aFrameworkInfo({ capabilities: [], roles: [] }));
    t.equal(plain.offers()[0]?.allocationInfo, undefined);
    t.ok(plain.offers()[0]?.resources.every(({ allocationInfo, role }) => !allocationInfo && role === '*'));
    await plain.call({ type: 'TEARDOWN' });
    const several = await ground.subscribe();
    await ground.advance(1_000);
    t.same(several.offers()[0]?.allocationInfo, { role: '*' });
  },
);

t.test(
  'master offers - resources that are reserved for a role go to it and those below it only',
  async (t) => {
    const ground = await createMasterGround(t);
    const agent = await ground.agent({ resources: 'cpus:1;mem:64' });
    const scheduler = await ground.subscribe(aFrameworkInfo({ roles: ['eng'], principal: 'p' }));
    const reserved = scheduler.offers()[0]!.resources.map((resource) => ({
      ...resource,
      reservations: [{ type: 'DYNAMIC', role: 'eng', principal: 'p' }] as const,
    }));
    await scheduler.call({
      type: 'ACCEPT',
      accept: {
        offerIds: [scheduler.offers()[0]!.id],
        operations: [{ type: 'RESERVE', id: { value: 'op' }, reserve: { resources: reserved } }],
      },
    });
    t.ok(agent.told.some(({ kind }) => kind === 'apply-operation'));
    const { response } = await ground.operate({ type: 'GET_OPERATIONS' });
    t.same(
      response.getOperations?.operations.map(({ info, latestStatus }) => [
        info.id?.value,
        latestStatus.state,
      ]),
      [['op', 'OPERATION_PENDING']],
    );
    await scheduler.call({ type: 'SUPPRESS' });
    const [below, beside] = [
      await ground.subscribe(aFrameworkInfo({ roles: ['eng/web'] })),
      await ground.subscribe(aFrameworkInfo({ roles: ['ops'] })),
    ];
    await ground.advance(1_000);
    t.match(amounts(below.offers()[0]!), /reservations: \[\(DYNAMIC,eng,p\)\]/);
    t.same(beside.offers(), []);
  },
);

t.test('master offers - the smaller dominant share is served first', async (t) => {
  const ground = await createMasterGround(t);
  const agents = await Promise.all(
    [1, 2, 3, 4].map((port) => ground.agent({ port, resources: 'cpus:1;mem:64' })),
  );
  t.equal(agents.length, 4);
  const [one, two] = [
    await ground.subscribe(aFrameworkInfo({ roles: ['a'] }), { suppressedRoles: ['a'] }),
    await ground.subscribe(aFrameworkInfo({ roles: ['b'] }), { suppressedRoles: ['b'] }),
  ];
  await Promise.all([one.call({ type: 'REVIVE' }), two.call({ type: 'REVIVE' })]);
  await ground.advance(1_000);
  t.equal(one.offers().length + two.offers().length, 4);
  const offerIds = [...one.offers()].map(({ id }) => id);
  await one.call({ type: 'DECLINE', decline: { offerIds, filters: { refuseSeconds: 0 } } });
  await two.call({
    type: 'DECLINE',
    decline: { offerIds: two.offers().map(({ id }) => id), filters: { refuseSeconds: 0 } },
  });
  const before = [one.offers().length, two.offers().length];
  await ground.advance(1_000);
  t.same([one.offers().length - before[0]!, two.offers().length - before[1]!], [2, 2]);
});
