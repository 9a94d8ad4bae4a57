import t from 'tap';
import type { Test } from 'tap';
import type { ApiHarness, Loose } from '../support/api.js';
import { startApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { found, startImageCell } from '../support/image-cell.js';
import type { ImageCell } from '../support/image-cell.js';

const MANIFEST = 'applications: [{name: web, memory: 64M, docker: {image: team/web}, default-route: true}]';

const guidOf = async (api: ApiHarness, name = 'web'): Promise<string> =>
  (await api.call('GET', `/v3/apps?names=${name}`)).body.resources[0].guid;

const createPackage = (api: ApiHarness, appGuid: string, data: object = { image: 'team/web' }) =>
  api.call('POST', '/v3/packages', {
    json: { type: 'docker', data, relationships: { app: { data: { guid: appGuid } } } },
  });

/** asks for a build, and lets time pass until it has ended */
const build = async (api: ApiHarness, packageGuid: string): Promise<Loose> => {
  const { body } = await api.call('POST', '/v3/builds', { json: { package: { guid: packageGuid } } });
  return eventually(async () => {
    const now = (await api.call('GET', `/v3/builds/${body.guid}`)).body;
    if (now.state !== 'STAGING') return now;
    await api.clock.advance(500);
    return undefined;
  });
};

/** an app of an image, staged and with its droplet set */
const stage = async (api: ApiHarness, manifest = MANIFEST): Promise<{ appGuid: string; droplet: Loose }> => {
  t.match(await api.job(await api.apply(manifest)), { state: 'COMPLETE' });
  const appGuid = await guidOf(api);
  const made = await createPackage(api, appGuid);
  const built = await build(api, made.body.guid);
  if (built.state !== 'STAGED') throw new Error(built.error);
  const path = `/v3/apps/${appGuid}/relationships/current_droplet`;
  await api.call('PATCH', path, { json: { data: { guid: built.droplet.guid } } });
  return { appGuid, droplet: (await api.call('GET', `/v3/droplets/${built.droplet.guid}`)).body };
};

const setUp = async (
  t: Test,
  answer: ImageCell['answer'],
  config = {},
): Promise<{ api: ApiHarness; cell: ImageCell }> => {
  const api = await startApi(t, config);
  const bus = api.bus.client();
  t.teardown(() => bus.close());
  return { api, cell: startImageCell(bus, 'cell-1', answer) };
};

const lrpOf = (api: ApiHarness, guid: string) =>
  [...api.bbs.lrps.values()].find(({ processGuid }) => processGuid.startsWith(guid));

t.test('docker - the flow of the cf CLI, from the manifest to a place to run', async (t) => {
  const { api, cell } = await setUp(t, () => found({ user: 'web', workingDir: '/srv', ports: [9000, 9443] }));
  await api.job(await api.apply(MANIFEST));
  const appGuid = await guidOf(api);
  t.match((await api.call('GET', `/v3/apps/${appGuid}`)).body.lifecycle, { type: 'docker', data: {} });
  t.equal((await api.call('GET', '/v3/apps?lifecycle_type=docker')).body.resources.length, 1);
  t.equal((await api.call('GET', '/v3/apps?lifecycle_type=buildpack')).body.resources.length, 0);
  const made = await createPackage(api, appGuid);
  t.match(made, {
    status: 201,
    body: {
      type: 'docker',
      state: 'READY',
      data: { image: 'team/web', username: null, password: null },
      links: {},
    },
  });
  t.equal((await api.call('GET', '/v3/packages?types=docker')).body.resources.length, 1);
  const built = await build(api, made.body.guid);
  t.match(built, { state: 'STAGED', lifecycle: { type: 'docker', data: {} } });
  t.same(cell.asked, [{ subject: 'cell.image', rootfs: 'docker:///team/web#latest' }]);

  const { body: droplet } = await api.call('GET', `/v3/droplets/${built.droplet.guid}`);
  t.match(droplet, {
    state: 'STAGED',
    image: 'team/web',
    lifecycle: { type: 'docker', data: {} },
    stack: null,
    checksum: null,
    process_types: { web: "/bin/web --name 'it is'" },
  });
  t.same(JSON.parse(droplet.execution_metadata), {
    entrypoint: ['/bin/web'],
    cmd: ['--name', 'it is'],
    workdir: '/srv',
    user: 'web',
    ports: [
      { Port: 9000, Protocol: 'tcp' },
      { Port: 9443, Protocol: 'tcp' },
    ],
  });
  await api.call('PATCH', `/v3/apps/${appGuid}/relationships/current_droplet`, {
    json: { data: { guid: built.droplet.guid } },
  });
  t.match(await api.call('POST', `/v3/apps/${appGuid}/actions/restart`), { status: 200 });

  const lrp = lrpOf(api, appGuid);
  t.match(lrp, {
    rootfs: 'docker:///team/web#latest',
    ports: [9000, 9443],
    action: { run: { path: '/bin/web', args: ['--name', 'it is'], dir: '/srv', user: 'web' } },
    checkDefinition: { checks: [{ tcpCheck: { port: 9000 } }] },
  });
  t.equal(lrp?.setup, undefined, 'nothing is downloaded');
  t.same(JSON.parse(lrp?.routes['cf-router'] ?? ''), [{ hostnames: ['web.localhost'], port: 9000 }]);
  const env = Object.fromEntries((lrp?.action?.run?.env ?? []).map(({ name, value }) => [name, value]));
  t.match(env, { PORT: '9000', VCAP_APPLICATION: /"application_name":"web"/ });
  t.notOk('LANG' in env, 'the image has a language of its own');
  const { body: process } = await api.call('GET', `/v3/processes/${appGuid}`);
  t.equal(process.command, "/bin/web --name 'it is'");
  const { body: routes } = await api.call('GET', `/v3/apps/${appGuid}/routes`);
  t.equal(routes.resources[0].destinations[0].port, 9000);
});

t.test('docker - without ports, user and place an image is root in / at 8080', async (t) => {
  const { api } = await setUp(t, () => found());
  const { appGuid } = await stage(api);
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  t.match(lrpOf(api, appGuid), {
    ports: [8080],
    action: { run: { path: '/bin/web', dir: '/', user: 'root' } },
    checkDefinition: { checks: [{ tcpCheck: { port: 8080 } }] },
  });
});

t.test("docker - the app's own command and its tasks run in a shell", async (t) => {
  const { api } = await setUp(t, () => found({ entrypoint: [], command: [], ports: [80] }));
  const manifest = MANIFEST.replace('name: web', 'name: web, command: serve --all, health-check-type: http');
  const { appGuid } = await stage(api, manifest);
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  const lrp = lrpOf(api, appGuid);
  t.match(lrp?.action?.run, { path: '/bin/sh', args: ['-c', 'serve --all'], user: 'root' });
  t.match(lrp?.checkDefinition?.checks, [{ httpCheck: { port: 80, path: '/' } }]);
  t.match(await api.call('POST', `/v3/apps/${appGuid}/tasks`, { json: { command: 'migrate' } }), {
    status: 202,
  });
  const [task] = api.bbs.tasks.values();
  t.match(task, {
    rootfs: 'docker:///team/web#latest',
    action: { run: { path: '/bin/sh', args: ['-c', 'migrate'], dir: '/', user: 'root' } },
  });
});

t.test('docker - a mapped port of its own is opened beside those of the image', async (t) => {
  const { api } = await setUp(t, () => found({ ports: Array.from({ length: 50 }, (_, at) => 9000 + at) }));
  const { appGuid } = await stage(api);
  const { body: routes } = await api.call('GET', `/v3/apps/${appGuid}/routes`);
  await api.call('POST', `/v3/routes/${routes.resources[0].guid}/destinations`, {
    json: { destinations: [{ app: { guid: appGuid }, port: 7000 }] },
  });
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  const lrp = lrpOf(api, appGuid);
  t.same(lrp?.ports, [9000, 9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 7000]);
  t.same(
    JSON.parse(lrp?.routes['cf-router'] ?? '').map(({ port }: Loose) => port),
    [9000, 7000],
  );
});

t.test(
  'docker - all instances run the image that was staged, where its registry can tell it apart',
  async (t) => {
    const digest = `sha256:${'0a'.repeat(32)}`;
    const { api } = await setUp(t, () => found({ digest }));
    const { appGuid, droplet } = await stage(api);
    t.equal(droplet.image, 'team/web');
    await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
    t.equal(lrpOf(api, appGuid)?.rootfs, `docker:///team/web#${digest}`);
  },
);

t.test('docker - an image that is being fetched is asked for again, of the same cell', async (t) => {
  let looks = 0;
  const { api, cell } = await setUp(t, () => (++looks < 4 ? {} : found()));
  await stage(api);
  t.same(
    cell.asked.map(({ subject }) => subject),
    ['cell.image', 'cell.cell-1.image', 'cell.cell-1.image', 'cell.cell-1.image'],
  );
});

t.test('docker - another cell takes over from one that has gone meanwhile', async (t) => {
  const { api, cell: first } = await setUp(t, () => {
    first.leave();
    startImageCell(api.bus, 'cell-2', () => found());
    return {};
  });
  await stage(api);
  t.equal(first.asked.length, 1);
});

const failureOf = async (api: ApiHarness, image = 'team/web'): Promise<string> => {
  await api.job(await api.apply(MANIFEST));
  const made = await createPackage(api, await guidOf(api), { image });
  const built = await build(api, made.body.guid);
  return `${built.state} ${built.error}`;
};

t.test('docker - why an image cannot be staged is said', async (t) => {
  const none = await startApi(t);
  t.match(
    await failureOf(none),
    /^FAILED NoCompatibleCell - the image team\/web cannot be used: no cell runs images: /,
  );
  const missing = await setUp(t, () => ({ status: 'failed', reason: 'pull access denied' }));
  t.equal(
    await failureOf(missing.api),
    'FAILED StagingError - the image team/web cannot be used: pull access denied',
  );
  const bare = await setUp(t, () => found({ entrypoint: [], command: [] }));
  t.match(await failureOf(bare.api), /^FAILED StagingError - the image team\/web names no command/);
  const slow = await setUp(t, () => ({}), { image_timeout: '20s' });
  t.match(
    await failureOf(slow.api),
    /^FAILED StagingTimeExpired - the image team\/web .*not known after 20 s: the cell is still fetching it$/,
  );
  const logs = await bare.api.call('GET', `/api/v1/read/${await guidOf(bare.api)}?limit=100`);
  const lines = logs.body.envelopes.batch.map(({ log }: Loose) =>
    Buffer.from(log.payload, 'base64').toString(),
  );
  t.ok(lines.some((line: string) => line.includes('names no command')));
});

t.test('docker - staging goes on in the next life of the API', async (t) => {
  const { api, cell } = await setUp(t, () => ({}));
  await api.job(await api.apply(MANIFEST));
  const made = await createPackage(api, await guidOf(api));
  const { body } = await api.call('POST', '/v3/builds', { json: { package: { guid: made.body.guid } } });
  await eventually(() => cell.asked.length > 0);
  // time stands still: the first life does not ask again
  cell.answer = () => found();
  await api.restart();
  const state = async (): Promise<string> => (await api.call('GET', `/v3/builds/${body.guid}`)).body.state;
  await eventually(async () => (await state()) === 'STAGED');
});

t.test('docker - source and images do not change places', async (t) => {
  const { api } = await setUp(t, () => found());
  await api.job(await api.apply(MANIFEST));
  await api.job(await api.apply('applications: [{name: source}]'));
  const [web, source] = [await guidOf(api), await guidOf(api, 'source')];
  const detail = ({ status, body }: { status: number; body: Loose }): string =>
    `${status} ${body?.errors?.[0]?.detail}`;
  const bits = { type: 'bits', relationships: { app: { data: { guid: web } } } };
  t.equal(
    detail(await api.call('POST', '/v3/packages', { json: bits })),
    '422 Cannot create bits package for a Docker app.',
  );
  t.equal(detail(await createPackage(api, source)), '422 Cannot create Docker package for a buildpack app.');
  const made = await createPackage(api, web);
  const upload = await api.call('POST', `/v3/packages/${made.body.guid}/upload`, { body: new FormData() });
  t.equal(detail(upload), '422 Package type must be bits.');
  const fixed = '422 Lifecycle type cannot be changed';
  t.equal(detail(await api.apply(MANIFEST.replace('name: web', 'name: source'))), fixed);
  t.equal(detail(await api.apply('applications: [{name: web, lifecycle: buildpack}]')), fixed);
  const patched = { json: { lifecycle: { type: 'docker', data: {} } } };
  t.equal(detail(await api.call('PATCH', `/v3/apps/${source}`, patched)), fixed);
  t.equal((await api.call('PATCH', `/v3/apps/${web}`, patched)).status, 200);
});

t.test('docker - what is not served, and what is none, is refused', async (t) => {
  const { api } = await setUp(t, () => found());
  const space = { relationships: { space: { data: { guid: await api.spaceGuid() } } } };
  const created = await api.call('POST', '/v3/apps', {
    json: { name: 'web', lifecycle: { type: 'docker', data: {} }, ...space },
  });
  t.match(created, { status: 201, body: { lifecycle: { type: 'docker', data: {} } } });
  const odd = { name: 'odd', lifecycle: { type: 'docker', data: { stack: 'cflinuxfs4' } }, ...space };
  t.equal((await api.call('POST', '/v3/apps', { json: odd })).status, 422);
  const cnb = { name: 'cnb', lifecycle: { type: 'cnb', data: {} }, ...space };
  t.match(await api.call('POST', '/v3/apps', { json: cnb }), {
    status: 422,
    body: { errors: [{ outcry: { code: 'API_BODY_INVALID' } }] },
  });
  const { guid } = created.body;
  const code = async (data: object): Promise<string> => {
    const { status, body } = await createPackage(api, guid, data);
    return `${status} ${body.errors[0].outcry.code}`;
  };
  const withPassword = { image: 'team/web', username: 'me', password: 'secret' };
  t.equal(await code(withPassword), '422 IMAGE_CREDENTIALS_UNSUPPORTED');
  t.equal(await code({}), '422 API_BODY_INVALID');
  t.equal(await code({ image: 'Not An Image' }), '422 API_BODY_INVALID');
  t.equal(
    (await createPackage(api, guid, { image: 'team/web', username: null, password: null })).status,
    201,
  );
  t.same(
    (await api.call('GET', '/v3/packages')).body.resources.map(({ data }: Loose) => data.image),
    ['team/web'],
    'nothing was kept of what was refused',
  );
});
