import t from 'tap';
import type { Test } from 'tap';
import { createServer } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createSystemRandom } from '../../../common/adapters/system-random.js';
import { createServiceSignatures } from '../../../router/proxy/service-signature.js';
import { samplesOf } from '../../support/metrics.js';
import { ask, closedPort, openRaw, startApp, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';
import { startAuthority } from '../../support/router-tls.js';

const SECRET = 'a secret of routers';

const rules = (secrets: readonly string[]) => ({
  ...{ secrets, timeoutMs: 60_000, recommendHttps: true, maxAttempts: 3, strict: false },
  ...{ webSockets: false, hairpinning: false, hairpinHosts: [] },
});

const carried = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    ['x-cf-proxy-signature', 'x-cf-proxy-metadata', 'x-cf-forwarded-url'].flatMap((name) =>
      typeof headers[name] === 'string' ? [[name, headers[name]]] : [],
    ),
  );

interface Setup extends RouterOptions {
  service?: (req: IncomingMessage, res: ServerResponse) => void;
}

/** An app whose route is bound to a service that answers what it got. */
const startService = async (t: Test, { service, ...options }: Setup = {}) => {
  const authority = await startAuthority(t);
  const seen: { url: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(await authority.issue('service'), (req, res) => {
    seen.push({ url: req.url ?? '', headers: req.headers });
    if (service) service(req, res);
    else res.setHeader('Set-Cookie', 'JSESSIONID=1').end('from the service');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/service/path?q=1`;
  const router = await startRouter(t, {
    ca_certs: authority.ca,
    route_services_secret: SECRET,
    ...options,
  });
  const app = await startApp(t, (req, res) => res.end(`app ${JSON.stringify(req.headers)}`));
  await router.register({
    ...app.endpoint,
    uris: ['app.test', 'app.test/other'],
    route_service_url: url,
    private_instance_id: 'i1',
  });
  await router.register({ ...app.endpoint, uris: ['plain.test'] });
  return { router, app, seen, server };
};

void t.test('§14 - the request goes to the service, with what it needs to come back', async (t) => {
  const { router, seen } = await startService(t);
  const answer = await ask(router.port, { host: 'app.test:8080', path: '/a/b?c=d' });
  t.match(answer, { status: 200, body: 'from the service' });
  t.same(answer.headers['set-cookie'], ['JSESSIONID=1'], 'nothing sticks to a service');
  const [{ url, headers } = { url: '', headers: {} as IncomingHttpHeaders }] = seen;
  t.equal(url, '/service/path?q=1');
  t.match(headers.host, /^127\.0\.0\.1:\d+$/);
  t.equal(headers['x-cf-forwarded-url'], 'https://app.test/a/b?c=d');
  t.match(headers['x-cf-proxy-signature'], /^[\w-]+=*$/);
  t.match(headers['x-cf-proxy-metadata'], /^[\w-]+=*$/);
  t.notOk('x-cf-instanceid' in headers);
  t.match(headers, { 'x-forwarded-for': '127.0.0.1', 'x-vcap-request-id': /^[\da-f-]{36}$/ });
});

void t.test('§14 - on its way back the request reaches the app, without those headers', async (t) => {
  const { router, seen } = await startService(t, { sanitize_forwarded_proto: true });
  await ask(router.port);
  const headers = { ...carried(seen[0]!.headers), 'X-Forwarded-Proto': 'https' };
  const { body } = await ask(router.port, { headers });
  t.match(body, /^app /);
  const got = JSON.parse(body.slice(4));
  t.same(carried(got), {});
  t.equal(got['x-forwarded-proto'], 'https', 'what the service says of the client stands');
  t.equal(seen.length, 1);
});

void t.test('§12 responses.route_services - by class of status; none counts as xxx', async (t) => {
  const { router } = await startService(t, {
    service: (req, res) => void (req.url === '/service/path?q=1' ? res.writeHead(302).end() : res.end()),
  });
  await ask(router.port);
  await ask(router.port);
  await router.register({
    host: '127.0.0.1',
    port: 1,
    uris: ['down.test'],
    route_service_url: `https://127.0.0.1:${await closedPort()}/`,
  });
  t.equal((await ask(router.port, { host: 'down.test' })).status, 502);
  t.match(await samplesOf(router.metrics), {
    'responses_route_services{status_group="3xx"}': 2,
    'responses_route_services{status_group="2xx"}': 0,
    'responses_route_services{status_group="xxx"}': 1,
    'responses{status_group="3xx"}': 2,
  });
});

