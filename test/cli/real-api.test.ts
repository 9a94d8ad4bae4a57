import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ActualLrp } from '../../common/model/lrp.js';
import { toJson } from '../../common/wire/codec.js';
import { logSubject } from '../../common/wire/subjects.js';
import { type ApiHarness, startApi } from '../support/api.js';
import { type FakeCli, createFakeCli } from '../support/cli-context.js';
import { eventually } from '../support/eventually.js';
import { desiredLrp } from '../support/lrps.js';

/** The command line against the API itself, so that neither changes its mind alone. Only the BBS is a fake. */

const actual = (processGuid: string, index: number, state: 'RUNNING' | 'UNCLAIMED'): ActualLrp => ({
  processGuid,
  index,
  domain: 'cf-apps',
  instanceGuid: `i-${index}`,
  cellId: state === 'RUNNING' ? 'cell-1' : '',
  address: '127.0.0.1',
  instanceAddress: '127.0.0.1',
  ports: [],
  preferredAddress: 'HOST',
  instanceIpv6Address: '',
  crashCount: 0,
  crashReason: '',
  state,
  placementError: state === 'RUNNING' ? '' : 'insufficient resources: memory',
  since: 0,
  modificationTag: { epoch: 'e', index: 0 },
  presence: 'ORDINARY',
  internalRoutes: [],
  metricTags: {},
  availabilityZone: 'z1',
});

/** Whatever is desired runs, or has no place, as soon as somebody waits for it. */
const setUp = async (
  t: Test,
  state: 'RUNNING' | 'UNCLAIMED' = 'RUNNING',
): Promise<{ api: ApiHarness; cli: FakeCli; dir: string }> => {
  const api = await startApi(t);
  const dir = t.testdir({ web: { 'server.js': 'listen()' } });
  const cli = createFakeCli({
    cwd: dir,
    api: { url: api.url(), token: api.api().token() },
    onSleep() {
      api.bbs.actuals = [...api.bbs.lrps.values()].flatMap(({ processGuid, instances }) =>
        Array.from({ length: instances }, (_, index) => actual(processGuid, index, state)),
      );
    },
  });
  t.teardown(() => cli.close());
  return { api, cli, dir };
};

