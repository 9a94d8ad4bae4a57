import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type CliOptions, type FakeCli, createFakeCli } from '../support/cli-context.js';
import { type FakeCf, type FakeCfOptions, createFakeCf, refusal } from '../support/fake-cf.js';

interface Pushing {
  cf: FakeCf;
  cli: FakeCli;
  status: number;
  /** the lines of stderr */
  lines: string[];
}

/** `outcry push` of a directory called `web`, in which there is a server.js. */
const push = async (
  t: Test,
  options: FakeCfOptions & { cli?: Omit<CliOptions, 'api' | 'cwd'>; words?: string[]; files?: object } = {},
): Promise<Pushing> => {
  const place = mkdtempSync(join(tmpdir(), 'outcry-test-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = place;
  const cf = await createFakeCf(options);
  const dir = t.testdir({ web: { 'server.js': 'listen()', ...options.files } });
  const cli = createFakeCli({ ...options.cli, cwd: dir, api: cf });
  t.teardown(async () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(place, { recursive: true, force: true });
    await Promise.all([cf.close(), cli.close()]);
  });
  const status = await cli.run('push', ...(options.words ?? ['web']));
  t.same(readdirSync(place), [], 'nothing is left in the temporary directory');
  return { cf, cli, status, lines: cli.err().trimEnd().split('\n') };
};

/** Calls that change something. */
const changes = ({ calls }: FakeCf): string[] => calls.filter((call) => !call.startsWith('GET'));

/** One line tells of the failure, and nothing else does. */
const failsWith = (t: Test, cli: FakeCli, expected: RegExp): void => {
  t.equal(cli.errors().length, 1, cli.err());
  t.match(cli.errors()[0], expected);
  t.ok(cli.err().endsWith(`${cli.errors()[0]}\n`), 'it is the last line');
};

const waiting = (details: string) => ({ state: 'DOWN' as const, details });
const crashed = (details: string) => ({ state: 'CRASHED' as const, details, crash_count: 3 });

t.test("push - calls in the cf CLI's order, and says what happens as it happens", async (t) => {
  const { cf, cli, status, lines } = await push(t, {
    instances: 2,
    stats: (look) =>
      look === 0
        ? [{ state: 'STARTING' }, { state: 'RUNNING' }]
        : [{ state: 'RUNNING' }, { state: 'RUNNING' }],
  });
  t.equal(status, 0, cli.err());
  const delivered = cf.calls.slice(cf.calls.findIndex((call) => call.startsWith('POST')));
  const untilStats = delivered.slice(0, delivered.findIndex((call) => call.endsWith('/stats')) + 1);
  t.same(
    untilStats.filter((call) => call !== 'GET /v3/spaces'),
    [
      'POST /v3/spaces/space-1/actions/apply_manifest',
      'GET /v3/jobs/job-1',
      'GET /v3/jobs/job-1',
      'GET /v3/apps',
      'POST /v3/packages',
      'POST /v3/packages/package-1/upload',
      'GET /v3/packages/package-1',
      'POST /v3/builds',
      'GET /v3/builds/build-1',
      'PATCH /v3/apps/app-1/relationships/current_droplet',
      'GET /v3/apps/app-1/processes/web',
      'POST /v3/apps/app-1/actions/restart',
      'GET /v3/apps/app-1/processes',
      'GET /v3/processes/app-1/stats',
    ],
  );
  t.match(lines[0], /^Pushing web from .*\/web$/);
  t.match(
    lines.slice(1).map((line) => line.trim().split(/\s+/)[0]),
    ['packed', 'uploaded', 'staged', 'started'],
  );
  t.match(lines[1], /packed +1 file, \d+ B$/);
  t.match(lines[3], /staged +runs node server\.js$/);
  t.match(lines[4], /started +2 of 2 running after 0\.[12] s$/);
  t.match(
    cli.out(),
    /^\nweb: started, 2 of 2 running.*\n.*state.*\n#0 .*\n#1 .*\nhttp:\/\/web\.localhost:8080\n$/,
  );
});

t.test('push - sends what the API reads', async (t) => {
  const { cf } = await push(t);
  const sent = (path: string) => cf.asked.find((one) => one.method !== 'GET' && one.path === path);
  t.match(String(sent('/v3/spaces/space-1/actions/apply_manifest')?.body), /name: web/);
  t.same(JSON.parse(String(sent('/v3/packages')?.body)), {
    type: 'bits',
    relationships: { app: { data: { guid: 'app-1' } } },
  });
  const upload = sent('/v3/packages/package-1/upload')?.body ?? Buffer.alloc(0);
  t.match(
    upload.toString('latin1'),
    /name="resources"\r\n\r\n\[\]\r\n[^]*name="bits"; filename="package\.zip"/,
  );
  t.ok(upload.includes(Buffer.from('PK\u0003\u0004')), 'a zip');
  t.same(JSON.parse(String(sent('/v3/builds')?.body)), { package: { guid: 'package-1' } });
  const droplet = sent('/v3/apps/app-1/relationships/current_droplet');
  t.same(JSON.parse(String(droplet?.body)), { data: { guid: 'droplet-1' } });
});

t.test('push - without DIR it is the current directory', async (t) => {
  const cf = await createFakeCf();
  const dir = t.testdir({ 'my-app': { 'server.js': '' } });
  const cli = createFakeCli({ cwd: join(dir, 'my-app'), api: cf });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  t.equal(await cli.run('push'), 0, cli.err());
  t.same(
    cf.apps.map(({ name }) => name),
    ['my-app'],
  );
});

t.test('push - nothing is sent when it cannot work', async (t) => {
  const cases: [words: string[], files: object, expected: RegExp][] = [
    [['nowhere'], {}, /^outcry: PATH_NOT_FOUND: no such directory: .*\/nowhere; /],
    [['web/server.js'], {}, /^outcry: PATH_NOT_FOUND: /],
    [['web', '--name', 'a/b'], {}, /^outcry: APP_NAME_INVALID: the app name "a\/b" is not valid; /],
    [['web', '--name', ''], {}, /^outcry: APP_NAME_INVALID: /],
    [
      ['web', '-f', 'none.yml'],
      {},
      /^outcry: FILE_UNREADABLE: cannot read none\.yml: there is no such file; /,
    ],
    [
      ['web'],
      { 'manifest.yml': 'applications:\n- name: a\n  memroy: 1G\n' },
      /^outcry: MANIFEST_INVALID: web\/manifest\.yml:3: .*'memory'\?\); /,
    ],
    [
      ['web'],
      { '.cfignore': 'server.js\n', 'README.md': '' },
      /^outcry: NO_START_COMMAND: no start command for web; /,
    ],
    [['web', '-c', 'null'], { '.cfignore': 'server.js\n', a: '' }, /^outcry: NO_START_COMMAND: /],
    [['web', '-c', 'x'], { '.cfignore': '*\n' }, /^outcry: APP_DIR_EMPTY: /],
    [['web'], { '.cfignore': '*\n' }, /^outcry: APP_DIR_EMPTY: /],
  ];
  for (const [words, files, expected] of cases) {
    const { cf, cli, status } = await push(t, { words, files });
    t.equal(status, 1, words.join(' '));
    failsWith(t, cli, expected);
    t.same(changes(cf), [], words.join(' '));
  }
});

