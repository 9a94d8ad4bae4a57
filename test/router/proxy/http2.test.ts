import t from 'tap';
import { constants, createSecureServer, createServer } from 'node:http2';
import type { ServerHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { Test } from 'tap';
import { eventually } from '../../support/eventually.js';
import { ask, closedPort, startApp, startRawApp } from '../../support/router.js';
import { askHttp2, openHttp2, openTls, startTlsRouter } from '../../support/router-tls.js';
import type { Identity } from '../../support/router-tls.js';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** An application that speaks HTTP/2, with prior knowledge or, given an identity, over TLS. */
const startHttp2App = async (t: Test, onStream: OnStream, identity?: Identity) => {
  const server = identity ? createSecureServer({ ...identity }) : createServer();
  let sessions = 0;
  const open = new Set<{ destroy(): void; goaway(): void }>();
  server.on('session', (session) => {
    sessions += 1;
    open.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    open.forEach((session) => session.destroy());
    server.close();
  });
  const endpoint = { host: '127.0.0.1', protocol: 'http2', ...(identity ? { tls_port: port } : { port }) };
  return { endpoint, sessions: () => sessions, open };
};

void t.test('§8 HTTP/2 in - request and answer pass as those of HTTP/1.1', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const app = await startApp(t, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      res.writeHead(
        201,
        [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['X-Version', req.httpVersion],
        ].flat(),
      );
      res.end(JSON.stringify({ url: req.url, headers: req.headers, body: Buffer.concat(chunks).toString() }));
    });
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const session = openHttp2(t, tlsPort);
  const answer = await askHttp2(
    session,
    { ':method': 'POST', ':path': '/a?b=c', cookie: ['x=1', 'y=2'], 'x-mine': '1' },
    'hello',
  );
  t.match(answer, { status: 201, headers: { 'set-cookie': ['a=1', 'b=2'], 'x-version': '1.1' } });
  t.match(answer.headers['x-vcap-request-id'], /^[\da-f-]{36}$/);
  const seen = JSON.parse(answer.body);
  t.match(seen, {
    url: '/a?b=c',
    body: 'hello',
    headers: { host: 'app.test', cookie: 'x=1; y=2', 'x-forwarded-proto': 'https', 'x-mine': '1' },
  });
  t.notOk(':authority' in seen.headers);
  const many = await Promise.all(Array.from({ length: 20 }, () => askHttp2(session)));
  t.ok(many.every(({ status }) => status === 201));
});

void t.test('§8 HTTP/2 in - switched off, and HTTP/1.1 at the same port', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t, { enable_http2: false });
  const app = await startApp(t, (_req, res) => res.end('served'));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openTls(t, tlsPort, { ALPNProtocols: ['h2', 'http/1.1'] });
  t.equal(client.socket.alpnProtocol, 'http/1.1');
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('served');
});

void t.test('§8 HTTP/2 in - HEAD, 204, 304, own answers, early answers', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const app = await startApp(t, (req, res) => {
    if (req.url === '/early') return void res.writeHead(413).end('too large');
    return void res
      .writeHead(Number(req.url?.slice(1)), { 'X-App': '1' })
      .end(req.method === 'HEAD' ? '' : 'x');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const session = openHttp2(t, tlsPort);
  for (const [method, path, body] of [
    ['GET', '/200', 'x'],
    ['HEAD', '/200', ''],
    ['GET', '/204', ''],
    ['GET', '/304', ''],
  ] as const) {
    const answer = await askHttp2(session, { ':method': method, ':path': path });
    t.match(answer, { status: Number(path.slice(1)), body, headers: { 'x-app': '1' } }, path);
  }
  const unknown = await askHttp2(session, { ':authority': 'no.test' });
  t.match(unknown, {
    status: 404,
    headers: { 'x-cf-routererror': 'unknown_route', 'content-type': 'text/plain; charset=utf-8' },
    body: "404 Not Found: Requested route ('no.test') does not exist.\n",
  });
  const early = await askHttp2(session, { ':method': 'POST', ':path': '/early' }, 'y'.repeat(3_000_000));
  t.match(early, { status: 413, body: 'too large' });
  t.equal((await askHttp2(session, { ':path': '/200' })).status, 200, 'the connection goes on');
});

void t.test(
  '§8 HTTP/2 in - a client that resets its stream is gone: 499, and the endpoint sees it',
  async (t) => {
    const { router, tlsPort } = await startTlsRouter(t);
    let aborted = false;
    const app = await startApp(t, (_req, res) => void res.on('close', () => (aborted = true)));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const session = openHttp2(t, tlsPort);
    const stream = session.request({ ':path': '/', ':authority': 'app.test' });
    stream.on('error', () => undefined);
    await eventually(() => router.counters().total_requests === 1);
    stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => aborted);
    await eventually(() => router.counters().cancelled_requests === 1);
  },
);

