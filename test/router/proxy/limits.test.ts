import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import type { FakeClock } from '../../../common/adapters/fake-clock.js';
import { eventually } from '../../support/eventually.js';
import {
  ask,
  openRaw,
  startApp,
  startRawApp,
  startRouter,
  startRouterWithFakeClock,
} from '../../support/router.js';

void t.test('§9 431 - request line and headers together, counted as gorouter does', async (t) => {
  const router = await startRouter(t, { max_request_header_bytes: 1024 });
  const app = await startApp(t, (_req, res) => res.end('in'));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const head = (fill: number): string => `GET / HTTP/1.1\r\nHost: app.test\r\nX: ${'x'.repeat(fill)}\r\n\r\n`;
  // without the blank line, which is not counted
  const exactly = 1024 - (head(0).length - 2);
  for (const [fill, status] of [
    [exactly - 1, 200],
    [exactly, 431],
    [5000, 431],
  ] as const) {
    const client = await openRaw(t, router.port);
    client.send(head(fill));
    await client.until('\r\n\r\n');
    t.match(client.received(), new RegExp(`^HTTP/1.1 ${status} `), String(fill));
    if (status === 200) continue;
    await client.untilEnd();
    t.match(client.received(), 'X-Cf-RouterError: max-request-size-exceeded');
    t.match(client.received(), /\r\n\r\n$/);
  }
});

void t.test('§9 431 - too many header lines', async (t) => {
  const router = await startRouter(t, { max_request_headers: 10 });
  const app = await startApp(t, (_req, res) => res.end('in'));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const headers = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`X-${at}`, '1']));
  t.equal((await ask(router.port, { headers: headers(8) })).status, 200);
  t.match(await ask(router.port, { headers: headers(9) }), {
    status: 431,
    headers: { 'x-cf-routererror': 'max-request-size-exceeded', connection: 'close' },
    body: '',
  });
});

