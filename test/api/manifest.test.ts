import t from 'tap';
import { parse } from 'yaml';
import { readManifest } from '../../common/model/manifest.js';
import { pointer } from '../../common/model/read.js';
import { startApi } from '../support/api.js';

const LIMITS = { maximumStartTimeoutSeconds: 180 };
const read = (yaml: string) => readManifest(parse(yaml), LIMITS);

/** The one problem of a manifest: its place and what is said of it. */
const problem = (yaml: string): [string, string] => {
  const result = read(yaml);
  if (result.ok) return ['', ''];
  const [first] = result.error;
  return [pointer(first?.path ?? []), `${first?.kind}: ${first?.reason}`];
};

const app = (keys: string): string => `applications: [{name: web, ${keys}}]`;
const web = (keys: string) => {
  const result = read(app(keys));
  return result.ok ? result.value[0]?.processes[0] : result.error;
};

t.test('manifest - values are taken as Cloud Foundry takes them', async (t) => {
  t.match(web('memory: 64M, disk_quota: 1G, instances: 3'), { memoryMb: 64, diskMb: 1024, instances: 3 });
  t.match(web('disk-quota: 128MB'), { diskMb: 128 }, 'both spellings');
  t.match(web('processes: [{type: web, disk-quota: 5M}]'), { diskMb: 5 }, 'both spellings, processes too');
  t.match(web('cpu-milli: 250'), { cpuMilli: 250 });
  t.match(web('health-check-type: none'), { healthCheckType: 'process' });
  t.match(web('health-check-type: http, health-check-http-endpoint: /up, timeout: 180'), {
    healthCheckType: 'http',
    healthCheckEndpoint: '/up',
    timeout: 180,
  });
  t.match(web('log-rate-limit-per-second: 16K'), { logRateLimitBytesPerSecond: 16_384 });
  t.match(web('log-rate-limit-per-second: -1'), { logRateLimitBytesPerSecond: -1 });
  t.match(web('command: null'), { command: null });
  t.match(
    web('memory: 1G, instances: 2, processes: [{type: web, memory: 2G}]'),
    { memoryMb: 2048, instances: 2 },
    'the web process overrides',
  );
  t.match(read(app('env: {A: 1, B: true, C: x, D: null}')), {
    value: [{ env: { A: '1', B: 'true', C: 'x', D: '' } }],
  });
  t.match(read(app('path: ., docker: null, services: [], buildpacks: [x]')), { ok: true });
  t.match(read(app('docker: {image: "reg.io/nginx:1", username: null}')), {
    value: [{ image: 'reg.io/nginx:1', lifecycle: 'docker' }],
  });
  t.match(read(app('lifecycle: docker')), { value: [{ lifecycle: 'docker' }] });
  t.match(read(app('routes: [{route: a.b/c, protocol: http2}]')), {
    value: [{ routes: [{ route: 'a.b/c', protocol: 'http2' }] }],
  });
});

