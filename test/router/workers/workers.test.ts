import { Agent } from 'node:http';
import t from 'tap';
import type { Test } from 'tap';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { LogBatch } from '../../../common/model/logs.js';
import { SUBJECTS } from '../../../common/wire/subjects.js';
import { eventually } from '../../support/eventually.js';
import { samplesOf } from '../../support/metrics.js';
import { ask, closedPort, publishJson, startApp, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';

const EMITTER = { component: 'route-emitter' };

const startWorkers = (t: Test, options: RouterOptions = {}) =>
  startRouter(t, { workers: 2, clock: createSystemClock(), ...options });

/** a connection of its own that stays, and so one worker */
const openClient = (t: Test, port: number) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  return (path = '/', host = 'app.test') => ask(port, { path, host, agent });
};

t.test('workers - all serve at one listener, by one table; what they count is added up', async (t) => {
  const router = await startWorkers(t, { status: { port: 0 } });
  const app = await startApp(t, (_req, res) => res.end('served'));
  const registration = { ...app.endpoint, uris: ['app.test'], app: 'guid', tags: EMITTER };
  const logged: LogBatch[] = [];
  router.bus.subscribe('log.>', ({ payload }) =>
    logged.push(JSON.parse(Buffer.from(payload).toString()) as LogBatch),
  );
  await router.register(registration);
  await eventually(async () => (await ask(router.port)).status === 200);
  const clients = [1, 2, 3, 4].map(() => openClient(t, router.port));
  for (const client of clients) for (let nth = 0; nth < 5; nth += 1) t.equal((await client()).body, 'served');
  t.equal(router.workers().length, 2);
  t.ok((await router.counted()).total_requests >= 20);
  await eventually(
    async () => ((await samplesOf(router.metrics))['latency_count{component="route-emitter"}'] ?? 0) >= 20,
  );
  const samples = await samplesOf(router.metrics);
  t.equal(samples['total_routes'], 1, 'a table of each, counted once');
  t.ok((samples['responses{status_group="2xx"}'] ?? 0) >= 20);
  await eventually(() => logged.flatMap(({ lines }) => lines).length >= 20);
  t.equal((await ask(router.statusPorts().status ?? 0, { path: '/health' })).status, 200);
  t.equal((await ask(router.port, { headers: { 'User-Agent': 'HTTP-Monitor/1.1' } })).status, 200);
});

/** What was written before may still wait to be accepted and read here: some turns of the event loop take it. */
const readWhatIsThere = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

t.test(
  'workers - after an acknowledged unregistration no worker sends anything to the endpoint',
  async (t) => {
    const router = await startWorkers(t);
    let unregistered = false;
    let late = 0;
    const leaving = await startApp(t, (_req, res) => {
      if (unregistered) late += 1;
      res.end('leaving');
    });
    const staying = await startApp(t, (_req, res) => res.end('staying'));
    await router.register({ ...staying.endpoint, uris: ['app.test'] });
    await eventually(async () => (await ask(router.port)).body === 'staying');
    const clients = Array.from({ length: 8 }, () => openClient(t, router.port));
    let over = false;
    const load = clients.map(async (client) => {
      let errors = 0;
      while (!over) if ((await client()).status !== 200) errors += 1;
      return errors;
    });
    const registration = { ...leaving.endpoint, uris: ['app.test'] };
    for (let round = 0; round < 8; round += 1) {
      unregistered = false;
      await router.register(registration);
      await eventually(async () => (await ask(router.port)).body === 'leaving');
      t.ok((await router.unregister(registration)).ok);
      await readWhatIsThere();
      unregistered = true;
      for (const client of clients) t.equal((await client()).body, 'staying');
    }
    over = true;
    t.same(
      await Promise.all(load),
      clients.map(() => 0),
    );
    t.equal(late, 0);
  },
);

