import t from 'tap';
import { eventually } from '../../support/eventually.js';
import {
  ask,
  openRaw,
  startApp,
  startRawApp,
  startRouter,
  startRouterWithFakeClock,
} from '../../support/router.js';

void t.test('errors - a route that nobody has', async (t) => {
  const router = await startRouter(t);
  const answer = await ask(router.port, { host: 'no.test', path: '/x' });
  t.equal(answer.status, 404);
  t.equal(answer.headers['x-cf-routererror'], 'unknown_route');
  t.equal(answer.body, "404 Not Found: Requested route ('no.test') does not exist.\n");
  t.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
  t.equal(answer.headers['x-content-type-options'], 'nosniff');
  t.equal(answer.headers['cache-control'], 'no-cache, no-store');
  t.equal(router.counters().rejected_requests, 1);
});

void t.test('errors - an empty Host, and one that is the address of the peer', async (t) => {
  const router = await startRouter(t);
  for (const head of [
    'GET / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\r\n',
  ]) {
    const client = await openRaw(t, router.port);
    client.send(head);
    await client.untilEnd();
    t.match(client.received(), /^HTTP\/1.1 400 Bad Request\r\n/);
    t.match(client.received(), 'X-Cf-RouterError: empty_host');
    t.match(client.received(), 'Cache-Control: public,max-age=2');
    t.match(client.received(), /\r\n\r\n400 Bad Request: Request had empty Host header\n$/);
  }
});

void t.test('errors - a route kept without endpoints', async (t) => {
  const router = await startRouter(t, { empty_pool_timeout: '60s' });
  const registration = { host: '127.0.0.1', port: 1, uris: ['app.test'] };
  await router.register(registration);
  await router.unregister(registration);
  const answer = await ask(router.port);
  t.equal(answer.status, 503);
  t.equal(answer.headers['x-cf-routererror'], 'no_endpoints');
  t.equal(answer.headers['cache-control'], 'public,max-age=2');
  t.equal(answer.body, "503 Service Unavailable: Requested route ('app.test') has no available endpoints.\n");
});

void t.test('errors - every endpoint has as many requests as it may', async (t) => {
  const router = await startRouter(t, { backends: { max_conns: 1 } });
  let finish = (): void => undefined;
  const app = await startApp(t, (_req, res) => {
    finish = () => void res.end();
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const first = ask(router.port);
  await eventually(() => router.counters().total_requests === 1);
  const second = await ask(router.port);
  t.equal(second.status, 503);
  t.equal(second.headers['x-cf-routererror'], 'Connection Limit Reached');
  t.equal(
    second.body,
    "503 Service Unavailable: Requested route ('app.test') has reached the connection limit.\n",
  );
  finish();
  t.equal((await first).status, 200);
  t.equal(router.counters().backend_exhausted_conns, 1);
});

void t.test('errors - a head beyond the limit', async (t) => {
  const router = await startRouter(t, { max_request_header_bytes: 2048 });
  const client = await openRaw(t, router.port);
  client.send(`GET / HTTP/1.1\r\nHost: app.test\r\nX-Big: ${'x'.repeat(4000)}\r\n\r\n`);
  await client.untilEnd();
  t.match(client.received(), /^HTTP\/1.1 431 /);
  t.match(client.received(), 'X-Cf-RouterError: max-request-size-exceeded');
  t.match(client.received(), /\r\n\r\n$/);
});

void t.test('errors - many small headers reach the endpoint, none is left out', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => res.end(String(req.rawHeaders.length)));
  app.server.maxHeadersCount = 0;
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const headers = Object.fromEntries(Array.from({ length: 1500 }, (_, at) => [`H${at}`, '1']));
  t.ok(Number((await ask(router.port, { headers })).body) >= 3000);
});

void t.test('errors - an endpoint that does not answer in time', async (t) => {
  const router = await startRouterWithFakeClock(t, { endpoint_timeout: '900s' });
  let requests = 0;
  const app = await startApp(t, () => void (requests += 1));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = ask(router.port);
  await eventually(() => requests === 1);
  await router.clock.advance(899_000);
  t.equal(router.counters().bad_gateways, 0);
  await router.clock.advance(1_000);
  const { status, headers, body } = await answer;
  t.equal(status, 502);
  t.equal(headers['x-cf-routererror'], 'endpoint_failure (context deadline exceeded)');
  t.equal(body, '502 Bad Gateway: Registered endpoint failed to handle the request.\n');
  t.equal(requests, 1, 'never tried again');
});

