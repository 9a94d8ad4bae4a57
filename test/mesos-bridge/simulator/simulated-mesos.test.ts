/** The simulated Mesos as a whole: a framework and executors over HTTP, and what may happen to them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { createChanceFates } from '../../../mesos-bridge/simulator/chance-fates.js';
import { createProcessLauncher } from '../../../mesos-bridge/simulator/processes/process-launcher.js';
import { eventually } from '../../support/eventually.js';
import { executorOf, startTestFramework, startTestMesos, taskOn } from '../../support/simulated-mesos.js';
import type { Offer } from '../../../mesos-bridge/protocol/messages.js';
import type { TestFramework } from '../../support/simulated-mesos.js';

const account = execFileSync('id', ['-un']).toString().trim();

const failuresOf = ({ events }: TestFramework) =>
  events.flatMap((event) => (event.type === 'FAILURE' ? event.failure : []));

/** `count` tasks under one executor; resolves when they run */
const running = async (
  framework: TestFramework,
  { count = 1, executor = 'e', hostname }: { count?: number; executor?: string; hostname?: string } = {},
) => {
  const offer = await framework.offer(hostname);
  const ids = Array.from({ length: count }, (_, index) => `${executor}-${index}`);
  framework.accept(
    offer,
    ids.map((id) => taskOn(offer, id, { executor: executorOf(executor) })),
  );
  await eventually(() => ids.every((id) => framework.state(id) === 'TASK_RUNNING'));
  const ref = { frameworkId: framework.id(), executorId: executor };
  return { offer, ids, ref, agentId: offer.agentId.value };
};

t.test('simulated Mesos - tasks run, are killed, and what they held is offered again', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos);
  const { ids, agentId, offer } = await running(framework, { count: 20 });
  t.same(framework.states('e-0'), ['TASK_STARTING', 'TASK_RUNNING']);
  const [first = ''] = ids;
  void framework.client.send({
    type: 'KILL',
    kill: { taskId: { value: first }, agentId: { value: agentId } },
  });
  await eventually(() => framework.state(first) === 'TASK_KILLED');
  void framework.client.send({
    type: 'SHUTDOWN',
    shutdown: { executorId: { value: 'e' }, agentId: { value: agentId } },
  });
  await eventually(() => ids.slice(1).every((id) => framework.state(id) === 'TASK_FAILED'));
  t.match(failuresOf(framework), [{ executorId: { value: 'e' }, status: 0 }]);
  const cpusOf = (one: Offer): number =>
    one.resources.find(({ name }) => name === 'cpus')?.scalar?.value ?? 0;
  const free = (): number =>
    [...framework.offers.values()]
      .filter((one) => one.agentId.value === agentId)
      .reduce((sum, one) => sum + cpusOf(one), 0);
  await eventually(() => Math.abs(free() - cpusOf(offer)) < 0.001);
  t.equal(mesos.executors.alive(), 0);
});

t.test('simulated Mesos - messages both ways', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos);
  const { agentId } = await running(framework);
  const to = { agentId: { value: agentId }, executorId: { value: 'e' } };
  void framework.client.send({ type: 'MESSAGE', message: { ...to, data: Buffer.from('hello') } });
  const echo = await eventually(() => framework.events.find(({ type }) => type === 'MESSAGE'));
  t.match(echo, { message: { ...to, data: Buffer.from('echo:hello') } });
});

t.test(
  "simulated Mesos - statuses lost, doubled, late and out of order all arrive, in each task's order",
  async (t) => {
    for (const seed of [1, 2, 3]) {
      const mesos = await startTestMesos(t, { seed });
      const chances = { drop: 0, double: 0.2, behind: 0.2, delay: 0.2, longestDelayMs: 50 };
      mesos.faults.fromAgent = createChanceFates(createSeededRandom(seed), chances);
      mesos.faults.toAgent = createChanceFates(createSeededRandom(seed + 100), chances);
      const framework = startTestFramework(t, mesos);
      const { ids } = await running(framework, { count: 30 });
      for (const id of ids)
        t.same(framework.states(id), ['TASK_STARTING', 'TASK_RUNNING'], `seed ${seed}: ${id}`);
      for (const id of ids) t.equal(mesos.executors.launches.get(id), 1);
      await mesos.stop();
    }
  },
);

t.test('simulated Mesos - 82, 113: an executor is killed', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos);
  const { ids, ref, agentId } = await running(framework, { count: 3 });
  mesos.agent(agentId).signal(ref, 'SIGKILL');
  await eventually(() => ids.every((id) => framework.state(id) === 'TASK_FAILED'));
  t.match(failuresOf(framework), [{ agentId: { value: agentId }, executorId: { value: 'e' }, status: 9 }]);
  const kinds = framework.events.map((event) =>
    event.type === 'UPDATE' ? event.update.status.state : event.type,
  );
  t.ok(kinds.indexOf('FAILURE') < kinds.indexOf('TASK_FAILED'), 'it is told before its tasks');
});

t.test('simulated Mesos - 92, 93: an agent is cut off and comes back with its tasks', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos);
  const { ids, agentId } = await running(framework, { count: 3 });
  mesos.partition(agentId);
  await eventually(() => ids.every((id) => framework.state(id) === 'TASK_UNREACHABLE'));
  await eventually(() => failuresOf(framework).some(({ executorId }) => executorId === undefined));
  mesos.heal(agentId);
  await eventually(() => ids.every((id) => framework.state(id) === 'TASK_RUNNING'));
  const back = framework.statuses.findLast(({ taskId }) => taskId.value === ids[0]);
  t.equal(back?.reason, 'REASON_AGENT_REREGISTERED');
  t.equal(mesos.executors.launches.get(ids[0] ?? ''), 1);
});

