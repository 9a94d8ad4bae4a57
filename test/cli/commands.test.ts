import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type FakeCli, createFakeCli } from '../support/cli-context.js';
import { type Answer, type FakeCf, type FakeCfOptions, createFakeCf, refusal } from '../support/fake-cf.js';

const setUp = async (t: Test, options: FakeCfOptions = {}): Promise<{ cf: FakeCf; cli: FakeCli }> => {
  const cf = await createFakeCf(options);
  const cli = createFakeCli({ api: cf, cwd: t.testdirName });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  return { cf, cli };
};

const changes = ({ calls }: FakeCf): string[] => calls.filter((call) => !call.startsWith('GET'));
const bodyOf = (cf: FakeCf, path: string): unknown => {
  const asked = cf.asked.find((one) => one.path === path && one.method !== 'GET');
  return asked === undefined ? undefined : JSON.parse(String(asked.body));
};

t.test('apps - a table, or what to do when there are none', async (t) => {
  const none = await setUp(t);
  t.equal(await none.cli.run('apps'), 0);
  t.equal(none.cli.out(), "no applications; 'outcry push DIR' makes one\n");
  const some = await setUp(t, {
    apps: [{ name: 'one' }, { name: 'two', state: 'STOPPED' }],
    instances: 2,
    stats: () => [{ state: 'RUNNING' }, { state: 'STARTING' }],
  });
  t.equal(await some.cli.run('apps'), 0);
  const [heading, ...rows] = some.cli.out().trimEnd().split('\n');
  t.match(heading, /^name +state +running +memory +url$/);
  t.match(rows, [
    /^one +started +1\/2 +64 MB +http:\/\/one\.localhost:8080$/,
    /^two +stopped +1\/2 +64 MB +http:\/\/two\.localhost:8080$/,
  ]);
});

t.test('apps - one that goes away meanwhile is left out, any other failure is told', async (t) => {
  const gone = (guid: string, answer: Answer) => ({ [`GET /v3/processes/${guid}/stats`]: () => answer });
  const notFound = {
    status: 404,
    json: { errors: [{ title: 'CF-ResourceNotFound', detail: 'Process not found' }] },
  };
  const apps = [{ name: 'one' }, { name: 'two' }];
  const some = await setUp(t, { apps, on: gone('app-1', notFound) });
  t.equal(await some.cli.run('apps'), 0);
  t.notMatch(some.cli.out(), /one/);
  t.match(some.cli.out(), /two/);
  const broken = await setUp(t, {
    apps,
    on: gone('app-1', refusal(503, 'BBS_UNAVAILABLE', { reason: 'asleep' })),
  });
  t.equal(await broken.cli.run('apps'), 1);
  t.match(
    broken.cli.err(),
    /^outcry: BBS_UNAVAILABLE: the bulletin board does not answer: asleep; [^\n]+\n$/,
  );
});

t.test('app - where every instance is, and why one waits', async (t) => {
  const { cli } = await setUp(t, {
    apps: [{ name: 'web' }],
    instances: 4,
    stats: () => [
      {
        state: 'RUNNING',
        uptime: 3723,
        cell_id: 'cell-2',
        crash_count: 2,
        crash_reason: 'exited with status 1',
      },
      { state: 'STARTING', cell_id: 'cell-1' },
      { state: 'DOWN', details: 'insufficient resources: memory', cell_id: null },
      { state: 'CRASHED', details: 'exited with status 3', cell_id: null, crash_count: 1 },
    ],
  });
  t.equal(await cli.run('app', 'web'), 0);
  t.equal(
    cli.out(),
    `web: started, 1 of 4 running, 64 MB of memory and 128 MB of disk each
     state      cell     up          details
#0   running    cell-2   1 h 2 min   crashed 2 times: exited with status 1
#1   starting   cell-1
#2   waiting                         insufficient resources: memory
#3   crashed                         crashed once: exited with status 3
http://web.localhost:8080
`,
  );
});

