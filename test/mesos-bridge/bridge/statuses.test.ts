import t from 'tap';
import type { Transition } from '../../../bbs/index.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createStatuses } from '../../../mesos-bridge/bridge/statuses.js';
import { createTeller } from '../../../mesos-bridge/bridge/teller.js';
import { cellIdOf } from '../../../mesos-bridge/core/cell-id.js';
import { TASK_WATCH_DEFAULTS } from '../../../mesos-bridge/core/task-watch.js';
import { createTaskBook } from '../../../mesos-bridge/core/tasks.js';
import type { TaskState, TaskStatus } from '../../../mesos-bridge/protocol/messages.js';
import type { OutgoingCall } from '../../../mesos-bridge/protocol/scheduler/client.js';
import { desiredLrp, must, netInfo, openBoard, taskDefinition } from '../../support/bbs.js';

const AGENT = 'm-S0';
const CELL = cellIdOf(AGENT);

const open = async () => {
  const board = await openBoard();
  const clock = createFakeClock();
  const calls: OutgoingCall[] = [];
  const transitions: Transition['kind'][] = [];
  const bbs = { away: false };
  let wanted = 0;
  const adopted: string[] = [];
  const ending = new AbortController();
  const away = {
    ok: false as const,
    error: { type: 'Timeout' as const, message: 'away', unavailable: true as const },
  };
  const tasks = createTaskBook({ ...TASK_WATCH_DEFAULTS, mostEnded: 100 });
  const logger = createCaptureLogger();
  const { board: api } = board;
  const teller = createTeller({
    bbs: {
      actualLrps: async (filter) => (bbs.away ? away : api.actualLrps(filter)),
      task: async (guid) => (bbs.away ? away : api.task(guid)),
      async transitions(list, traceId) {
        if (bbs.away) return away;
        transitions.push(...list.map(({ kind }) => kind));
        return api.transitions(list, traceId);
      },
    },
    clock,
    logger,
    signal: ending.signal,
    wantedAgain: () => (wanted += 1),
  });
  const statuses = createStatuses({
    tasks,
    judge: tasks.update,
    teller,
    adopted: async ({ id }) => void adopted.push(id),
    clock,
    logger,
    send: (call) => void calls.push(call),
    heard: () => undefined,
  });
  let uuids = 0;
  const statusOf = (taskId: string, state: TaskState, more: Partial<TaskStatus> = {}): TaskStatus => {
    uuids += 1;
    const uuid = Buffer.alloc(16, uuids);
    return {
      taskId: { value: taskId },
      state,
      source: 'SOURCE_MASTER',
      agentId: { value: AGENT },
      uuid,
      ...more,
    };
  };
  return {
    ...board,
    boardClock: board.clock,
    api,
    clock,
    bbs,
    tasks,
    statuses,
    calls,
    transitions,
    adopted,
    logger,
    wanted: () => wanted,
    acknowledged: () => calls.filter(({ type }) => type === 'ACKNOWLEDGE').length,
    async say(status: TaskStatus) {
      statuses.onUpdate(status);
      await clock.advance(0);
    },
    statusOf,
    launch(identity: Parameters<typeof tasks.launched>[0]['identity'], id: string) {
      const resources = new Map();
      tasks.launched(
        { id, identity, agentId: AGENT, executorId: 'e', placementId: 'p', resources },
        clock.monotonic(),
      );
    },
    async end() {
      ending.abort();
      await board.close();
    },
  };
};

const LRP = { kind: 'lrp', instanceGuid: 'guid', index: 0, processGuid: 'app' } as const;
const LRP_ID = 'lrp.guid.0.app';
const TASK = { kind: 'task', attemptGuid: 'try', taskGuid: 'job' } as const;
const TASK_ID = 'task.try.job';
const KEY = { processGuid: 'app', index: 0, domain: 'apps' };
const INSTANCE = { instanceGuid: 'guid', cellId: CELL };

t.test('statuses - what the rep says is acknowledged at once: the BBS hears it from there', async (t) => {
  const test = await open();
  t.teardown(test.end);
  test.launch(LRP, LRP_ID);
  for (const state of ['TASK_STARTING', 'TASK_RUNNING'] as const)
    await test.say(test.statusOf(LRP_ID, state, { source: 'SOURCE_EXECUTOR' }));
  t.equal(test.acknowledged(), 2);
  t.same(test.transitions, []);
});

