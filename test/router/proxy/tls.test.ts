import t from 'tap';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { ask, closedPort, startApp, startRouter } from '../../support/router.js';

/** A certificate for `instance-1` of an authority of our own, valid for a hundred years. */
const fixture = (name: string): string =>
  readFileSync(join(packageRoot(), 'test/fixtures/tls', name), 'utf8');

const startSecureApp = async (t: Test) => {
  let connections = 0;
  const server = createServer(
    { cert: fixture('instance-1.pem'), key: fixture('instance-1.key') },
    (req, res) => res.end(`secure ${req.headers.host}`),
  );
  server.on('secureConnection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: { host: '127.0.0.1', tls_port: port }, connections: () => connections };
};

void t.test('tls - an endpoint that proves its name; its connection serves any host', async (t) => {
  const router = await startRouter(t, { ca_certs: fixture('ca.pem') });
  const app = await startSecureApp(t);
  const uris = ['app.test', 'other.test'];
  await router.register({ ...app.endpoint, uris, server_cert_domain_san: 'instance-1' });
  t.equal((await ask(router.port)).body, 'secure app.test');
  t.equal((await ask(router.port, { host: 'other.test' })).body, 'secure other.test');
  t.equal(app.connections(), 1);
});

void t.test('tls - an instance that moved: 503, and the endpoint is gone, its route not yet', async (t) => {
  const router = await startRouter(t, { ca_certs: fixture('ca.pem') });
  const app = await startSecureApp(t);
  await router.register({ ...app.endpoint, uris: ['app.test'], server_cert_domain_san: 'instance-2' });
  const answer = await ask(router.port);
  t.equal(answer.status, 503);
  t.match(answer.headers['x-cf-routererror'], /^endpoint_failure \(x509: .+\)$/);
  t.equal(answer.body, '503 Service Unavailable\n');
  t.equal(router.counters().backend_invalid_id, 1);
  t.equal((await ask(router.port)).headers['x-cf-routererror'], 'no_endpoints');
});

void t.test('tls - a certificate that nobody vouches for: 526', async (t) => {
  const router = await startRouter(t);
  const app = await startSecureApp(t);
  await router.register({ ...app.endpoint, uris: ['app.test'], server_cert_domain_san: 'instance-1' });
  const answer = await ask(router.port);
  t.equal(answer.status, 526);
  t.equal(answer.body, '526 Invalid SSL Certificate\n');
  t.equal(router.counters().backend_invalid_tls_cert, 1);
});

void t.test('tls - a port that speaks no TLS: 525', async (t) => {
  const router = await startRouter(t, { ca_certs: fixture('ca.pem') });
  const app = await startApp(t, (_req, res) => res.end());
  await router.register({ host: '127.0.0.1', tls_port: app.port, uris: ['app.test'] });
  const answer = await ask(router.port);
  t.equal(answer.status, 525);
  t.equal(answer.body, '525 SSL Handshake Failed\n');
  t.equal(router.counters().backend_tls_handshake_failed, 1);
});

void t.test('tls - an endpoint that is not there is removed, and another serves', async (t) => {
  const router = await startRouter(t, { ca_certs: fixture('ca.pem') });
  const app = await startSecureApp(t);
  const more = { uris: ['app.test'], server_cert_domain_san: 'instance-1' };
  await router.register({ host: '127.0.0.1', tls_port: await closedPort(), ...more });
  await router.register({ ...app.endpoint, ...more });
  for (const _ of [1, 2]) t.equal((await ask(router.port)).status, 200);
  t.equal(router.routes()[0]?.endpoints.length, 1);
});