t.test('app - a stopped one, one of several processes, none', async (t) => {
  const stopped = await setUp(t, {
    apps: [{ name: 'web', state: 'STOPPED' }],
    stats: () => [{ state: 'DOWN' }],
  });
  t.equal(await stopped.cli.run('app', 'web'), 0);
  t.match(stopped.cli.out(), /^web: stopped, 0 of 1 running, [^\n]+\nhttp/);
  const process = (guid: string, type: string, instances: number) => ({
    guid,
    type,
    instances,
    memory_in_mb: 1,
    disk_in_mb: 2,
    command: 'x',
  });
  const resources = [process('p1', 'web', 1), process('p2', 'worker', 1), process('p3', 'idle', 0)];
  const several = await setUp(t, {
    apps: [{ name: 'web' }],
    on: { 'GET /v3/apps/app-1/processes': () => ({ json: { resources } }) },
  });
  t.equal(await several.cli.run('app', 'web'), 0);
  t.match(several.cli.out(), /^web: started, [^]*^worker, 1 of 1 running/m);
  t.notMatch(several.cli.out(), /idle/);
  t.equal(await several.cli.run('app', 'nothing'), 1);
  t.match(several.cli.errors()[0], /^outcry: APP_NOT_FOUND: no application 'nothing'; /);
});

