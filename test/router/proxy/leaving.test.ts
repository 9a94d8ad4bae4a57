import t from 'tap';
import { Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { silentLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../../common/adapters/system-random.js';
import { routerConfig } from '../../../router/config.js';
import { toRouteChange } from '../../../router/core/registration.js';
import { createRequestReader } from '../../../router/core/request-headers.js';
import { createResponseWriter } from '../../../router/core/response-headers.js';
import { createRouteTable } from '../../../router/core/route-table.js';
import { createCounters } from '../../../router/proxy/counters.js';
import type { Sender } from '../../../router/proxy/http2-upstream.js';
import { createProxy } from '../../../router/proxy/server.js';
import { createUpstreams } from '../../../router/proxy/upstreams.js';
import { eventually } from '../../support/eventually.js';
import { ask, openRaw, startApp, startRouter } from '../../support/router.js';

void t.test(
  'leaving - under load, nothing sent after the acknowledgement reaches the endpoint',
  async (t) => {
    const router = await startRouter(t);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    t.teardown(() => agent.destroy());
    /** ports whose unregistration was acknowledged */
    const gone = new Set<number>();
    const late: string[] = [];
    const apps = await Promise.all(
      Array.from({ length: 3 }, () =>
        startApp(t, (req, res) => {
          const { port } = req.socket.address() as AddressInfo;
          // written before the acknowledgement it may still be on its way; begun after it, never
          if (gone.has(port) && req.headers['x-gone']?.includes(String(port))) late.push(String(port));
          res.end('x'.repeat(2000));
        }),
      ),
    );
    const registrations = apps.map(({ endpoint }) => ({ ...endpoint, uris: ['app.test', 'app.test/path'] }));
    let loading = true;
    let failed = 0;
    let answered = 0;
    const load = Array.from({ length: 12 }, async () => {
      while (loading) {
        const headers = { 'X-Gone': [...gone].join(' ') };
        const { status } = await ask(router.port, { agent, path: '/path/x', headers });
        answered += 1;
        if (status !== 200) failed += 1;
      }
    });
    await router.register(registrations[0]!);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 6 }), async (steps) => {
        for (const step of steps) {
          const registration = registrations[step]!;
          gone.delete(registration.port);
          await router.register(registration);
          const answeredThen = answered;
          await eventually(() => answered > answeredThen + 5);
          const ack = await router.unregister(registration);
          gone.add(registration.port);
          if (!ack.ok) throw new Error(ack.error);
        }
        return late.length === 0;
      }),
      { numRuns: 25 },
    );
    loading = false;
    await Promise.all(load);
    t.same(late, []);
    t.ok(answered > 100);
    t.ok(failed <= 12, `404 only before the first registration, not ${failed} times`);
  },
);

void t.test(
  'leaving - a request that still connects when its endpoint leaves goes elsewhere, unsent',
  async (t) => {
    const compiled = routerConfig.parse({ port: 0 }, 'test');
    if (!compiled.ok) throw new Error('config');
    const config = compiled.value;
    const table = createRouteTable({ fraction: () => 0, emptyPoolMs: 0 });
    const upstreams = createUpstreams({ endpoints: config.endpoints, clock: createSystemClock() });
    let reached = 0;
    const leaving = await startApp(t, (_req, res) => {
      reached += 1;
      res.end('leaving');
    });
    const staying = await startApp(t, (_req, res) => res.end('staying'));
    let connecting = 0;
    let connect = (): void => undefined;
    const connected = new Promise<void>((resolve) => (connect = resolve));
    const slow = (real: Sender): Sender => ({
      dispatch(options, handler) {
        connecting += 1;
        void connected.then(() => real.dispatch(options, handler));
      },
    });
    const proxy = createProxy({
      config,
      clock: createSystemClock(),
      random: createSystemRandom(),
      logger: silentLogger,
      table,
      balancing: {
        algorithm: 'round-robin',
        preferredZone: undefined,
        maxConnections: 0,
        failureMarkMs: 30_000,
        fraction: () => 0,
      },
      readRequest: createRequestReader(config.requests),
      responses: createResponseWriter(config.responses),
      errorPage: undefined,
      counters: createCounters(),
      metrics: { forwarded: () => undefined, lookedUp: undefined, answered: undefined, through: undefined },
      accessLog: { ended: () => undefined },
      isHealthy: () => true,
      serviceUpstreams: upstreams,
      deadlines: { http1: () => () => undefined, http2: () => () => undefined },
      services: {
        step: () => ({ kind: 'endpoints', returned: false }),
        isFromService: () => false,
      },
      upstreams: {
        ...upstreams,
        sender(endpoint, upgrade) {
          const real = upstreams.sender(endpoint, upgrade);
          return endpoint.port === leaving.port ? slow(real) : real;
        },
      },
    });
    await proxy.member.start();
    t.teardown(() => proxy.member.stop());
    const put = (port: number, uris: string[]) => toRouteChange({ host: '127.0.0.1', port, uris }, 120);
    // its connections stay open, since another route uses them: only the last look can stop the request
    const first = put(leaving.port, ['app.test', 'other.test']);
    const second = put(staying.port, ['app.test']);
    table.register(first.endpoint, first.keys, 0);
    const port = proxy.address()?.port ?? 0;
    const answers = [ask(port), ask(port, { method: 'POST', body: 'whole' })];
    await eventually(() => connecting === 2);
    table.register(second.endpoint, second.keys, 0);
    table.unregister(first.endpoint.address, second.keys, 0);
    connect();
    t.same(
      (await Promise.all(answers)).map(({ body }) => body),
      ['staying', 'staying'],
    );
    t.equal(reached, 0);
  },
);

void t.test('leaving - requests under way at the endpoint are left to end', async (t) => {
  const router = await startRouter(t);
  let finish = (): void => undefined;
  const app = await startApp(t, (_req, res) => {
    res.write('half,');
    finish = () => void res.end('whole');
  });
  const registration = { ...app.endpoint, uris: ['app.test'] };
  await router.register(registration);
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('half,');
  t.ok((await router.unregister(registration)).ok);
  t.equal((await ask(router.port)).status, 404);
  finish();
  await client.until('whole');
});
