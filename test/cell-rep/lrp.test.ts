import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import t from 'tap';
import { createWorld, startRep } from '../support/rep.js';
import { desiredLrp, runAction } from '../support/lrps.js';

const TCP_8080 = {
  checks: [{ tcpCheck: { port: 8080, connectTimeoutMs: 0, intervalMs: 0 } }],
  logSource: '',
  readinessChecks: [],
};

const listen = async (): Promise<{ server: Server; port: number }> => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
};

t.test('lrp - is claimed, made, run and reported, with its environment and net info', async (t) => {
  const world = createWorld();
  world.bbs.desired.set(
    'app',
    desiredLrp({
      env: [
        { name: 'VCAP_APPLICATION', value: '{}' },
        { name: 'INSTANCE_INDEX', value: 'own' },
      ],
      action: runAction({ env: [{ name: 'CF_INSTANCE_PORT', value: 'forged' }] }),
    }),
  );
  const rep = await startRep(world);
  const order: string[] = [];
  world.runtime.onEvent = (event) => order.push(event);
  const reply = rep.workLrp();
  t.equal(reply.outcomes[0]?.status, 'accepted');
  const state = rep.rep.cell.state();
  t.equal(state.lrpCounts.get('app'), 1);
  t.equal(state.startingContainerCount, 1);
  await rep.until(() => world.bbs.starts.length === 1, 'started');

  t.same(order, ['create', 'run main'], 'claimed before anything was made');
  t.same(world.bbs.calls.slice(-2), ['claim app.0', 'start app.0 routable=true']);
  const [start] = world.bbs.starts;
  t.match(start?.netInfo, { address: '127.0.0.1', ports: [{ containerPort: 8080, hostPort: 8080 }] });
  const container = rep.only();
  t.equal(container.guid.length, 28);
  t.match(container.main().spec.env, {
    INSTANCE_GUID: container.guid,
    CF_INSTANCE_INDEX: '0',
    INSTANCE_INDEX: 'own',
    VCAP_APPLICATION: `{"host":"0.0.0.0","instance_id":"${container.guid}","instance_index":0}`,
    CF_INSTANCE_PORT: '8080',
    CF_INSTANCE_ADDR: '127.0.0.1:8080',
    CF_INSTANCE_PORTS: '[{"external":8080,"internal":8080}]',
  });
  t.equal(rep.rep.cell.state().startingContainerCount, 0);
  await rep.until(() => world.lines.length > 1, 'lines');
  t.same(world.lines, [
    `CELL OUT Cell cell-1 creating container for instance ${container.guid}`,
    `CELL OUT Cell cell-1 successfully created container for instance ${container.guid}`,
  ]);
  await rep.stop();
});

t.test(
  'lrp - a crash is reported with its reason after its last words are out, and frees its room',
  async (t) => {
    const world = createWorld();
    world.bbs.desired.set('app', desiredLrp());
    const rep = await startRep(world);
    const capacity: string[] = [];
    world.bus.client().subscribe('auction.capacity', () => capacity.push('room'));
    rep.workLrp();
    await rep.until(() => world.bbs.starts.length === 1, 'started');
    let linesAtCrash: string[] | undefined;
    const crash = world.bbs.crashActualLrp;
    world.bbs.crashActualLrp = async (...given) => {
      // a turn for what was published before to be delivered; nothing is published in it
      await new Promise((resolve) => setImmediate(resolve));
      linesAtCrash = [...world.lines];
      return crash(...given);
    };
    rep.only().main().emit('panic: no database\nhalf a line');
    rep.only().main().exit({ code: 2 });
    await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash')), 'crash');
    t.ok(world.bbs.calls.includes('crash app.0: APP/PROC/WEB: Exited with status 2'));
    await rep.until(() => world.runtime.containers.size === 0, 'destroyed');
    await rep.until(() => capacity.length > 0, 'capacity');
    t.equal(rep.rep.cell.state().available.containers, rep.rep.cell.state().total.containers);
    t.ok(world.lines.includes('APP/PROC/WEB OUT panic: no database'));
    t.ok(world.lines.includes('APP/PROC/WEB OUT half a line'));
    t.ok(world.lines.includes('APP/PROC/WEB OUT Exit status 2'));
    const stamps = world.timestamps.map(BigInt);
    t.ok(
      stamps.every((stamp, at) => at === 0 || stamp > (stamps[at - 1] ?? 0n)),
      'strictly increasing times',
    );
    t.ok(linesAtCrash?.includes('APP/PROC/WEB OUT half a line'), 'published before the crash was told');
    await rep.stop();
  },
);

t.test('lrp - out of memory is told apart; an action that exits 0 is a crash without a reason', async (t) => {
  for (const [exit, reason] of [
    [{ code: 137, outOfMemory: true }, 'APP/PROC/WEB: Exited with status 137 (out of memory)'],
    [{ code: 0 }, ''],
  ] as const) {
    const world = createWorld();
    world.bbs.desired.set('app', desiredLrp());
    const rep = await startRep(world);
    rep.workLrp();
    await rep.until(() => world.bbs.starts.length === 1, 'started');
    rep.only().main().exit(exit);
    await rep.until(() => world.bbs.calls.includes(`crash app.0: ${reason}`), reason);
    await rep.stop();
  }
  t.pass();
});

