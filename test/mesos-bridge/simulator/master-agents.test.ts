/** Agents at a simulated master. Numbers are those of the behaviours in mesos-v1.md §19. */
import t from 'tap';
import { createFaults } from '../../../mesos-bridge/simulator/faults.js';
import {
  aCommandTask,
  aFrameworkInfo,
  anExecutorTask,
  aStatusOf,
  createMasterGround,
} from '../../support/mesos-master.js';
import type { MasterGround, Scheduler } from '../../support/mesos-master.js';
import type { ScriptedAgent } from '../../support/mesos-scripted-agent.js';

const PINGS = { agentPingTimeoutMs: 1_000, maxAgentPingTimeouts: 2 };

interface Running {
  readonly ground: MasterGround;
  readonly agent: ScriptedAgent & { name: string };
  readonly scheduler: Scheduler;
}

/** A task t1 of an executor e1 runs, and the rest of its agent is offered. */
const running = async (
  t: Parameters<typeof createMasterGround>[0],
  { info = aFrameworkInfo(), flags = PINGS as object } = {},
): Promise<Running> => {
  const ground = await createMasterGround(t, { flags });
  const agent = await ground.agent();
  const scheduler = await ground.subscribe(info);
  await scheduler.launch([anExecutorTask('t1', agent.name, 'e1')], scheduler.offers()[0]!, 0);
  agent.send({ kind: 'status-update', frameworkId: scheduler.id, status: aStatusOf('t1', 'TASK_RUNNING') });
  await ground.advance(1_000);
  scheduler.news();
  return { ground, agent, scheduler };
};

t.test('master agents - 92, 93, 59, 79: out of reach, and back', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  const other = await ground.subscribe(aFrameworkInfo({ name: 'other', capabilities: [], roles: [] }));
  agent.stop();
  await ground.advance(3_100);
  t.same(scheduler.news(), [
    'UPDATE t1 TASK_UNREACHABLE REASON_AGENT_REMOVED',
    'RESCIND',
    `FAILURE ${agent.name}`,
  ]);
  t.ok(other.told().includes(`FAILURE ${agent.name}`));
  t.ok(scheduler.statuses().at(-1)?.unreachableTime);
  t.equal(scheduler.statuses().at(-1)?.uuid, undefined);
  await scheduler.call({ type: 'KILL', kill: { taskId: { value: 't1' }, agentId: { value: agent.name } } });
  await scheduler.call({ type: 'KILL', kill: { taskId: { value: 't1' } } });
  t.same(scheduler.news(), [
    'UPDATE t1 TASK_UNREACHABLE REASON_RECONCILIATION',
    'UPDATE t1 TASK_UNKNOWN REASON_RECONCILIATION',
  ]);
  const spare = await ground.agent({ port: 5052 });
  const offer = [...scheduler.offers()].findLast(({ agentId }) => agentId.value === spare.name);
  if (offer) await scheduler.launch([aCommandTask('t1', spare.name)], offer);
  t.equal(scheduler.statuses().at(-1)?.message, 'Task reuses the ID of an unreachable task: t1');
  agent.reregister(ground.master.door);
  await ground.settle();
  t.ok(scheduler.news().includes('UPDATE t1 TASK_RUNNING REASON_AGENT_REREGISTERED'));
  await scheduler.call({ type: 'RECONCILE', reconcile: { tasks: [] } });
  t.same(scheduler.news(), ['UPDATE t1 TASK_RUNNING REASON_RECONCILIATION']);
});

t.test('master agents - 92: frameworks that do not know partitions hear TASK_LOST', async (t) => {
  const { ground, agent, scheduler } = await running(t, {
    info: aFrameworkInfo({ capabilities: [{ type: 'MULTI_ROLE' }] }),
  });
  agent.stop();
  await ground.advance(3_100);
  t.equal(scheduler.news()[0], 'UPDATE t1 TASK_LOST REASON_AGENT_REMOVED');
});

t.test('master agents - 94, 95: what happened while it was cut off is told when it is back', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  agent.stop();
  await ground.advance(3_100);
  scheduler.news();
  agent.endUnseen('t1', 'TASK_FINISHED');
  agent.reregister(ground.master.door);
  const status = aStatusOf('t1', 'TASK_FINISHED');
  agent.send({ kind: 'status-update', frameworkId: scheduler.id, status });
  await ground.settle();
  const updates = scheduler.news().filter((word) => word.startsWith('UPDATE'));
  t.same(updates, ['UPDATE t1 TASK_FINISHED REASON_AGENT_REREGISTERED', 'UPDATE t1 TASK_FINISHED']);
  await scheduler.call({
    type: 'ACKNOWLEDGE',
    acknowledge: { agentId: { value: agent.name }, taskId: { value: 't1' }, uuid: status.uuid! },
  });
  t.equal(agent.told.filter(({ kind }) => kind === 'acknowledge').length, 1);
  const { response } = await ground.operate({ type: 'GET_TASKS' });
  t.same(response.getTasks?.tasks, []);
  t.equal(response.getTasks?.completedTasks.length, 1);
});

