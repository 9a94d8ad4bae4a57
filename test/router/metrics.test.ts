import t from 'tap';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';
import {
  ask,
  closedPort,
  openRaw,
  startApp,
  startRouter,
  startRouterWithFakeClock,
} from '../support/router.js';

const EMITTER = { component: 'route-emitter' };

t.test('router metrics - requests and answers, by component and class of status', async (t) => {
  const { metrics, port, register } = await startRouter(t);
  const app = await startApp(t, (req, res) => {
    res.statusCode = Number(req.url?.slice(1));
    res.end();
  });
  await register({ ...app.endpoint, uris: ['app.test'], tags: EMITTER });
  await register({
    host: '127.0.0.1',
    port: await closedPort(),
    uris: ['gone.test'],
    tags: { component: 'cc' },
  });
  for (const path of ['/200', '/204', '/302', '/404', '/500']) await ask(port, { path });
  t.equal((await ask(port, { host: 'gone.test' })).status, 502);
  t.equal((await ask(port, { host: 'unknown.test' })).status, 404);
  await eventually(async () => (await samplesOf(metrics))['latency_count{component="route-emitter"}'] === 5);
  t.match(await samplesOf(metrics), {
    'total_requests{component="route-emitter"}': 5,
    'total_requests{component="cc"}': 1,
    'responses{status_group="2xx"}': 2,
    'responses{status_group="3xx"}': 1,
    'responses{status_group="4xx"}': 1,
    'responses{status_group="5xx"}': 1,
    'responses{status_group="xxx"}': 0,
    bad_gateways: 1,
    rejected_requests: 1,
  });
});

t.test('router metrics - latency is of whole answers, in ms', async (t) => {
  const { clock, metrics, port, register } = await startRouterWithFakeClock(t);
  let finish = (): void => undefined;
  const app = await startApp(t, (_req, res) => {
    res.write('half');
    finish = () => res.end('half');
  });
  await register({ ...app.endpoint, uris: ['app.test'], tags: EMITTER });
  const answer = ask(port);
  await eventually(async () => (await samplesOf(metrics))['responses{status_group="2xx"}'] === 1);
  t.notOk('latency_count{component="route-emitter"}' in (await samplesOf(metrics)), 'it is not through');
  await clock.advance(250);
  finish();
  t.equal((await answer).body, 'halfhalf');
  await eventually(async () => 'latency_count{component="route-emitter"}' in (await samplesOf(metrics)));
  t.match(await samplesOf(metrics), {
    'latency_sum{component="route-emitter"}': 250,
    'latency_bucket{le="100",component="route-emitter"}': 0,
    'latency_bucket{le="500",component="route-emitter"}': 1,
  });
});

t.test('router metrics - finding a route is measured, unless requests are not', async (t) => {
  for (const [options, lookups] of [
    [{}, 2],
    [{ per_request_metrics_reporting: false }, undefined],
  ] as const) {
    const { metrics, port, register } = await startRouter(t, options);
    const app = await startApp(t, (_req, res) => res.end());
    await register({ ...app.endpoint, uris: ['app.test'], tags: EMITTER });
    t.equal((await ask(port)).status, 200);
    t.equal((await ask(port, { host: 'unknown.test' })).status, 404);
    await eventually(async () => (await samplesOf(metrics))['responses{status_group="2xx"}'] === 1);
    const samples = await samplesOf(metrics);
    t.equal(samples['route_lookup_time_count'], lookups);
    if (lookups === undefined) {
      t.notOk(Object.keys(samples).some((name) => /^(latency|gorouter_time)/.test(name)));
    } else {
      t.ok((samples['route_lookup_time_sum'] ?? 0) > 0);
      t.equal(samples['route_lookup_time_bucket{le="+Inf"}'], 2);
    }
  }
});

t.test('router metrics - latency by application where that is wanted', async (t) => {
  const { clock, metrics, port, register } = await startRouterWithFakeClock(t, {
    per_app_prometheus_http_metrics_reporting: true,
  });
  let finish: (() => void) | undefined;
  const app = await startApp(t, (_req, res) => void (finish = () => res.end()));
  await register({ ...app.endpoint, uris: ['app.test'], tags: { source_id: 'app-guid' } });
  const answer = ask(port);
  const end = await eventually(() => finish);
  await clock.advance(500);
  end();
  await answer;
  await ask(port, { host: 'unknown.test' });
  const count = (source: string) => `http_latency_seconds_count{source_id="${source}"}`;
  await eventually(async () => count('gorouter') in (await samplesOf(metrics)));
  t.match(await samplesOf(metrics), {
    [count('app-guid')]: 1,
    [count('gorouter')]: 1,
    'http_latency_seconds_sum{source_id="app-guid"}': 0.5,
    'http_latency_seconds_bucket{le="0.1",source_id="app-guid"}': 0,
    'http_latency_seconds_bucket{le="0.5",source_id="app-guid"}': 1,
  });
  const off = await startRouter(t);
  await ask(off.port, { host: 'unknown.test' });
  t.notOk(Object.keys(await samplesOf(off.metrics)).some((name) => name.startsWith('http_latency')));
});

t.test('router metrics - an empty Content-Length is refused, and counted', async (t) => {
  const { metrics, port } = await startRouter(t);
  for (const [length, counted] of [
    ['', 1],
    ['  ', 2],
    ['x', 2],
  ] as const) {
    const client = await openRaw(t, port);
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length:${length}\r\n\r\n`);
    await client.untilEnd();
    t.match(client.received(), /^HTTP\/1.1 400 /);
    t.equal((await samplesOf(metrics))['empty_content_length_header'], counted, JSON.stringify(length));
  }
});

t.test('router metrics - registrations by what they change, and what is pruned', async (t) => {
  const { bus, clock, metrics, register, unregister } = await startRouterWithFakeClock(t);
  const read = async (name: string) => (await samplesOf(metrics))[name];
  t.notOk('ms_since_last_registry_update' in (await samplesOf(metrics)));
  const one = { host: '127.0.0.1', port: 1, uris: ['one.test'], tags: EMITTER };
  await register(one);
  bus.publish('router.register', Buffer.from(JSON.stringify(one)));
  bus.publish('router.register', Buffer.from(JSON.stringify({ ...one, app: 'other' })));
  await register({ ...one, uris: ['two.test'] });
  await register({ ...one, uris: ['three.test'] });
  const series = (action: string): string =>
    `registry_message{component="route-emitter",action="endpoint-${action}"}`;
  t.match(await samplesOf(metrics), {
    [series('added')]: 3,
    [series('not-updated')]: 1,
    [series('updated')]: 1,
    total_routes: 3,
    ms_since_last_registry_update: 0,
  });
  await unregister({ ...one, uris: ['three.test'] });
  t.match(await samplesOf(metrics), { 'unregistry_message{component="route-emitter"}': 1, routes_pruned: 0 });
  await clock.advance(50);
  t.equal(await read('ms_since_last_registry_update'), 50);
  await clock.advance(300_000);
  t.match(await samplesOf(metrics), { routes_pruned: 2, total_routes: 0 });
});

t.test('router health - without the bus it serves on', async (t) => {
  const { health, own, register, stop } = await startRouter(t);
  await register({ host: '127.0.0.1', port: 1, uris: ['app.test'] });
  t.match(health(), { healthy: true, details: { listening: true, bus: true, routes: 1 } });
  own.disconnect();
  t.match(health(), { healthy: true, details: { bus: false, routes: 1 } });
  await stop();
  t.match(health(), { healthy: false, reason: 'router is stopping', details: { listening: false } });
});