t.test('statuses - #19 #20: a loss is told to the BBS, and acknowledged once it has answered', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireLrp(desiredLrp(), 't'));
  must(await test.api.claimActualLrp({ key: KEY, instanceKey: INSTANCE }, 't'));
  test.launch(LRP, LRP_ID);
  test.bbs.away = true;
  await test.say(test.statusOf(LRP_ID, 'TASK_GONE', { reason: 'REASON_AGENT_REMOVED' }));
  await test.clock.advance(1_000);
  t.equal(test.acknowledged(), 0, 'nobody has answered');
  t.equal(test.statuses.unacknowledged(), 1);
  test.bbs.away = false;
  await test.clock.advance(10_000);
  t.equal(test.acknowledged(), 1);
  t.same(test.transitions, ['remove']);
  await test.boardClock.advance(1_000);
  t.match(must(await test.api.actualLrps({})), [{ state: 'UNCLAIMED' }], 'another is wanted');
});

t.test('statuses - an update that comes again while the BBS is asked is told once', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireLrp(desiredLrp(), 't'));
  must(await test.api.claimActualLrp({ key: KEY, instanceKey: INSTANCE }, 't'));
  test.launch(LRP, LRP_ID);
  test.bbs.away = true;
  const status = test.statusOf(LRP_ID, 'TASK_GONE');
  for (let copy = 0; copy < 3; copy += 1) await test.say(status);
  test.bbs.away = false;
  await test.clock.advance(10_000);
  t.same(test.transitions, ['remove']);
  await test.say(status);
  t.same(test.transitions, ['remove']);
  t.ok(test.acknowledged() >= 2, 'and acknowledged again when it comes again');
});

t.test('statuses - #21: what is said of another instance by now is a refusal, and an answer', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireLrp(desiredLrp(), 't'));
  const other = { instanceGuid: 'another', cellId: 'cell-9' };
  const start = { key: KEY, instanceKey: other, netInfo: netInfo(), internalRoutes: [], metricTags: {} };
  must(await test.api.startActualLrp({ ...start, availabilityZone: '' }, 't'));
  test.launch(LRP, LRP_ID);
  await test.say(test.statusOf(LRP_ID, 'TASK_LOST'));
  t.equal(test.acknowledged(), 1);
  t.match(must(await test.api.actualLrps({})), [{ state: 'RUNNING', instanceGuid: 'another' }]);
});

t.test('statuses - what was never claimed is asked for again at once', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireLrp(desiredLrp(), 't'));
  test.launch(LRP, LRP_ID);
  await test.say(test.statusOf(LRP_ID, 'TASK_DROPPED', { reason: 'REASON_INVALID_OFFERS' }));
  t.equal(test.wanted(), 1);
  t.same(test.transitions, []);
});

t.test('statuses - #42: a launch that Mesos refuses for what it is has its reason at the BBS', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireLrp(desiredLrp(), 't'));
  test.launch(LRP, LRP_ID);
  const more = { reason: 'REASON_TASK_INVALID', message: 'Task uses more resources' } as const;
  await test.say(test.statusOf(LRP_ID, 'TASK_ERROR', more));
  t.match(must(await test.api.actualLrps({})), [{ state: 'UNCLAIMED', placementError: /more resources/ }]);
});

t.test('statuses - a task whose agent is gone has failed, once, and is not run again', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireTask({ taskGuid: 'job', domain: 'd', definition: taskDefinition() }, 't'));
  must(await test.api.startTask('job', CELL, 't'));
  test.launch(TASK, TASK_ID);
  await test.say(test.statusOf(TASK_ID, 'TASK_RUNNING', { source: 'SOURCE_EXECUTOR' }));
  await test.say(test.statusOf(TASK_ID, 'TASK_UNREACHABLE'));
  t.match(must(await test.api.task('job')), {
    state: 'Completed',
    failed: true,
    failureReason: /UNREACHABLE/,
  });
  await test.say(test.statusOf(TASK_ID, 'TASK_GONE'));
  t.same(test.transitions, ['completeTask']);
  t.equal(test.wanted(), 0);
});

t.test('statuses - an instance out of sight is left to its rep, whose presence decides', async (t) => {
  const test = await open();
  t.teardown(test.end);
  must(await test.api.desireLrp(desiredLrp(), 't'));
  must(await test.api.claimActualLrp({ key: KEY, instanceKey: INSTANCE }, 't'));
  test.launch(LRP, LRP_ID);
  await test.say(test.statusOf(LRP_ID, 'TASK_RUNNING', { source: 'SOURCE_EXECUTOR' }));
  await test.say(test.statusOf(LRP_ID, 'TASK_UNREACHABLE'));
  t.same(test.transitions, []);
});

t.test('statuses - a state of a newer Mesos, and a task of somebody else, break nothing', async (t) => {
  const test = await open();
  t.teardown(test.end);
  await test.say(test.statusOf('x', 'TASK_DREAMING' as TaskState));
  t.equal(test.logger.named('unknown-task-state').length, 1);
  await test.say(test.statusOf('of-nobody', 'TASK_RUNNING'));
  t.same(
    test.calls.map(({ type }) => type),
    ['KILL', 'ACKNOWLEDGE'],
  );
});