t.test(
  'master agents - 75, 96, 99, 100: its process dies and comes back before the pings run out',
  async (t) => {
    const { ground, agent, scheduler } = await running(t);
    agent.crash();
    await ground.settle();
    t.same(scheduler.news(), ['RESCIND']);
    await scheduler.call({ type: 'KILL', kill: { taskId: { value: 't1' } } });
    const acknowledge = { agentId: { value: agent.name }, taskId: { value: 't1' }, uuid: Buffer.alloc(16) };
    t.equal((await scheduler.call({ type: 'ACKNOWLEDGE', acknowledge })).status, 202);
    t.same(scheduler.news(), []);
    agent.reregister(ground.master.door);
    await ground.settle();
    t.same(
      agent.told.flatMap((message) => (message.kind === 'kill-task' ? [message.taskId] : [])),
      ['t1'],
    );
    t.notOk(agent.told.some(({ kind }) => kind === 'acknowledge'));
    await ground.advance(5_000);
    t.notOk(scheduler.told().some((word) => word.includes('UNREACHABLE')));
  },
);

t.test(
  'master agents - 96: what does not checkpoint is lost with the connection, for everybody TASK_LOST',
  async (t) => {
    const { ground, agent, scheduler } = await running(t, { info: aFrameworkInfo({ checkpoint: false }) });
    agent.crash();
    await ground.settle();
    t.same(scheduler.news().toSorted(), ['RESCIND', 'UPDATE t1 TASK_LOST REASON_AGENT_DISCONNECTED']);
  },
);

t.test('master agents - 98: it is asked about tasks that it has not mentioned', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  agent.crash();
  await ground.settle();
  agent.forget('t1');
  agent.reregister(ground.master.door);
  await ground.settle();
  const [again] = agent.told.flatMap((message) => (message.kind === 'reregistered' ? [message] : []));
  t.same(
    again?.unknownTasks.map(({ framework, taskIds }) => [framework.id?.value, taskIds]),
    [[scheduler.id, ['t1']]],
  );
});

t.test('master agents - 101: removals keep their distance, and a pong calls one off', async (t) => {
  const ground = await createMasterGround(t, { flags: { ...PINGS, agentRemovalIntervalMs: 20_000 } });
  const [one, two] = [await ground.agent({ port: 1 }), await ground.agent({ port: 2 })];
  const scheduler = await ground.subscribe(aFrameworkInfo(), { suppressedRoles: ['*'] });
  one.stop();
  two.stop();
  await ground.advance(10_000);
  t.equal(scheduler.told().filter((word) => word.startsWith('FAILURE')).length, 1);
  const left = scheduler.told().includes(`FAILURE ${one.name}`) ? two : one;
  left.resume();
  await ground.advance(30_000);
  t.equal(scheduler.told().filter((word) => word.startsWith('FAILURE')).length, 1);
});

t.test('master agents - 102: marked gone, it may never come back', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  const call = { type: 'MARK_AGENT_GONE', markAgentGone: { agentId: { value: agent.name } } } as const;
  t.equal((await ground.operate(call)).status, 200);
  t.same(scheduler.news(), [
    'UPDATE t1 TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR',
    'RESCIND',
    `FAILURE ${agent.name}`,
  ]);
  t.equal((await ground.operate(call)).status, 200);
  agent.reregister(ground.master.door);
  await ground.settle();
  t.equal(agent.told.filter(({ kind }) => kind === 'shutdown').length, 2);
  const unknown = await ground.operate({ ...call, markAgentGone: { agentId: { value: 'nope' } } });
  t.same([unknown.status, unknown.text], [404, "Agent 'nope' not found"]);
});

t.test('master agents - 103: drained when all has ended and been acknowledged', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  const agentId = { value: agent.name };
  await ground.operate({ type: 'DRAIN_AGENT', drainAgent: { agentId, maxGracePeriod: { seconds: 3n } } });
  t.same(
    agent.told.find(({ kind }) => kind === 'drain'),
    {
      kind: 'drain',
      markGone: false,
      maxGraceNanoseconds: 3_000_000_000n,
    },
  );
  t.same(scheduler.news(), ['RESCIND']);
  const status = aStatusOf('t1', 'TASK_KILLED', { reason: 'REASON_AGENT_DRAINING' });
  agent.send({ kind: 'status-update', frameworkId: scheduler.id, status });
  await ground.settle();
  const state = async () =>
    (await ground.operate({ type: 'GET_AGENTS' })).response.getAgents?.agents[0]?.drainInfo?.state;
  t.equal(await state(), 'DRAINING');
  const acknowledge = { agentId, taskId: { value: 't1' }, uuid: status.uuid! };
  await scheduler.call({ type: 'ACKNOWLEDGE', acknowledge });
  t.equal(await state(), 'DRAINED');
  await ground.advance(2_000);
  scheduler.news();
  await ground.operate({ type: 'REACTIVATE_AGENT', reactivateAgent: { agentId } });
  await ground.settle();
  t.same(scheduler.news(), ['OFFERS']);
  t.equal(
    (await ground.operate({ type: 'DRAIN_AGENT', drainAgent: { agentId: { value: 'x' } } })).text,
    'Unknown agent',
  );
});