void t.test('§8 HTTP/2 in - an answer that breaks off resets the stream', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const app = await startRawApp(t, (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = await askHttp2(openHttp2(t, tlsPort));
  t.not(answer.reset, 0);
});

void t.test('§8 HTTP/2 out - endpoints that registered for it, plain and with TLS', async (t) => {
  const { router, tlsPort, authority, own } = await startTlsRouter(t, { ca_certs: undefined });
  t.ok(own.cert);
  const answer: OnStream = (stream, headers) => {
    stream.respond({
      ':status': 200,
      'x-authority': headers[':authority'],
      'x-id': headers['x-cf-instanceid'],
    });
    stream.pipe(stream);
  };
  const plain = await startHttp2App(t, answer);
  await router.register({ ...plain.endpoint, uris: ['app.test'], private_instance_id: 'i1' });
  const over1 = await ask(router.port, { method: 'POST', body: 'echo me' });
  t.match(over1, { status: 200, body: 'echo me', headers: { 'x-authority': 'app.test', 'x-id': 'i1' } });
  const over2 = await askHttp2(openHttp2(t, tlsPort), { ':method': 'POST' }, 'echo me');
  t.match(over2, { status: 200, body: 'echo me' });
  t.equal(plain.sessions(), 1, 'one connection for both');
  t.ok(authority.ca);
});

void t.test('§8 HTTP/2 out - over TLS by ALPN; an endpoint that prefers HTTP/1.1 gets that', async (t) => {
  const first = await startTlsRouter(t);
  const identity = await first.authority.issue('instance-1');
  const secure = await startHttp2App(
    t,
    (stream, headers) => {
      stream.respond({ ':status': 200, 'x-scheme': headers[':scheme'] ?? '' });
      stream.end('two');
    },
    identity,
  );
  const { createServer: createHttps } = await import('node:https');
  const old = createHttps({ ...identity }, (req, res) => res.end(`one ${req.httpVersion}`));
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    old.closeAllConnections();
    old.close();
  });
  const { startRouter } = await import('../../support/router.js');
  const router = await startRouter(t, { ca_certs: first.authority.ca });
  await router.register({ ...secure.endpoint, uris: ['two.test'], server_cert_domain_san: '127.0.0.1' });
  t.match(await ask(router.port, { host: 'two.test' }), { status: 200, body: 'two' });
  const { port } = old.address() as AddressInfo;
  await router.register({
    ...{ host: '127.0.0.1', tls_port: port, protocol: 'http2', uris: ['one.test'] },
    server_cert_domain_san: '127.0.0.1',
  });
  for (let turn = 0; turn < 2; turn += 1) {
    t.match(await ask(router.port, { host: 'one.test' }), { status: 200, body: 'one 1.1' });
  }
});

void t.test('§8 HTTP/2 out - switched off: HTTP/1.1, whatever the endpoint registered', async (t) => {
  const { router } = await startTlsRouter(t, { enable_http2: false });
  const app = await startApp(t, (req, res) => res.end(req.httpVersion));
  await router.register({ ...app.endpoint, protocol: 'http2', uris: ['app.test'] });
  t.equal((await ask(router.port)).body, '1.1');
});

void t.test('§5 HTTP/2 out - failures: refused, reset, gone away, silent', async (t) => {
  const { router } = await startTlsRouter(t);
  let mode = 'refuse';
  let streams = 0;
  const app = await startHttp2App(t, (stream) => {
    streams += 1;
    if (mode === 'refuse' && streams === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if (mode === 'reset') return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    if (mode === 'half') {
      stream.respond({ ':status': 200, 'content-length': '100' });
      stream.write('half');
      return setImmediate(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR)) && undefined;
    }
    stream.respond({ ':status': 200 });
    return void stream.end('served');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  t.match(await ask(router.port, { method: 'POST' }), { status: 200, body: 'served' }, 'unseen: sent again');
  t.equal(streams, 2);
  mode = 'reset';
  t.match(await ask(router.port), {
    status: 502,
    headers: { 'x-cf-routererror': /^endpoint_failure \(stream error/ },
  });
  mode = 'half';
  await t.rejects(ask(router.port), 'what broke off is not taken for whole');
  mode = 'serve';
  app.open.forEach((session) => session.goaway());
  for (let turn = 0; turn < 3; turn += 1) t.equal((await ask(router.port)).body, 'served');
  app.open.forEach((session) => session.destroy());
  await eventually(async () => (await ask(router.port)).status === 200);
  await router.register({ ...app.endpoint, port: await closedPort(), uris: ['down.test'] });
  t.match(await ask(router.port, { host: 'down.test' }), {
    status: 502,
    headers: { 'x-cf-routererror': /connection refused/ },
  });
});

void t.test('gRPC - trailers, with body and without, and both directions at once', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  let te = '';
  const app = await startHttp2App(t, (stream, headers) => {
    te = String(headers.te);
    if (headers[':path'] === '/empty') {
      stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true });
      return;
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
    stream.on('data', (chunk: Buffer) => stream.write(chunk.toString().toUpperCase()));
    stream.on('end', () => stream.end());
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const session = openHttp2(t, tlsPort);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/service/Method',
    ':authority': 'app.test',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let received = '';
  let trailers: IncomingHttpHeaders = {};
  stream.on('data', (chunk) => (received += String(chunk)));
  stream.on('trailers', (given) => (trailers = given));
  stream.write('one');
  await eventually(() => received === 'ONE');
  stream.write('two');
  await eventually(() => received === 'ONETWO');
  stream.end();
  await eventually(() => trailers['grpc-status'] === '0');
  t.equal(trailers['grpc-message'], 'fine');
  t.equal(te, 'trailers');
  const empty = await askHttp2(session, { ':method': 'POST', ':path': '/empty', te: 'trailers' }, '');
  t.match(empty, { status: 200, headers: { 'grpc-status': '12' }, body: '' });
});

void t.test('HTTP/2 - 20 MB both ways arrive whole', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const app = await startHttp2App(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const chunk = Buffer.alloc(100_000, 'x');
  const body = Readable.from(Array.from({ length: 200 }, () => chunk));
  const answer = await askHttp2(openHttp2(t, tlsPort), { ':method': 'POST' }, body);
  t.equal(answer.body.length, 20_000_000);
});

void t.test('stop - sessions without requests are let go', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const session = openHttp2(t, tlsPort);
  await eventually(() => !session.connecting);
  await router.stop();
  await eventually(() => session.closed || session.destroyed);
});
