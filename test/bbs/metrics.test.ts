import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Client } from 'undici';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { actualLrpRowKey } from '../../bbs/core/rows.js';
import { createBbsClient } from '../../bbs/index.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { BBS_ROUTES } from '../../common/wire/routes.js';
import { KEY, ONE, TWO, desiredLrp, must, openBoard, startOf, taskDefinition } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';

t.test('bbs metrics - the board in numbers follows what is committed', async (t) => {
  const { board, metrics, renew, close } = await openBoard();
  t.teardown(close);
  t.match(await samplesOf(metrics), { LRPsDesired: 0, LRPsRunning: 0, PresentCells: 0 });
  await renew('cell-1', 'cell-2');
  must(await board.desireLrp(desiredLrp({ instances: 4 }), ''));
  const at = (index: number) => ({ ...KEY, index });
  must(await board.claimActualLrp({ key: at(0), instanceKey: ONE }, ''));
  must(await board.startActualLrp(startOf(ONE), ''));
  must(await board.claimActualLrp({ key: at(1), instanceKey: { ...TWO, instanceGuid: 'three' } }, ''));
  // the third crash in a row waits for its restart
  for (let crash = 0; crash < 3; crash += 1) {
    const instanceKey = { ...TWO, instanceGuid: `crash-${crash}` };
    must(await board.startActualLrp(startOf(instanceKey, at(2)), ''));
    must(await board.crashActualLrp({ key: at(2), instanceKey, reason: 'boom' }, ''));
  }
  t.match(await samplesOf(metrics), {
    LRPsDesired: 4,
    LRPsRunning: 1,
    LRPsClaimed: 1,
    LRPsUnclaimed: 1,
    CrashedActualLRPs: 1,
    CrashingDesiredLRPs: 1,
    PresentCells: 2,
    SuspectCells: 0,
  });
});

t.test('bbs metrics - a cell that is gone leaves suspects, and is present no more', async (t) => {
  const { board, clock, metrics, renew, close } = await openBoard();
  t.teardown(close);
  await renew('cell-1', 'cell-2', 'cell-3');
  must(await board.desireLrp(desiredLrp({ instances: 2 }), ''));
  must(await board.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await board.startActualLrp(startOf(ONE), ''));
  const second = { key: { ...KEY, index: 1 }, instanceKey: { instanceGuid: 'two', cellId: 'cell-1' } };
  must(await board.claimActualLrp(second, ''));
  for (let second = 0; second < 20; second += 5) {
    await clock.advance(5_000);
    await renew('cell-2', 'cell-3');
  }
  t.match(await samplesOf(metrics), {
    PresentCells: 2,
    SuspectCells: 1,
    SuspectRunningActualLRPs: 1,
    SuspectClaimedActualLRPs: 1,
    LRPsRunning: 0,
    LRPsUnclaimed: 2,
  });
});

t.test('bbs metrics - crashes and commits as they happen', async (t) => {
  const { board, engine, metrics, renew, close } = await openBoard({ converge: false });
  t.teardown(close);
  await renew('cell-1');
  must(await board.desireLrp(desiredLrp(), ''));
  must(await board.startActualLrp(startOf(ONE), ''));
  const before = await samplesOf(metrics);
  must(await board.crashActualLrp({ key: KEY, instanceKey: ONE, reason: 'boom' }, ''));
  engine.faults.failCommits(1);
  await board.desireLrp(desiredLrp({ processGuid: 'other' }), '');
  const after = await samplesOf(metrics);
  const risen = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  t.equal(risen('ActualLRPCrashes'), 1);
  t.equal(risen('DBQueriesTotal'), 2);
  t.equal(risen('DBQueriesSucceeded'), 1);
  t.equal(risen('DBQueriesFailed'), 1);
  t.equal(risen('DBQueryDurationMax_count'), 2);
  t.equal(after['DBQueriesInFlight'], 0);
});