t.test('app - those that wait for the same reason are told together', async (t) => {
  const why = (details: string) => ({ state: 'DOWN' as const, details });
  const { cli } = await setUp(t, {
    apps: [{ name: 'web' }],
    stats: () => [
      why('memory'),
      { state: 'RUNNING' },
      why('memory'),
      why('memory'),
      why('memory'),
      why('disk'),
    ],
  });
  await cli.run('app', 'web');
  const names = cli.out().match(/^#\d+( to #\d+)?/gm);
  t.same(names, ['#0', '#1', '#2 to #4', '#5']);
});

t.test(
  'app - the URL has the port of the local router; a host that is not found has another way',
  async (t) => {
    const cf = await createFakeCf({
      apps: [{ name: 'web' }],
      on: {
        'GET /v3/apps/app-1/routes': () => ({
          json: {
            resources: [
              { guid: 'r', url: 'web.localhost/path' },
              { guid: 's', url: 'other:81' },
            ],
          },
        }),
      },
    });
    t.teardown(() => cf.close());
    const urls = async (router: string | undefined, resolves: boolean) => {
      const api = { url: cf.url, token: cf.token, ...(router === undefined ? {} : { router }) };
      const cli = createFakeCli({ api, resolves });
      t.equal(await cli.run('app', 'web'), 0, cli.err());
      await cli.close();
      return cli.out().trimEnd().split('\n').slice(3);
    };
    t.same(await urls(undefined, false), ['http://web.localhost/path', 'http://other:81']);
    t.same(await urls('http://127.0.0.1:8080', true), ['http://web.localhost:8080/path', 'http://other:81']);
    t.same(await urls('http://127.0.0.1:8080', false), [
      'http://web.localhost:8080/path',
      "curl -H 'Host: web.localhost' http://127.0.0.1:8080/path",
      'http://other:81',
      "curl -H 'Host: other' http://127.0.0.1:8080",
    ]);
  },
);

t.test('scale - instances at once, sizes with a restart', async (t) => {
  const more = await setUp(t, { apps: [{ name: 'web' }], instances: 5 });
  t.equal(await more.cli.run('scale', 'web', '-i', '5'), 0);
  t.same(bodyOf(more.cf, '/v3/apps/app-1/processes/web/actions/scale'), { instances: 5 });
  t.same(changes(more.cf), ['POST /v3/apps/app-1/processes/web/actions/scale']);
  t.match(more.cli.out(), /5 of 5 running/);
  const larger = await setUp(t, { apps: [{ name: 'web' }] });
  t.equal(await larger.cli.run('scale', 'web', '-m', '1G', '-k', '2G', '-f'), 0);
  const sizes = { memory_in_mb: 1024, disk_in_mb: 2048 };
  t.same(bodyOf(larger.cf, '/v3/apps/app-1/processes/web/actions/scale'), sizes);
  t.same(changes(larger.cf).slice(1), ['POST /v3/apps/app-1/actions/restart']);
  const stopped = await setUp(t, { apps: [{ name: 'web', state: 'STOPPED' }] });
  t.equal(await stopped.cli.run('scale', 'web', '-m', '1G'), 0);
  t.equal(changes(stopped.cf).length, 1, 'a stopped one is not started');
});

t.test('start, stop, restart', async (t) => {
  for (const [command, state, said] of [
    ['start', 'STARTED', /web: started, 1 of 1 running/],
    ['restart', 'STARTED', /web: started, 1 of 1 running/],
    ['stop', 'STOPPED', /^web is stopped\n$/],
  ] as const) {
    const { cf, cli } = await setUp(t, { apps: [{ name: 'web', state: 'STOPPED' }] });
    t.equal(await cli.run(command, 'web'), 0, cli.err());
    t.same(changes(cf), [`POST /v3/apps/app-1/actions/${command}`]);
    t.equal(cf.apps[0]?.state, state);
    t.match(cli.out(), said);
    t.equal(await cli.run(command, 'other'), 1);
    t.match(cli.errors()[0], /APP_NOT_FOUND/);
  }
});

t.test('start - that finds no place, and that crashes', async (t) => {
  const unplaced = await setUp(t, {
    apps: [{ name: 'web' }],
    stats: () => [{ state: 'DOWN', details: 'found no compatible cell' }],
  });
  t.equal(await unplaced.cli.run('start', 'web'), 1);
  t.match(
    unplaced.cli.errors()[0],
    /^outcry: PLACEMENT_FAILED: no cell takes web: found no compatible cell; /,
  );
  t.equal(unplaced.cf.apps[0]?.state, 'STOPPED');
  const crashing = await setUp(t, {
    apps: [{ name: 'web' }],
    stats: () => [{ state: 'CRASHED', details: 'exited with status 1' }],
  });
  t.equal(await crashing.cli.run('restart', 'web'), 1);
  t.match(crashing.cli.errors()[0], /^outcry: START_FAILED: web does not start: exited with status 1; /);
});

t.test('delete - the application and the routes that are its own', async (t) => {
  const destinations = (...guids: string[]) => guids.map((guid) => ({ app: { guid } }));
  const routes = [
    { guid: 'own', url: 'x', destinations: destinations('app-1') },
    { guid: 'shared', url: 'y', destinations: destinations('app-1', 'app-2') },
  ];
  const { cf, cli } = await setUp(t, {
    apps: [{ name: 'web' }],
    on: { 'GET /v3/apps/app-1/routes': () => ({ json: { resources: routes } }) },
  });
  t.equal(await cli.run('delete', 'web', '-f', '-r'), 0);
  t.same(changes(cf), ['DELETE /v3/apps/app-1', 'DELETE /v3/routes/own']);
  t.equal(cli.out(), 'web is deleted\n');
});

t.test('delete - what is not there: an error, with -f a remark', async (t) => {
  const { cf, cli } = await setUp(t);
  t.equal(await cli.run('delete', 'web'), 1);
  t.match(cli.err(), /^outcry: APP_NOT_FOUND: /);
  t.equal(await cli.run('delete', '-f', 'web'), 0);
  t.match(cli.err(), /\nno application 'web': nothing to delete\n$/);
  t.same(changes(cf), []);
});

const taskRow = (state: string, reason: string | null = null) => ({
  guid: 't1',
  sequence_id: 1,
  name: 'task-1',
  command: 'ls\nwc',
  state,
  created_at: '2026-01-02T03:04:05Z',
  result: { failure_reason: reason },
});

const taskAnswers = (...states: string[]) => {
  const left = [...states];
  return {
    'POST /v3/apps/app-1/tasks': () => ({ status: 202, json: taskRow('PENDING') }),
    'GET /v3/tasks/t1': () => ({ json: taskRow(left.shift() ?? 'SUCCEEDED', 'exited with status 2') }),
  };
};

t.test('run-task - as a word or with -c, with its sizes', async (t) => {
  for (const words of [
    ['ls -l', '-m', '64M'],
    ['-c', 'ls -l', '-m', '64M'],
  ]) {
    const { cf, cli } = await setUp(t, { apps: [{ name: 'web' }], on: taskAnswers() });
    t.equal(await cli.run('run-task', 'web', ...words, '-k', '1G', '--name', 'mine'), 0, cli.err());
    t.same(bodyOf(cf, '/v3/apps/app-1/tasks'), {
      command: 'ls -l',
      name: 'mine',
      memory_in_mb: 64,
      disk_in_mb: 1024,
    });
    t.equal(cli.out(), 'task-1 of web is pending\n');
    t.notOk(cf.calls.includes('GET /v3/tasks/t1'), 'does not wait');
  }
});

t.test('run-task - waiting for its end, which decides the exit status', async (t) => {
  const good = await setUp(t, { apps: [{ name: 'web' }], on: taskAnswers('RUNNING', 'SUCCEEDED') });
  t.equal(await good.cli.run('run-task', 'web', 'ls', '--wait'), 0);
  t.match(good.cli.out(), /task-1 has succeeded\n$/);
  const bad = await setUp(t, { apps: [{ name: 'web' }], on: taskAnswers('RUNNING', 'FAILED') });
  t.equal(await bad.cli.run('run-task', 'web', 'ls', '-w'), 1);
  t.match(bad.cli.err(), /^outcry: TASK_FAILED: task task-1 failed: exited with status 2; [^\n]+\n$/);
});

t.test('run-task - Ctrl-C ends the waiting', async (t) => {
  const cf = await createFakeCf({
    apps: [{ name: 'web' }],
    on: taskAnswers(...Array.from({ length: 100 }, () => 'RUNNING')),
  });
  const cli = createFakeCli({ api: cf, onSleep: (_ms, one) => one.interrupt() });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  t.equal(await cli.run('run-task', 'web', 'ls', '--wait'), 130);
  t.equal(cli.err(), '');
});

t.test('tasks - a table, or that there are none', async (t) => {
  const tasks = (resources: unknown[]) => ({ 'GET /v3/apps/app-1/tasks': () => ({ json: { resources } }) });
  const none = await setUp(t, { apps: [{ name: 'web' }], on: tasks([]) });
  t.equal(await none.cli.run('tasks', 'web'), 0);
  t.equal(none.cli.out(), 'web has no tasks\n');
  const some = await setUp(t, {
    apps: [{ name: 'web' }],
    on: tasks([taskRow('FAILED', 'exited with status 2'), taskRow('RUNNING')]),
  });
  await some.cli.run('tasks', 'web');
  t.match(some.cli.out(), /^1 +task-1 +failed +2026-01-02T03:04:05Z +ls; wc +exited with status 2$/m);
  t.match(some.cli.out(), /^1 +task-1 +running +2026-01-02T03:04:05Z +ls; wc$/m);
});

t.test('cells - what each holds; one that is silent; none', async (t) => {
  const resources = [
    {
      cell_id: 'cell-1',
      presence: { zone: 'z1' },
      state: {
        zone: 'z1',
        available: { memory_mb: 100, containers: 248 },
        total: { memory_mb: 1024, disk_mb: 2048, containers: 250 },
        lrp_counts: { a: 2, b: 1 },
      },
    },
    { cell_id: 'cell-2', presence: { zone: 'z2' }, state: null },
    { cell_id: 'cell-3', presence: { zone: 'z3' }, state: { zone: 'z3', placeable: false } },
    { cell_id: 'cell-4', presence: null, state: { zone: 'z1', placeable: true, evacuating: true } },
  ];
  const some = await setUp(t, { on: { 'GET /outcry/v1/cells': () => ({ json: { resources } }) } });
  t.equal(await some.cli.run('cells'), 0);
  t.match(some.cli.out(), /^cell-1 +z1 +3 +0 +924\/1024 MB +2048\/2048 MB +2\/250$/m);
  t.match(some.cli.out(), /^cell-2 +z2 +does not answer$/m);
  t.match(some.cli.out(), /^cell-3 +z3 .* runtime away: takes no work$/m);
  t.match(some.cli.out(), /^cell-4 +z1 .* evacuating, has no presence$/m);
  const none = await setUp(t);
  await none.cli.run('cells');
  t.equal(none.cli.out(), 'no cells: nothing can be placed until one reports\n');
});

t.test('cell - evacuate tells what is there, that it is at it already, or what is wrong', async (t) => {
  let answer: object = { cell_id: 'cell-1', already: false, instances: 2, tasks: 1 };
  const { cli } = await setUp(t, {
    on: {
      'POST /outcry/v1/cells/cell-1/evacuate': () => ({ status: 202, json: answer }),
      'POST /outcry/v1/cells/cell-9/evacuate': () =>
        refusal(404, 'CELL_UNKNOWN', { cell: 'cell-9', nearest: "; did you mean 'cell-1'?" }),
    },
  });
  t.equal(await cli.run('cell', 'evacuate', 'cell-1'), 0, cli.err());
  t.match(cli.out(), /^cell-1 is being emptied of 2 instances and 1 task, and takes nothing any more\n/);
  answer = { cell_id: 'cell-1', already: true, instances: 1, tasks: 0 };
  t.equal(await cli.run('cell', 'evacuate', 'cell-1'), 0);
  t.match(cli.out(), /^cell-1 is being emptied already: 1 instance and 0 tasks are there still\n/m);
  t.equal(await cli.run('cell', 'evacuate', 'cell-9'), 1);
  t.match(cli.err(), /no cell 'cell-9'; did you mean 'cell-1'\?/);
  t.not(await cli.run('cell', 'evacuate'), 0);
  t.match(cli.err(), /CELL is missing/);
});

t.test('lrp - desire, update, get, delete', async (t) => {
  const lrp = { process_guid: 'a/b', domain: 'd', instances: 1 };
  const { cf, cli } = await setUp(t, {
    on: {
      'POST /outcry/v1/desired_lrps': () => ({ status: 201, json: lrp }),
      'PATCH /outcry/v1/desired_lrps/a%2Fb': () => ({ json: lrp }),
      'GET /outcry/v1/desired_lrps/a%2Fb': () => ({ json: lrp }),
      'DELETE /outcry/v1/desired_lrps/a%2Fb': () => ({ status: 204 }),
    },
  });
  t.testdir({ 'lrp.json': JSON.stringify(lrp), 'update.json': '{"instances": 2}' });
  t.equal(await cli.run('lrp', 'desire', 'lrp.json'), 0, cli.err());
  t.same(bodyOf(cf, '/outcry/v1/desired_lrps'), lrp);
  t.equal(await cli.run('lrp', 'update', 'a/b', 'update.json'), 0);
  t.same(bodyOf(cf, '/outcry/v1/desired_lrps/a%2Fb'), { instances: 2 });
  t.equal(await cli.run('lrp', 'get', 'a/b'), 0);
  t.equal(await cli.run('lrp', 'delete', 'a/b'), 0);
  t.equal(
    cli.out(),
    `a/b is desired\na/b is updated\n${JSON.stringify(lrp, null, 2)}\na/b is no longer desired\n`,
  );
});

t.test('task - desire', async (t) => {
  const { cf, cli } = await setUp(t, {
    on: { 'POST /outcry/v1/tasks': () => ({ status: 201, json: { task_guid: 't' } }) },
  });
  t.testdir({ 'task.json': '{"task_guid": "t"}' });
  t.equal(await cli.run('task', 'desire', 'task.json'), 0);
  t.same(bodyOf(cf, '/outcry/v1/tasks'), { task_guid: 't' });
  t.equal(cli.out(), 'task t is desired\n');
});

t.test('lrp and task - files that cannot be read, and what the API refuses', async (t) => {
  const { cf, cli } = await setUp(t, {
    on: {
      'POST /outcry/v1/desired_lrps': () =>
        refusal(422, 'API_BODY_INVALID', { field: 'domain', reason: 'must be text' }),
    },
  });
  const dir = t.testdir({ 'bad.json': '{"a": }', 'good.json': '{}', folder: {} });
  const cases: [string[], RegExp][] = [
    [
      ['lrp', 'desire', 'none.json'],
      /^outcry: FILE_UNREADABLE: cannot read none\.json: there is no such file; /,
    ],
    [['task', 'desire', 'folder'], /^outcry: FILE_UNREADABLE: cannot read folder: it is a directory; /],
    [['lrp', 'desire', join(dir, 'bad.json')], /^outcry: FILE_INVALID: .*bad\.json: not JSON: /],
    [['lrp', 'desire', 'good.json'], /^outcry: API_BODY_INVALID: .*domain.*must be text; /],
  ];
  for (const [words, expected] of cases) {
    t.equal(await cli.run(...words), 1);
    t.match(cli.errors().at(-1), expected);
  }
  t.equal(cli.errors().length, cases.length);
  t.equal(changes(cf).length, 1);
});
