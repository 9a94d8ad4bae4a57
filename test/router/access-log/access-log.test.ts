import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import type { LogBatch } from '../../../common/model/logs.js';
import { eventually } from '../../support/eventually.js';
import { ask, closedPort, openRaw, startApp, startRawApp, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';
import { startAuthority } from '../../support/router-tls.js';

const APP = { app: 'app-guid', private_instance_id: 'one', private_instance_index: '0' };

/** The port that it listens at until the test ends. */
const listening = async (t: Test, server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
};

const startLogged = async (t: Test, { access_log, ...options }: RouterOptions = {}) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-access-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'access.log');
  const router = await startRouter(t, { ...options, access_log: { file, ...(access_log as object) } });
  const lines = (path = file): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
  /** the line of a request that was given this path */
  const lineOf = (path: string): Promise<string> =>
    eventually(() => lines().find((line) => line.includes(` ${path} `)));
  return { ...router, file, lines, lineOf };
};

t.test('access log - one line per request, with what came, what went and who served it', async (t) => {
  const router = await startLogged(t);
  const app = await startApp(t, (req, res) => req.resume().on('end', () => res.writeHead(201).end('four')));
  await router.register({ ...app.endpoint, ...APP, uris: ['app.test'] });
  const headers = { 'User-Agent': 'tester', Referer: 'http://from/', 'X-Forwarded-For': '9.9.9.9' };
  const answer = await ask(router.port, { method: 'POST', path: '/whole?a=1', body: '0123456789', headers });
  const line = await router.lineOf('/whole?a=1');
  t.match(
    line,
    new RegExp(
      '^app\\.test - \\[\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z\\] "POST /whole\\?a=1 HTTP/1\\.1" 201 10 4 ' +
        `"http://from/" "tester" "127\\.0\\.0\\.1:\\d+" "127\\.0\\.0\\.1:${app.port}" ` +
        'x_forwarded_for:"9\\.9\\.9\\.9, 127\\.0\\.0\\.1" x_forwarded_proto:"http" ' +
        `vcap_request_id:"${String(answer.headers['x-vcap-request-id'])}" response_time:\\d+\\.\\d{6} ` +
        'gorouter_time:\\d+\\.\\d{6} app_id:"app-guid" app_index:"0" instance_id:"one" x_cf_routererror:"-"$',
    ),
  );
  t.equal(statSync(router.file).mode & 0o007, 0, 'nobody else reads it');
});

t.test("access log - the router's own answers are there with their reason", async (t) => {
  const router = await startLogged(t);
  await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['down.test'], ...APP });
  await ask(router.port, { host: 'nobody.test', path: '/unknown' });
  await ask(router.port, { host: 'down.test', path: '/down' });
  t.match(
    await router.lineOf('/unknown'),
    / 404 0 \d+ "-" "-" "127.* app_id:"-" .* x_cf_routererror:"unknown_route"$/,
  );
  t.match(
    await router.lineOf('/down'),
    / 502 0 \d+ .* app_id:"app-guid" .* x_cf_routererror:"endpoint_failure \(dial tcp .*\)"$/,
  );
  await ask(router.port, { path: '/probe', headers: { 'User-Agent': 'HTTP-Monitor/1.1' } });
  t.match(await router.lineOf('/probe'), /" 200 0 3 "-" "HTTP-Monitor\/1\.1" /);
});

t.test('access log - an error that the application names is told as well', async (t) => {
  const router = await startLogged(t);
  const app = await startApp(t, (_req, res) => res.writeHead(500, { 'X-Cf-RouterError': 'made up' }).end());
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  await ask(router.port, { path: '/own' });
  t.match(await router.lineOf('/own'), / 500 .* x_cf_routererror:"made up"$/);
});

