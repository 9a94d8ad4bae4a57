import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import type { Check } from '../../common/model/action.js';
import { desiredLrp, runAction } from '../support/lrps.js';
import type { RepWorld } from '../support/rep.js';
import { createWorld, startRep } from '../support/rep.js';

interface WebApp {
  status: number;
  /** never answers */
  hangs: boolean;
  asked: { url: string; agent: string; proto: string }[];
  port: number;
}

const serve = async (t: Test): Promise<WebApp> => {
  const app: WebApp = { status: 200, hangs: false, asked: [], port: 0 };
  const server = createServer((request, response) => {
    const { 'user-agent': agent = '', 'x-forwarded-proto': proto = '' } = request.headers;
    app.asked.push({ url: request.url ?? '', agent, proto: String(proto) });
    if (app.hangs) return;
    response.statusCode = app.status;
    response.end('body');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  app.port = (server.address() as AddressInfo).port;
  return app;
};

const httpCheck = (over: Partial<NonNullable<Check['httpCheck']>> = {}): Check => ({
  httpCheck: { port: 8080, path: '/health', requestTimeoutMs: 0, intervalMs: 0, ...over },
});

const desire = (world: RepWorld, checks: { checks: Check[]; readinessChecks: Check[] }): void => {
  world.bbs.desired.set('app', desiredLrp({ checkDefinition: { ...checks, logSource: '' } }));
};

const crashOf = (world: RepWorld): string => world.bbs.calls.find((call) => call.startsWith('crash')) ?? '';

t.test('health - HTTP: only 200 is healthy, asked as Diego asks', async (t) => {
  const world = createWorld();
  const app = await serve(t);
  app.status = 204;
  world.runtime.hostPort = () => app.port;
  desire(world, { checks: [httpCheck()], readinessChecks: [] });
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => app.asked.length >= 3, 'asked', 50);
  t.equal(world.bbs.starts.length, 0);
  t.same(app.asked[0], { url: '/health', agent: 'diego-healthcheck', proto: 'https' });
  app.status = 200;
  await rep.until(() => world.bbs.starts.length === 1, 'started', 100);
  app.status = 500;
  await rep.until(() => crashOf(world) !== '', 'crash', 500);
  t.match(
    crashOf(world),
    /Instance became unhealthy: Liveness check unsuccessful: failed to make HTTP request to '\/health' on port 8080: received status code 500 in \d/,
  );
  await rep.stop();
});

t.test('health - HTTP: an application that never answers has failed after its time', async (t) => {
  const world = createWorld();
  const app = await serve(t);
  world.runtime.hostPort = () => app.port;
  desire(world, { checks: [httpCheck({ requestTimeoutMs: 1500 })], readinessChecks: [] });
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started', 10);
  app.hangs = true;
  const asked = app.asked.length;
  await rep.until(() => app.asked.length > asked, 'asked', 500);
  await rep.until(() => crashOf(world) !== '', 'crash', 50);
  t.match(crashOf(world), /on port 8080: timed out after 1\.5\d seconds$/);
  await rep.stop();
});

t.test('health - readiness: routed only while ready, and never killed for it', async (t) => {
  const world = createWorld();
  const app = await serve(t);
  app.status = 503;
  world.runtime.hostPort = () => app.port;
  const registered: string[] = [];
  for (const subject of ['router.register', 'router.unregister']) {
    world.bus.client().subscribe(subject, () => registered.push(subject));
  }
  desire(world, { checks: [], readinessChecks: [httpCheck({ intervalMs: 3000 })] });
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  t.equal(world.bbs.starts[0]?.routable, false);
  t.same(registered, []);
  app.status = 200;
  await rep.until(() => world.bbs.starts.at(-1)?.routable === true, 'ready', 100);
  await rep.until(() => registered.includes('router.register'), 'registered');
  app.status = 503;
  await rep.until(() => world.bbs.starts.at(-1)?.routable === false, 'not ready', 100);
  await rep.until(() => registered.includes('router.unregister'), 'unregistered');
  await world.clock.advance(10_000);
  t.equal(crashOf(world), '');
  t.ok(
    world.lines.includes(
      'HEALTH OUT Container failed the readiness health check. Container marked not ready and removed from route pool.',
    ),
  );
  await rep.stop();
});

t.test('health - ready before it is healthy: routed as soon as it runs, and not before', async (t) => {
  const world = createWorld();
  const [alive, ready] = [await serve(t), await serve(t)];
  alive.status = 503;
  world.runtime.hostPort = (port) => (port === 8080 ? alive.port : ready.port);
  const registered: string[] = [];
  world.bus.client().subscribe('router.register', ({ subject }) => registered.push(subject));
  const checkDefinition = {
    checks: [httpCheck()],
    readinessChecks: [httpCheck({ port: 8081 })],
    logSource: '',
  };
  world.bbs.desired.set('app', desiredLrp({ ports: [8080, 8081], checkDefinition }));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(
    () => world.lines.some((line) => line.includes('Container passed the readiness')),
    'ready',
    50,
  );
  await world.clock.advance(1_000);
  t.same([world.bbs.starts, registered], [[], []]);
  alive.status = 200;
  await rep.until(() => world.bbs.starts.at(-1)?.routable === true, 'routable', 50);
  await rep.until(() => registered.length > 0, 'registered');
  await rep.stop();
});

t.test(
  'health - a monitor action decides when there are no checks; its output is not the application’s',
  async (t) => {
    const world = createWorld();
    let status = 1;
    world.runtime.onRun = (process) => {
      if (!process.id.startsWith('monitor')) return;
      process.emit('probing\n');
      process.exit({ code: status });
    };
    world.bbs.desired.set('app', desiredLrp({ monitor: runAction({ logSource: 'MON' }) }));
    const rep = await startRep(world);
    rep.workLrp();
    await world.clock.advance(300_000);
    t.equal(world.bbs.starts.length, 0, 'a monitor has no start timeout of its own');
    status = 0;
    await rep.until(() => world.bbs.starts.length === 1, 'started', 100);
    const kept = [...rep.only().processes.keys()].filter((id) => id.startsWith('monitor'));
    t.same(kept, [], 'nothing is kept of its runs');
    status = 2;
    await rep.until(() => crashOf(world) !== '', 'crash', 500);
    t.match(
      crashOf(world),
      /Instance became unhealthy: Liveness check unsuccessful: MON: Exited with status 2/,
    );
    t.notOk(world.lines.some((line) => line.startsWith('MON')));
    await rep.stop();
  },
);

t.test('health - a monitor action that never returns is ended, and its instance with it', async (t) => {
  const monitor = runAction({ logSource: 'MON' });
  const hang = 'health check did not return within';
  const starting = createWorld();
  starting.bbs.desired.set('app', desiredLrp({ monitor, startTimeoutMs: 20_000 }));
  const first = await startRep(starting);
  first.workLrp();
  await first.until(() => crashOf(starting) !== '', 'crash', 100);
  t.match(crashOf(starting), new RegExp(`Instance never healthy after 20\\S*: .*${hang} \\S+: MON: Exited`));
  await first.stop();

  const running = createWorld();
  let hangs = false;
  running.runtime.onRun = (process) => {
    if (process.id.startsWith('monitor') && !hangs) process.exit();
  };
  running.bbs.desired.set('app', desiredLrp({ monitor }));
  const second = await startRep(running);
  second.workLrp();
  await second.until(() => running.bbs.starts.length === 1, 'healthy');
  hangs = true;
  await second.until(() => crashOf(running) !== '', 'crash', 500);
  t.match(
    crashOf(running),
    `Instance became unhealthy: Liveness check unsuccessful: ${hang} 1m0s: MON: Exited`,
  );
  await second.stop();
});