void t.test('§14 - a signature opens its own route only', async (t) => {
  const { router, seen } = await startService(t);
  await ask(router.port);
  const headers = carried(seen[0]!.headers);
  t.match(await ask(router.port, { path: '/other', headers }), {
    status: 502,
    body: /^502 Bad Gateway: Failed to validate Route Service Signature: /,
  });
});

void t.test('§14 - signatures that are expired, forged or incomplete', async (t) => {
  const { router } = await startService(t);
  const clock = createFakeClock();
  const signatures = createServiceSignatures(rules([SECRET]), clock, createSystemRandom());
  const foreign = createServiceSignatures(rules(['another']), clock, createSystemRandom());
  const expired = signatures.sign('https://app.test/');
  const get = ({ signature, metadata }: { signature: string; metadata: string }) =>
    ask(router.port, { headers: { 'X-CF-Proxy-Signature': signature, 'X-CF-Proxy-Metadata': metadata } });
  t.match(await get(expired), {
    status: 504,
    headers: { 'x-cf-routererror': 'expired_route_service_signature' },
    body: '504 Gateway Timeout: Failed to validate Route Service Signature: route service request expired\n',
  });
  for (const bad of [
    foreign.sign('https://app.test/'),
    { ...expired, metadata: '' },
    { ...expired, metadata: 'garbage' },
    { ...expired, signature: 'garbage' },
    { ...expired, signature: `${expired.signature.slice(0, -8)}AAAAAAA=` },
    { signature: 'x'.repeat(10_000), metadata: 'e30=' },
  ]) {
    t.match(await get(bad), {
      status: 502,
      headers: { 'x-cf-routererror': 'invalid_route_service_signature' },
      body: /^502 Bad Gateway: Failed to validate Route Service Signature: .+\n$/,
    });
  }
});

void t.test('§14 - the secret before is good for reading, not for signing', async (t) => {
  const clock = createFakeClock();
  const random = createSystemRandom();
  const before = createServiceSignatures(rules(['old']), clock, random);
  const now = createServiceSignatures(rules(['new', 'old']), clock, random);
  t.same(now.verify(before.sign('https://a/')), { ok: true, value: 'https://a/' });
  t.match(before.verify(now.sign('https://a/')), { ok: false });
  await clock.advance(60_000);
  const signed = before.sign('https://a/');
  await clock.advance(60_000);
  t.match(now.verify(signed), { ok: true }, 'until the time is over');
  await clock.advance(1);
  t.match(now.verify(signed), { ok: false, error: 'route service request expired' });
});

void t.test('§14 - what gorouter signed is read', async (t) => {
  // sealed by the same rules with another library: AES-128-GCM, key by PBKDF2 without salt, 100001 rounds
  const { createCipheriv, pbkdf2Sync } = await import('node:crypto');
  const key = pbkdf2Sync(SECRET, '', 100_001, 16, 'sha256');
  const nonce = Buffer.from('0102030405060708090a0b0c', 'hex');
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const text = '{"forwarded_url":"https://app.test/x","requested_time":"1970-01-01T00:00:01.123456789Z"}';
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  const clock = createFakeClock(1_500);
  const signatures = createServiceSignatures(rules([SECRET]), clock, createSystemRandom());
  const metadata = Buffer.from(JSON.stringify({ nonce: nonce.toString('base64') })).toString('base64');
  t.same(signatures.verify({ signature: sealed.toString('base64'), metadata }), {
    ok: true,
    value: 'https://app.test/x',
  });
});