t.test('simulated Mesos - 96: an agent restarts, its executors come back to it', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos);
  const { ids, agentId } = await running(framework, { count: 3 });
  const agent = mesos.agent(agentId);
  agent.crash();
  await eventually(() => agent.executors().every(({ subscribed }) => !subscribed));
  agent.restart();
  await eventually(
    () => agent.phase() === 'registered' && agent.executors().every(({ subscribed }) => subscribed),
    {
      timeoutMs: 20_000,
    },
  );
  t.equal(agent.id(), agentId);
  void framework.client.send({
    type: 'KILL',
    kill: { taskId: { value: ids[0] ?? '' }, agentId: { value: agentId } },
  });
  await eventually(() => framework.state(ids[0] ?? '') === 'TASK_KILLED');
  t.equal(framework.state(ids[1] ?? ''), 'TASK_RUNNING');
});

t.test('simulated Mesos - an agent is lost for good', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos);
  const { ids, agentId } = await running(framework, { count: 2 });
  mesos.agent(agentId).lose();
  await eventually(() => ids.every((id) => framework.state(id) === 'TASK_UNREACHABLE'));
  t.equal(mesos.executors.alive(), 0);
  await eventually(() => ![...framework.offers.values()].some((offer) => offer.agentId.value === agentId));
});

t.test('simulated Mesos - another master leads, tasks run on and can be killed', async (t) => {
  const mesos = await startTestMesos(t, { masters: 2 });
  const framework = startTestFramework(t, mesos);
  const { ids, agentId } = await running(framework, { count: 3 });
  const [id, before] = [framework.id(), mesos.leader().address];
  mesos.failOver();
  t.not(mesos.leader().address, before);
  await eventually(() => framework.events.filter(({ type }) => type === 'SUBSCRIBED').length === 2, {
    timeoutMs: 20_000,
  });
  t.equal(framework.id(), id);
  await eventually(() => mesos.agents.every((agent) => agent.phase() === 'registered'));
  await eventually(() => framework.offers.size > 0);
  void framework.client.send({
    type: 'KILL',
    kill: { taskId: { value: ids[0] ?? '' }, agentId: { value: agentId } },
  });
  await eventually(() => framework.state(ids[0] ?? '') === 'TASK_KILLED');
  t.equal(mesos.executors.launches.get(ids[1] ?? ''), 1);
});

t.test('simulated Mesos - a new agent joins', async (t) => {
  const mesos = await startTestMesos(t, { agents: 1 });
  const regions = [{ type: 'MULTI_ROLE' as const }, { type: 'REGION_AWARE' as const }];
  const framework = startTestFramework(t, mesos, { capabilities: regions });
  mesos.addAgent({ hostname: 'late', cpus: 1, mem: 512, disk: 100, domain: { region: 'r', zone: 'z' } });
  t.equal((await framework.offer('late')).domain?.faultDomain?.zone.name, 'z');
});

t.test('simulated Mesos - command tasks', async (t) => {
  const mesos = await startTestMesos(t);
  const framework = startTestFramework(t, mesos, { user: account });
  const offer = await framework.offer();
  const command = { value: 'echo ran', shell: true, uris: [], arguments: [] };
  framework.accept(offer, [taskOn(offer, 'c', { command })]);
  await eventually(() => framework.state('c') === 'TASK_FINISHED');
  t.same(framework.states('c'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
});

/** every variable of every process, where we may read it */
const environments = (): string =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8');
      } catch {
        return '';
      }
    })
    .join('\n');

t.test('simulated Mesos - executors as processes of their own; nothing is left when it stops', async (t) => {
  const mesos = await startTestMesos(t, { launcher: createProcessLauncher() });
  const framework = startTestFramework(t, mesos, { user: account });
  const script = join(packageRoot(), 'dist', 'test', 'support', 'mesos-executor-process.js');
  const command = `exec ${process.execPath} ${script}`;
  const hosts = ['agent-1', 'agent-2', 'agent-3'];
  for (const hostname of hosts) {
    const offer = await framework.offer(hostname);
    const executor = executorOf(`process-${hostname}`, command);
    framework.accept(offer, [taskOn(offer, `t-${hostname}`, { executor })]);
  }
  await eventually(() => hosts.every((host) => framework.state(`t-${host}`) === 'TASK_RUNNING'), {
    timeoutMs: 30_000,
  });
  const [{ sandbox, executorId } = { sandbox: '', executorId: '' }] = mesos.agent('agent-1').executors();
  t.match(readFileSync(join(sandbox, 'stdout'), 'utf8'), /subscribed/);
  mesos.agent('agent-1').signal({ frameworkId: framework.id(), executorId }, 'SIGKILL');
  await eventually(() => framework.state('t-agent-1') === 'TASK_FAILED');
  t.equal(failuresOf(framework)[0]?.status, 35_072);
  t.ok(environments().includes('MESOS_EXECUTOR_ID=process-agent-2'));
  await mesos.stop();
  t.notOk(environments().includes(`MESOS_FRAMEWORK_ID=${framework.id()}`));
});
