import { request } from 'node:http';
import t from 'tap';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { eventually } from '../support/eventually.js';
import { bits, startApi, zip } from '../support/api.js';
import type { Loose } from '../support/api.js';

const MANIFEST = `
applications:
- name: web
  memory: 64M
  disk-quota: 128M
  instances: 2
  cpu-milli: 250
  default-route: true
  env:
    GREETING: hello
`;

const FILES = { 'server.js': 'console.log(1)', Procfile: 'web: node server.js\nworker: node worker.js\n' };

const download = (socketPath: string, path: string): Promise<{ status: number; body: Buffer }> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    })
      .on('error', reject)
      .end();
  });

t.test('push - the whole flow in the order of the cf CLI', async (t) => {
  const api = await startApi(t);
  const root = await api.call('GET', '/');
  t.match(root.body.links.cloud_controller_v3.meta.version, /^\d+\.\d+\.\d+$/);
  const space = await api.spaceGuid();

  const diff = await api.call('POST', `/v3/spaces/${space}/manifest_diff`, {
    body: MANIFEST,
    type: 'application/x-yaml',
  });
  t.equal(diff.status, 201);
  t.ok(Array.isArray(diff.body.diff));

  const applied = await api.apply(MANIFEST);
  t.equal(applied.status, 202);
  t.match(applied.headers.get('location'), /^http:\/\/127\.0\.0\.1:\d+\/v3\/jobs\//, 'absolute');
  t.match(await api.job(applied), { operation: 'space.apply_manifest', state: 'COMPLETE', errors: [] });

  const apps = await api.call('GET', `/v3/apps?names=web&space_guids=${space}`);
  const app = apps.body.resources[0];
  t.match(app, { name: 'web', state: 'STOPPED', lifecycle: { type: 'buildpack' } });

  const matches = await api.call('POST', '/v3/resource_matches', { json: { resources: [{ path: 'x' }] } });
  t.same([matches.status, matches.body], [201, { resources: [] }]);

  const made = await api.call('POST', '/v3/packages', {
    json: { type: 'bits', relationships: { app: { data: { guid: app.guid } } } },
  });
  t.match([made.status, made.body.state], [201, 'AWAITING_UPLOAD']);
  const content = await zip(FILES);
  const uploaded = await api.call('POST', `/v3/packages/${made.body.guid}/upload`, { body: bits(content) });
  t.equal(uploaded.status, 200);
  t.equal((await api.call('GET', `/v3/packages/${made.body.guid}`)).body.state, 'READY');

  const build = await api.call('POST', '/v3/builds', { json: { package: { guid: made.body.guid } } });
  t.equal(build.status, 201);
  const staged: Loose = await eventually(async () => {
    const { body } = await api.call('GET', `/v3/builds/${build.body.guid}`);
    return body.state === 'STAGED' && body;
  });
  const droplet = await api.call('GET', `/v3/droplets/${staged.droplet.guid}`);
  t.same(droplet.body.process_types, { web: 'node server.js', worker: 'node worker.js' });

  t.match(await api.call('GET', `/v3/apps/${app.guid}/droplets/current`), {
    status: 404,
    body: { errors: [{ code: 10010, title: 'CF-ResourceNotFound', detail: 'Droplet not found' }] },
  });
  const set = await api.call('PATCH', `/v3/apps/${app.guid}/relationships/current_droplet`, {
    json: { data: { guid: staged.droplet.guid } },
  });
  t.match(set, { status: 200, body: { data: { guid: staged.droplet.guid } } });

  const restarted = await api.call('POST', `/v3/apps/${app.guid}/actions/restart`);
  t.match(restarted, { status: 200, body: { state: 'STARTED' } });

  const processes = await api.call('GET', `/v3/apps/${app.guid}/processes`);
  t.same(
    processes.body.resources.map((process: Loose) => [process.type, process.instances]),
    [
      ['web', 2],
      ['worker', 0],
    ],
  );
  t.equal(processes.body.resources[0].guid, app.guid, 'the web process has the guid of its app');
  for (const path of ['', '/sidecars', '/stats']) {
    t.equal((await api.call('GET', `/v3/processes/${app.guid}${path}`)).status, 200, path);
  }
  const routes = await api.call('GET', `/v3/apps/${app.guid}/routes`);
  t.equal(routes.body.resources[0].url, 'web.localhost');
  t.equal((await api.call('GET', `/v3/apps/${app.guid}/droplets/current`)).status, 200);
  const deployments = await api.call(
    'GET',
    `/v3/deployments?app_guids=${app.guid}&order_by=-created_at&page=1&per_page=1&status_values=ACTIVE`,
  );
  t.same(deployments.body.resources, []);

  const web = [...api.bbs.lrps.values()].find((lrp) => lrp.processGuid.startsWith(app.guid));
  t.match(web, {
    domain: 'cf-apps',
    rootfs: 'preloaded:cflinuxfs4',
    instances: 2,
    memoryMb: 64,
    diskMb: 128,
    cpuMilli: 250,
    ports: [8080],
    logGuid: app.guid,
    startTimeoutMs: 60_000,
    setup: {
      download: {
        from: `http://blobs.outcry.internal/droplets/${staged.droplet.guid}`,
        to: 'app',
        checksumAlgorithm: 'sha256',
        checksumValue: createHash('sha256').update(content).digest('hex'),
      },
    },
    action: {
      run: {
        path: '/bin/sh',
        args: ['-c', 'node server.js'],
        dir: 'app',
        user: 'vcap',
        logSource: 'APP/PROC/WEB',
      },
    },
    checkDefinition: { checks: [{ tcpCheck: { port: 8080 } }] },
    metricTags: { source_id: { static: app.guid } },
  });
  t.match(web?.processGuid, new RegExp(`^${app.guid}-[0-9a-f-]{36}$`));
  t.same(JSON.parse(web?.routes['cf-router'] ?? ''), [{ hostnames: ['web.localhost'], port: 8080 }]);
  const env = Object.fromEntries((web?.action?.run?.env ?? []).map(({ name, value }) => [name, value]));
  t.match(env, { GREETING: 'hello', PORT: '8080', MEMORY_LIMIT: '64m', VCAP_SERVICES: '{}' });
  t.match(JSON.parse(env['VCAP_APPLICATION'] ?? ''), {
    application_id: app.guid,
    application_name: 'web',
    application_uris: ['web.localhost'],
    organization_name: 'default',
    space_name: 'default',
  });

  const socket = join(api.dir, 'blobs.sock');
  t.equal((await stat(socket)).mode & 0o777, 0o600);
  const fetched = await download(socket, `/droplets/${staged.droplet.guid}`);
  t.equal(fetched.status, 200);
  t.ok(fetched.body.equals(content));
  t.equal((await download(socket, '/droplets/unknown')).status, 404);
  t.equal((await download(socket, '/../token')).status, 404);
});

t.test('push - restart has a new version, scale updates in place, stop and delete remove', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply(MANIFEST));
  const { appGuid } = await api.stage('web', FILES);
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  const [first = ''] = [...api.bbs.lrps.keys()].filter((guid) => guid.startsWith(appGuid));
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  t.ok(api.bbs.lrps.has(first), 'starting what runs changes nothing');

  api.bbs.calls.length = 0;
  await api.call('POST', `/v3/apps/${appGuid}/actions/restart`);
  const [second = ''] = [...api.bbs.lrps.keys()].filter((guid) => guid.startsWith(appGuid));
  t.not(second, first);
  const changes = api.bbs.calls.filter((call) => call.includes(first) || call.includes(second));
  t.same(changes, [`remove ${first}`, `desire ${second}`]);

  const scaled = await api.call('POST', `/v3/apps/${appGuid}/processes/web/actions/scale`, {
    json: { instances: 5, memory_in_mb: null },
  });
  t.match(scaled, { status: 202, body: { instances: 5, memory_in_mb: 64 } });
  t.equal(api.bbs.lrps.get(second)?.instances, 5);

  await api.call('POST', `/v3/apps/${appGuid}/processes/web/actions/scale`, { json: { memory_in_mb: 96 } });
  t.equal(api.bbs.lrps.get(second)?.memoryMb, 64, 'memory waits for the next start');

  await api.call('POST', `/v3/apps/${appGuid}/actions/stop`);
  t.equal(api.bbs.lrps.size, 0);
  const stats = await api.call('GET', `/v3/processes/${appGuid}/stats`);
  t.same(
    stats.body.resources.map((entry: Loose) => entry.state),
    Array(5).fill('DOWN'),
    'a stopped app lists all of its instances',
  );

  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  t.equal([...api.bbs.lrps.values()].find((lrp) => lrp.processGuid.startsWith(appGuid))?.memoryMb, 96);
  const removed = await api.call('DELETE', `/v3/apps/${appGuid}`);
  t.equal(removed.status, 202);
  t.equal((await api.job(removed)).state, 'COMPLETE');
  t.equal(api.bbs.lrps.size, 0);
  t.match(await api.call('GET', `/v3/apps/${appGuid}`), {
    status: 404,
    body: { errors: [{ detail: 'App not found' }] },
  });
  t.same((await api.call('GET', '/v3/packages')).body.resources, []);
});

