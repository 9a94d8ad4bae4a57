import t from 'tap';
import { encode } from '../../common/wire/codec.js';
import { eventually } from '../support/eventually.js';
import { startApi } from '../support/api.js';
import type { ApiHarness } from '../support/api.js';
import { aCellState } from '../support/cell-states.js';

const withApp = async (t: Parameters<typeof startApi>[0]): Promise<{ api: ApiHarness; appGuid: string }> => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: web, memory: 64M, disk_quota: 96M, env: {A: b}}]'));
  const { appGuid } = await api.stage('web', { 'server.js': '' });
  return { api, appGuid };
};

const run = (api: ApiHarness, appGuid: string, json: object) =>
  api.call('POST', `/v3/apps/${appGuid}/tasks`, { json });

const presenceOf = (cellId: string) => ({
  cellId,
  repAddress: '',
  zone: 'z1',
  capacity: { memoryMb: 100, diskMb: 100, containers: 10 },
  rootfsProviders: [],
  placementTags: [],
  optionalPlacementTags: [],
  repUrl: '',
  annotations: {},
});

t.test('tasks - run with the droplet and environment of the app, and end as the board says', async (t) => {
  const { api, appGuid } = await withApp(t);
  const made = await run(api, appGuid, {
    command: 'echo hi',
    name: 'greet',
    memory_in_mb: 32,
    disk_in_mb: null,
  });
  t.match(made, {
    status: 202,
    body: {
      sequence_id: 1,
      name: 'greet',
      command: 'echo hi',
      state: 'PENDING',
      memory_in_mb: 32,
      disk_in_mb: 96,
    },
  });
  const { guid } = made.body;
  const task = api.bbs.tasks.get(guid)!;
  t.match(task, {
    domain: 'cf-tasks',
    logGuid: appGuid,
    memoryMb: 32,
    action: {
      serial: {
        actions: [
          { download: { to: 'app', checksumAlgorithm: 'sha256' } },
          { run: { args: ['-c', 'echo hi'], dir: 'app', logSource: 'APP/TASK/greet' } },
        ],
      },
    },
  });
  const env = task.action?.serial?.actions[1]?.run?.env ?? [];
  t.ok(env.some(({ name, value }) => name === 'A' && value === 'b'));

  const state = async (): Promise<string> => (await api.call('GET', `/v3/tasks/${guid}`)).body.state;
  const running = { ...task, state: 'Running' as const, cellId: 'cell-1' };
  api.bbs.tell({ kind: 'task_changed', traceId: '', before: task, after: running });
  await eventually(async () => (await state()) === 'RUNNING');
  const completed = {
    ...running,
    state: 'Completed' as const,
    failed: true,
    failureReason: 'Exited with status 3',
  };
  api.bbs.tasks.set(guid, completed);
  api.bbs.tell({ kind: 'task_changed', traceId: '', before: running, after: completed });
  await eventually(async () => (await state()) === 'FAILED');
  t.equal((await api.call('GET', `/v3/tasks/${guid}`)).body.result.failure_reason, 'Exited with status 3');
  await eventually(() => !api.bbs.tasks.has(guid));

  const second = await run(api, appGuid, { command: 'true' });
  t.match(second.body, { sequence_id: 2, name: 'task-2', memory_in_mb: 64 });
  const listed = await api.call('GET', `/v3/apps/${appGuid}/tasks?sequence_ids=2&page=1&per_page=1`);
  t.equal(listed.body.resources[0].guid, second.body.guid);
});

t.test('tasks - are cancelled either way, and not once they have ended', async (t) => {
  const { api, appGuid } = await withApp(t);
  for (const [method, path] of [
    ['PUT', 'cancel'],
    ['POST', 'actions/cancel'],
  ] as const) {
    const { guid } = (await run(api, appGuid, { command: 'sleep 100' })).body;
    t.match(await api.call(method, `/v3/tasks/${guid}/${path}`), {
      status: 202,
      body: { state: 'CANCELING' },
    });
    await api.clock.advance(30_000);
    await eventually(async () => (await api.call('GET', `/v3/tasks/${guid}`)).body.state === 'FAILED');
    t.notOk(api.bbs.tasks.has(guid));
    t.match(await api.call(method, `/v3/tasks/${guid}/${path}`), {
      status: 422,
      body: { errors: [{ detail: /FAILED and therefore cannot be canceled/ }] },
    });
  }
});

