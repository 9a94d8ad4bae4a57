import t from 'tap';
import type { RouteRegistration } from '../../common/model/routing.js';
import { desiredLrp, pendingTask } from '../support/lrps.js';
import type { RepWorld, RunningRep } from '../support/rep.js';
import { createWorld, startRep } from '../support/rep.js';

interface FakeRouter {
  registered: RouteRegistration[];
  order: string[];
  acks: boolean;
}

/** A router as far as registrars see it. */
const addRouter = (world: RepWorld, id = 'r1'): FakeRouter => {
  const router: FakeRouter = { registered: [], order: [], acks: true };
  const bus = world.bus.client();
  const start = JSON.stringify({
    id,
    hosts: [],
    minimumRegisterIntervalInSeconds: 5,
    pruneThresholdInSeconds: 120,
  });
  const read = (payload: Uint8Array) => JSON.parse(Buffer.from(payload).toString()) as RouteRegistration;
  bus.subscribe('router.greet', (message) => void message.respond(Buffer.from(start)));
  bus.subscribe('router.register', ({ payload }) => {
    router.registered.push(read(payload));
    router.order.push('register');
  });
  bus.subscribe('router.unregister', (message) => {
    router.order.push('unregister');
    if (router.acks) message.respond(Buffer.from(JSON.stringify({ id })));
  });
  return router;
};

const startApp = async (world: RepWorld, config: Record<string, unknown> = {}): Promise<RunningRep> => {
  world.bbs.desired.set(
    'app',
    desiredLrp({ metricTags: { app: { static: 'mine', dynamic: 'DynamicValueInvalid' } } }),
  );
  const rep = await startRep(world, config);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  return rep;
};

const stopRequest = (rep: RunningRep) => ({
  traceId: 'trace',
  processGuid: 'app',
  index: 0,
  domain: 'test',
  instanceGuid: rep.only().guid,
});

t.test(
  'leaving - a running instance is registered as Diego registers it, and again at the interval',
  async (t) => {
    const world = createWorld();
    const router = addRouter(world);
    const rep = await startApp(world);
    await rep.until(() => router.registered.length > 0, 'registered');
    t.same(router.registered[0], {
      host: '127.0.0.1',
      port: 8080,
      uris: ['app.example.com'],
      app: 'log-guid',
      private_instance_id: rep.only().guid,
      private_instance_index: '0',
      server_cert_domain_san: rep.only().guid,
      tags: { app: 'mine', component: 'route-emitter' },
      availability_zone: 'default',
    });
    const before = router.registered.length;
    await world.clock.advance(11_000);
    t.ok(router.registered.length >= before + 2, 'at the interval that the router named');
    await rep.stop();
  },
);

t.test('leaving - routers let go before the process is told to end', async (t) => {
  const world = createWorld();
  const router = addRouter(world);
  const rep = await startApp(world);
  world.runtime.onEvent = (event) => router.order.push(event);
  await rep.until(() => router.order.includes('register'), 'registered');
  router.order.length = 0;
  const acked = world.clock.monotonic();
  rep.rep.cell.stop(stopRequest(rep));
  await rep.until(() => world.bbs.calls.includes('remove app.0'), 'removed');
  t.same(router.order, ['unregister', 'SIGTERM main', 'exit main', 'destroy']);
  t.ok(world.clock.monotonic() - acked >= 200, 'requests in flight had their grace');
  t.ok(world.clock.monotonic() - acked < 2_000, 'no waiting beyond the acknowledgement');
  t.ok(world.bbs.calls.indexOf('start app.0 routable=false') < world.bbs.calls.indexOf('remove app.0'));
  t.notOk(
    world.bbs.calls.some((call) => call.startsWith('crash')),
    'a stop is no crash',
  );
  await rep.until(() => world.lines.some((line) => line.includes('stopping instance')), 'log');
  await rep.stop();
});

t.test('leaving - a router that does not answer is waited for two seconds, once', async (t) => {
  const world = createWorld();
  const router = addRouter(world);
  router.acks = false;
  const rep = await startApp(world);
  await rep.until(() => router.order.includes('register'), 'registered');
  const main = rep.only().main();
  rep.rep.cell.stop(stopRequest(rep));
  await world.clock.advance(1_900);
  t.same(main.signals, []);
  await world.clock.advance(500);
  t.same(main.signals, ['SIGTERM']);
  await world.clock.advance(31_000);
  t.ok(router.order.filter((one) => one === 'unregister').length >= 2, 'and told again');
  await rep.stop();
});