void t.test('errors - an answer that takes longer than the timeout is cut off', async (t) => {
  const router = await startRouterWithFakeClock(t, { endpoint_timeout: '10s' });
  const app = await startApp(t, (_req, res) => void res.write('begin'));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('begin');
  await router.clock.advance(10_000);
  await client.untilEnd();
  t.notMatch(client.received(), /0\r\n\r\n$/);
});

void t.test('errors - garbage instead of an answer', async (t) => {
  const router = await startRouter(t, { max_response_header_bytes: 65_536 });
  for (const [name, garbage] of Object.entries({
    text: 'hello there\r\n\r\n',
    smuggled: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    lengths: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    switched: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    head: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  })) {
    const app = await startRawApp(t, (socket) => socket.once('data', () => socket.end(garbage)));
    await router.register({ ...app.endpoint, uris: [`${name}.test`] });
    const answer = await ask(router.port, { host: `${name}.test` });
    t.equal(answer.status, 502, name);
    t.match(answer.headers['x-cf-routererror'], /^endpoint_failure \(.+\)$/, name);
  }
});

void t.test('smuggling - what could be read in two ways is refused and the connection closed', async (t) => {
  const router = await startRouter(t);
  let requests = 0;
  const app = await startApp(t, (_req, res) => {
    requests += 1;
    res.end();
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const head = 'POST / HTTP/1.1\r\nHost: app.test\r\n';
  for (const request of [
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    `${head}Content-Length: +5\r\n\r\nhello`,
    `${head}Content-Length: 5, 5\r\n\r\nhello`,
    `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `${head}Host: other.test\r\nContent-Length: 0\r\n\r\n`,
    `${head}X: a\u0000b\r\n\r\n`,
    'GET / HTTP/1.1\nHost: app.test\n\n',
    'GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n',
    'GET http://user@app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n',
    'GET * HTTP/1.1\r\nHost: app.test\r\n\r\n',
    'hello\r\n\r\n',
  ]) {
    const client = await openRaw(t, router.port);
    client.send(request);
    await client.until('\r\n\r\n');
    t.match(client.received(), /^HTTP\/1.[01] (400|501) /, JSON.stringify(request));
    client.socket.end();
    await client.untilEnd();
  }
  t.equal(requests, 0, 'nothing reached the endpoint');
});

void t.test('health - probes by their User-Agent, whatever their host', async (t) => {
  const router = await startRouter(t);
  const answer = await ask(router.port, { host: '', headers: { 'User-Agent': 'HTTP-Monitor/1.1' } });
  t.equal(answer.status, 200);
  t.equal(answer.body, 'ok\n');
  t.equal(answer.headers['cache-control'], 'private, max-age=0');
  t.equal(answer.headers.expires, '0');
  t.equal(answer.headers.connection, 'close');
});

void t.test('errors - what cannot be read is answered once, and then nothing more comes', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => void res.end('early'));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const head = 'POST / HTTP/1.1\r\nHost: app.test\r\n';
  for (const [request, status] of [
    [`${head}Transfer-Encoding: gzip\r\n\r\nhello`, 501],
    [`${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
    [`${head}Transfer-Encoding: gzip, chunked\r\n\r\nno chunk\r\n`, 501],
    [`${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
    [`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['GET http://user@app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\nhello\r\n\r\n', 400],
  ] as const) {
    const client = await openRaw(t, router.port);
    client.send(request);
    await client.untilEnd();
    t.match(client.received(), new RegExp(`^HTTP/1.1 ${status} `), JSON.stringify(request));
    t.equal(client.received().split('HTTP/1.1 ').length, 2, JSON.stringify(request));
  }
  const client = await openRaw(t, router.port);
  client.send(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`);
  await client.until('early');
  client.send('no chunk\r\n');
  await client.untilEnd();
  t.equal(client.received().split('HTTP/1.1 ').length, 2, 'a body that breaks after its answer');
});
