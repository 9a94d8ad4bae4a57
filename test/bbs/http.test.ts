import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Dispatcher } from 'undici';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createMemoryEngine } from '../../common/store/memory-engine.js';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';
import { createBbsClientOver } from '../../bbs/http-client.js';
import { createBbsClient } from '../../bbs/index.js';
import type { BbsClient } from '../../bbs/index.js';
import { eventually } from '../support/eventually.js';
import { raw, startBbs } from '../support/http-bbs.js';
import {
  desiredLrp,
  errorType,
  KEY,
  must,
  netInfo,
  ONE,
  presenceLease,
  startOf,
  taskDefinition,
} from '../support/bbs.js';

type TestContext = Pick<typeof t, 'equal' | 'same' | 'match'>;

const clock = createSystemClock();

/** Every call once, with what it must carry over the wire and back. */
const walk = async (t: TestContext, client: BbsClient): Promise<void> => {
  t.equal(await client.ping(), true);
  must(await client.upsertDomain('apps', 0, ''));
  t.same(must(await client.domains()), ['apps']);
  const wanted = desiredLrp({
    instances: 2,
    ports: [8080, 8080, 2222],
    routes: { 'cf-router': '[{"hostnames":["a.example"],"port":8080}]' },
    cpuMilli: 250,
  });
  must(await client.desireLrp(wanted, 'trace'));
  t.equal(errorType(await client.desireLrp(wanted, '')), 'ResourceExists');
  const desired = must(await client.desiredLrp('app'));
  t.match(desired, {
    processGuid: 'app',
    instances: 2,
    ports: [8080, 2222],
    metricsGuid: 'app-log',
    cpuMilli: 250,
  });
  t.same(desired.routes, wanted.routes, 'routes are kept byte for byte');
  t.same(must(await client.desiredLrps({ processGuids: ['app'] })), [desired]);
  must(await client.claimActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await client.startActualLrp(startOf(ONE), ''));
  const { routable, ...unset } = startOf(ONE);
  t.equal(routable, true);
  must(await client.startActualLrp(unset, ''));
  const [row] = must(await client.actualLrps({ processGuid: 'app', index: 0 }));
  t.match(row, {
    ...KEY,
    ...ONE,
    ...netInfo(),
    state: 'RUNNING',
    routable: true,
    metricTags: { source_id: 'app-log' },
  });
  must(await client.crashActualLrp({ key: KEY, instanceKey: ONE, reason: 'boom' }, ''));
  must(await client.failActualLrp({ ...KEY, index: 1 }, 'no room', ''));
  t.equal(must(await client.actualLrps({ processGuid: 'app', index: 1 }))[0]?.placementError, 'no room');
  must(await client.startActualLrp(startOf(ONE), ''));
  must(await client.removeActualLrp({ key: KEY, instanceKey: ONE }, ''));
  must(await client.retireActualLrp({ ...KEY, index: 1 }, ''));
  must(await client.updateDesiredLrp('app', { instances: 0, annotation: 'x' }, ''));
  must(await client.removeDesiredLrp('app', ''));
  t.same(must(await client.actualLrps({})), []);
};

const walkTasks = async (t: TestContext, client: BbsClient): Promise<void> => {
  const definition = taskDefinition({ resultFile: '/out', env: [{ name: 'A', value: 'b' }] });
  must(await client.desireTask({ taskGuid: 'one', domain: 'd', definition }, ''));
  must(await client.rejectTask('one', 'no room', ''));
  const ofPlacement = { placementId: 'one@1', cellId: 'cell-1' };
  t.equal(must(await client.startTask('one', 'cell-1', '')), true);
  t.equal(
    errorType(await client.rejectTask('one', 'no room', '', { placementId: 'one@1' })),
    'InvalidRequest',
    'no place was found for what runs',
  );
  must(await client.rejectTask('one', 'no room', '', ofPlacement));
  t.equal(
    errorType(await client.rejectTask('one', 'no room', '', ofPlacement)),
    'InvalidRequest',
    'told twice',
  );
  t.equal(must(await client.startTask('one', 'cell-1', '')), true);
  t.equal(must(await client.startTask('one', 'cell-1', '')), false);
  t.equal(must(await client.tasks({ cellId: 'cell-1' })).length, 1);
  const outcome = { taskGuid: 'one', failed: false, failureReason: '', result: 'done' };
  t.equal(
    errorType(await client.completeTask({ ...outcome, cellId: 'cell-2' }, '')),
    'RunningOnDifferentCell',
  );
  must(await client.completeTask({ ...outcome, cellId: 'cell-1' }, ''));
  t.match(must(await client.task('one')), {
    ...definition,
    state: 'Completed',
    result: 'done',
    rejectionCount: 2,
  });
  must(await client.resolvingTask('one', ''));
  must(await client.deleteTask('one', ''));
  t.equal(errorType(await client.task('one')), 'ResourceNotFound');
  must(await client.desireTask({ taskGuid: 'two', domain: 'd', definition }, ''));
  must(await client.cancelTask('two', ''));
  t.equal(must(await client.task('two')).failureReason, 'task was cancelled');
};

