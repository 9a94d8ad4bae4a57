import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { ask, openRaw, startRawApp, startRouter } from '../../support/router.js';
import { openHttp2, startTlsRouter } from '../../support/router-tls.js';

const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nlink: </b.js>\r\n';
const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone';

/** An endpoint that answers every request with these bytes, one after another when `next` is called. */
const startSteps = async (t: Test, steps: readonly string[]) => {
  let next = (): void => undefined;
  const app = await startRawApp(t, (socket) =>
    socket.on('data', () => {
      const left = [...steps];
      next = () => void socket.write(left.shift() ?? '', 'latin1');
      next();
    }),
  );
  return { endpoint: app.endpoint, next: () => next() };
};

void t.test('§8 103 - hints reach the client before the answer, without what is not its own', async (t) => {
  const router = await startRouter(t, {
    http_rewrite: { responses: { remove_headers: [{ name: 'X-Secret' }] } },
  });
  const hint =
    `${HINT}X-Cf-Proxy-Signature: s\r\nX-Secret: 1\r\nConnection: x-listed\r\nX-Listed: 1\r\n` +
    'Content-Length: 3\r\n\r\n';
  const app = await startSteps(t, [hint, FINAL]);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('\r\n\r\n');
  t.equal(client.received(), `${HINT}\r\n`, 'it is there while the answer is not');
  app.next();
  await client.until('done');
  t.match(client.received(), /\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*X-Vcap-Request-Id: [^]*\r\n\r\ndone$/);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('done' + HINT);
  app.next();
  t.equal((await ask(router.port, { host: 'no.test' })).status, 404);
});

void t.test('§8 1xx - others too, a few of them; 100 is the router’s own', async (t) => {
  const router = await startRouter(t);
  const interim = [102, 199, 104, 110, 150, 160, 170].map((status) => `HTTP/1.1 ${status} \xc4\x8a\r\n\r\n`);
  const app = await startSteps(t, [interim.join('') + FINAL]);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('done');
  t.same(
    [...client.received().matchAll(/^HTTP\/1\.1 (.*)\r\n/gm)].map(([, line]) => line),
    ['102 Processing', '199 ', '104 ', '110 ', '150 ', '200 OK'],
  );
});

void t.test('§8 1xx - clients of HTTP/1.0 know none of them', async (t) => {
  const router = await startRouter(t);
  const app = await startSteps(t, [`${HINT}\r\n${FINAL}`]);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  await client.untilEnd();
  t.match(client.received(), /^HTTP\/1\.1 200 OK\r\n[^]*done$/);
});

void t.test('§8 1xx - behind an answer that is due none come, and nothing is mixed up', async (t) => {
  const router = await startRouter(t);
  const slow = await startSteps(t, ['HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nslow', 'slow']);
  const hints = await startSteps(t, [`${HINT}\r\n${FINAL}`]);
  await router.register({ ...slow.endpoint, uris: ['slow.test'] });
  await router.register({ ...hints.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: slow.test\r\n\r\nGET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('slow');
  await ask(router.port);
  slow.next();
  await client.until('done');
  t.match(client.received(), /\r\n\r\nslowslowHTTP\/1\.1 (103|200) [^]*done$/);
});

void t.test('§8 1xx - a hint, and then no answer: 502', async (t) => {
  const router = await startRouter(t);
  const app = await startRawApp(t, (socket) => socket.once('data', () => socket.end(`${HINT}\r\n`)));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
  await client.untilEnd();
  t.match(client.received(), /^HTTP\/1\.1 103 [^]*\r\n\r\nHTTP\/1\.1 502 Bad Gateway\r\n/);
});

void t.test('§8 103 - in HTTP/2, in and out', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const server = createServer();
  server.on('stream', (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a.css>', 'x-more': '1' });
    stream.respond({ ':status': 200 });
    stream.end('two');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  await router.register({ host: '127.0.0.1', port, protocol: 'http2', uris: ['two.test'] });
  const app = await startSteps(t, [`${HINT}\r\n${FINAL}`]);
  await router.register({ ...app.endpoint, uris: ['one.test'] });
  const session = openHttp2(t, tlsPort);
  for (const [authority, link, body] of [
    ['two.test', '</a.css>', 'two'],
    ['one.test', '</a.css>; rel=preload, </b.js>', 'done'],
  ] as const) {
    const stream = session.request({ ':path': '/', ':authority': authority });
    const hints: unknown[] = [];
    stream.on('headers', (headers) => hints.push([headers[':status'], headers['link']]));
    let received = '';
    for await (const chunk of stream) received += String(chunk);
    t.equal(received, body);
    t.same(hints, [[103, link]]);
  }
  const raw = await openRaw(t, router.port);
  raw.send('GET / HTTP/1.1\r\nHost: two.test\r\n\r\n');
  await raw.until('two');
  t.match(
    raw.received(),
    /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>\r\nx-more: 1\r\n\r\nHTTP\/1\.1 200 OK/,
  );
});