t.test('push - a start command may come from anywhere', async (t) => {
  const none = { '.cfignore': 'server.js\n' };
  const manifest = (text: string) => ({
    ...none,
    a: '',
    'manifest.yml': `applications:\n- name: web\n  ${text}\n`,
  });
  for (const [words, files] of [
    [['web', '-c', './run'], { ...none, a: '' }],
    [['web'], manifest('command: ./run')],
    [['web'], manifest('processes: [{type: web, command: ./run}]')],
    [['web'], { ...none, Procfile: 'web: ./run\n' }],
    [['web'], { ...none, 'package.json': '{"scripts": {"start": "x"}}' }],
  ] as [string[], object][]) {
    const { status, cli } = await push(t, { words, files });
    t.equal(status, 0, cli.err());
  }
});

t.test('push - the command of an earlier push is still good', async (t) => {
  const files = { '.cfignore': 'server.js\n', a: '' };
  const known = await push(t, { files, apps: [{ name: 'web' }], command: './run' });
  t.equal(known.status, 0, known.cli.err());
  const without = await push(t, { files, apps: [{ name: 'web' }], command: null });
  failsWith(t, without.cli, /NO_START_COMMAND/);
  t.same(changes(without.cf), []);
});

const REFUSED = {
  'POST /v3/packages/package-1/upload': () => refusal(422, 'UPLOAD_ENTRY_REFUSED', { reason: 'a device' }),
};

t.test('push - an application that the refused push has made is removed again', async (t) => {
  const { cf, cli, status, lines } = await push(t, { on: REFUSED });
  t.equal(status, 1);
  t.same(cf.apps, []);
  t.same(changes(cf).slice(-2), ['DELETE /v3/apps/app-1', 'DELETE /v3/routes/route-app-1']);
  t.match(lines.at(-2), /undone +web is removed again: it was new/);
  failsWith(t, cli, /^outcry: UPLOAD_ENTRY_REFUSED: the upload holds an entry that is refused: a device; /);
});

