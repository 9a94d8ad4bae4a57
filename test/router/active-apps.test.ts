import { inflateSync } from 'node:zlib';
import t from 'tap';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { eventually } from '../support/eventually.js';
import { samplesOf } from '../support/metrics.js';
import { ask, startApp, startRouter, startRouterWithFakeClock } from '../support/router.js';

const listIn = (payload: Uint8Array): unknown => JSON.parse(inflateSync(payload).toString());

t.test('active apps - are told on the bus, each once, in the interval that is asked for', async (t) => {
  const { bus, clock, ...router } = await startRouterWithFakeClock(t, {
    publish_active_apps_interval: '30s',
  });
  const told: unknown[] = [];
  bus.subscribe(SUBJECTS.routerActiveApps, ({ payload }) => told.push(listIn(payload)));
  t.equal(SUBJECTS.routerActiveApps, 'router.active_apps');
  const through = (requests: number) =>
    eventually(async () => (await samplesOf(router.metrics))['gorouter_time_count'] === requests);
  const app = await startApp(t, (_req, res) => res.end());
  for (const name of ['one', 'two']) {
    await router.register({ ...app.endpoint, uris: [`${name}.test`], app: `${name}-guid` });
  }
  await router.register({ ...app.endpoint, uris: ['nobody.test'] });
  for (const host of ['one.test', 'one.test', 'nobody.test', 'no.test']) await ask(router.port, { host });
  await through(3);
  await clock.advance(29_000);
  t.equal(told.length, 0);
  await clock.advance(1_000);
  await eventually(() => told.length === 1);
  await ask(router.port, { host: 'two.test' });
  await through(4);
  await clock.advance(30_000);
  await eventually(() => told.length === 2);
  await clock.advance(30_000);
  await eventually(() => told.length === 3);
  t.same(told, [['one-guid'], ['two-guid'], []]);
});

t.test('active apps - by workers too', async (t) => {
  const { bus, ...router } = await startRouter(t, { publish_active_apps_interval: '50ms', workers: 2 });
  const told = new Set<string>();
  bus.subscribe(SUBJECTS.routerActiveApps, ({ payload }) =>
    (listIn(payload) as string[]).forEach((one) => told.add(one)),
  );
  const app = await startApp(t, (_req, res) => res.end());
  await router.register({ ...app.endpoint, uris: ['app.test'], app: 'app-guid' });
  await eventually(async () => (await ask(router.port)).status === 200);
  await eventually(() => told.has('app-guid'));
});
