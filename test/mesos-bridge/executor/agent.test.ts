/** The executor and an agent over real sockets; the rep's time is the test's. */
import t from 'tap';
import type { Test } from 'tap';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { ConnectAgent } from '../../../mesos-bridge/executor/driver.js';
import { createExecutorClient } from '../../../mesos-bridge/protocol/executor/client.js';
import type { TaskInfo } from '../../../mesos-bridge/protocol/messages.js';
import { startAgentServer } from '../../support/agent-server.js';
import type { AgentServer } from '../../support/agent-server.js';
import { EXECUTOR_ID, lrpTask, oneOffTask, startExecutor } from '../../support/executor-world.js';
import type { RunningExecutor } from '../../support/executor-world.js';
import { desiredLrp, pendingTask } from '../../support/lrps.js';
import { createWorld } from '../../support/rep.js';

const open = async (t: Test) => {
  const server = await startAgentServer();
  t.teardown(() => server.die());
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.allTasks.set('task', pendingTask());
  const connect: ConnectAgent = (handlers, earlier) =>
    createExecutorClient({
      environment: {
        frameworkId: 'f',
        executorId: EXECUTOR_ID,
        agentId: 'agent-S0',
        agentEndpoint: server.endpoint(),
        sandbox: '',
        checkpoint: true,
        shutdownGraceMs: 20_000,
        recoveryTimeoutMs: 20_000,
        backOffMaxMs: 50,
        token: '',
        overTls: false,
        caFile: '',
      },
      encoding: 'protobuf',
      clock: createSystemClock(),
      random: createSeededRandom(7),
      logger: world.logger,
      handlers,
      earlier,
    });
  const executor = await startExecutor({ world, connect });
  await executor.until(() => server.subscriptions().length === 1, 'subscribed');
  await executor.until(() => executor.cell.whyClosed() === '', 'takes work');
  return { server, executor, world };
};

const launch = (server: AgentServer, task: TaskInfo): string => {
  server.tell({ type: 'LAUNCH', launch: { task } });
  return task.taskId.value;
};

const isTold =
  (server: AgentServer, id: string, state: string): (() => boolean) =>
  () =>
    server.told(id).includes(state);

const end = async (server: AgentServer, executor: RunningExecutor): Promise<void> => {
  server.tell({ type: 'SHUTDOWN' });
  await executor.until(executor.ended, 'ended');
  await executor.stop();
};

t.test('agent - a task from LAUNCH to FINISHED, as recorded of a real executor', async (t) => {
  const { server, executor } = await open(t);
  const id = launch(server, oneOffTask('a'));
  await executor.until(isTold(server, id, 'RUNNING'), 'running');
  executor.only().main().exit();
  await executor.until(isTold(server, id, 'FINISHED'), 'finished');
  t.same(server.told(id), ['STARTING', 'RUNNING', 'FINISHED']);
  for (const { update } of server.calls.filter(({ type }) => type === 'UPDATE')) {
    t.match(update?.status, { source: 'SOURCE_EXECUTOR', executorId: { value: EXECUTOR_ID } });
    t.equal(update?.status.uuid?.length, 16);
  }
  await end(server, executor);
});

t.test('agent - defects 11 and 12: a restart of the agent loses no status, and no task', async (t) => {
  const { server, executor, world } = await open(t);
  const [one, two] = [launch(server, lrpTask('one')), launch(server, oneOffTask('a'))];
  await executor.until(isTold(server, one, 'RUNNING'), 'running');
  await executor.until(isTold(server, two, 'RUNNING'), 'running');
  await executor.until(() => executor.notes.records.get(two)?.updates.length === 0, 'acknowledged');
  await server.die();
  world.runtime.containers.get('task')?.main().exit();
  await executor.until(() => world.bbs.completions.length === 1, 'completed');
  await server.revive();
  await executor.until(() => server.subscriptions().length === 2, 'subscribed again');
  const again = server.subscriptions()[1]?.subscribe;
  t.same(again?.unacknowledgedTasks, [], 'of both the agent has acknowledged something');
  await executor.until(isTold(server, two, 'FINISHED'), 'told');
  t.equal(executor.cell.container('one')?.state(), 'running');
  await executor.until(() => !executor.notes.records.has(two), 'forgotten when it is known');
  await end(server, executor);
});

t.test('agent - defect 11: what the agent does not acknowledge it is told again', async (t) => {
  const { server, executor } = await open(t);
  server.acknowledges = false;
  const id = launch(server, lrpTask('one'));
  await executor.until(isTold(server, id, 'RUNNING'), 'running');
  await server.die();
  await server.revive();
  await executor.until(() => server.subscriptions().length === 2, 'subscribed again');
  const again = server.subscriptions()[1]?.subscribe;
  t.match(again?.unacknowledgedTasks, [{ taskId: { value: id } }]);
  t.same(
    again?.unacknowledgedUpdates.map(({ status }) => status.state),
    ['TASK_STARTING', 'TASK_RUNNING'],
  );
  t.same(server.told(id), ['STARTING', 'RUNNING'], 'under the same uuids');
  server.acknowledges = true;
  for (const update of again?.unacknowledgedUpdates ?? []) server.acknowledge(update.status);
  await end(server, executor);
});