t.test('push - an application that was there stays', async (t) => {
  const { cf, status, cli } = await push(t, { on: REFUSED, apps: [{ name: 'web' }] });
  t.equal(status, 1);
  t.equal(cf.apps.length, 1);
  t.notOk(changes(cf).some((call) => call.startsWith('DELETE')));
  t.notMatch(cli.err(), /undone/);
});

t.test('push - a failed undo is told beside what led to it', async (t) => {
  const { cli, status } = await push(t, {
    on: { ...REFUSED, 'DELETE /v3/apps/app-1': () => refusal(503, 'BBS_UNAVAILABLE', { reason: 'asleep' }) },
  });
  t.equal(status, 1);
  t.match(cli.err(), /note +web could not be removed again; 'outcry delete web' does it\n/);
  failsWith(t, cli, /UPLOAD_ENTRY_REFUSED/);
});

t.test('push - a package that is found broken later', async (t) => {
  const error = 'the upload is not a readable zip archive';
  const { cf, cli } = await push(t, {
    on: { 'GET /v3/packages/package-1': () => ({ json: { guid: 'p', state: 'FAILED', data: { error } } }) },
  });
  failsWith(t, cli, /^outcry: PUSH_UPLOAD_REFUSED: the upload was refused: .*zip archive; /);
  t.same(cf.apps, []);
});

t.test('push - a server that hangs up during the upload has told the package why', async (t) => {
  let failed = false;
  const { cli } = await push(t, {
    on: {
      'POST /v3/packages/package-1/upload': () => {
        failed = true;
        return 'cut';
      },
      'GET /v3/packages/package-1': () => ({
        json: { guid: 'p', state: failed ? 'FAILED' : 'READY', data: { error: 'larger than 1 MB' } },
      }),
    },
  });
  failsWith(t, cli, /^outcry: PUSH_UPLOAD_REFUSED: the upload was refused: larger than 1 MB; /);
});

t.test('push - staging that fails', async (t) => {
  const build = (error: string) => ({
    'GET /v3/builds/build-1': () => ({ json: { guid: 'build-1', state: 'FAILED', error, droplet: null } }),
  });
  const other = await push(t, { on: build('StagingError - the package cannot be read') });
  failsWith(t, other.cli, /^outcry: STAGING_FAILED: staging web failed: StagingError - .*; /);
  t.same(other.cf.apps, []);
  const none = await push(t, { on: build('NoAppDetectedError - no start command') });
  failsWith(t, none.cli, /^outcry: NO_START_COMMAND: /);
});

t.test('push - a manifest that the API refuses, at once or as a job', async (t) => {
  const apply = 'POST /v3/spaces/space-1/actions/apply_manifest';
  const atOnce = await push(t, {
    on: { [apply]: () => refusal(422, 'ROUTE_INVALID', { route: 'x', reason: 'no such domain' }) },
  });
  failsWith(t, atOnce.cli, /^outcry: ROUTE_INVALID: the route x is not valid: no such domain; /);
  const job = {
    state: 'FAILED',
    errors: [{ title: 'CF-UnprocessableEntity', detail: 'line one\nline two' }],
  };
  const later = await push(t, { on: { 'GET /v3/jobs/job-1': () => ({ json: job }) } });
  failsWith(t, later.cli, /^outcry: API_REFUSED: .*: line one line two; /);
  t.same(later.cf.apps, [], 'and it is removed again');
});

const cell = (id: string, memory: { free: number; total: number }) => ({
  cell_id: id,
  presence: { zone: 'z1' },
  state: {
    zone: 'z1',
    available: { memory_mb: memory.free, disk_mb: 1000, containers: 10 },
    total: { memory_mb: memory.total, disk_mb: 1000, containers: 10 },
  },
});

const cells = (...list: unknown[]) => ({ 'GET /outcry/v1/cells': () => ({ json: { resources: list } }) });

const NEAREST = 'insufficient resources: memory (cell-2 comes nearest: 24 MB of memory short)';