const walkCoordination = async (t: TestContext, client: BbsClient): Promise<void> => {
  t.same(must(await client.acquireLease(presenceLease('cell-1', 'a'))), {
    held: true,
    epoch: 1,
    holder: 'a',
  });
  t.same(must(await client.acquireLease(presenceLease('cell-1', 'b'))), {
    held: false,
    epoch: 1,
    holder: 'a',
  });
  t.equal(must(await client.renewLease({ ...presenceLease('cell-1', 'a'), epoch: 1 })).held, true);
  t.match(must(await client.cells()), [{ cellId: 'cell-1', zone: 'z1', capacity: { memoryMb: 1024 } }]);
  t.same(must(await client.leases('cell/')), [{ ...presenceLease('cell-1', 'a'), epoch: 1 }]);
  must(await client.releaseLease('cell/cell-1', 'a'));
  t.same(must(await client.cells()), []);
  t.same(must(await client.kvPut({ key: 'k', value: 'v', version: 0 })), {
    key: 'k',
    value: 'v',
    version: 1,
  });
  t.equal(errorType(await client.kvPut({ key: 'k', value: 'v', version: 0 })), 'ResourceConflict');
  t.same(must(await client.kvGet('k')), { key: 'k', value: 'v', version: 1 });
};

t.test('http - every call, there and back, over a unix socket', async (t) => {
  const { client } = await startBbs(t);
  await walk(t, client);
  await walkTasks(t, client);
  await walkCoordination(t, client);
});

t.test('http - what was acknowledged is there after a restart on SQLite', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bbs-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const engine = () => createSqliteEngine({ dir });
  const first = await startBbs(t, { engine: engine(), dir });
  must(await first.client.desireLrp(desiredLrp(), ''));
  must(await first.client.startActualLrp(startOf(ONE), ''));
  const before = must(await first.client.actualLrps({}));
  await first.stop();
  const second = await startBbs(t, { engine: engine(), dir });
  t.same(must(await second.client.actualLrps({})), before);
  t.equal(must(await second.client.desiredLrps({})).length, 1);
});

t.test('http - the socket is for its owner alone, and replaces what a killed process left', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'bbs-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const first = await startBbs(t, { dir });
  t.equal(statSync(first.socketPath).mode & 0o777, 0o600);
  await t.rejects(startBbs(t, { dir }), { code: 'SOCKET_IN_USE' });
  await first.stop();
  t.notOk(existsSync(first.socketPath));
  writeFileSync(first.socketPath, 'precious');
  chmodSync(first.socketPath, 0o600);
  await t.rejects(startBbs(t, { dir }), { code: 'SOCKET_IN_USE' }, 'no file that is not a socket is removed');
});

t.test('http - a failing store is told as unavailable', async (t) => {
  const engine = createMemoryEngine();
  const { client, socketPath } = await startBbs(t, { engine });
  engine.faults.failCommits(1);
  t.match(await client.desireLrp(desiredLrp(), ''), { ok: false, error: { unavailable: true } });
  must(await client.desireLrp(desiredLrp(), ''));
  engine.faults.fence('bbs');
  t.match(await client.removeDesiredLrp('app', ''), { ok: false, error: { unavailable: true } });
  const read = await raw(socketPath, '/v1/desired_lrps/list.r3');
  t.match(read, { status: 503, text: '' }, 'having lost its store it answers no reads either');
});

t.test('client - a BBS that is not there is asked again, then told as unavailable', async (t) => {
  const logger = createCaptureLogger();
  const endpoint = { socketPath: join(tmpdir(), 'no-bbs-here.sock') };
  const waits: number[] = [];
  const patient = { ...clock, sleep: async (ms: number) => void waits.push(ms) };
  const client = createBbsClient({ endpoint, clock: patient, logger });
  t.match(await client.desiredLrps({}), { ok: false, error: { unavailable: true } });
  t.same(waits, [500, 500]);
  t.equal(logger.named('bbs-request.failed').length, 3);
  t.equal(await client.ping(), false);
  await client.close();
});

t.test('client - why the BBS does not answer is told once per cause, until it has answered', async (t) => {
  const logger = createCaptureLogger();
  const causes = ['connect ECONNREFUSED 127.0.0.1:8889', 'certificate has expired'];
  let asked = 0;
  let away = true;
  const request = async () => {
    asked += 1;
    if (away) throw new Error(causes[asked % 2]);
    return { statusCode: 200, headers: {}, body: { bytes: async () => new Uint8Array() } };
  };
  const pool = { request, destroy: async () => undefined } as unknown as Dispatcher;
  const client = createBbsClientOver(pool, { clock, logger, attempts: 1 });
  t.teardown(() => client.close());
  for (let call = 0; call < 6; call += 1) await client.ping();
  const codes = () => logger.named('bbs-does-not-answer').map(({ fields }) => fields['code']);
  t.same(codes(), ['BBS_CERTIFICATE_REFUSED', 'BBS_UNAVAILABLE']);
  away = false;
  await client.ping();
  t.equal(logger.named('bbs-answers').length, 1);
  away = true;
  for (let call = 0; call < 4; call += 1) await client.ping();
  t.equal(codes().length, 4);
});

t.test('events - a BBS that is away is told once, not with every attempt', async (t) => {
  const logger = createCaptureLogger();
  const endpoint = { socketPath: join(tmpdir(), 'no-bbs-here.sock') };
  let waits = 0;
  const client = createBbsClient({
    endpoint,
    clock: {
      ...clock,
      sleep: () => new Promise((resolve) => setImmediate(resolve)).then(() => void (waits += 1)),
    },
    logger,
  });
  client.subscribe({ onEvent: () => undefined, onGap: () => undefined });
  await eventually(() => waits > 5, { what: 'it was tried again and again' });
  t.equal(logger.named('bbs-does-not-answer').length, 1);
  t.equal(logger.named('events.disconnected').length, 0, 'it has never been connected');
  await client.close();
});