void t.test('§9 502 - an answer with too many headers', async (t) => {
  const router = await startRouter(t, { max_response_headers: 5 });
  const app = await startRawApp(t, (socket) =>
    socket.on('data', (head) => {
      const count = Number(/GET \/(\d+)/.exec(String(head))?.[1]);
      const headers = Array.from({ length: count }, (_, at) => `X-${at}: 1\r\n`).join('');
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${headers}\r\n`);
    }),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  t.equal((await ask(router.port, { path: '/4' })).status, 200);
  t.match(await ask(router.port, { path: '/5' }), {
    status: 502,
    headers: { 'x-cf-routererror': 'endpoint_failure (Too many response headers)' },
    body: '502 Bad Gateway: Registered endpoint failed to handle the request.\n',
  });
});

void t.test('§10 max_response_header_bytes - an answer with larger headers fails', async (t) => {
  const router = await startRouter(t, { max_response_header_bytes: 2048 });
  const app = await startApp(t, (req, res) =>
    res.setHeader('X', 'x'.repeat(Number(req.url?.slice(1)))).end(),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  t.equal((await ask(router.port, { path: '/1000' })).status, 200);
  t.match(await ask(router.port, { path: '/4000' }), {
    status: 502,
    headers: { 'x-cf-routererror': /^endpoint_failure/ },
  });
});

void t.test('§10 tls_handshake_timeout - a silent TLS endpoint: 502, and the next one serves', async (t) => {
  const router = await startRouterWithFakeClock(t, { tls_handshake_timeout: '10s' });
  const connections: string[] = [];
  const app = await startRawApp(t, () => connections.push('silent'));
  await router.register({ host: '127.0.0.1', tls_port: app.port, uris: ['app.test'] });
  const answer = ask(router.port);
  await eventually(() => connections.length === 1);
  await eventually(async () => {
    await router.clock.advance(5_000);
    return router.counters().bad_gateways === 1;
  });
  t.match(await answer, {
    status: 502,
    headers: { 'x-cf-routererror': 'endpoint_failure (net/http: TLS handshake timeout)' },
  });
  t.equal((await ask(router.port)).headers['x-cf-routererror'], 'no_endpoints', 'it was pruned');
});

const LISTEN = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
  console.log(this.address().port);
})`;

/** An address where connections neither come about nor fail: whoever listens has stopped, and its queue is full. */
const startSilence = async (t: Test): Promise<{ host: string; port: number }> => {
  const listener = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => listener.kill('SIGKILL'));
  const [line] = (await once(listener.stdout, 'data')) as [Buffer];
  const address = { host: '127.0.0.1', port: Number(line.toString()) };
  listener.kill('SIGSTOP');
  // Linux takes one more than it was told
  for (let queued = 0; queued < 2; queued += 1) {
    const socket = connect(address);
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
  }
  return address;
};

/** ms that pass until `done` */
const passing = async (clock: FakeClock, done: () => boolean): Promise<number> => {
  const began = clock.monotonic();
  await eventually(async () => {
    if (done()) return true;
    await clock.advance(500);
    return done();
  });
  return clock.monotonic() - began;
};

void t.test('§10 endpoint_dial_timeout - an endpoint that does not take the connection', async (t) => {
  const { clock, ...router } = await startRouterWithFakeClock(t, { endpoint_dial_timeout: '5s' });
  const silence = await startSilence(t);
  const app = await startApp(t, (_req, res) => res.end('served'));
  const uris = ['app.test', 'silent.test'];
  await router.register({ ...silence, uris });
  const silent = ask(router.port, { host: 'silent.test' });
  await eventually(() => router.counters().total_requests === 1);
  t.ok((await passing(clock, () => router.counters().bad_gateways === 1)) >= 5_000);
  t.match(await silent, {
    status: 502,
    headers: { 'x-cf-routererror': `endpoint_failure (dial tcp 127.0.0.1:${silence.port}: i/o timeout)` },
    body: '502 Bad Gateway: Registered endpoint failed to handle the request.\n',
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  let served = 0;
  const both = [1, 2].map(async () => {
    t.equal((await ask(router.port, { method: 'POST', body: 'x' })).body, 'served', 'the next one serves');
    served += 1;
  });
  await passing(clock, () => served === 2);
  await Promise.all(both);
  t.equal((await ask(router.port)).body, 'served', 'it is avoided');
});

void t.test('§10 websocket_dial_timeout - of its own for requests that switch protocols', async (t) => {
  const { clock, ...router } = await startRouterWithFakeClock(t, {
    endpoint_dial_timeout: '60s',
    websocket_dial_timeout: '2s',
  });
  await router.register({ ...(await startSilence(t)), uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await eventually(() => router.counters().total_requests === 1);
  const ms = await passing(clock, () => router.counters().websocket_failures === 1);
  t.ok(ms >= 2_000 && ms < 60_000, String(ms));
  await client.until('\r\n\r\n');
  t.match(client.received(), /^HTTP\/1.1 502 [^]*endpoint_failure \(dial tcp \S+: i\/o timeout\)/);
});

void t.test('§10 endpoint timeouts - by the protocol that an endpoint registered for', async (t) => {
  const router = await startRouterWithFakeClock(t, {
    http1_endpoint_timeout: '10s',
    http2_endpoint_timeout: '60s',
  });
  let requests = 0;
  const app = await startApp(t, () => void (requests += 1));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = ask(router.port);
  await eventually(() => requests === 1);
  await router.clock.advance(10_000);
  t.match(await answer, {
    status: 502,
    headers: { 'x-cf-routererror': 'endpoint_failure (context deadline exceeded)' },
  });
});

void t.test('§10 disable_keep_alives - a connection for each request', async (t) => {
  for (const [disable_keep_alives, expected] of [
    [false, 1],
    [true, 3],
  ] as const) {
    const router = await startRouter(t, { disable_keep_alives });
    let connections = 0;
    const app = await startApp(t, (_req, res) => res.end());
    app.server.on('connection', () => (connections += 1));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    for (let turn = 0; turn < 3; turn += 1) await ask(router.port);
    t.equal(connections, expected);
  }
});

void t.test('§8 100-continue - both connections end with it, unless they are to be kept', async (t) => {
  for (const keep_alive_100_continue_requests of [false, true]) {
    const router = await startRouter(t, { keep_alive_100_continue_requests });
    const seen: (string | undefined)[] = [];
    const app = await startApp(t, (req, res) => {
      seen.push(req.headers.connection);
      req.resume().on('end', () => res.end('got it'));
    });
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const client = await openRaw(t, router.port);
    client.send('PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await client.until('100 Continue');
    client.send('body');
    await client.until('got it');
    if (keep_alive_100_continue_requests) {
      t.same(seen, ['keep-alive']);
      client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
      await eventually(() => client.received().split('got it').length === 3);
    } else {
      t.same(seen, ['close']);
      await client.untilEnd();
    }
  }
});

void t.test('§8 versions - only HTTP/1.0, 1.1 and 2', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => res.end('in'));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const version of ['0.9', '1.2', '2.0', '3.0', '9.9', '11']) {
    const client = await openRaw(t, router.port);
    client.send(`GET / HTTP/${version}\r\nHost: app.test\r\n\r\n`);
    await client.untilEnd();
    t.equal(client.received(), 'HTTP/1.0 400 Bad Request\r\n\r\n', version);
  }
  const old = await openRaw(t, router.port);
  old.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  await old.untilEnd();
  t.match(old.received(), /^HTTP\/1.1 200 OK\r\n[^]*in$/);
});

void t.test('§8 semicolons - are passed on as they are', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => res.end(req.url));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = await ask(router.port, { path: '/a;b=c?d;e=f' });
  t.equal(answer.body, '/a;b=c?d;e=f');
  t.notOk('x-cf-routererror' in answer.headers);
});

void t.test('§5 attempts - no more endpoints are tried than allowed', async (t) => {
  const router = await startRouter(t, { backends: { max_attempts: 2 } });
  let tried = 0;
  for (let at = 0; at < 4; at += 1) {
    const app = await startRawApp(t, (socket) =>
      socket.once('data', () => {
        tried += 1;
        socket.end();
      }),
    );
    await router.register({ ...app.endpoint, uris: ['app.test'] });
  }
  t.equal((await ask(router.port)).status, 502);
  t.equal(tried, 2);
});

void t.test('§5 client gone - nothing is tried again', async (t) => {
  const router = await startRouter(t);
  const heads: (() => void)[] = [];
  for (let at = 0; at < 2; at += 1) {
    const app = await startRawApp(t, (socket) => socket.once('data', () => heads.push(() => socket.end())));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
  }
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await eventually(() => heads.length === 1);
  client.socket.destroy();
  await eventually(() => router.counters().cancelled_requests === 1);
  heads[0]!();
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  t.equal(heads.length, 1);
});
