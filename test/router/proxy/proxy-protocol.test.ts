import t from 'tap';
import { connect } from 'node:net';
import { eventually } from '../../support/eventually.js';
import { openRaw, startApp, startRouter } from '../../support/router.js';
import { askHttp2, openHttp2, openTls, startTlsRouter } from '../../support/router-tls.js';

const V1 = 'PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n';

const startFor = async (t: Parameters<typeof startTlsRouter>[0]) => {
  const started = await startTlsRouter(t, { enable_proxy: true });
  const app = await startApp(t, (req, res) => res.end(`for=${req.headers['x-forwarded-for']};`));
  await started.router.register({ ...app.endpoint, uris: ['app.test'] });
  return started;
};

/** A connection whose load balancer has spoken already. */
const openProxied = async (port: number, header: string) => {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(header, 'latin1');
  return socket;
};

void t.test('§8 PROXY protocol - plain: in one packet, byte by byte, and without any', async (t) => {
  const { router } = await startFor(t);
  for (const [text, expected] of [
    [V1 + GET, '203.0.113.7'],
    [`PROXY UNKNOWN\r\n${GET}`, '127.0.0.1'],
    [GET, '127.0.0.1'],
  ] as const) {
    const client = await openRaw(t, router.port);
    client.send(text);
    await client.untilEnd();
    t.match(client.received(), `for=${expected};`);
  }
  const slow = await openRaw(t, router.port);
  slow.socket.setNoDelay(true);
  for (const byte of V1 + GET) {
    slow.send(byte);
    await new Promise(setImmediate);
  }
  await slow.untilEnd();
  t.match(slow.received(), 'for=203.0.113.7;');
});

void t.test('§8 PROXY protocol - version 2, and requests one after the other', async (t) => {
  const { router } = await startFor(t);
  const client = await openRaw(t, router.port);
  client.socket.write(
    Buffer.from('0d0a0d0a000d0a515549540a2111000ccb0071070a0000011267 01bb'.replace(' ', ''), 'hex'),
  );
  for (let turn = 1; turn < 4; turn += 1) {
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await eventually(() => client.received().split('for=203.0.113.7;').length === turn + 1);
  }
});

void t.test('§8 PROXY protocol - before TLS, for HTTP/1.1 and HTTP/2', async (t) => {
  const { tlsPort } = await startFor(t);
  const one = await openTls(t, tlsPort, { socket: await openProxied(tlsPort, V1) });
  one.send(GET);
  await one.untilEnd();
  t.match(one.received(), 'for=203.0.113.7;');
  const raw = await openProxied(tlsPort, V1);
  const two = openHttp2(t, tlsPort, { socket: raw });
  t.match((await askHttp2(two)).body, 'for=203.0.113.7;');
});

void t.test('§8 PROXY protocol - a header that is wrong ends the connection', async (t) => {
  const { router } = await startFor(t);
  for (const text of [`PROXY TCP4 1.2.3 4\r\n${GET}`, `PROXY ${'x'.repeat(300)}`]) {
    const client = await openRaw(t, router.port);
    client.send(text);
    await client.untilEnd();
    t.equal(client.received(), '');
  }
});

void t.test('§8 PROXY protocol - means nothing unless configured', async (t) => {
  const router = await startRouter(t);
  const client = await openRaw(t, router.port);
  client.send(V1 + GET);
  await client.untilEnd();
  t.match(client.received(), /^HTTP\/1.1 400 /);
});
