/** The executors that an agent brings itself, with real commands. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import type { CommandInfo, TaskStatus } from '../../../mesos-bridge/protocol/messages.js';
import { createBuiltInLaunchers } from '../../../mesos-bridge/simulator/processes/built-in-launcher.js';
import { eventually } from '../../support/eventually.js';
import { aFramework, aTask, anExecutor, createAgentGround } from '../../support/mesos-agent.js';

const account = execFileSync('id', ['-un']).toString().trim();
const root = t.testdir();
let count = 0;

const aCommand = (value: string, more: Partial<CommandInfo> = {}): CommandInfo => ({
  value,
  shell: true,
  uris: [],
  arguments: [],
  ...more,
});

const framework = (more: Parameters<typeof aFramework>[0] = {}) => aFramework({ user: account, ...more });

const createGround = async (t: Test) => {
  const clock = createFakeClock();
  const launchers = createBuiltInLaunchers({ clock, random: createSeededRandom(2) });
  count += 1;
  const ground = createAgentGround({
    clock,
    builtIn: launchers.launcherFor,
    workDir: join(root, `agent-${count}`),
  });
  t.teardown(() => launchers.close());
  await ground.register();
  const told: TaskStatus[] = [];
  /** acknowledges all that comes, until `state` has come of the task */
  const until = async (taskId: string, state: string): Promise<TaskStatus> =>
    eventually(async () => {
      await clock.advance(0);
      for (const { status } of ground.updates()) {
        told.push(status);
        await ground.acknowledge(status);
      }
      return told.find((one) => one.taskId.value === taskId && one.state === state);
    });
  const states = (taskId: string): string[] =>
    told.filter((one) => one.taskId.value === taskId).map(({ state }) => state);
  return { ground, clock, until, states };
};