const WRONG: [yaml: string, place: string, said: RegExp][] = [
  ['[]', '', /mapping/],
  ['applications: {}', '/applications', /list/],
  ['applications: []', '/applications', /at least one/],
  ['applications: [{memory: 1G}]', '/applications/0/name', /there/],
  ['applications: [{name: 5}]', '/applications/0/name', /letters/],
  ['applications: [{name: "a/b"}]', '/applications/0/name', /letters/],
  ['applications: [{name: a}, {name: a}]', '/applications/1/name', /unique/],
  ['extra: 1\napplications: [{name: a}]', '/extra', /unknown-key/],
  [app('memroy: 1G'), '/applications/0/memroy', /unknown-key: memory/],
  [app('memory: 64'), '/applications/0/memory', /size with a unit/],
  [app('memory: 64X'), '/applications/0/memory', /size with a unit/],
  [app('memory: 9999999999T'), '/applications/0/memory', /at most/],
  [app('disk_quota: [1]'), '/applications/0/disk_quota', /size/],
  [app('instances: -1'), '/applications/0/instances', /whole number from 0/],
  [app('instances: 1.5'), '/applications/0/instances', /whole number/],
  [app('instances: "2"'), '/applications/0/instances', /whole number/],
  [app('cpu-milli: half'), '/applications/0/cpu-milli', /whole number/],
  [app('timeout: 181'), '/applications/0/timeout', /from 1 to 180/],
  [app('health-check-type: ping'), '/applications/0/health-check-type', /port, process, http/],
  [app('health-check-http-endpoint: up'), '/applications/0/health-check-http-endpoint', /starts with \//],
  [app('log-rate-limit-per-second: fast'), '/applications/0/log-rate-limit-per-second', /-1, 0/],
  [app('no-route: "yes"'), '/applications/0/no-route', /true or false/],
  [app('no-route: true, default-route: true'), '/applications/0/no-route', /combined/],
  [app('env: [A]'), '/applications/0/env', /mapping/],
  [app('env: {A: {b: 1}}'), '/applications/0/env/A', /text/],
  [app('env: {PORT: 1}'), '/applications/0/env/PORT', /PORT/],
  [app('env: {VCAP_X: 1}'), '/applications/0/env/VCAP_X', /VCAP_/],
  [app('env: {"A=B": 1}'), '/applications/0/env/A=B', /letters/],
  [app('routes: [a.b]'), '/applications/0/routes/0', /mapping/],
  [app('routes: [{route: 5}]'), '/applications/0/routes/0/route', /text/],
  [app('processes: [{memory: 1G}]'), '/applications/0/processes/0', /type/],
  [app('processes: [{type: web, memory: 1}]'), '/applications/0/processes/0/memory', /size/],
  [app('processes: [{type: a}, {type: a}]'), '/applications/0/processes/1/type', /unique/],
  [app('docker: nginx'), '/applications/0/docker', /mapping/],
  [app('docker: {}'), '/applications/0/docker', /must have an image/],
  [app('docker: {image: 1}'), '/applications/0/docker/image', /text/],
  [app('docker: {image: "docker://nginx"}'), '/applications/0/docker/image', /without a scheme/],
  [app('docker: {image: nginx, username: me}'), '/applications/0/docker/username', /unsupported/],
  [app('docker: {image: nginx}, buildpacks: [x]'), '/applications/0/docker', /Cannot specify both/],
  [app('docker: {image: nginx}, buildpack: null'), '/applications/0/docker', /Cannot specify both/],
  [app('docker: {image: nginx}, stack: cflinuxfs4'), '/applications/0/docker', /stack/],
  [app('docker: {image: nginx}, lifecycle: buildpack'), '/applications/0/docker', /lifecycle/],
  [app('services: [db]'), '/applications/0/services', /unsupported/],
  [app('lifecycle: cnb'), '/applications/0/lifecycle', /unsupported/],
];

t.test('manifest - what is wrong is named with its place', async (t) => {
  for (const [yaml, place, said] of WRONG) {
    const [found, text] = problem(yaml);
    t.equal(found, place, yaml);
    t.match(text, said, yaml);
  }
});

t.test(
  'manifest - over HTTP a problem has a code, the field and its line, and nothing changes',
  async (t) => {
    const api = await startApi(t);
    const wrong = await api.apply(
      'applications:\n- name: web\n  instances: 1\n  memory: lots\n  memroy: 1G\n',
    );
    t.equal(wrong.status, 422);
    t.match(wrong.body.errors, [
      {
        code: 10008,
        title: 'CF-UnprocessableEntity',
        detail:
          'the manifest is wrong at /applications/0/memory (line 4): must be a size with a unit, such as 64M or 1G',
        outcry: { code: 'MANIFEST_VALUE_INVALID', details: { field: '/applications/0/memory', line: 4 } },
      },
      {
        detail: 'the manifest has an unknown key at /applications/0/memroy (line 5); did you mean "memory"?',
        outcry: { code: 'MANIFEST_KEY_UNKNOWN' },
      },
    ]);
    for (const yaml of ['applications: [', 'a: &a [*a]\n', '%', '']) {
      t.match(await api.apply(yaml), { status: 422 }, yaml);
    }
    const aliases = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[at]}`).join(',')}]`)
      .join('\n')}`;
    t.match(
      (await api.apply(aliases)).body.errors[0].outcry.code,
      'MANIFEST_UNREADABLE',
      'a bomb of aliases',
    );
    t.equal((await api.apply('applications: [{name: ok}, {name: web, stack: nosuch}]')).status, 422);
    t.match(
      (await api.apply('applications: [{name: ok, routes: [{route: a.elsewhere.example}]}]')).body.errors,
      [{ detail: "The route 'a.elsewhere.example' did not match any existing domains." }],
    );
    t.same((await api.call('GET', '/v3/apps')).body.resources, [], 'all or nothing');
    t.same((await api.call('GET', '/v3/routes')).body.resources, []);
  },
);

t.test('manifest - the diff tells what applying would change', async (t) => {
  const api = await startApi(t);
  const path = `/v3/spaces/${await api.spaceGuid()}/manifest_diff`;
  const diff = async (body: string) =>
    (await api.call('POST', path, { body, type: 'application/x-yaml' })).body.diff;
  await api.job(await api.apply(app('memory: 64M, instances: 2')));
  t.same(await diff(app('memory: 64M, instances: 2')), []);
  t.same(await diff(app('memory: 128M')), [
    { op: 'replace', path: '/applications/0/memory', was: '64M', value: '128M' },
  ]);
  t.same(await diff(app('env: {A: b}')), [{ op: 'add', path: '/applications/0/env/A', value: 'b' }]);
});
