import t from 'tap';
import type { Test } from 'tap';
import { Agent } from 'node:http';
import { eventually } from '../../support/eventually.js';
import { ask, startApp, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';
import type { RouteRegistration } from '../../../common/model/routing.js';

const GUID = '11111111-2222-3333-4444-555555555555';
const PROCESS = 'aaaaaaaa-2222-3333-4444-555555555555';

/** A route with one app per name; each answers its name. */
const startInstances = async (
  t: Test,
  names: readonly string[],
  more: (name: string, index: number) => Partial<RouteRegistration> = () => ({}),
  options: RouterOptions = {},
) => {
  const router = await startRouter(t, options);
  const held: (() => void)[] = [];
  for (const [index, name] of names.entries()) {
    const app = await startApp(t, (req, res) => {
      if (req.url === '/hold') held.push(() => void res.end(name));
      else res.end(name);
    });
    await router.register({
      ...app.endpoint,
      uris: ['app.test'],
      private_instance_id: `id-${name}`,
      private_instance_index: String(index),
      ...more(name, index),
    });
  }
  const who = async (headers: Record<string, string> = {}) => (await ask(router.port, { headers })).body;
  return { router, who, held };
};

void t.test('§4 per-route options - least-connection avoids the busy endpoint', async (t) => {
  const { router, who, held } = await startInstances(t, ['a', 'b'], () => ({
    options: { loadbalancing: 'least-connection' },
  }));
  const busy = ask(router.port, { path: '/hold' });
  await eventually(() => held.length === 1);
  const served = [await who(), await who(), await who(), await who()];
  held[0]!();
  const { body } = await busy;
  t.notOk(served.includes(body), 'nobody else went where one waits');
});

void t.test('§4 per-route options - hash keeps a header’s value with one endpoint', async (t) => {
  const { who } = await startInstances(t, ['a', 'b', 'c'], () => ({
    options: { loadbalancing: 'hash', hash_header: 'X-Tenant', hash_balance: 1.25 },
  }));
  const used = new Set<string>();
  for (const tenant of ['t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8']) {
    const first = await who({ 'X-Tenant': tenant });
    used.add(first);
    t.equal(await who({ 'x-tenant': tenant }), first, tenant);
  }
  t.ok(used.size > 1);
  t.equal(new Set([await who(), await who(), await who()]).size, 3, 'without the header in turn');
});

void t.test('§4 least-connection for all routes, and zones', async (t) => {
  const { who } = await startInstances(t, ['a', 'b', 'c'], (name) => ({ availability_zone: `z-${name}` }), {
    balancing_algorithm: 'least-connection',
    balancing_algorithm_az_preference: 'locally-optimistic',
    zone: 'z-b',
  });
  t.same([await who(), await who(), await who()], ['b', 'b', 'b']);
});

void t.test('§4 overload - full endpoints are passed over; all full: Connection Limit Reached', async (t) => {
  const { router, who, held } = await startInstances(t, ['a', 'b'], undefined, {
    backends: { max_conns: 1 },
  });
  const first = ask(router.port, { path: '/hold' });
  await eventually(() => held.length === 1);
  const others = new Set([await who(), await who(), await who()]);
  t.equal(others.size, 1);
  const second = ask(router.port, { path: '/hold' });
  await eventually(() => held.length === 2);
  const refused = await ask(router.port);
  t.match(refused, { status: 503, headers: { 'x-cf-routererror': 'Connection Limit Reached' } });
  held.forEach((finish) => finish());
  t.same(new Set([(await first).body, (await second).body]), new Set(['a', 'b']));
});

void t.test('§3.4 X-CF-App-Instance - that instance, and it is not told to the app', async (t) => {
  const { router, who } = await startInstances(t, ['a', 'b', 'c'], () => ({ app: GUID }));
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    t.equal(await who({ 'X-CF-App-Instance': `${GUID}:${index}` }), name);
  }
  const answer = await ask(router.port, { headers: { 'X-CF-App-Instance': `${GUID}:9` } });
  t.match(answer, {
    status: 400,
    headers: { 'x-cf-routererror': 'unknown_route', 'cache-control': 'no-cache, no-store' },
    body: `400 Bad Request: Requested instance ('9') with guid ('${GUID}') does not exist for route ('app.test')\n`,
  });
  t.equal(
    (await ask(router.port, { host: 'no.test', headers: { 'X-CF-App-Instance': `${GUID}:0` } })).status,
    400,
  );
});