t.test('bbs metrics - tasks by state, and by cell as they begin and end', async (t) => {
  const { board, metrics, close } = await openBoard();
  t.teardown(close);
  for (const taskGuid of ['one', 'two', 'three', 'four']) {
    must(await board.desireTask({ taskGuid, domain: 'tasks', definition: taskDefinition() }, ''));
  }
  for (const taskGuid of ['one', 'two']) must(await board.startTask(taskGuid, 'cell-1', ''));
  must(await board.startTask('one', 'cell-1', ''));
  t.match(await samplesOf(metrics), { TasksPending: 2, TasksRunning: 2, TasksCompleted: 0 });
  const end = { cellId: 'cell-1', failureReason: '', result: '' };
  must(await board.completeTask({ taskGuid: 'one', failed: false, ...end }, ''));
  must(await board.completeTask({ taskGuid: 'two', failed: true, ...end }, ''));
  must(await board.cancelTask('three', ''));
  must(await board.resolvingTask('one', ''));
  const samples = await samplesOf(metrics);
  t.match(samples, { TasksPending: 1, TasksRunning: 0, TasksCompleted: 2, TasksResolving: 1 });
  t.match(samples, {
    'TasksStarted{cell_id="cell-1"}': 2,
    'TasksSucceeded{cell_id="cell-1"}': 1,
    'TasksFailed{cell_id="cell-1"}': 1,
    'TasksFailed{cell_id=""}': 1,
  });
});

t.test('bbs metrics - fresh domains are there, stale ones are not', async (t) => {
  const { board, clock, metrics, close } = await openBoard();
  t.teardown(close);
  must(await board.upsertDomain('cf-apps', 120, ''));
  must(await board.upsertDomain('cf-tasks', 5, ''));
  t.match(await samplesOf(metrics), { 'Domain{domain="cf-apps"}': 1, 'Domain{domain="cf-tasks"}': 1 });
  await clock.advance(6_000);
  const samples = await samplesOf(metrics);
  t.equal(samples['Domain{domain="cf-apps"}'], 1);
  t.notOk('Domain{domain="cf-tasks"}' in samples);
});

t.test('bbs metrics - convergence counts its passes, what it found, and what it did', async (t) => {
  const engine = createMemoryEngine();
  const first = await openBoard({ engine, converge: false });
  t.notOk('LRPsMissing' in (await samplesOf(first.metrics)), 'nobody has looked');
  must(await first.board.upsertDomain('apps', 0, ''));
  must(await first.board.desireLrp(desiredLrp({ instances: 3 }), ''));
  const definition = taskDefinition();
  must(await first.board.desireTask({ taskGuid: 'task', domain: 'tasks', definition }, ''));
  must(await first.board.startTask('task', 'cell-1', ''));
  // what no call does: two rows too few, and one too many
  await first.store.transact((tables) => {
    for (const [key, row] of [...tables.actual_lrps.entries()]) {
      if (row.index > 0) tables.actual_lrps.delete(key);
      const other = { ...row, processGuid: 'other' };
      if (row.index === 1) tables.actual_lrps.put(actualLrpRowKey(other), other);
    }
    return { value: undefined, events: [] };
  });
  await first.close();

  const { board, clock, metrics, close, config } = await openBoard({ engine });
  t.teardown(close);
  await eventually(async () => (await samplesOf(metrics))['ConvergenceTaskRuns'] === 1);
  t.match(await samplesOf(metrics), {
    ConvergenceLRPRuns: 1,
    ConvergenceLRPDuration_count: 1,
    LRPsMissing: 2,
    LRPsExtra: 1,
    ConvergenceTasksKicked: 0,
    BBSMasterElected: 1,
  });
  const end = { cellId: 'cell-1', failed: false, failureReason: '', result: '' };
  must(await board.completeTask({ taskGuid: 'task', ...end }, ''));
  must(await board.desireTask({ taskGuid: 'waits', domain: 'tasks', definition }, ''));
  await clock.advance(config.convergeIntervalMs);
  await eventually(async () => (await samplesOf(metrics))['ConvergenceTaskRuns'] === 2);
  t.match(await samplesOf(metrics), { LRPsMissing: 0, LRPsExtra: 0, ConvergenceTasksKicked: 1 });
  await clock.advance(config.expireCompletedTaskMs + config.convergeIntervalMs);
  await eventually(async () => (await samplesOf(metrics))['ConvergenceTasksPruned'] === 1);
});