t.test('leaving - a process that ignores SIGTERM is killed after ten seconds', async (t) => {
  const world = createWorld();
  const rep = await startApp(world);
  const main = rep.only().main();
  main.ignoresTerm = true;
  rep.rep.cell.stop(stopRequest(rep));
  await world.clock.advance(10_000);
  t.same(main.signals, ['SIGTERM']);
  await world.clock.advance(500);
  t.same(main.signals, ['SIGTERM', 'SIGKILL']);
  await rep.stop();
});

t.test(
  'leaving - a crash unregisters at once, and a new instance on the same port stays registered',
  async (t) => {
    const world = createWorld();
    const router = addRouter(world);
    router.acks = false;
    const rep = await startApp(world);
    await rep.until(() => router.order.includes('register'), 'registered');
    rep.only().main().exit({ code: 1 });
    await rep.until(() => router.order.includes('unregister'), 'unregistered');
    rep.workLrp({ placementId: 'again' });
    await rep.until(() => world.bbs.starts.length === 2, 'again');
    await world.clock.advance(3_000);
    router.order.length = 0;
    await world.clock.advance(65_000);
    t.notOk(router.order.includes('unregister'), 'the old unregistration is not repeated over the new route');
    await rep.stop();
  },
);

t.test('leaving - changed routes are registered and dropped without a restart', async (t) => {
  const world = createWorld();
  const router = addRouter(world);
  const rep = await startApp(world);
  await rep.until(() => router.order.includes('register'), 'registered');
  const [container] = rep.rep.cell.containers();
  container?.routesChanged({ 'cf-router': JSON.stringify([{ hostnames: ['new.example.com'], port: 8080 }]) });
  await rep.until(() => router.registered.some(({ uris }) => uris[0] === 'new.example.com'), 'new');
  await rep.until(() => router.order.includes('unregister'), 'old');
  t.same(rep.only().main().signals, []);
  await rep.stop();
});

t.test('leaving - stop-containers stops the whole cell gracefully and clears its rows', async (t) => {
  const world = createWorld();
  const router = addRouter(world);
  world.bbs.allTasks.set('task', pendingTask());
  const rep = await startApp(world, { on_stop: 'stop-containers' });
  rep.workTask();
  await rep.until(() => world.runtime.containers.get('task')?.processes.has('main') ?? false, 'task');
  const stopped = rep.stop();
  await world.clock.advance(3_000);
  await stopped;
  t.equal(world.runtime.containers.size, 0);
  t.ok(world.bbs.calls.includes('remove app.0'));
  t.match(world.bbs.completions, [{ failed: true, failureReason: 'cell stopped before completion' }]);
  t.ok(router.order.includes('unregister'));
  t.equal(world.bbs.calls.at(-1), 'release cell/cell-1');
});

t.test(
  'leaving - what could not be stopped in time is left as it is, for the next start to end',
  async (t) => {
    const world = createWorld();
    const state = { data_dir: t.testdir() };
    const rep = await startApp(world, { ...state, on_stop: 'stop-containers' });
    const container = rep.only();
    const destroy = container.destroy.bind(container);
    let attempts = 0;
    container.destroy = async () => {
      attempts += 1;
      throw new Error('engine in trouble');
    };
    let stopped = false;
    void rep.stop().then(() => (stopped = true));
    await rep.until(() => stopped, 'given up', 500);
    t.equal(world.logger.named('rep.failed-to-cleanup-all-containers').length, 1);
    const before = { attempts, calls: world.bbs.calls.length };
    await world.clock.advance(60_000);
    t.same(
      { attempts, calls: world.bbs.calls.length },
      before,
      'nothing goes on behind a rep that has stopped',
    );

    container.destroy = destroy;
    const second = await startRep(world, state);
    await second.until(() => world.runtime.containers.size === 0, 'ended');
    await second.stop();
  },
);

t.test('leaving - an end that the board has not heard of is told by the next start alone', async (t) => {
  const world = createWorld();
  const state = { data_dir: t.testdir() };
  const rep = await startApp(world, { ...state, on_stop: 'stop-containers' });
  world.bbs.away = true;
  let stopped = false;
  void rep.stop().then(() => (stopped = true));
  await rep.until(() => stopped, 'given up', 500);
  world.bbs.away = false;
  await world.clock.advance(60_000);
  t.notOk(world.bbs.calls.includes('remove app.0'));
  world.bbs.leaseHolder = '';
  const second = await startRep(world, state);
  await second.until(() => world.bbs.calls.includes('remove app.0'), 'told');
  await second.stop();
});