void t.test('§3.4 X-CF-App-Instance - anything but GUID:INDEX is refused', async (t) => {
  const { router } = await startInstances(t, ['a'], () => ({ app: GUID }));
  for (const value of [
    'x',
    GUID,
    `${GUID}:`,
    `${GUID}:a`,
    `${GUID}:-1`,
    `${GUID.toUpperCase().replace('1', 'A')}:0`,
    `${GUID}:0,${GUID}:1`,
  ]) {
    t.match(await ask(router.port, { headers: { 'X-CF-App-Instance': value } }), {
      status: 400,
      headers: {
        'x-cf-routererror': 'invalid_cf_app_instance_header',
        'cache-control': 'no-cache, no-store',
      },
      body: '400 Bad Request: Invalid X-CF-App-Instance Header\n',
    });
  }
  t.equal(router.counters().rejected_requests, 7);
});

void t.test('§3.4 X-CF-Process-Instance - a process, or one of its instances', async (t) => {
  const { router, who } = await startInstances(t, ['a', 'b', 'c'], (name) => ({
    tags: name === 'c' ? {} : { process_id: PROCESS },
  }));
  t.equal(await who({ 'X-CF-Process-Instance': `${PROCESS}:1` }), 'b');
  const served = new Set<string>();
  for (let turn = 0; turn < 40; turn += 1) served.add(await who({ 'X-CF-Process-Instance': PROCESS }));
  t.same([...served].sort(), ['a', 'b']);
  const unknown = (value: string) => ask(router.port, { headers: { 'X-CF-Process-Instance': value } });
  t.match(await unknown(`${PROCESS}:7`), {
    status: 400,
    headers: { 'x-cf-routererror': 'unknown_route' },
    body: `400 Bad Request: Requested instance ('7') with process guid ('${PROCESS}') does not exist for route ('app.test')\n`,
  });
  t.match(await unknown(GUID), {
    body: `400 Bad Request: Requested instance with process guid ('${GUID}') does not exist for route ('app.test')\n`,
  });
  t.match(await unknown('x:1'), {
    status: 400,
    headers: { 'x-cf-routererror': 'invalid_cf_process_instance_header' },
    body: '400 Bad Request: Invalid X-CF-Process-Instance Header\n',
  });
});

void t.test('§2 sharding - registrations of foreign isolation segments are ignored', async (t) => {
  const router = await startRouter(t, {
    routing_table_sharding_mode: 'shared-and-segments',
    isolation_segments: ['is1'],
  });
  const app = await startApp(t, (_req, res) => res.end());
  const register = (host: string, isolation_segment?: string): void =>
    void router.bus.publish(
      'router.register',
      Buffer.from(JSON.stringify({ ...app.endpoint, uris: [host], isolation_segment })),
    );
  register('foreign.test', 'is2');
  register('own.test', 'is1');
  register('shared.test');
  await eventually(() => router.routes().length >= 2);
  t.same(
    router
      .routes()
      .map(({ route }) => route)
      .sort(),
    ['own.test', 'shared.test'],
  );
});

void t.test('§2 empty pools - 404 where 503 is switched off', async (t) => {
  const router = await startRouter(t, { empty_pool_timeout: '60s', empty_pool_response_code_503: false });
  const registration = { host: '127.0.0.1', port: 1, uris: ['app.test'] };
  await router.register(registration);
  await router.unregister(registration);
  t.match(await ask(router.port), { status: 404, headers: { 'x-cf-routererror': 'unknown_route' } });
});

void t.test('§4 round robin - even while other routes of the same host are asked', async (t) => {
  const { router } = await startInstances(t, ['a', 'b']);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  t.teardown(() => agent.destroy());
  const served = await Promise.all(Array.from({ length: 20 }, () => ask(router.port, { agent })));
  t.equal(served.filter(({ body }) => body === 'a').length, 10);
});