const startBbs = async (t: { teardown(task: () => unknown): unknown }) => {
  const dir = mkdtempSync(join(tmpdir(), 'bbs-'));
  const [clock, logger] = [createSystemClock(), createCaptureLogger()];
  const bus = createMemoryBus({ clock });
  const [own, engine] = [bus.client(), createMemoryEngine()];
  const socketPath = join(dir, 'bbs.sock');
  const metrics = createPrometheusMetrics({ logger });
  const config = must(bbsConfig.parse({ listen: { socket: socketPath } }, 'test'));
  const bbs = assembleBbs({ config, clock, random: createSystemRandom(), logger, bus: own, engine, metrics });
  const group = createGroup(bbs.members, logger);
  const client = createBbsClient({ endpoint: { socketPath }, clock, logger, attempts: 1 });
  t.teardown(async () => {
    await client.close();
    await group.stop();
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { bbs, group, client, metrics, socketPath, own, engine };
};

t.test('bbs metrics - calls over HTTP are counted and timed by route, refusals too', async (t) => {
  const { group, client, metrics } = await startBbs(t);
  await group.start();
  must(await client.desireLrp(desiredLrp(), ''));
  t.notOk((await client.desireLrp(desiredLrp(), '')).ok);
  must(await client.cells());
  const samples = await samplesOf(metrics);
  t.match(samples, {
    'RequestCount{route="DesireDesiredLRP"}': 2,
    'RequestLatency_count{route="DesireDesiredLRP"}': 2,
    'RequestCount{route="Cells"}': 1,
  });
  // ns: no call over a socket takes less than a thousand of them
  t.ok((samples['RequestLatency_sum{route="DesireDesiredLRP"}'] ?? 0) > 1_000);
});

t.test('bbs metrics - event streams are counted while they are open', async (t) => {
  const { group, metrics, socketPath } = await startBbs(t);
  await group.start();
  const open = async () => (await samplesOf(metrics))['EventSubscribers{route="OutcryEventStream"}'];
  t.equal(await open(), 0);
  const listener = new Client('http://bbs', { socketPath });
  t.teardown(() => listener.destroy());
  const stream = await listener.request({ path: BBS_ROUTES.OutcryEventStream, method: 'GET' });
  stream.body.on('error', () => undefined);
  await eventually(async () => (await open()) === 1);
  await listener.destroy();
  await eventually(async () => (await open()) === 0);
  t.match(await samplesOf(metrics), { EventSubscribersRefused: 0, EventsWaiting: 0 });
});

t.test('bbs health - says whether it is there, hears the bus and owns its store', async (t) => {
  const { bbs, group, client, metrics, own, engine } = await startBbs(t);
  t.match(bbs.health(), { healthy: false, reason: 'bbs is starting', details: { active: false } });
  t.match(await samplesOf(metrics), { LockHeld: 0 });
  await group.start();
  t.match(bbs.health(), { healthy: true, reason: '', details: { active: true, bus: true } });
  t.match(await samplesOf(metrics), { LockHeld: 1 });
  own.disconnect();
  t.match(bbs.health(), { healthy: false, reason: 'the bus is not connected', details: { bus: false } });
  own.reconnect();
  engine.faults.fence('bbs');
  t.notOk((await client.desireLrp(desiredLrp(), '')).ok);
  t.match(bbs.health(), { healthy: false, reason: 'the store is lost', details: { active: false } });
  const samples = await samplesOf(metrics);
  t.equal(samples['LockHeld'], 0);
  t.notOk('LRPsRunning' in samples, 'what it remembers is not the board any more');
  await group.stop();
  t.match(bbs.health(), { healthy: false, reason: /bbs is stopping/ });
});