t.test('access log - whoever leaves before the answer is a 499', async (t) => {
  const router = await startLogged(t);
  let reached = false;
  const app = await startApp(t, () => (reached = true));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const socket = connect(router.port, '127.0.0.1');
  socket.write('GET /left HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await eventually(() => reached);
  socket.destroy();
  t.match(
    await router.lineOf('/left'),
    / 499 0 0 .* x_cf_routererror:"endpoint_failure \(context canceled\)"$/,
  );
});

const DIAL_FIELDS = ['dns_time', 'dial_time', 'tls_time', 'local_address'];

t.test('access log - what a new connection took, and which one it was', async (t) => {
  const authority = await startAuthority(t);
  const router = await startLogged(t, {
    access_log: { extra_access_log_fields: DIAL_FIELDS },
    ca_certs: authority.ca,
  });
  const seen: string[] = [];
  const app = await startApp(t, ({ socket }, res) => {
    seen.push(`${socket.remoteAddress}:${socket.remotePort}`);
    res.end();
  });
  const secure = createServer(await authority.issue('secure'), (_req, res) => res.end());
  const tls_port = await listening(t, secure);
  const { port } = app;
  await router.register({ host: '127.0.0.1', port, uris: ['app.test'] });
  await router.register({ host: 'localhost', port, uris: ['named.test'] });
  await router.register({
    ...{ host: '127.0.0.1', tls_port, uris: ['secure.test'], server_cert_domain_san: '127.0.0.1' },
  });
  await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['down.test'] });
  const fieldsOf = async (host: string, path: string) => {
    await ask(router.port, { host, path });
    const line = await router.lineOf(path);
    return [...line.matchAll(/(?:dns_time|dial_time|tls_time|local_address):(\S+)/g)].map(
      ([, value]) => value,
    );
  };
  const [none, time] = ['0.000000', /^0\.(?!000000)\d{6}$/];
  t.match(await fieldsOf('app.test', '/first'), [none, time, none, `"${seen[0]}"`]);
  t.match(await fieldsOf('app.test', '/second'), [none, none, none, `"${seen[0]}"`]);
  t.equal(new Set(seen).size, 1);
  t.match(await fieldsOf('named.test', '/named'), [time, time, none, `"${seen[2]}"`]);
  t.match(await fieldsOf('secure.test', '/secure'), [none, time, time, /^"127\.0\.0\.1:\d+"$/]);
  t.match(await fieldsOf('down.test', '/down'), ['"-"', '"-"', '"-"', '"-"']);
  t.match(await fieldsOf('no.test', '/nowhere'), ['"-"', '"-"', '"-"', '"-"']);
});

t.test('access log - … by HTTP/2, and of a tunnel', async (t) => {
  const router = await startLogged(t, { access_log: { extra_access_log_fields: DIAL_FIELDS } });
  const two = createHttp2Server();
  two.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end();
  });
  const port = await listening(t, two);
  await router.register({ host: '127.0.0.1', port, protocol: 'http2', uris: ['two.test'] });
  for (const path of ['/one', '/two']) await ask(router.port, { host: 'two.test', path });
  t.match(await router.lineOf('/one'), /dns_time:0\.000000 dial_time:0\.(?!000000)\d{6} tls_time:0\.000000 /);
  t.match(
    await router.lineOf('/two'),
    /dial_time:0\.000000 tls_time:0\.000000 local_address:"127\.0\.0\.1:\d+"/,
  );
  const app = await startRawApp(t, (socket) =>
    socket.once('data', () =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET /tunnel HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.untilEnd();
  client.socket.end();
  t.match(
    await router.lineOf('/tunnel'),
    / 101 .* dial_time:0\.(?!000000)\d{6} tls_time:0\.000000 local_address:"127/,
  );
});

t.test('access log - headers that are asked for, and those of the trace', async (t) => {
  const app = await startApp(t, (_req, res) => res.end());
  for (const [tracing, pattern] of [
    [{}, / x_cf_routererror:"-" x_mine:"1" b3:"-"$/],
    [
      { enable_zipkin: true },
      / x_mine:"1" b3:"[\da-f]{32}-[\da-f]{16}" x_b3_traceid:"[\da-f]{32}" x_b3_spanid:"[\da-f]{16}" x_b3_parentspanid:"-"$/,
    ],
    [
      { enable_w3c: true },
      / b3:"-" traceparent:"00-[\da-f]{32}-[\da-f]{16}-01" tracestate:"gorouter=[\da-f]{16}"$/,
    ],
  ] as const) {
    const router = await startLogged(t, {
      tracing,
      access_log: { extra_headers_to_log: ['X-Mine', 'B3', 'x-mine'] },
    });
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    await ask(router.port, { path: '/traced', headers: { 'X-Mine': '1' } });
    t.match(await router.lineOf('/traced'), pattern);
  }
});