t.test('push - no cell is large enough: stopped at once, with what the API says of it', async (t) => {
  const { cf, cli, status } = await push(t, {
    instances: 2,
    stats: () => [waiting(NEAREST), waiting(NEAREST)],
    on: cells(cell('cell-1', { free: 20, total: 32 }), cell('cell-2', { free: 40, total: 40 })),
  });
  t.equal(status, 1);
  failsWith(
    t,
    cli,
    /^outcry: PLACEMENT_FAILED: no cell takes web: insufficient resources: memory \(cell-2 comes nearest: 24 MB of memory short\); /,
  );
  t.same(changes(cf).slice(-1), ['POST /v3/apps/app-1/actions/stop']);
  t.equal(cf.apps[0]?.state, 'STOPPED', 'kept, stopped');
  t.ok(cli.context.elapsed() < 2000, 'without waiting');
});

t.test('push - a place may come free, or no cell can be asked: patience first', async (t) => {
  const silent = { cell_id: 'cell-2', presence: null, state: null };
  const away = { 'GET /outcry/v1/cells': () => refusal(503, 'BBS_UNAVAILABLE', {}) };
  const one = cells(cell('cell-1', { free: 20, total: 640 }), cell('cell-2', { free: 1, total: 1 }));
  for (const on of [one, cells(), cells(silent), away]) {
    const { cli, status } = await push(t, { stats: () => [waiting(NEAREST)], on });
    t.equal(status, 1);
    t.ok(cli.context.elapsed() >= 5000, 'the old instances may still be going');
    failsWith(t, cli, /PLACEMENT_FAILED: .*\(cell-2 comes nearest: 24 MB of memory short\); /);
  }
});

t.test('push - a cell can be too small in disk or containers, too', async (t) => {
  const large = cell('cell-1', { free: 640, total: 640 });
  for (const lack of [{ disk_mb: 1 }, { containers: 0 }]) {
    const small = { ...large, state: { ...large.state, total: { ...large.state.total, ...lack } } };
    const { cli, status } = await push(t, { stats: () => [waiting(NEAREST)], on: cells(small) });
    t.equal(status, 1);
    t.ok(cli.context.elapsed() < 2000, `without waiting: ${JSON.stringify(lack)}`);
  }
});

t.test('push - an instance that finds its place late', async (t) => {
  const { cli, status } = await push(t, {
    stats: (look) => [look < 10 ? waiting('insufficient resources: memory') : { state: 'RUNNING' }],
    on: cells(cell('cell-1', { free: 20, total: 640 })),
  });
  t.equal(status, 0, cli.err());
});

t.test('push - some run and the others have no place: a remark, not an error', async (t) => {
  const { cf, cli, status } = await push(t, {
    instances: 2,
    stats: () => [{ state: 'RUNNING', uptime: 1, cell_id: 'cell-1' }, waiting(NEAREST)],
    on: cells(cell('cell-1', { free: 20, total: 640 })),
  });
  t.equal(status, 0);
  t.match(
    cli.err(),
    /started +1 of 2 running after \d\.\d s; 1 without a place: insufficient resources: memory \(cell-2 comes nearest: 24 MB of memory short\)\n/,
  );
  t.match(
    cli.out(),
    /^#1 +waiting +insufficient resources: memory \(cell-2 comes nearest: 24 MB of memory short\)$/m,
  );
  t.notOk(changes(cf).includes('POST /v3/apps/app-1/actions/stop'));
});

t.test('push - all crashed', async (t) => {
  const { cf, cli, status } = await push(t, {
    instances: 2,
    stats: (look) =>
      look < 3
        ? [{ state: 'STARTING' }, crashed('exited with status 3')]
        : [crashed('exited with status 3'), crashed('exited with status 3')],
  });
  t.equal(status, 1);
  failsWith(
    t,
    cli,
    /^outcry: START_FAILED: web does not start: exited with status 3; 'outcry logs web --recent' shows/,
  );
  t.same(
    cf.apps.map(({ name }) => name),
    ['web'],
    'it is kept',
  );
});

t.test('push - never comes up', async (t) => {
  const { cli, status } = await push(t, {
    stats: () => [{ state: 'STARTING' }],
    cli: { env: { OUTCRY_STARTUP_TIMEOUT: '20' } },
  });
  t.equal(status, 1);
  failsWith(t, cli, /^outcry: START_FAILED: web does not start: none of 1 running after 20\.\d s; /);
});

t.test('push - with no instances, and without a start', async (t) => {
  const none = await push(t, { instances: 0 });
  t.equal(none.status, 0);
  t.match(none.cli.err(), /started +with no instances\n/);
  const stopped = await push(t, { words: ['web', '--no-start'], apps: [{ name: 'web' }] });
  t.equal(stopped.status, 0);
  t.same(changes(stopped.cf).slice(-1), ['POST /v3/apps/app-1/actions/stop'], 'what ran is stopped');
  t.match(stopped.cli.out(), /web: stopped/);
});