void t.test('§14 - no secret: not supported; WebSockets are not; a URL that is none', async (t) => {
  const { router } = await startService(t, { route_services_secret: undefined });
  t.match(await ask(router.port), {
    status: 502,
    headers: { 'x-cf-routererror': 'route_service_unsupported' },
    body: '502 Bad Gateway: Support for route services is disabled.\n',
  });
  const enabled = await startService(t);
  const client = await openRaw(t, enabled.router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.untilEnd();
  t.match(client.received(), /^HTTP\/1.1 503 [^]*X-Cf-RouterError: route_service_unsupported/);
  t.match(
    client.received(),
    '503 Service Unavailable: Websocket requests are not supported for routes bound to Route Services.',
  );
  await enabled.router.register({
    ...enabled.app.endpoint,
    uris: ['broken.test'],
    route_service_url: 'https://',
  });
  t.match(await ask(enabled.router.port, { host: 'broken.test' }), {
    status: 500,
    body: '500 Internal Server Error: Route service request failed.\n',
  });
});

void t.test('§14 - WebSockets by way of a service, where they are allowed', async (t) => {
  const { router, seen, server } = await startService(t, { route_services: { enable_websockets: true } });
  const upgrades: IncomingHttpHeaders[] = [];
  server.on('upgrade', ({ headers }, socket) => {
    upgrades.push(headers);
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.pipe(socket);
  });
  const client = await openRaw(t, router.port);
  client.send('GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.until('101 Switching Protocols');
  client.send('echo');
  await client.until('\r\n\r\necho');
  t.equal(upgrades[0]?.['x-cf-forwarded-url'], 'https://app.test/chat');
  t.match(carried(upgrades[0] ?? {}), { 'x-cf-proxy-signature': String, 'x-cf-proxy-metadata': String });
  t.equal(seen.length, 0);
  client.socket.destroy();
});

void t.test('§14 - strict: signatures on routes without a service are looked at', async (t) => {
  const headers = { 'X-CF-Proxy-Signature': 'garbage' };
  const lax = await startService(t);
  t.match(
    (await ask(lax.router.port, { host: 'plain.test', headers })).body,
    '"x-cf-proxy-signature":"garbage"',
  );
  const strict = await startService(t, { route_services: { strict_signature_validation: true } });
  t.match(await ask(strict.router.port, { host: 'plain.test', headers }), {
    status: 400,
    headers: { 'x-cf-routererror': 'invalid_route_service_signature' },
    body: '400 Bad Request: invalid route service signature detected\n',
  });
  const old = createServiceSignatures(rules([SECRET]), createFakeClock(), createSystemRandom()).sign(
    'https://x/',
  );
  t.match(
    await ask(strict.router.port, {
      host: 'plain.test',
      headers: { 'X-CF-Proxy-Signature': old.signature, 'X-CF-Proxy-Metadata': old.metadata },
    }),
    { status: 504, headers: { 'x-cf-routererror': 'expired_route_service_signature' } },
  );
});

void t.test(
  '§5 - a service is tried as often as allowed, and its failures are told as endpoints’',
  async (t) => {
    let requests = 0;
    const { router, server } = await startService(t, {
      route_services: { max_attempts: 2 },
      service: (req) => {
        requests += 1;
        req.socket.end();
      },
    });
    t.match(await ask(router.port), {
      status: 502,
      headers: { 'x-cf-routererror': 'endpoint_failure (EOF)' },
    });
    t.equal(requests, 2);
    await ask(router.port, { method: 'POST', body: 'x' });
    t.equal(requests, 3);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    t.match((await ask(router.port)).headers['x-cf-routererror'], /connection refused/);
    t.equal(
      router.routes().find(({ route }) => route === 'app.test')?.endpoints.length,
      1,
      'nothing is pruned',
    );
  },
);

void t.test(
  '§14 hairpinning - a service with a route here is reached directly, if its host is allowed',
  async (t) => {
    const options = { route_services_hairpinning: true };
    for (const [allowlist, direct] of [
      [[], true],
      [['svc.route.test'], true],
      [['*.route.test'], true],
      [['*.other.test'], false],
    ] as const) {
      const { router, app } = await startService(t, {
        ...options,
        route_services_hairpinning_allowlist: allowlist,
      });
      const service = await startApp(t, (req, res) => {
        void ask(router.port, { path: '/back', headers: carried(req.headers) }).then(({ body }) =>
          res.end(`via service at ${req.headers.host}${req.url}: ${body.slice(0, 3)}`),
        );
      });
      await router.register({ ...service.endpoint, uris: ['svc.route.test'], private_instance_id: 's1' });
      await router.register({
        ...app.endpoint,
        uris: ['app.test'],
        route_service_url: 'https://svc.route.test/s?x',
        private_instance_id: 'i2',
      });
      const answer = await ask(router.port, { path: '/there' });
      if (direct) t.match(answer, { status: 200, body: 'via service at svc.route.test/s?x: app' });
      else t.equal(answer.status, 502, 'no such host outside');
    }
  },
);
