import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { passedAnnouncement, passedTrailers } from '../../../router/core/request-trailers.js';
import { eventually } from '../../support/eventually.js';
import { ask, openRaw, startApp, startRawApp, startRouter } from '../../support/router.js';
import { openHttp2, startTlsRouter } from '../../support/router-tls.js';

interface Seen {
  body: string;
  trailer: string | undefined;
  trailers: Record<string, unknown>;
}

/** Applications that note what they got, by HTTP/1.1 and by HTTP/2. */
const startApps = async (t: Test) => {
  const seen: Seen[] = [];
  let connections = 0;
  const one = await startApp(t, (req, res) => {
    let body = '';
    req.on('data', (chunk) => (body += String(chunk)));
    req.on('end', () => {
      seen.push({ body, trailer: req.headers['trailer'], trailers: req.trailers });
      res.end('got it');
    });
  });
  one.server.on('connection', () => (connections += 1));
  const two = createServer();
  two.on('stream', (stream, headers) => {
    let body = '';
    let trailers: Record<string, unknown> = {};
    stream.on('trailers', (given) => (trailers = Object.fromEntries(Object.entries(given))));
    stream.on('data', (chunk) => (body += String(chunk)));
    stream.on('end', () => {
      seen.push({ body, trailer: headers['trailer'] as string | undefined, trailers });
      stream.respond({ ':status': 200 });
      stream.end('got it');
    });
  });
  await new Promise<void>((resolve) => two.listen(0, '127.0.0.1', resolve));
  t.teardown(() => two.close());
  const { port } = two.address() as AddressInfo;
  return {
    seen,
    connections: () => connections,
    registrations: [
      { ...one.endpoint, uris: ['one.test'] },
      { host: '127.0.0.1', port, protocol: 'http2', uris: ['two.test'] },
    ],
  };
};

const chunked = (host: string, trailers: string, announced = 'X-Sum, Content-Length'): string =>
  `POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTrailer: ${announced}\r\n\r\n` +
  `5\r\nhello\r\n0\r\n${trailers}\r\n`;

void t.test('§8 trailers - of requests in HTTP/1.1 reach endpoints of both kinds', async (t) => {
  const router = await startRouter(t);
  const apps = await startApps(t);
  for (const registration of apps.registrations) await router.register(registration);
  for (const host of ['one.test', 'two.test']) {
    const client = await openRaw(t, router.port);
    client.send(chunked(host, 'X-Sum: abc\r\nx-sum: def\r\nX-More: \xe9\r\n'));
    await client.until('got it');
    t.match(apps.seen.pop(), {
      body: 'hello',
      trailer: 'X-Sum',
      trailers: { 'x-sum': 'abc, def', 'x-more': '\xe9' },
    });
    client.send(chunked(host, ''));
    await eventually(() => apps.seen.length === 1);
    t.same({ ...apps.seen.pop()?.trailers }, {}, 'they were of that request alone');
  }
  t.equal(apps.connections(), 1);
});

void t.test('§8 trailers - of requests in HTTP/2 reach endpoints of both kinds', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const apps = await startApps(t);
  for (const registration of apps.registrations) await router.register(registration);
  const session = openHttp2(t, tlsPort);
  for (const [authority, length, expected] of [
    ['one.test', undefined, { 'x-sum': 'abc' }],
    ['two.test', undefined, { 'x-sum': 'abc' }],
    ['two.test', '5', { 'x-sum': 'abc' }],
    // in HTTP/1.1 nothing follows a body of a given length
    ['one.test', '5', {}],
    ['one.test', undefined, { 'x-sum': 'abc' }],
  ] as const) {
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': '/',
        ':authority': authority,
        trailer: 'x-sum',
        ...(length && { 'content-length': length }),
      },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'abc', 'x-cf-instanceid': 'mine' }));
    let received = '';
    stream.on('data', (chunk) => (received += String(chunk)));
    stream.end('hello');
    await eventually(() => received === 'got it');
    const { body, trailers } = apps.seen.pop() ?? { body: '', trailers: {} };
    t.equal(body, 'hello');
    t.same({ ...trailers }, expected, `${authority} ${length}`);
  }
  t.equal(apps.connections(), 1);
});

void t.test('§8 trailers - byte by byte, with none and with no body before them', async (t) => {
  const router = await startRouter(t);
  let received = '';
  const app = await startRawApp(t, (socket) =>
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      if (/\r\n0\r\n(.*\r\n)?\r\n$|content-length: 0\r\n\r\n$/i.test(received)) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
    }),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  for (const [sent, arrived] of [
    [chunked('app.test', 'X-A: 1\r\n'), /\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n$/],
    [chunked('app.test', 'Host: evil\r\n'), /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/],
    [chunked('app.test', ''), /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/],
    [chunked('app.test', 'X-A: 1\r\n').replace('5\r\nhello\r\n', ''), /content-length: 0\r\n\r\n$/i],
    [chunked('app.test', 'X-A: 2\r\n'), /\r\n\r\n5\r\nhello\r\n0\r\nX-A: 2\r\n\r\n$/],
  ] as const) {
    received = '';
    const before = client.received().length;
    client.send(sent);
    await eventually(() => client.received().slice(before).endsWith('ok'));
    t.match(received, arrived);
    t.equal(received.split('HTTP/1.1').length, 2);
  }
  t.equal((await ask(router.port, { host: 'no.test' })).status, 404);
});

void t.test('§8 trailers - what belongs before the body does not come after it', async (t) => {
  const never =
    'Content-Length,Transfer-Encoding,Host,Trailer,TE,Connection,Authorization,Cookie,X-Forwarded-For,' +
    'X-Forwarded-Client-Cert,X-CF-InstanceID,X-CF-Proxy-Signature,X-Vcap-Request-Id,traceparent,B3,Content-Type';
  const raw = never.split(',').flatMap((name) => [name, '1']);
  t.same(passedTrailers([...raw, 'Digest', '2', ':status', '200', '', '3']), ['Digest', '2']);
  t.equal(passedAnnouncement(`${never}, grpc-status ,,Digest`), 'grpc-status, Digest');
});
