import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { SUBJECTS } from '../../../common/wire/subjects.js';
import { eventually } from '../../support/eventually.js';
import { ask, publishJson, startApp, startRouter, startRouterWithFakeClock } from '../../support/router.js';

const USER = { user: 'somebody', pass: 'secret' };
const basic = (user: string, pass: string) => ({
  Authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`,
});

const directory = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-status-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

t.test('status - health says 503 until the router serves, alive says 200 from the beginning', async (t) => {
  const router = await startRouterWithFakeClock(t, { start_delay: '20s', status: { port: 0 }, wait: false });
  const port = await eventually(() => router.statusPorts().status);
  const health = () => ask(port, { path: '/health' });
  t.match(await health(), { status: 503, body: '' });
  const alive = await ask(port, { path: '/is-process-alive-do-not-use-for-loadbalancing' });
  t.match(alive, { status: 200, body: 'ok\n' });
  await router.clock.advance(20_000);
  const answer = await eventually(async () => {
    const found = await health();
    return found.status === 200 && found;
  });
  t.match(answer, { body: 'ok\n', headers: { 'cache-control': 'private, max-age=0', expires: '0' } });
  t.equal((await ask(port, { path: '/elsewhere' })).status, 404);
  t.equal((await ask(port, { path: '/health', method: 'POST' })).status, 405);
  t.equal((await ask(port, { path: '/routes' })).status, 404, 'the table is not shown here');
});

t.test('status - the table is shown to who may see it, on loopback', async (t) => {
  const router = await startRouter(t, { status: { routes_port: 0, ...USER } });
  const port = router.statusPorts().routes ?? 0;
  await router.register({ host: '10.0.0.1', port: 80, uris: ['plain.test/path'] });
  publishJson(router.bus)(SUBJECTS.routerRegister, {
    host: '10.0.0.2',
    tls_port: 443,
    uris: ['full.test'],
    protocol: 'http2',
    availability_zone: 'z1',
    route_service_url: 'https://service.test',
    isolation_segment: 'segment',
    private_instance_id: 'one',
    server_cert_domain_san: 'one.san',
    stale_threshold_in_seconds: 50,
    tags: { component: 'c' },
    options: { loadbalancing: 'hash', hash_header: 'X-Key', hash_balance: 1.5 },
  });
  await eventually(() => router.routes().length === 2);
  for (const headers of [{}, basic('somebody', 'wrong'), basic('', ''), { Authorization: 'Bearer secret' }]) {
    t.match(await ask(port, { path: '/routes', headers }), { status: 401, body: '401 Unauthorized\n' });
  }
  const shown = await ask(port, { path: '/routes', headers: basic('somebody', 'secret') });
  t.equal(shown.status, 200);
  t.same(JSON.parse(shown.body), {
    'plain.test/path': [
      { address: '10.0.0.1:80', availability_zone: '', protocol: 'http1', tls: false, ttl: 120, tags: null },
    ],
    'full.test': [
      {
        address: '10.0.0.2:443',
        availability_zone: 'z1',
        protocol: 'http2',
        tls: true,
        ttl: 50,
        route_service_url: 'https://service.test',
        tags: { component: 'c' },
        isolation_segment: 'segment',
        private_instance_id: 'one',
        server_cert_domain_san: 'one.san',
        load_balancing_algorithm: 'hash',
        hash_header: 'x-key',
        hash_balance: 1.5,
      },
    ],
  });
  t.equal((await ask(port, { path: '/health', headers: basic('somebody', 'secret') })).status, 404);
});

t.test('status - a table of many routes is one JSON object, however it is written', async (t) => {
  const router = await startRouter(t, { status: { routes_port: 0, ...USER } });
  const uris = Array.from({ length: 5_000 }, (_, nth) => `app-${nth}.test`);
  publishJson(router.bus)(SUBJECTS.routerRegister, { host: '10.0.0.1', port: 80, uris });
  await eventually(() => router.routes().length === 5_000);
  const headers = basic('somebody', 'secret');
  const shown = await ask(router.statusPorts().routes ?? 0, { path: '/routes', headers });
  t.same(Object.keys(JSON.parse(shown.body) as object), uris);
});

t.test('status - credentials are made at the first start, for their owner alone, and kept', async (t) => {
  const file = join(directory(t), 'status.json');
  const options = { status: { routes_port: 0, credentials_file: file } };
  const first = await startRouter(t, options);
  const made = JSON.parse(readFileSync(file, 'utf8')) as { user: string; pass: string };
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.ok(made.pass.length >= 32);
  const second = await startRouter(t, options);
  for (const router of [first, second]) {
    const headers = basic(made.user, made.pass);
    t.equal((await ask(router.statusPorts().routes ?? 0, { path: '/routes', headers })).status, 200);
  }
  writeFileSync(file, '{"user": "x"}');
  await t.rejects(startRouter(t, options), { code: 'CREDENTIALS_INVALID' });
});

t.test('status - a port that is taken fails the start with its place', async (t) => {
  const first = await startRouter(t, { status: { port: 0 } });
  const port = first.statusPorts().status ?? 0;
  await t.rejects(startRouter(t, { status: { port } }), {
    code: 'LISTEN_FAILED',
    message: new RegExp(String(port)),
  });
});

t.test('status - legacy pages where they are asked for', async (t) => {
  const router = await startRouter(t, {
    index: 3,
    status: { port: 0, ...USER },
    enable_deprecated_varz_healthz_endpoints: true,
  });
  const port = router.statusPorts().status ?? 0;
  const headers = basic('somebody', 'secret');
  const app = await startApp(t, (_req, res) => res.end('x'));
  await router.register({
    ...app.endpoint,
    uris: ['app.test'],
    app: 'app-guid',
    tags: { component: 'emitter' },
  });
  for (let nth = 0; nth < 3; nth += 1) await ask(router.port);
  await ask(router.port, { host: 'missing.test' });
  t.match(await ask(port, { path: '/healthz' }), { status: 200, body: 'ok\n' });
  t.equal((await ask(port, { path: '/varz' })).status, 401);
  t.equal((await ask(port, { path: '/routes', headers })).status, 200);
  const read = async () =>
    JSON.parse((await ask(port, { path: '/varz', headers })).body) as Record<string, unknown>;
  await eventually(async () => ((await read())['latency'] as { samples: number }).samples === 4);
  t.match(await read(), {
    type: 'Router',
    index: 3,
    uuid: router.id,
    urls: 1,
    droplets: 1,
    requests: 3,
    bad_requests: 1,
    responses_2xx: 3,
    tags: {
      component: {
        emitter: {
          requests: 3,
          responses_2xx: 3,
          responses_4xx: 0,
          rate: [Number, Number, Number],
          latency: { samples: 3, 99: Number },
        },
      },
    },
    top10_app_requests: [{ application_id: 'app-guid', rpm: 3 }],
    uptime: /^0d:0h:0m:\d+s$/,
    ms_since_last_registry_update: Number,
    rate: [Number, Number, Number],
  });
});

t.test('drain - probes see it at once, clients are served on, then what is under way ends', async (t) => {
  const router = await startRouterWithFakeClock(t, {
    status: { port: 0 },
    drain_wait: '20s',
    drain_timeout: '60s',
  });
  const port = router.statusPorts().status ?? 0;
  let finish = (): void => undefined;
  const app = await startApp(t, (req, res) => {
    if (req.url === '/slow') finish = () => res.end('slow');
    else res.end('fast');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const slow = ask(router.port, { path: '/slow' });
  await eventually(() => router.counters().total_requests === 1);
  let over = false;
  void router.drain().then(() => (over = true));
  t.equal((await ask(port, { path: '/health' })).status, 503);
  t.equal((await ask(port, { path: '/is-process-alive-do-not-use-for-loadbalancing' })).status, 200);
  t.equal((await ask(router.port, { headers: { 'User-Agent': 'HTTP-Monitor/1.1' } })).status, 503);
  t.equal((await ask(router.port)).body, 'fast', 'it serves on');
  t.match(router.health(), { healthy: false, reason: 'router is draining' });
  await router.clock.advance(20_000);
  await t.rejects(ask(router.port), { code: 'ECONNREFUSED' });
  t.notOk(over);
  finish();
  t.equal((await slow).body, 'slow');
  await eventually(() => over);
  t.equal(router.logger.named('router.proxy.drain-timeout').length, 0);
});

t.test('drain - what is still under way at the end of its time is cut off', async (t) => {
  const router = await startRouterWithFakeClock(t, {
    drain_wait: '0s',
    drain_timeout: '60s',
    stop_grace: '0s',
  });
  const app = await startApp(t, () => undefined);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const stuck = ask(router.port).then(
    () => 'answered',
    () => 'cut',
  );
  await eventually(() => router.counters().total_requests === 1);
  const drained = router.drain();
  await router.clock.advance(59_000);
  await router.clock.advance(1_000);
  await drained;
  t.match(router.logger.named('router.proxy.drain-timeout')[0]?.fields, { message: 'router: Drain timeout' });
  const stopped = router.stop();
  await router.clock.advance(0);
  await stopped;
  t.equal(await stuck, 'cut');
});
