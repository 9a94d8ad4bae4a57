import t from 'tap';
import { eventually } from '../../support/eventually.js';
import { startApp, startRawApp } from '../../support/router.js';
import { openTls, pem, startAuthority, startTlsRouter } from '../../support/router-tls.js';

const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n';

const certificateBody = (text: string): string => text.replace(/-----[^-]+-----|\s/g, '');

void t.test('§15 TLS - a request over TLS is told to the endpoint as https', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const app = await startApp(t, (req, res) => res.end(JSON.stringify(req.headers)));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openTls(t, tlsPort);
  t.equal(client.socket.getProtocol(), 'TLSv1.2');
  client.send(GET);
  await client.untilEnd();
  t.match(client.received(), '"x-forwarded-proto":"https"');
  t.match(client.received(), '"x-forwarded-for":"127.0.0.1"');
});

void t.test(
  '§15 TLS - certificates by the name that the client asks for; exact names before wildcards',
  async (t) => {
    const { authority, own, router, tlsPort } = await startTlsRouter(t);
    const wild = await authority.issue('*.wild.test');
    const exact = await authority.issue('a.wild.test');
    router.replaceCertificates([own, wild, exact].map(({ cert, key }) => ({ cert, key })));
    for (const [servername, expected] of [
      ['app.test', 'app.test'],
      ['b.wild.test', '*.wild.test'],
      ['A.Wild.Test', 'a.wild.test'],
      ['deep.b.wild.test', 'app.test'],
      ['nobody.test', 'app.test'],
      [undefined, 'app.test'],
    ] as const) {
      const client = await openTls(t, tlsPort, servername === undefined ? {} : { servername });
      t.equal(client.name(), expected, servername ?? 'no name');
      client.socket.destroy();
    }
  },
);

void t.test(
  'TLS - certificates are replaced from the next connection on; unusable ones are not taken',
  async (t) => {
    const { authority, router, tlsPort } = await startTlsRouter(t);
    const app = await startApp(t, (_req, res) => res.end('served'));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const before = await openTls(t, tlsPort);
    const next = await authority.issue('next.test');
    router.replaceCertificates([next]);
    t.throws(() => router.replaceCertificates([{ ...next, key: 'no key' }]));
    t.throws(() => router.replaceCertificates([]));
    for (const options of [{}, { servername: 'app.test' }]) {
      t.equal((await openTls(t, tlsPort, options)).name(), 'next.test');
    }
    before.send(GET);
    await before.until('served');
  },
);

void t.test('§15 client certificates - asked for, required, none', async (t) => {
  const stranger = await startAuthority(t);
  const foreign = await stranger.issue('foreign');
  for (const [client_cert_validation, without, good, bad] of [
    ['none', true, true, true],
    ['request', true, true, false],
    ['require', false, true, false],
  ] as const) {
    const { router, authority, tlsPort } = await startTlsRouter(t, {
      client_cert_validation,
      forwarded_client_cert: 'sanitize_set',
    });
    const app = await startApp(t, (req, res) => res.end(`cert=${req.headers['x-forwarded-client-cert']};`));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const mine = await authority.issue('client');
    for (const [what, identity, served] of [
      ['no certificate', {}, without],
      ['a good one', mine, good],
      ['a bad one', foreign, bad],
    ] as const) {
      const client = await openTls(t, tlsPort, identity);
      client.send(GET.replace('Host:', 'X-Forwarded-Client-Cert: forged\r\nHost:'));
      await client.untilEnd();
      t.equal(client.received().includes('200 OK'), served, `${client_cert_validation}, ${what}`);
      if (!served) continue;
      const shown = client_cert_validation !== 'none' && 'cert' in identity;
      const expected = shown ? certificateBody(identity.cert) : 'undefined';
      t.match(client.received(), `cert=${expected};`, `${client_cert_validation}, ${what}`);
    }
  }
});

void t.test('§15 forward - the header counts only from clients with a certificate', async (t) => {
  const { router, authority, tlsPort } = await startTlsRouter(t, {
    client_cert_validation: 'request',
    forwarded_client_cert: 'forward',
  });
  const app = await startApp(t, (req, res) => res.end(`cert=${req.headers['x-forwarded-client-cert']};`));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const [identity, expected] of [
    [{}, 'undefined'],
    [await authority.issue('client'), 'theirs'],
  ] as const) {
    const client = await openTls(t, tlsPort, identity);
    client.send(GET.replace('Host:', 'X-Forwarded-Client-Cert: theirs\r\nHost:'));
    await client.untilEnd();
    t.match(client.received(), `cert=${expected};`);
  }
});

void t.test('§10 TLS versions - 1.2 only, unless configured', async (t) => {
  const { tlsPort } = await startTlsRouter(t);
  t.not((await openTls(t, tlsPort, { minVersion: 'TLSv1.3' })).failure(), '');
  t.not((await openTls(t, tlsPort, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).failure(), '');
  const newer = await startTlsRouter(t, { max_tls_version: 'TLSv1.3' });
  t.equal((await openTls(t, newer.tlsPort)).socket.getProtocol(), 'TLSv1.3');
});

void t.test('TLS - an upgrade over TLS is a tunnel', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const app = await startRawApp(t, (socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      socket.on('data', (chunk) => socket.write(`echo ${String(chunk)}`));
    }),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openTls(t, tlsPort);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.until('101 Switching');
  client.send('over TLS');
  await client.until('echo over TLS');
});

void t.test('TLS - what is no TLS is hung up on, and the router lives on', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t, { disable_http: true });
  t.equal(router.address(), undefined);
  for (const garbage of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\x16\x03\x01', '\0'.repeat(100)]) {
    const { connect } = await import('node:net');
    const socket = connect(tlsPort, '127.0.0.1');
    socket.on('error', () => undefined);
    let closed = false;
    socket.on('close', () => (closed = true));
    socket.end(garbage);
    await eventually(() => closed);
  }
  t.equal((await openTls(t, tlsPort)).name(), 'app.test');
});

void t.test('config - TLS without certificates, half an identity, no door at all', async (t) => {
  const { routerConfig } = await import('../../../router/config.js');
  const fields = (options: object): string[] => {
    const parsed = routerConfig.parse(options, 'test');
    return parsed.ok ? [] : parsed.error.map(({ field }) => field);
  };
  t.same(fields({ enable_ssl: true }), ['tls_pem']);
  t.same(fields({ disable_http: true }), ['enable_ssl']);
  t.same(fields({ backends: { cert_chain: 'x' } }), ['backends.private_key']);
  t.same(fields({ tls_pem: [pem({ cert: '', key: 'x' })] }), ['tls_pem[0].cert_chain']);
});
