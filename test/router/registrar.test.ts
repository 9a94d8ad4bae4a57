import t from 'tap';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { ask, publishJson, startApp, startRouter, startRouterWithFakeClock } from '../support/router.js';

const text = (payload: Uint8Array): unknown => JSON.parse(Buffer.from(payload).toString());
const registration = { host: '10.0.0.5', port: 8080, uris: ['app.test'] };
const routeNames = (router: { routes(): { route: string }[] }): string[] =>
  router.routes().map(({ route }) => route);

void t.test('greet - is answered with the start message', async (t) => {
  const router = await startRouter(t, { index: 7, advertised_hosts: ['10.1.1.1'] });
  const answer = await router.bus.request(SUBJECTS.routerGreet, Buffer.from(''), { timeoutMs: 1000 });
  t.ok(answer.ok);
  if (!answer.ok) return;
  t.same(text(answer.payload), {
    id: router.id,
    hosts: ['10.1.1.1'],
    minimumRegisterIntervalInSeconds: 20,
    pruneThresholdInSeconds: 120,
  });
  t.match(router.id, /^7-[0-9a-f]{8}-/);
});

void t.test(
  'register - bad messages are dropped whole, with the field in the log; the router goes on',
  async (t) => {
    const router = await startRouter(t);
    const publish = publishJson(router.bus);
    const fields: string[] = [];
    for (const [field, message] of [
      ['', 'no json'],
      ['', '[]'],
      ['', 'null'],
      ['host', { ...registration, host: 5 }],
      ['host', { ...registration, host: 'a b' }],
      ['host', { ...registration, host: 'a/b' }],
      ['host', { ...registration, host: undefined }],
      ['port', { ...registration, port: '8080' }],
      ['port', { ...registration, port: 70_000 }],
      ['port', { ...registration, port: 1.5 }],
      ['port', { ...registration, port: 0 }],
      ['tls_port', { ...registration, tls_port: -1 }],
      ['uris', { ...registration, uris: 'app.test' }],
      ['uris', { ...registration, uris: ['app.test', 5] }],
      ['app', { ...registration, app: {} }],
      ['tags', { ...registration, tags: { a: 1 } }],
      ['private_instance_index', { ...registration, private_instance_index: 0 }],
      ['stale_threshold_in_seconds', { ...registration, stale_threshold_in_seconds: '5' }],
      ['route_service_url', { ...registration, route_service_url: 'http://x' }],
      ['options', { ...registration, options: [] }],
      ['options.loadbalancing', { ...registration, options: { loadbalancing: 1 } }],
    ] as const) {
      publish(SUBJECTS.routerRegister, message);
      fields.push(field);
    }
    publish(SUBJECTS.routerRegister, { ...registration, uris: ['good.test'], unknown: 1, app: null });
    await eventually(() => routeNames(router).includes('good.test'));
    t.same(routeNames(router), ['good.test']);
    t.same(
      router.logger.named('router.registrar.validation-error').map((event) => event.fields['field']),
      fields,
    );
  },
);

void t.test('register - another registration of the same address replaces what it says', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => res.end(String(req.headers['x-cf-instanceid'])));
  for (const instance of ['one', 'two']) {
    await router.register({ ...app.endpoint, uris: ['app.test'], private_instance_id: instance });
    await eventually(() => router.routes()[0]?.endpoints[0]?.instanceId === instance);
    t.equal((await ask(router.port)).body, instance);
  }
  t.equal(router.routes()[0]?.endpoints.length, 1);
});

void t.test('unregister - as a request it is acknowledged with the id of the router', async (t) => {
  const router = await startRouter(t);
  await router.register(registration);
  const answer = await router.unregister({ ...registration, app: 'whatever' });
  t.ok(answer.ok);
  if (answer.ok) t.same(text(answer.payload), { id: router.id });
  t.same(router.routes(), []);
  const again = await router.unregister(registration);
  t.ok(again.ok, 'what is not there is gone as well');
});

void t.test('unregister - without answer wanted it works the same; other endpoints stay', async (t) => {
  const router = await startRouter(t);
  await router.register(registration);
  await router.register({ ...registration, port: 8081 });
  publishJson(router.bus)(SUBJECTS.routerUnregister, registration);
  await eventually(() => router.routes()[0]?.endpoints.length === 1);
  t.equal(router.routes()[0]?.endpoints[0]?.address, '10.0.0.5:8081');
});

void t.test('unregister - a bad one is not acknowledged', async (t) => {
  const router = await startRouter(t);
  const payload = Buffer.from(JSON.stringify({ ...registration, port: 'x' }));
  const answer = await router.bus.request(SUBJECTS.routerUnregister, payload, { timeoutMs: 50 });
  t.same(answer, { ok: false, error: 'timeout' });
});

void t.test(
  'pruning - what is not registered again within its threshold goes; TLS endpoints stay',
  async (t) => {
    const router = await startRouterWithFakeClock(t);
    await router.register({ ...registration, uris: ['old.test'] });
    await router.register({ ...registration, uris: ['own.test'], stale_threshold_in_seconds: 40 });
    await router.register({ ...registration, uris: ['long.test'], stale_threshold_in_seconds: 4000 });
    await router.register({ host: '10.0.0.5', tls_port: 8443, uris: ['tls.test'] });
    await router.register({ ...registration, uris: ['kept.test'] });
    await router.clock.advance(60_000);
    t.same(routeNames(router).sort(), ['kept.test', 'long.test', 'old.test', 'tls.test']);
    publishJson(router.bus)(SUBJECTS.routerRegister, { ...registration, uris: ['kept.test'] });
    await router.clock.advance(60_000);
    t.same(
      routeNames(router).sort(),
      ['kept.test', 'long.test', 'old.test', 'tls.test'],
      '120 s are allowed',
    );
    await router.clock.advance(30_000);
    t.same(routeNames(router).sort(), ['kept.test', 'tls.test']);
    t.equal(router.logger.named('router.pruner.pruned-routes').length, 2);
  },
);

void t.test('bus down - nothing is pruned, and ages begin anew on return, which is announced', async (t) => {
  const router = await startRouterWithFakeClock(t);
  const starts: unknown[] = [];
  router.bus.subscribe(SUBJECTS.routerStart, (message) => starts.push(text(message.payload)));
  await router.register(registration);
  router.own.disconnect();
  await router.clock.advance(600_000);
  t.equal(router.routes().length, 1, 'kept while nobody could refresh it');
  router.own.reconnect();
  await eventually(() => starts.length === 1);
  t.match(starts[0], { id: router.id });
  await router.clock.advance(120_000);
  t.equal(router.routes().length, 1, 'a whole threshold from the return on');
  await router.clock.advance(30_000);
  t.equal(router.routes().length, 0);
});

void t.test('start - is announced on the bus', async (t) => {
  const bus = createMemoryBus();
  const starts: unknown[] = [];
  bus.subscribe(SUBJECTS.routerStart, (message) => starts.push(text(message.payload)));
  const router = await startRouter(t, { routerBus: bus.client() });
  await eventually(() => starts.length === 1);
  t.match(starts[0], { id: router.id, minimumRegisterIntervalInSeconds: 20 });
});

void t.test('start - a port that is taken fails the start with its cause', async (t) => {
  const first = await startRouter(t);
  await t.rejects(startRouter(t, { port: first.port }), { code: 'EADDRINUSE' });
});