t.test('push - Ctrl-C during the upload undoes a new application', async (t) => {
  const { cf, cli, status } = await push(t, {
    cli: { onSleep: (_ms, one) => one.interrupt() },
    on: { 'GET /v3/packages/package-1': () => ({ json: { guid: 'p', state: 'PROCESSING_UPLOAD' } }) },
  });
  t.equal(status, 130);
  t.same(cf.apps, []);
  t.same(cli.errors(), []);
});

t.test('push - Ctrl-C ends an upload that hangs', async (t) => {
  const cf = await createFakeCf({
    on: {
      'POST /v3/packages/package-1/upload': () => {
        cli.interrupt();
        return 'hang';
      },
    },
  });
  const dir = t.testdir({ web: { 'server.js': '' } });
  const cli = createFakeCli({ cwd: dir, api: cf });
  t.teardown(() => Promise.all([cf.close(), cli.close()]));
  t.equal(await cli.run('push', 'web'), 130);
  t.match(cli.err(), /undone +web is removed again/);
  t.same(cf.apps, []);
});

t.test('push - Ctrl-C while it starts leaves it starting, and says so', async (t) => {
  const { cf, cli, status } = await push(t, {
    cli: { onSleep: (_ms, one) => (cfStarted(one) ? one.interrupt() : undefined) },
    stats: () => [{ state: 'STARTING' }],
  });
  t.equal(status, 130);
  t.equal(cf.apps[0]?.state, 'STARTED');
  t.match(cli.err(), /web goes on starting; 'outcry app web' shows how it goes\n$/);
});

const cfStarted = (cli: FakeCli): boolean => /staged/.test(cli.err());

/** what begins a terminal's line anew */
const WIPE = '\r\u001b[K';

t.test('push - progress is for terminals, and leaves no trace', async (t) => {
  const quiet = await push(t);
  t.notMatch(quiet.cli.err(), /uploading|\r/);
  t.notOk(quiet.cli.err().includes(WIPE));
  const shown = await push(t, {
    cli: { tty: true },
    stats: (look) => [{ state: look < 2 ? 'STARTING' : 'RUNNING' }],
  });
  t.ok(shown.cli.err().includes(`${WIPE}  uploading  [${'#'.repeat(20)}] 100 %`));
  t.ok(shown.cli.err().includes(`${WIPE}  starting   0 of 1 running${WIPE}`));
  // what a terminal shows in the end: every line begun anew is wiped
  const visible = shown.cli
    .err()
    .split('\n')
    .map((line) => line.split(WIPE).at(-1) ?? '');
  const words = (lines: string[]) => lines.map((line) => line.trim().split(/\s+/)[0]);
  t.same(words(visible), words(quiet.cli.err().split('\n')));
});

t.test('push - an answer before the whole upload is there is heard', async (t) => {
  const cf = await createFakeCf();
  const dir = t.testdir({ web: { 'server.js': '' } });
  // does not shrink, and is more than sockets hold
  const { randomBytes } = await import('node:crypto');
  writeFileSync(join(dir, 'web/data'), randomBytes(8 * 1024 * 1024));
  const { createServer } = await import('node:http');
  const early = createServer((request, response) => {
    if (request.url?.endsWith('/upload') === true) {
      const errors = [
        { title: 'x', detail: 'y', outcry: { code: 'UPLOAD_TOO_LARGE', details: { limitMb: 1 } } },
      ];
      response.writeHead(413, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors }));
      return;
    }
    const forward = new URL(request.url ?? '/', cf.url);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const init = { method: request.method ?? 'GET', headers: { authorization: `bearer ${cf.token}` } };
      const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
      fetch(forward, { ...init, ...body }).then(
        async (answer) => {
          const location = answer.headers.get('location');
          response.writeHead(answer.status, location === null ? {} : { location });
          response.end(await answer.text());
        },
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve));
  const { port } = early.address() as { port: number };
  const cli = createFakeCli({ cwd: dir, api: { url: `http://127.0.0.1:${port}`, token: cf.token } });
  t.teardown(async () => {
    await Promise.all([cf.close(), cli.close()]);
    early.closeAllConnections();
    await new Promise((resolve) => early.close(resolve));
  });
  t.equal(await cli.run('push', 'web'), 1);
  failsWith(t, cli, /^outcry: UPLOAD_TOO_LARGE: the upload is larger than 1 MB; /);
  t.same(cf.apps, []);
});
