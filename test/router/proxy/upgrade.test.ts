import t from 'tap';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../../support/eventually.js';
import { ask, closedPort, openRaw, startApp, startRawApp, startRouter } from '../../support/router.js';

const UPGRADE = 'Host: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-App: 1\r\n\r\n';

/** Switches on its first request, then hands the socket over. */
const startSwitchingApp = (
  t: Parameters<typeof startRawApp>[0],
  then: (socket: Socket, head: string) => void,
) =>
  startRawApp(t, (socket) => {
    socket.once('data', (head) => {
      socket.write(SWITCH);
      then(socket, head.toString('latin1'));
    });
  });

const endWithPeer = (socket: Socket): void => {
  socket.on('end', () => socket.end());
};

void t.test(
  'upgrade - a WebSocket echo, text and binary, with sub-protocol and closing handshake',
  async (t) => {
    const router = await startRouter(t);
    const app = await startApp(t, (_req, res) => res.end());
    const echo = new WebSocketServer({ server: app.server });
    echo.on('connection', (socket) =>
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    );
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const client = new WebSocket(`ws://127.0.0.1:${router.port}/chat`, { headers: { Host: 'app.test' } });
    t.teardown(() => client.terminate());
    const received: string[] = [];
    let closed = 0;
    client.on('message', (data, isBinary) => received.push(`${isBinary}:${String(data).length}`));
    client.on('close', (code) => (closed = code));
    await eventually(() => client.readyState === WebSocket.OPEN);
    client.send('hello');
    client.send(Buffer.alloc(300_000, 7));
    await eventually(() => received.length === 2);
    t.same(received, ['false:5', 'true:300000']);
    client.close(4000, 'enough');
    await eventually(() => closed === 4000);
    t.match(router.counters(), { websocket_upgrades: 1, websocket_failures: 0 });
  },
);

void t.test(
  'upgrade - the handshake passes with the headers of a request, and what follows it at once',
  async (t) => {
    const router = await startRouter(t);
    let head = '';
    const app = await startSwitchingApp(t, (socket, received) => {
      head = received;
      socket.write('from the app;');
      socket.on('data', (chunk) => socket.write(`echo ${String(chunk)};`));
    });
    await router.register({ ...app.endpoint, uris: ['app.test'], app: 'guid-1' });
    const client = await openRaw(t, router.port);
    client.send(`GET /ws?x=1 HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Key: abc\r\n\r\nearly`);
    await client.until('echo early;');
    t.match(head, /^GET \/ws\?x=1 HTTP\/1.1\r\n/);
    t.match(head, /\r\nupgrade: websocket\r\n/i);
    t.match(head, /\r\nconnection: upgrade\r\n/i);
    t.match(head, 'Sec-WebSocket-Key: abc');
    t.match(head, 'X-CF-ApplicationID: guid-1');
    t.match(head, 'X-Forwarded-For: 127.0.0.1');
    t.match(client.received(), /^HTTP\/1.1 101 Switching Protocols\r\n/);
    t.match(client.received(), 'X-App: 1');
    t.match(client.received(), /X-Vcap-Request-Id: .{36}\r\n/);
    t.match(client.received(), 'from the app;');
  },
);

