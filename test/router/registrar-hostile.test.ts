import t from 'tap';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';
import { ask, publishJson, startApp, startRouter } from '../support/router.js';

const registration = { host: '10.0.0.5', port: 8080, uris: ['app.test'] };

t.test('hostile registrations - many and long uris are routes as any other', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => res.end(String(req.url?.length)));
  const publish = publishJson(router.bus);
  const many = Array.from({ length: 10_000 }, (_, nth) => `app-${nth}.test`);
  const long = `/${'x'.repeat(10_000)}`;
  publish(SUBJECTS.routerRegister, { ...app.endpoint, uris: many });
  publish(SUBJECTS.routerRegister, {
    ...app.endpoint,
    uris: [`long.test${long}`, `deep.test${'/y'.repeat(5_000)}`],
  });
  await eventually(() => router.health().details['routes'] === 10_002);
  t.equal((await ask(router.port, { host: 'app-9999.test' })).status, 200);
  t.equal((await ask(router.port, { host: 'long.test', path: `${long}/below` })).body, '10007');
  t.equal((await ask(router.port, { host: 'long.test', path: '/xxx' })).status, 404);
  t.equal((await ask(router.port, { host: 'deep.test', path: '/y'.repeat(5_001) })).status, 200);
  publish(SUBJECTS.routerUnregister, { ...app.endpoint, uris: many });
  await eventually(() => router.health().details['routes'] === 2);
});

t.test('hostile registrations - uris that no request can name do no harm', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => res.end('served'));
  const uris = [
    '',
    '/',
    '//',
    '*',
    '*.',
    'with space.test',
    'a\r\nX-Evil: 1.test',
    '\u0000',
    '?',
    '#',
    ':80',
    '[::1',
    '__proto__',
    'constructor/__proto__',
  ];
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  publishJson(router.bus)(SUBJECTS.routerRegister, { ...app.endpoint, uris });
  publishJson(router.bus)(SUBJECTS.routerRegister, { ...app.endpoint, uris: ['last.test'] });
  await eventually(() => router.routes().some(({ route }) => route === 'last.test'));
  t.equal((await ask(router.port)).body, 'served');
  const missing = await ask(router.port, { host: 'missing.test' });
  t.equal(missing.status, 404);
  t.equal(missing.headers['x-evil'], undefined);
  publishJson(router.bus)(SUBJECTS.routerUnregister, {
    ...app.endpoint,
    uris: [...uris, 'last.test', 'app.test'],
  });
  await eventually(() => router.routes().length === 0);
});

t.test('hostile registrations - tags and options that look like a prototype stay data', async (t) => {
  const router = await startRouter(t);
  const text =
    '{"host":"10.0.0.5","port":1,"uris":["app.test"],"tags":{"__proto__":"x"},"__proto__":{"port":"no"}}';
  publishJson(router.bus)(SUBJECTS.routerRegister, text);
  await eventually(() => router.routes().length === 1);
  t.equal(({} as Record<string, unknown>)['port'], undefined);
});

t.test("claims - another application's route is shared by default, and logged", async (t) => {
  const router = await startRouter(t);
  await router.register({ ...registration, app: 'first' });
  await router.register({ ...registration, port: 8081, app: 'second' });
  t.equal(router.routes()[0]?.endpoints.length, 2);
  t.match(
    router.logger.named('router.registrar.route-claimed').map(({ fields }) => fields),
    [{ route: 'app.test', owner: 'first', claimant: 'second', address: '10.0.0.5:8081' }],
  );
});

t.test('claims - where they are refused the first keeps its route alone', async (t) => {
  const router = await startRouter(t, { foreign_claims: 'refuse' });
  const publish = publishJson(router.bus);
  await router.register({ ...registration, app: 'first' });
  for (const uris of [['app.test'], ['app.test'], ['app.test', 'own.test']]) {
    publish(SUBJECTS.routerRegister, { ...registration, port: 8081, app: 'second', uris });
  }
  await eventually(() => router.routes().some(({ route }) => route === 'own.test'));
  t.same(
    router
      .routes()
      .find(({ route }) => route === 'app.test')
      ?.endpoints.map(({ app }) => app),
    ['first'],
  );
  t.equal(
    router.logger.named('router.registrar.route-claim-refused').length,
    1,
    'told once, however often it is tried',
  );
  t.equal((await samplesOf(router.metrics))['registry_message{component="",action="endpoint-refused"}'], 2);
});

t.test(
  'isolation segments - an unregistration of one that is not served here is acknowledged all the same',
  async (t) => {
    const router = await startRouter(t, {
      routing_table_sharding_mode: 'segments',
      isolation_segments: ['mine'],
    });
    publishJson(router.bus)(SUBJECTS.routerRegister, registration);
    await router.register({ ...registration, uris: ['mine.test'], isolation_segment: 'mine' });
    t.same(
      router.routes().map(({ route }) => route),
      ['mine.test'],
    );
    t.ok((await router.unregister(registration)).ok);
  },
);
