import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { packageRoot } from '../../../common/runtime/package-root.js';
import { createTestAuthority } from '../../support/certificates.js';
import { eventually } from '../../support/eventually.js';
import { ask, closedPort, startApp, startRouter } from '../../support/router.js';
import { pem, startAuthority } from '../../support/router-tls.js';

/** A certificate for `instance-1` of an authority of our own, valid for a hundred years. */
const fixture = (name: string): string =>
  readFileSync(join(packageRoot(), 'test/fixtures/tls', name), 'utf8');

/** The port that it listens at until the test ends. */
const listening = async (t: Test, server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const startSecureApp = async (t: Test) => {
  let connections = 0;
  const server = createServer(
    { cert: fixture('instance-1.pem'), key: fixture('instance-1.key') },
    (req, res) => res.end(`secure ${req.headers.host}`),
  );
  server.on('secureConnection', () => (connections += 1));
  const port = await listening(t, server);
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

/** An endpoint that asks for certificates of its authority, by OpenSSL, which says why it refuses one. */
const startDemandingApp = async (t: Test, version: 'tls1_2' | 'tls1_3') => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-demanding-'));
  const authority = await createTestAuthority(dir);
  const { certFile, keyFile } = await authority.issue('instance');
  const verify = ['-Verify', '1', '-verify_return_error', '-CAfile', authority.caFile];
  const identity = ['-cert', certFile, '-key', keyFile];
  const args = ['s_server', '-accept', '127.0.0.1:0', '-www', `-${version}`, ...identity, ...verify];
  const server = spawn('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(async () => {
    server.kill();
    await once(server, 'exit');
    rmSync(dir, { recursive: true });
  });
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const port = Number(await eventually(() => /^ACCEPT \S+:(\d+)\n/m.exec(output)?.[1]));
  const own = await authority.issue('router');
  return {
    ca: readFileSync(authority.caFile, 'utf8'),
    identity: {
      cert_chain: readFileSync(own.certFile, 'utf8'),
      private_key: readFileSync(own.keyFile, 'utf8'),
    },
    registration: {
      ...{ host: '127.0.0.1', tls_port: port, uris: ['app.test'], server_cert_domain_san: '127.0.0.1' },
    },
  };
};

void t.test('tls - an endpoint that refuses the router’s certificate, or misses it: 496', async (t) => {
  const stranger = pem(await (await startAuthority(t)).issue('router'));
  for (const [version, missing] of [
    // OpenSSL has no better word for it before 1.3
    ['tls1_2', { status: 525, error: 'endpoint_failure (remote error: tls: handshake failure)' }],
    ['tls1_3', { status: 496, error: 'endpoint_failure (remote error: tls: certificate required)' }],
  ] as const) {
    const app = await startDemandingApp(t, version);
    const unknown = {
      status: 496,
      error: 'endpoint_failure (remote error: tls: unknown certificate authority)',
    };
    for (const [backends, { status, error }] of [
      [{}, missing],
      [stranger, unknown],
      [app.identity, { status: 200, error: undefined }],
    ] as const) {
      const router = await startRouter(t, { ca_certs: app.ca, backends });
      await router.register(app.registration);
      const answer = await ask(router.port);
      t.equal(answer.status, status, version);
      t.equal(answer.headers['x-cf-routererror'], error, version);
      if (status === 496) t.equal(answer.body, '496 SSL Certificate Required\n');
      t.equal(router.routes()[0]?.endpoints.length, status === 200 ? 1 : 0, 'who refuses is pruned');
    }
  }
});