t.test('cli and api - an application from its push to its end', async (t) => {
  const { api, cli, dir } = await setUp(t);
  const run = async (...words: string[]): Promise<void> =>
    void t.equal(await cli.run(...words), 0, `outcry ${words.join(' ')}`);
  const manifest = 'applications:\n- name: web\n  instances: 2\n  memory: 64M\n  disk_quota: 32M\n';
  writeFileSync(join(dir, 'web/manifest.yml'), `${manifest}  cpu-milli: 100\n  env: {A: 1}\n`);

  await run('push', 'web');
  t.match(cli.err(), /staged +runs node server\.js\n/);
  t.match(cli.out(), /web: started, 2 of 2 running, 64 MB of memory and 32 MB of disk each\n/);
  t.match(cli.out(), /#1 +running +cell-1 /);
  t.match(cli.out(), /http:\/\/web\.localhost\n$/);
  await run('push', 'web', '-i', '1', '-c', './other', '-u', 'http', '--endpoint', '/up', '-t', '7');
  t.match(cli.out(), /web: started, 1 of 1 running/);
  const process = await api.call('GET', '/v3/processes');
  t.match(process.body.resources[0], {
    command: './other',
    health_check: { type: 'http', data: { endpoint: '/up', timeout: 7 } },
  });
  await run('scale', 'web', '-i', '3');
  await run('scale', 'web', '-m', '128M');
  t.match(cli.out(), /web: started, 3 of 3 running, 128 MB of memory/);
  for (const words of [['apps'], ['stop', 'web'], ['start', 'web'], ['restart', 'web']]) await run(...words);
  await run('run-task', 'web', 'echo hi', '--name', 'greet', '-m', '16M');
  await run('tasks', 'web');
  t.match(cli.out(), /1 +greet +pending +\S+ +echo hi/);
  await run('delete', 'web');
  t.same((await api.call('GET', '/v3/routes')).body.resources, [], 'its route has gone too');
  await run('apps');
  t.match(cli.out(), /no applications/);
});

t.test('cli and api - no place for it', async (t) => {
  const { api, cli } = await setUp(t, 'UNCLAIMED');
  t.equal(await cli.run('push', 'web', '-m', '900G'), 1);
  t.match(cli.errors(), [/^outcry: PLACEMENT_FAILED: no cell takes web: insufficient resources: memory; /]);
  const apps = await api.call('GET', '/v3/apps');
  t.equal(apps.body.resources[0].state, 'STOPPED');
});

t.test('cli and api - what only the API knows to be wrong is told in its words', async (t) => {
  const { api, cli } = await setUp(t);
  t.equal(await cli.run('push', 'web', '-t', '999'), 1);
  t.match(cli.errors().at(-1), /^outcry: MANIFEST_VALUE_INVALID: .*timeout.*from 1 to 180; /);
  t.same((await api.call('GET', '/v3/apps')).body.resources, []);
  const other = createFakeCli({ api: { url: api.url(), token: 'other' } });
  t.teardown(() => other.close());
  t.equal(await other.run('apps'), 1);
  t.match(other.err(), /^outcry: TOKEN_REFUSED: /);
});

t.test('cli and api - logs', async (t) => {
  const { api, cli } = await setUp(t);
  t.equal(await cli.run('push', 'web', '--no-start'), 0);
  const [app] = (await api.call('GET', '/v3/apps')).body.resources;
  const payload = Buffer.from('hello').toString('base64');
  const line = { timestamp: '1700000000000000000', sourceType: 'APP/PROC/WEB', stream: 'OUT', payload };
  const batch = { sourceId: app.guid, instanceId: '0', tags: {}, lines: [line] };
  api.bus.publish(logSubject(app.guid, 0), Buffer.from(JSON.stringify(batch)));
  await eventually(async () => {
    t.equal(await cli.run('logs', 'web', '--recent'), 0);
    return cli.out().includes('2023-11-14T22:13:20.000+0000 [APP/PROC/WEB/0] OUT hello\n');
  });
  t.match(cli.out(), /\[STG\/0\] OUT Staging/);
});

t.test("cli and api - LRPs, tasks and cells in Diego's JSON", async (t) => {
  const { cli, dir } = await setUp(t);
  const { instances: _, ...lrp } = desiredLrp({
    processGuid: 'mine',
    metricTags: { source_id: { static: 'mine', dynamic: 'DynamicValueInvalid' } },
  });
  const json = toJson('DesiredLRP', { ...lrp, instances: 1 });
  writeFileSync(join(dir, 'lrp.json'), JSON.stringify(json));
  writeFileSync(join(dir, 'update.json'), '{"instances": 3}');
  writeFileSync(join(dir, 'task.json'), '{"task_guid": "t", "domain": "d", "task_definition": {}}');
  for (const words of [
    ['lrp', 'desire', 'lrp.json'],
    ['lrp', 'update', 'mine', 'update.json'],
    ['lrp', 'get', 'mine'],
    ['lrp', 'delete', 'mine'],
    ['task', 'desire', 'task.json'],
    ['cells'],
  ]) {
    t.equal(await cli.run(...words), 0, `outcry ${words.join(' ')}`);
  }
  t.match(
    cli.out(),
    /^mine is desired\nmine is updated\n\{[^]*"process_guid": "mine"[^]*"instances": 3[^]*\}\nmine is no longer desired\ntask t is desired\nno cells: /,
  );
  t.equal(await cli.run('lrp', 'get', 'mine'), 1);
  t.match(cli.errors().at(-1), /^outcry: API_REFUSED: the API refused \(404 .*Desired LRP not found; /);
});