t.test('push - a manifest changes instances and routes of a running app at once', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply(MANIFEST));
  const { appGuid } = await api.stage('web', FILES);
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  await api.job(
    await api.apply(
      'applications: [{name: web, instances: 3, memory: 1G, routes: [{route: two.localhost/api}]}]',
    ),
  );
  const lrp = () => [...api.bbs.lrps.values()].find((one) => one.processGuid.startsWith(appGuid));
  t.equal(lrp()?.instances, 3);
  t.equal(lrp()?.memoryMb, 64);
  t.same(JSON.parse(lrp()?.routes['cf-router'] ?? ''), [
    { hostnames: ['two.localhost/api', 'web.localhost'], port: 8080 },
  ]);
  await api.job(await api.apply('applications: [{name: web, default-route: true}]'));
  t.equal((await api.call('GET', `/v3/apps/${appGuid}/routes`)).body.resources.length, 2, 'no third route');
  await api.job(await api.apply('applications: [{name: web, no-route: true}]'));
  t.same(JSON.parse(lrp()?.routes['cf-router'] ?? ''), []);
});

t.test('push - no start command fails the build with the words that clients look for', async (t) => {
  const api = await startApi(t);
  await api.job(await api.apply('applications: [{name: bare}]'));
  await t.rejects(api.stage('bare', { 'index.html': 'hello' }), { message: /^NoAppDetectedError - / });
  await api.job(await api.apply('applications: [{name: bare, command: python3 -m http.server $PORT}]'));
  const { appGuid } = await api.stage('bare', { 'index.html': 'hello' });
  await api.call('POST', `/v3/apps/${appGuid}/actions/start`);
  const [lrp] = api.bbs.lrps.values();
  t.same(lrp?.action?.run?.args, ['-c', 'python3 -m http.server $PORT']);
});