t.test('lrp - credentials of its image go to whoever makes the container, and into no note', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ imageUsername: 'me', imagePassword: 'sesame' }));
  const given: unknown[] = [];
  const { create } = world.runtime;
  world.runtime.create = (spec, credentials) => {
    given.push(credentials);
    return create(spec);
  };
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => given.length === 1, 'made');
  t.same(given, [{ username: 'me', password: 'sesame' }]);
  const [container] = rep.rep.cell.containers();
  t.notMatch(JSON.stringify(await container?.measure()), /sesame/);
  await rep.stop();
});

t.test('lrp - refused claims leave nothing behind; the process is never made', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.refuse.set('claim', 'ActualLRPCannotBeClaimed');
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => rep.rep.cell.containers().length === 0, 'dropped');
  t.equal(world.runtime.containers.size, 0);
  t.equal(rep.rep.cell.state().available.memoryMb, 1024);
  await rep.stop();
});

t.test('lrp - an instance that runs elsewhere is stopped here', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.bbs.refuse.set('start', 'ActualLRPCannotBeStarted');
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.calls.includes('remove app.0'), 'removed');
  t.equal(world.runtime.containers.size, 0);
  await rep.stop();
});

t.test('lrp - a container that cannot be made crashes with the reason', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp());
  world.runtime.refusal = 'no free host port';
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(
    () => world.bbs.calls.includes('crash app.0: failed to create container: no free host port'),
    'crash',
  );
  t.equal(world.runtime.containers.size, 0);
  await rep.stop();
});

t.test(
  'lrp - RUNNING waits for the check, which is asked soon; a failing liveness probe kills it',
  async (t) => {
    const { server, port } = await listen();
    const world = createWorld();
    world.runtime.hostPort = () => port;
    world.bbs.desired.set('app', desiredLrp({ checkDefinition: TCP_8080 }));
    const rep = await startRep(world);
    const begun = world.clock.monotonic();
    rep.workLrp();
    await rep.until(() => world.bbs.starts.length === 1, 'started');
    t.ok(world.clock.monotonic() - begun < 1000, 'probed at once, not after two seconds');
    await new Promise((resolve) => server.close(resolve));
    await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash')), 'crash', 500);
    const detail =
      'failed to make TCP connection to 10.0.0.5:8080: dial tcp 10.0.0.5:8080: connect: connection refused';
    t.ok(
      world.bbs.calls.includes(
        `crash app.0: Instance became unhealthy: Liveness check unsuccessful: ${detail}`,
      ),
    );
    await rep.until(() => world.lines.some((line) => line.includes('destroyed')), 'log');
    t.same(
      world.lines.filter((line) => line.startsWith('HEALTH')),
      [
        'HEALTH OUT Starting health monitoring of container',
        'HEALTH OUT Container became healthy',
        `HEALTH ERR Liveness check unsuccessful: ${detail}`,
        'HEALTH OUT Container became unhealthy',
      ],
    );
    await rep.stop();
  },
);

t.test('lrp - one that never becomes healthy is given up after its start timeout', async (t) => {
  const { server, port } = await listen();
  await new Promise((resolve) => server.close(resolve));
  const world = createWorld();
  world.runtime.hostPort = () => port;
  world.bbs.desired.set('app', desiredLrp({ checkDefinition: TCP_8080, startTimeoutMs: 3000 }));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.calls.some((call) => call.startsWith('crash')), 'crash', 50);
  const crash = world.bbs.calls.find((call) => call.startsWith('crash')) ?? '';
  t.match(
    crash,
    /^crash app\.0: Instance never healthy after 3(\.\d+)?s: Timed out after 3(\.\d+)?s \(\d+ attempts\) waiting for startup check to succeed: failed to make TCP connection/,
  );
  await rep.until(() => world.lines.some((line) => /ERR Failed after 3/.test(line)), 'log');
  t.ok(
    world.lines.some((line) =>
      /HEALTH ERR Failed after 3\S*s: startup health check never passed\.$/.test(line),
    ),
  );
  t.equal(world.bbs.starts.length, 0);
  await rep.stop();
});

t.test('lrp - with a check, an exit 0 of the action is a daemon and lives on', async (t) => {
  const { server, port } = await listen();
  const world = createWorld();
  world.runtime.hostPort = () => port;
  world.bbs.desired.set('app', desiredLrp({ checkDefinition: TCP_8080 }));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  rep.only().main().exit({ code: 0 });
  await world.clock.advance(5_000);
  t.notOk(world.bbs.calls.some((call) => call.startsWith('crash')));
  server.close();
  await rep.stop();
});

t.test('lrp - a sidecar that ends takes the instance with it', async (t) => {
  const world = createWorld();
  world.bbs.desired.set('app', desiredLrp({ sidecars: [{ action: runAction(), diskMb: 0, memoryMb: 0 }] }));
  const rep = await startRep(world);
  rep.workLrp();
  await rep.until(() => world.bbs.starts.length === 1, 'started');
  const { processes } = rep.only();
  processes.get('sidecar-0')?.exit({ code: 0 });
  await rep.until(() => world.bbs.calls.includes('crash app.0: Codependent step exited'), 'crash');
  t.same(processes.get('main')?.signals, ['SIGTERM']);
  await rep.stop();
});