void t.test('upgrade - a side that ends ends one direction, the other goes on', async (t) => {
  const router = await startRouter(t);
  let finish = (): void => undefined;
  const app = await startSwitchingApp(t, (socket) => {
    socket.resume();
    socket.on('end', () => (finish = () => void socket.end('last words')));
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send(`GET / HTTP/1.1\r\n${UPGRADE}\r\n`);
  await client.until('X-App');
  client.socket.end();
  await eventually(() => finish.length === 0 && (finish(), true) && client.received().includes('last words'));
  await client.untilEnd();
});

void t.test('upgrade - the app ends first, the client still speaks', async (t) => {
  const router = await startRouter(t);
  let received = '';
  const app = await startSwitchingApp(t, (socket) => {
    socket.on('data', (chunk) => (received += String(chunk)));
    socket.end('bye');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send(`GET / HTTP/1.1\r\n${UPGRADE}\r\n`);
  await client.untilEnd();
  t.match(client.received(), /bye$/);
  client.send('still here');
  await eventually(() => received === 'still here');
  client.socket.end();
});

void t.test('upgrade - when one side breaks off, the other is closed', async (t) => {
  const router = await startRouter(t);
  const app = await startSwitchingApp(t, endWithPeer);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const first = await openRaw(t, router.port);
  first.send(`GET / HTTP/1.1\r\n${UPGRADE}\r\n`);
  await first.until('X-App');
  first.socket.resetAndDestroy();
  await eventually(() => app.sockets.size === 0);
  const second = await openRaw(t, router.port);
  second.send(`GET / HTTP/1.1\r\n${UPGRADE}\r\n`);
  await second.until('X-App');
  app.sockets.forEach((socket) => socket.resetAndDestroy());
  await second.untilEnd();
});

void t.test(
  'upgrade - an app that does not switch has its answer passed on, and the connection ends',
  async (t) => {
    const router = await startRouter(t);
    const app = await startApp(t, (_req, res) => void res.writeHead(426, { 'X-App': '1' }).end('not here'));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const client = await openRaw(t, router.port);
    client.send(`GET / HTTP/1.1\r\n${UPGRADE}\r\nGET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    await client.untilEnd();
    t.match(client.received(), /^HTTP\/1.1 426 /);
    t.match(client.received(), /connection: close/i);
    t.match(client.received(), 'not here');
    t.equal(client.received().split('HTTP/1.1').length, 2, 'one answer only');
  },
);

void t.test('upgrade - no route, no endpoint, no upgrade with a body, no HTTP/2 in the clear', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => res.end(`upgrade: ${req.headers.upgrade}`));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['down.test'] });
  for (const [request, expected] of [
    [`GET / HTTP/1.1\r\n${UPGRADE.replace('app.test', 'no.test')}\r\n`, /^HTTP\/1.1 404 [^]*unknown_route/],
    [
      `GET / HTTP/1.1\r\n${UPGRADE.replace('app.test', 'down.test')}\r\n`,
      /^HTTP\/1.1 502 [^]*endpoint_failure/,
    ],
    [`POST / HTTP/1.1\r\n${UPGRADE}Content-Length: 4\r\n\r\nbody`, /^HTTP\/1.1 400 /],
    [`GET / HTTP/1.1\r\n${UPGRADE.replace('websocket', 'h2c')}\r\n`, /^HTTP\/1.1 200 [^]*upgrade: undefined/],
  ] as const) {
    const client = await openRaw(t, router.port);
    client.send(request);
    await client.untilEnd();
    t.match(client.received(), expected);
  }
  t.equal(router.counters().websocket_failures, 1);
});

void t.test('upgrade - a refused endpoint is passed over', async (t) => {
  const router = await startRouter(t);
  const app = await startSwitchingApp(t, () => undefined);
  await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['app.test'] });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const _ of [1, 2]) {
    const client = await openRaw(t, router.port);
    client.send(`GET / HTTP/1.1\r\n${UPGRADE}\r\n`);
    await client.until('X-App');
  }
});

void t.test(
  'stop - requests under way end, connections that wait and tunnels are closed, nothing listens',
  async (t) => {
    const router = await startRouter(t);
    let finish: (() => void) | undefined;
    const app = await startApp(t, (_req, res) => {
      finish = () => void res.end('done');
    });
    const tunnelled = await startSwitchingApp(t, endWithPeer);
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    await router.register({ ...tunnelled.endpoint, uris: ['ws.test'] });
    const idle = await openRaw(t, router.port);
    const tunnel = await openRaw(t, router.port);
    tunnel.send(`GET / HTTP/1.1\r\n${UPGRADE.replace('app.test', 'ws.test')}\r\n`);
    await tunnel.until('X-App');
    const answer = ask(router.port);
    await eventually(() => finish !== undefined, { what: 'the request at the app' });
    const stopped = router.stop();
    await t.rejects(ask(router.port), { code: 'ECONNREFUSED' });
    finish?.();
    t.equal((await answer).body, 'done');
    await stopped;
    await idle.untilEnd();
    await tunnel.untilEnd();
    await eventually(() => tunnelled.sockets.size === 0);
    await eventually(async () => (await connections(app.server)) === 0);
    t.equal(router.address(), undefined);
  },
);

void t.test('stop - what does not end within the grace is cut off', async (t) => {
  const router = await startRouter(t, { stop_grace: '0s' });
  const app = await startApp(t, () => undefined);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = ask(router.port);
  await eventually(() => router.counters().total_requests === 1);
  await Promise.all([t.rejects(answer, { code: 'ECONNRESET' }), router.stop()]);
  await eventually(async () => (await connections(app.server)) === 0);
});

const connections = (server: Server): Promise<number> =>
  new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