t.test('built-in executor - a command that ends well, and one that does not', async (t) => {
  const { ground, until, states } = await createGround(t);
  await ground.run(aTask('good', { command: aCommand('echo $X') }), { framework: framework() });
  await ground.run(aTask('bad', { command: aCommand('exit 3') }), { framework: framework() });
  t.equal((await until('good', 'TASK_FINISHED')).message, 'Command exited with status 0');
  t.equal((await until('bad', 'TASK_FAILED')).message, 'Command exited with status 3');
  t.same(states('good'), ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
});

t.test(
  "built-in executor - it is the agent's own: named after its task, told to nobody, gone soon after",
  async (t) => {
    const { ground, clock, until } = await createGround(t);
    const environment = { variables: [{ name: 'X', value: 'from the task' }] };
    await ground.run(aTask('a', { command: aCommand('echo $X; pwd', { environment }) }), {
      framework: framework(),
    });
    const [executor] = ground.agent.executors();
    t.equal(executor?.executorId, 'a');
    const status = await until('a', 'TASK_FINISHED');
    t.equal(status.executorId?.value, 'a');
    t.equal(
      readFileSync(join(executor?.sandbox ?? '', 'stdout'), 'utf8'),
      `from the task\n${executor?.sandbox}\n`,
    );
    ground.sent.length = 0;
    await ground.run(aTask('a', { command: aCommand('true') }), { framework: framework() });
    t.match(ground.updates()[0]?.status, {
      state: 'TASK_DROPPED',
      reason: 'REASON_TASK_INVALID',
      message: 'Cannot reuse an already existing executor for a command task',
    });
    await clock.advance(1_000);
    await eventually(() => ground.agent.executors().length === 0);
    t.notOk(ground.sent.some(({ kind }) => kind === 'exited-executor'));
  },
);

const KILL = { kind: 'kill-task', frameworkId: 'm-0000', taskId: 'a' } as const;

t.test('built-in executor - KILL: TASK_KILLING for those who know it, and TERM', async (t) => {
  for (const capabilities of [aFramework().capabilities, []]) {
    const { ground, until, states } = await createGround(t);
    const of = { framework: framework({ capabilities }) };
    await ground.run(aTask('a', { command: aCommand('sleep 1000') }), of);
    await until('a', 'TASK_RUNNING');
    await ground.tell(KILL);
    t.equal((await until('a', 'TASK_KILLED')).message, 'Command terminated with signal Terminated');
    const killing = capabilities.length > 0 ? ['TASK_KILLING'] : [];
    t.same(states('a').slice(2), [...killing, 'TASK_KILLED']);
  }
});

t.test('built-in executor - who does not heed TERM is killed when the grace is over', async (t) => {
  const { ground, clock, until, states } = await createGround(t);
  const command = aCommand('trap "" TERM; echo ready; while :; do sleep 0.1; done');
  await ground.run(aTask('a', { command }), { framework: framework() });
  await until('a', 'TASK_RUNNING');
  const [{ sandbox } = { sandbox: '' }] = ground.agent.executors();
  await eventually(() => readFileSync(join(sandbox, 'stdout'), 'utf8') === 'ready\n');
  await ground.tell({ ...KILL, killPolicy: { gracePeriod: { nanoseconds: 2_000_000_000n } } });
  await until('a', 'TASK_KILLING');
  await clock.advance(1_999);
  t.same(states('a').at(-1), 'TASK_KILLING');
  t.same(ground.updates(), []);
  await clock.advance(1);
  t.equal((await until('a', 'TASK_KILLED')).message, 'Command terminated with signal Killed');
});

t.test('built-in executor - max_completion_time', async (t) => {
  const { ground, clock, until } = await createGround(t);
  const maxCompletionTime = { nanoseconds: 3_000_000_000n };
  await ground.run(aTask('a', { command: aCommand('sleep 1000'), maxCompletionTime }), {
    framework: framework(),
  });
  await until('a', 'TASK_RUNNING');
  await clock.advance(3_000);
  t.match(await until('a', 'TASK_FAILED'), {
    reason: 'REASON_MAX_COMPLETION_TIME_REACHED',
    message: 'Command terminated with signal Terminated',
  });
});

t.test('built-in executor - a group ends together when one of it fails', async (t) => {
  const { ground, until } = await createGround(t);
  const placement = {
    framework: framework(),
    executor: anExecutor('pod', { type: 'DEFAULT' }),
    launchExecutor: true,
  };
  const tasks = [
    aTask('fails', { command: aCommand('sleep 0.2; exit 4') }),
    aTask('runs', { command: aCommand('sleep 1000') }),
  ];
  await ground.tell({ kind: 'run-group', placement, group: { tasks } });
  t.equal((await until('fails', 'TASK_FAILED')).message, 'Command exited with status 4');
  t.equal((await until('runs', 'TASK_KILLED')).message, 'Command terminated with signal Terminated');
});

t.test(
  'built-in executor - it lives through a restart of its agent where the framework checkpoints',
  async (t) => {
    const { ground, clock, until } = await createGround(t);
    const kept = framework({ checkpoint: true });
    await ground.run(aTask('a', { command: aCommand('sleep 1000') }), { framework: kept });
    await until('a', 'TASK_RUNNING');
    ground.agent.crash();
    await ground.tell({ kind: 'ping', connected: true });
    ground.agent.restart();
    await clock.advance(2_100);
    t.match(ground.agent.executors(), [{ executorId: 'a', subscribed: true }]);
    await clock.advance(1_000);
    await ground.tell({ kind: 'reregistered', agentId: 'm-S0', unknownTasks: [] });
    await ground.tell({ kind: 'kill-task', frameworkId: 'm-0000', taskId: 'a' });
    await until('a', 'TASK_KILLED');
  },
);

t.test('built-in executor - and ends with its agent where it does not', async (t) => {
  const { ground, until } = await createGround(t);
  await ground.run(aTask('a', { command: aCommand('sleep 1000') }), { framework: framework() });
  await until('a', 'TASK_RUNNING');
  const [executor] = ground.agent.executors();
  ground.agent.crash();
  await eventually(() => {
    const args = ['-c', 'ls -l /proc/[0-9]*/cwd 2>/dev/null || true'];
    return !execFileSync('sh', args)
      .toString()
      .includes(executor?.sandbox ?? '-');
  });
  t.equal(ground.agent.phase(), 'down');
});