t.test(
  'workers - one that dies is replaced, has the whole table, and takes only its own connections along',
  async (t) => {
    const router = await startWorkers(t);
    const app = await startApp(t, (_req, res) => res.end('served'));
    const uris = Array.from({ length: 1_200 }, (_, nth) => `app-${nth}.test`);
    publishJson(router.bus)(SUBJECTS.routerRegister, { ...app.endpoint, uris });
    await eventually(async () => (await ask(router.port, { host: 'app-1199.test' })).status === 200);
    let pending = 0;
    const slow = await startApp(t, (_req, res) => {
      pending += 1;
      res.write('begun');
      finish.push(() => res.end('ended'));
    });
    const finish: (() => void)[] = [];
    await router.register({ ...slow.endpoint, uris: ['slow.test'] });
    await eventually(async () => (await ask(router.port, { host: 'none.test' })).status === 404);
    const answers = Array.from({ length: 4 }, () =>
      ask(router.port, { host: 'slow.test' }).then(
        ({ body }) => body,
        () => 'cut',
      ),
    );
    await eventually(() => pending === 4);
    const [victim = 0, other = 0] = router.workers();
    process.kill(victim, 'SIGKILL');
    await eventually(() => router.workers().length === 2 && !router.workers().includes(victim));
    t.ok(router.workers().includes(other));
    finish.forEach((end) => end());
    // which worker took how many of them is the kernel's choice
    const ends = await Promise.all(answers);
    t.ok(
      ends.every((end) => end === 'cut' || end === 'begunended'),
      `the victim's are cut, all others end well: ${ends.join(' ')}`,
    );
    t.equal(router.logger.named('router.worker-died').length, 1);
    process.kill(other, 'SIGKILL');
    await eventually(() => router.workers().length === 2 && !router.workers().includes(other));
    await eventually(async () => (await ask(router.port, { host: 'app-1199.test' })).body === 'served');
    for (const host of ['app-0.test', 'app-600.test'])
      t.equal((await ask(router.port, { host })).body, 'served');
    t.ok((await router.unregister({ ...app.endpoint, uris })).ok);
    for (let nth = 0; nth < 4; nth += 1)
      t.equal((await ask(router.port, { host: 'app-600.test' })).status, 404);
  },
);

t.test(
  'workers - what one finds out about an endpoint holds for all, until it is registered again',
  async (t) => {
    const router = await startWorkers(t);
    const gone = { host: '127.0.0.1', tls_port: await closedPort(), uris: ['gone.test'] };
    await router.register(gone);
    await eventually(async () => (await ask(router.port, { host: 'gone.test' })).status !== 404);
    await eventually(() => router.routes().every(({ endpoints }) => endpoints.length === 0));
    const app = await startApp(t, (_req, res) => res.end('plain'));
    publishJson(router.bus)(SUBJECTS.routerRegister, gone);
    await router.register({ ...app.endpoint, uris: ['gone.test'] });
    await eventually(async () => (await ask(router.port, { host: 'gone.test' })).body === 'plain');
  },
);

t.test('workers - stale endpoints leave all tables', async (t) => {
  const router = await startWorkers(t, { prune_stale_droplets_interval: '100ms' });
  const app = await startApp(t, (_req, res) => res.end('served'));
  await router.register({ ...app.endpoint, uris: ['app.test'], stale_threshold_in_seconds: 1 });
  await eventually(async () => (await ask(router.port)).status === 200);
  await eventually(() => router.routes().length === 0);
  for (let nth = 0; nth < 4; nth += 1) await eventually(async () => (await ask(router.port)).status === 404);
});

t.test('workers - a port that is taken fails the start, and none of them stays', async (t) => {
  const first = await startRouter(t);
  await t.rejects(startWorkers(t, { port: first.port }), { code: 'LISTEN_FAILED', message: /EADDRINUSE/ });
});

t.test('workers - what none of them can use fails the start with its own reason', async (t) => {
  for (const [options, code] of [
    [
      { enable_ssl: true, ssl_port: 0, tls_files: [{ cert_chain: '/nowhere/c', private_key: '/nowhere/k' }] },
      'TLS_FILES_INVALID',
    ],
    [{ access_log: { file: '/nowhere/access.log' } }, 'FILE_UNWRITABLE'],
  ] as const) {
    await t.rejects(startWorkers(t, { ...options, stop_grace: '60s' }), { code, message: /\/nowhere\// });
  }
});

t.test('workers - drain lets what is under way end', async (t) => {
  const router = await startWorkers(t, { drain_wait: '0s', drain_timeout: '20s' });
  let finish: (() => void) | undefined;
  const app = await startApp(t, (_req, res) => (finish = () => res.end('whole')));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  await eventually(async () => (await ask(router.port, { host: 'none.test' })).status === 404);
  const answer = ask(router.port);
  await eventually(() => finish);
  const drained = router.drain();
  await eventually(() =>
    ask(router.port, { host: 'none.test' }).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
    ),
  );
  finish?.();
  t.equal((await answer).body, 'whole');
  await drained;
  await router.stop();
  t.same(router.workers(), []);
});