t.test('master agents - 104: maintenance, announced and begun', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  const machines = [{ hostname: '127.0.0.1', ip: '127.0.0.1' }];
  const schedule = (nanoseconds: bigint) =>
    ground.operate({
      type: 'UPDATE_MAINTENANCE_SCHEDULE',
      updateMaintenanceSchedule: {
        schedule: { windows: [{ machineIds: machines, unavailability: { start: { nanoseconds } } }] },
      },
    });
  const inverse = () =>
    scheduler.events('INVERSE_OFFERS').flatMap(({ inverseOffers }) => inverseOffers?.inverseOffers ?? []);
  await schedule(5n);
  t.same(scheduler.news(), ['RESCIND', 'OFFERS', 'INVERSE_OFFERS']);
  t.equal(scheduler.offers().at(-1)?.unavailability?.start.nanoseconds, 5n);
  await ground.advance(5_000);
  t.equal(inverse().length, 1);
  const inverseOfferIds = inverse().map(({ id }) => id);
  await scheduler.call({
    type: 'DECLINE_INVERSE_OFFERS',
    declineInverseOffers: { inverseOfferIds, filters: { refuseSeconds: 4 } },
  });
  const { response } = await ground.operate({ type: 'GET_MAINTENANCE_STATUS' });
  const [draining] = response.getMaintenanceStatus?.status.drainingMachines ?? [];
  t.same(
    draining?.statuses.map(({ status }) => status),
    ['DECLINE'],
  );
  await ground.advance(3_000);
  t.equal(inverse().length, 1);
  await ground.advance(2_000);
  t.equal(inverse().length, 2);
  scheduler.news();
  await schedule(6n);
  t.same(scheduler.news(), ['RESCIND', 'RESCIND_INVERSE_OFFER', 'OFFERS', 'INVERSE_OFFERS']);
  t.equal((await ground.operate({ type: 'START_MAINTENANCE', startMaintenance: { machines } })).status, 200);
  t.same(scheduler.news(), [
    'UPDATE t1 TASK_LOST REASON_AGENT_REMOVED',
    'RESCIND',
    'RESCIND_INVERSE_OFFER',
    `FAILURE ${agent.name}`,
  ]);
  agent.reregister(ground.master.door);
  await ground.settle();
  t.equal(agent.told.filter(({ kind }) => kind === 'shutdown').length, 2);
  await ground.operate({ type: 'STOP_MAINTENANCE', stopMaintenance: { machines } });
  agent.reregister(ground.master.door);
  await ground.settle();
  t.equal(
    (await ground.operate({ type: 'GET_AGENTS' })).response.getAgents?.agents[0]?.agentInfo.id?.value,
    agent.name,
  );
});

t.test('master agents - a new agent at the address of another takes its place', async (t) => {
  const { ground, agent, scheduler } = await running(t);
  const successor = await ground.agent();
  t.not(successor.name, agent.name);
  t.same(scheduler.news().slice(0, 3), [
    'UPDATE t1 TASK_LOST REASON_AGENT_REMOVED',
    'RESCIND',
    `FAILURE ${agent.name}`,
  ]);
});

t.test(
  'master agents - a cut between it and its master is heard by nobody until the pings are missed',
  async (t) => {
    const faults = createFaults();
    const ground = await createMasterGround(t, { faults, flags: PINGS });
    const agent = await ground.agent();
    const scheduler = await ground.subscribe();
    faults.partitioned.add(agent.name);
    agent.crash();
    await ground.advance(900);
    t.notOk(scheduler.told().includes('RESCIND'));
    await ground.advance(2_200);
    t.same(scheduler.told().slice(3), ['RESCIND', `FAILURE ${agent.name}`]);
    agent.reregister(ground.master.door);
    await ground.settle();
    t.equal(ground.master.state()?.agents.size, 0);
    faults.partitioned.clear();
    agent.reregister(ground.master.door);
    await ground.settle();
    t.equal(ground.master.state()?.agents.size, 1);
  },
);