t.test('access log - a tunnel has its line when it ends', async (t) => {
  const router = await startLogged(t);
  const app = await startRawApp(t, (socket) =>
    socket
      .on('end', () => socket.end())
      .once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      ),
  );
  await router.register({ ...app.endpoint, ...APP, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET /tunnel HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.until('101 Switching');
  await ask(router.port, { host: 'nobody.test', path: '/after' });
  await router.lineOf('/after');
  t.equal(router.lines().length, 1, 'it is still open');
  client.socket.destroy();
  t.match(await router.lineOf('/tunnel'), /"GET \/tunnel HTTP\/1\.1" 101 0 0 .* app_id:"app-guid"/);
});

t.test('access log - a file that was moved away is followed by a new one, and nothing is lost', async (t) => {
  const router = await startLogged(t);
  for (let nth = 0; nth < 5; nth += 1) await ask(router.port, { path: `/before/${nth}` });
  await router.lineOf('/before/4');
  const old = `${router.file}.1`;
  renameSync(router.file, old);
  await ask(router.port, { path: '/moved' });
  await eventually(() => router.lines(old).some((line) => line.includes(' /moved ')));
  for (const member of router.members) member.renew?.();
  await ask(router.port, { path: '/after' });
  await router.lineOf('/after');
  t.equal(router.lines().length, 1);
  t.same(
    router.lines(old).map((line) => / (\/\S*) /.exec(line)?.[1]),
    ['/before/0', '/before/1', '/before/2', '/before/3', '/before/4', '/moved'],
  );
});

t.test('access log - what waits is written when the router stops', async (t) => {
  const router = await startLogged(t);
  await Promise.all(Array.from({ length: 20 }, (_, nth) => ask(router.port, { path: `/${nth}` })));
  await router.stop();
  t.equal(router.lines().length, 20);
});

t.test('access log - a file that cannot be written fails the start with its path', async (t) => {
  const file = '/nowhere/at/all/access.log';
  await t.rejects(startRouter(t, { access_log: { file } }), {
    code: 'FILE_UNWRITABLE',
    message: new RegExp(file),
  });
});

t.test("application logs - a request's line is in its application's log, source RTR", async (t) => {
  const router = await startRouter(t, { index: 4 });
  const batches: { subject: string; batch: LogBatch }[] = [];
  router.bus.subscribe('log.>', ({ subject, payload }) =>
    batches.push({ subject, batch: JSON.parse(Buffer.from(payload).toString()) as LogBatch }),
  );
  const app = await startApp(t, (_req, res) => res.end('x'));
  await router.register({ ...app.endpoint, ...APP, uris: ['app.test'], tags: { space_id: 's' } });
  await router.register({ ...app.endpoint, uris: ['anonymous.test'] });
  await router.register({ ...app.endpoint, app: 'a.>', uris: ['hostile.test'] });
  for (const host of ['anonymous.test', 'hostile.test']) await ask(router.port, { host });
  await Promise.all(['/one', '/two', '/three'].map((path) => ask(router.port, { path })));
  const lines = () => batches.flatMap(({ batch }) => batch.lines);
  await eventually(() => lines().length === 3);
  t.same(new Set(batches.map(({ subject }) => subject)), new Set(['log.app-guid.4']));
  t.match(batches[0]?.batch, { sourceId: 'app-guid', instanceId: '4', tags: { space_id: 's' } });
  const texts = lines().map(({ payload }) => Buffer.from(payload, 'base64').toString());
  for (const path of ['/one', '/two', '/three'])
    t.ok(texts.some((text) => text.includes(`"GET ${path} HTTP/1.1" 200`)));
  t.ok(lines().every(({ sourceType, stream }) => sourceType === 'RTR' && stream === 'OUT'));
  t.equal(new Set(lines().map(({ timestamp }) => timestamp)).size, 3, 'no two have one time');
});

t.test('application logs - a line that is too long for log systems is cut', async (t) => {
  const router = await startRouter(t);
  const payloads: Buffer[] = [];
  router.bus.subscribe('log.>', ({ payload }) => {
    const { lines } = JSON.parse(Buffer.from(payload).toString()) as LogBatch;
    payloads.push(...lines.map((line) => Buffer.from(line.payload, 'base64')));
  });
  const app = await startApp(t, (_req, res) => res.end('x'));
  await router.register({ ...app.endpoint, ...APP, uris: ['app.test'] });
  await ask(router.port, {
    path: `/${'%22'.repeat(4000)}`,
    headers: { 'User-Agent': '"'.repeat(30_000), Referer: '"'.repeat(10_000) },
  });
  await eventually(() => payloads.length === 1);
  t.ok((payloads[0]?.length ?? 0) <= 65_400);
  t.match(payloads[0]?.toString(), 'USER-AGENT-TOO-LONG-TO-LOG--TRUNCATED');
});