t.test('tasks - what cannot run is refused with its reason', async (t) => {
  const { api, appGuid } = await withApp(t);
  await api.job(await api.apply('applications: [{name: bare}]'));
  const bare = (await api.call('GET', '/v3/apps?names=bare')).body.resources[0].guid;
  const detail = async (guid: string, json: object) => {
    const { status, body } = await run(api, guid, json);
    return [status, body.errors[0].detail];
  };
  t.match(await detail(bare, { command: 'x' }), [422, /^Task must have a droplet/]);
  t.match(await detail(appGuid, {}), [422, /blank/]);
  t.match(await detail(appGuid, { command: 'x', name: 'a/b' }), [422, /task name/]);
  t.match(await detail(appGuid, { command: 'x', memory_in_mb: 1.5 }), [422, /memory_in_mb/]);
  t.match(await detail('unknown', { command: 'x' }), [404, 'App not found']);
  api.bbs.refuse.set('desire-task', 'InvalidRequest');
  t.match(await detail(appGuid, { command: 'x' }), [422, /refused/]);
  const [failed] = (await api.call('GET', `/v3/apps/${appGuid}/tasks`)).body.resources;
  t.match(failed, { state: 'FAILED', result: { failure_reason: /refused/ } });
});

t.test('tasks - one whose end nobody saw is FAILED, a new one on its way is not', async (t) => {
  const { api, appGuid } = await withApp(t);
  const { guid } = (await run(api, appGuid, { command: 'x' })).body;
  api.bbs.tasks.delete(guid);
  await api.restart();
  const state = async () => (await api.call('GET', `/v3/tasks/${guid}`)).body.state;
  t.equal(await state(), 'PENDING');
  await api.clock.advance(30_000);
  await eventually(async () => (await state()) === 'FAILED');
});

t.test('tasks - those of a deleted app are cancelled', async (t) => {
  const { api, appGuid } = await withApp(t);
  const { guid } = (await run(api, appGuid, { command: 'x' })).body;
  await api.job(await api.call('DELETE', `/v3/apps/${appGuid}`));
  t.ok(api.bbs.calls.includes(`cancel-task ${guid}`));
});

t.test('outcry - LRPs, tasks and cells as Diego has them', async (t) => {
  const api = await startApi(t);
  const lrp = {
    process_guid: 'mine',
    domain: 'own',
    rootfs: 'preloaded:cflinuxfs4',
    instances: 1,
    memory_mb: 32,
    disk_mb: 32,
    action: { run: { path: '/bin/true', user: 'vcap' } },
    metric_tags: { source_id: { static: 'mine' } },
    routes: { 'cf-router': [{ hostnames: ['mine.localhost'], port: 8080 }] },
  };
  const base = '/outcry/v1/desired_lrps';
  t.match(await api.call('POST', base, { json: lrp }), { status: 201, body: { process_guid: 'mine' } });
  t.equal((await api.call('POST', base, { json: lrp })).status, 409);
  t.match(await api.call('GET', `${base}/mine`), { status: 200, body: { instances: 1, domain: 'own' } });
  t.match(await api.call('PATCH', `${base}/mine`, { json: { instances: 4 } }), { body: { instances: 4 } });
  t.equal((await api.call('GET', base)).body.resources.length, 1);
  t.match(await api.call('POST', base, { json: { ...lrp, instances: 'two', nonsense: 1 } }), {
    status: 422,
    body: { errors: [{ detail: /instances/ }, { detail: /nonsense/ }] },
  });
  t.match(await api.call('POST', base, { json: { ...lrp, process_guid: 'x', rootfs: 'nowhere' } }), {
    status: 422,
    body: { errors: [{ detail: /rootfs/, outcry: { code: 'BBS_REFUSED' } }] },
  });
  t.equal((await api.call('POST', base, { json: { ...lrp, domain: 'cf-apps' } })).status, 422);
  t.equal((await api.call('DELETE', `${base}/mine`)).status, 204);
  t.match(await api.call('GET', `${base}/mine`), {
    status: 404,
    body: { errors: [{ detail: 'Desired LRP not found' }] },
  });

  const task = {
    task_guid: 'job',
    domain: 'own',
    task_definition: { rootfs: 'preloaded:x', action: { run: { path: '/bin/true', user: 'vcap' } } },
  };
  t.match(await api.call('POST', '/outcry/v1/tasks', { json: task }), {
    status: 201,
    body: { task_guid: 'job' },
  });
  t.match(await api.call('GET', '/outcry/v1/tasks/job'), { status: 200, body: { domain: 'own' } });
  t.match(await api.call('POST', '/outcry/v1/tasks', { json: { ...task, extra: 1 } }), { status: 422 });
  t.match(await api.call('POST', '/outcry/v1/tasks', { json: {} }), { status: 422 });

  api.bbs.client.cells = async () => ({ ok: true, value: [presenceOf('cell-1')] });
  const state = aCellState({
    cellId: 'cell-1',
    zone: 'z1',
    lrpCounts: new Map([
      ['a', 2],
      ['b', 1],
    ]),
    taskCount: 1,
  });
  api.bus.subscribe('cell.state', (message) => void message.respond(encode('CellState', state)));
  t.match((await api.call('GET', '/outcry/v1/cells')).body.resources, [
    { cell_id: 'cell-1', presence: { zone: 'z1' }, state: { lrp_counts: { a: 2, b: 1 }, task_count: 1 } },
  ]);
});

t.test('cells - one is asked to empty itself, once', async (t) => {
  const api = await startApi(t);
  const evacuate = (id: string) => api.call('POST', `/outcry/v1/cells/${id}/evacuate`);
  t.match(await evacuate('cell-1'), {
    status: 404,
    body: { errors: [{ outcry: { code: 'CELL_UNKNOWN' } }] },
  });
  const lrpCounts = new Map([
    ['a', 2],
    ['b', 1],
  ]);
  let state = aCellState({ cellId: 'cell-1', lrpCounts, taskCount: 1 });
  api.bus.subscribe('cell.state', (message) => void message.respond(encode('CellState', state)));
  api.bbs.client.cells = async () => ({ ok: true, value: [presenceOf('cell-1')] });
  t.match(await evacuate('cell-2'), {
    status: 404,
    body: { errors: [{ detail: "no cell 'cell-2'; did you mean 'cell-1'?" }] },
  });
  t.match(await evacuate('cell-1'), {
    status: 503,
    body: { errors: [{ detail: "cell 'cell-1' does not answer: it is not on the bus" }] },
  });
  let [asked, reason] = [0, 'cell is starting'];
  api.bus.subscribe('cell.cell-1.evacuate', (message) => {
    asked += 1;
    message.respond(encode('Ack', { accepted: reason === '', reason }));
  });
  t.match(await evacuate('cell-1'), {
    status: 409,
    body: { errors: [{ detail: "cell 'cell-1' does not empty itself: cell is starting" }] },
  });
  reason = '';
  const counts = { cell_id: 'cell-1', instances: 3, tasks: 1 };
  t.match(await evacuate('cell-1'), { status: 202, body: { ...counts, already: false } });
  state = { ...state, evacuating: true };
  t.match(await evacuate('cell-1'), { status: 202, body: { ...counts, already: true } });
  t.equal(asked, 2);
});

t.test('tasks - a store that takes nothing is asked again later', async (t) => {
  const { api, appGuid } = await withApp(t);
  const { guid } = (await run(api, appGuid, { command: 'true' })).body;
  api.bbs.tasks.delete(guid);
  api.engine.faults.failCommits(1, 'disk full');
  await api.clock.advance(60_000);
  await eventually(() => api.logger.named('api.failed-to-follow-task').length > 0);
  await api.clock.advance(60_000);
  await eventually(async () => (await api.call('GET', `/v3/tasks/${guid}`)).body.state === 'FAILED');
});
