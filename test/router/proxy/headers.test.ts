import t from 'tap';
import type { Test } from 'tap';
import { ask, openRaw, startApp, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';

/** A router before an app that answers the headers it got. */
const startEcho = async (t: Test, options: RouterOptions = {}) => {
  const router = await startRouter(t, options);
  const app = await startApp(t, (req, res) => res.end(JSON.stringify(req.headers)));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const seen = async (headers: Record<string, string | string[]> = {}): Promise<Record<string, string>> =>
    JSON.parse((await ask(router.port, { headers })).body);
  return { router, app, seen };
};

void t.test('§7 X-Forwarded-Proto - kept, sanitized, forced', async (t) => {
  const forged = { 'X-Forwarded-Proto': 'https' };
  const kept = await startEcho(t);
  t.equal((await kept.seen(forged))['x-forwarded-proto'], 'https');
  t.equal((await kept.seen({ 'X-Forwarded-Proto': '' }))['x-forwarded-proto'], 'http', 'empty is absent');
  const sanitized = await startEcho(t, { sanitize_forwarded_proto: true });
  t.equal((await sanitized.seen(forged))['x-forwarded-proto'], 'http');
  const forced = await startEcho(t, { force_forwarded_proto_https: true });
  t.equal((await forced.seen())['x-forwarded-proto'], 'https');
});

void t.test('§7 X-Forwarded-For - the client is appended to all that came', async (t) => {
  const { router } = await startEcho(t);
  const client = await openRaw(t, router.port);
  client.send(
    'GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n\r\n',
  );
  await client.until('"x-forwarded-for":"1.1.1.1, 2.2.2.2, 127.0.0.1"');
});

void t.test('§7 Connection - what the configuration protects cannot be dropped, the rest can', async (t) => {
  const request = {
    Connection: 'X-Forwarded-For, B3, X-Request-Start, X-Mine, X-Forwarded-Client-Cert, Host, Content-Length',
    'X-Forwarded-For': '1.1.1.1',
    'X-Request-Start': '7',
    B3: 'x',
    'X-Mine': '1',
    'X-Forwarded-Client-Cert': 'cert',
  };
  const usual = await (await startEcho(t)).seen(request);
  t.match(usual, {
    host: 'app.test',
    'x-forwarded-for': '1.1.1.1, 127.0.0.1',
    'x-request-start': '7',
    b3: 'x',
    'x-forwarded-client-cert': 'cert',
  });
  t.notOk('x-mine' in usual);
  const other = await (await startEcho(t, { hop_by_hop_headers_to_filter: ['X-MINE'] })).seen(request);
  t.match(other, { host: 'app.test', 'x-mine': '1', 'x-forwarded-for': '127.0.0.1' });
  t.not(other['x-request-start'], '7');
  t.notOk('b3' in other);
  t.notOk('x-forwarded-client-cert' in other);
});

void t.test('§7 TE - trailers, and nothing else, are asked of the endpoint too', async (t) => {
  const { seen } = await startEcho(t);
  t.equal((await seen({ TE: 'trailers, deflate;q=0.5' }))['te'], 'trailers');
  t.notOk('te' in (await seen({ TE: 'deflate' })));
});

void t.test('§15 X-Forwarded-Client-Cert - modes, for clients without a certificate', async (t) => {
  const forged = { 'X-Forwarded-Client-Cert': 'forged' };
  for (const [mode, expected] of [
    ['always_forward', 'forged'],
    ['forward', undefined],
    ['sanitize_set', undefined],
  ] as const) {
    const { seen } = await startEcho(t, { forwarded_client_cert: mode });
    t.equal((await seen(forged))['x-forwarded-client-cert'], expected, mode);
  }
});

void t.test('§7 X-Vcap-Trace - with the key the client is told who served it', async (t) => {
  const { router, app } = await startEcho(t, { advertised_hosts: ['10.9.8.7'] });
  const told = await ask(router.port, { headers: { 'X-Vcap-Trace': '22' } });
  t.match(told.headers, {
    'x-vcap-router': '10.9.8.7',
    'x-vcap-backend': `127.0.0.1:${app.port}`,
    'x-cf-routeendpoint': `127.0.0.1:${app.port}`,
  });
  for (const headers of [{}, { 'X-Vcap-Trace': '23' }]) {
    const answer = await ask(router.port, { headers });
    for (const name of ['x-vcap-router', 'x-vcap-backend', 'x-cf-routeendpoint']) {
      t.notOk(name in answer.headers, name);
    }
  }
  const none = await startEcho(t, { trace_key: '' });
  t.notOk('x-vcap-router' in (await ask(none.router.port, { headers: { 'X-Vcap-Trace': '' } })).headers);
});

void t.test('§7 rewrite rules - added where absent, removed everywhere, own answers too', async (t) => {
  const router = await startRouter(t, {
    http_rewrite: {
      responses: {
        add_headers_if_not_present: [
          { name: 'X-Frame-Options', value: 'DENY' },
          { name: 'X-Kept', value: 'router' },
        ],
        remove_headers: [{ name: 'Server' }, { name: 'X-Vcap-Request-Id' }],
      },
    },
  });
  const app = await startApp(t, (_req, res) => res.writeHead(200, { server: 'x', 'x-kept': 'app' }).end());
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const host of ['app.test', 'no.test']) {
    const { headers } = await ask(router.port, { host });
    t.equal(headers['x-frame-options'], 'DENY', host);
    t.equal(headers['x-kept'], host === 'app.test' ? 'app' : 'router');
    t.notOk('server' in headers, host);
    t.notOk('x-vcap-request-id' in headers, host);
  }
});

const HEX_TRACE = '463ac35c9f6413ad48485a3953bb6124';
const SPAN = 'a2fb4a1d1a96d312';
const asUuid = '463ac35c-9f64-13ad-4848-5a3953bb6124';

void t.test('§7 B3 - a trace begins: its id is the request’s', async (t) => {
  const { router, seen } = await startEcho(t, { tracing: { enable_zipkin: true } });
  const first = await seen();
  t.match(first['x-b3-traceid'], /^[\da-f]{32}$/);
  t.match(first['x-b3-spanid'], /^[\da-f]{16}$/);
  t.equal(first['b3'], `${first['x-b3-traceid']}-${first['x-b3-spanid']}`);
  t.equal(first['x-vcap-request-id']?.replaceAll('-', ''), first['x-b3-traceid']);
  const answer = await ask(router.port);
  t.equal(answer.headers['x-vcap-request-id'], JSON.parse(answer.body)['x-vcap-request-id']);
});

void t.test('§7 B3 - a trace that came in is kept, in either form', async (t) => {
  const { seen } = await startEcho(t, { tracing: { enable_zipkin: true } });
  const single = await seen({ b3: `${HEX_TRACE}-${SPAN}-1` });
  t.match(single, { b3: `${HEX_TRACE}-${SPAN}-1`, 'x-vcap-request-id': asUuid });
  t.notOk('x-b3-traceid' in single);
  const multi = await seen({
    'X-B3-TraceId': HEX_TRACE,
    'X-B3-SpanId': SPAN,
    'X-B3-ParentSpanId': '0020000000000001',
    'X-B3-Sampled': '1',
  });
  t.match(multi, {
    'x-b3-traceid': HEX_TRACE,
    'x-b3-spanid': SPAN,
    'x-b3-parentspanid': '0020000000000001',
    b3: `${HEX_TRACE}-${SPAN}-1-0020000000000001`,
    'x-vcap-request-id': asUuid,
  });
  const short = await seen({ 'X-B3-TraceId': SPAN, 'X-B3-SpanId': SPAN });
  t.equal(short['b3'], `${SPAN}-${SPAN}`);
  t.match(short['x-vcap-request-id'], /^[\da-f-]{36}$/, 'a short trace id is no UUID');
});

void t.test('§7 B3 - what is no trace: a new one in its place, or left as it is', async (t) => {
  const { seen } = await startEcho(t, { tracing: { enable_zipkin: true } });
  const single = await seen({ b3: 'garbage' });
  t.match(single['b3'], /^[\da-f]{32}-[\da-f]{16}$/);
  const multi = await seen({ 'X-B3-TraceId': 'garbage', 'X-B3-SpanId': SPAN });
  t.match(multi, { 'x-b3-traceid': 'garbage', 'x-b3-spanid': SPAN });
  t.notOk('b3' in multi);
});

void t.test('§7 W3C - a trace begins', async (t) => {
  const { seen } = await startEcho(t, { tracing: { enable_w3c: true } });
  for (const headers of [
    {},
    { traceparent: 'garbage', tracestate: 'a=1' },
    { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` },
  ]) {
    const first = await seen(headers);
    const [, trace, span] = /^00-([\da-f]{32})-([\da-f]{16})-01$/.exec(first['traceparent'] ?? '') ?? [];
    t.equal(first['x-vcap-request-id']?.replaceAll('-', ''), trace);
    t.equal(first['tracestate'], `gorouter=${span}`);
  }
});

void t.test('§7 W3C - a trace that came in gets its next span', async (t) => {
  const { seen } = await startEcho(t, { tracing: { enable_w3c: true, w3c_tenant_id: 'tid' } });
  const next = await seen({
    traceparent: `00-${HEX_TRACE}-${SPAN}-00`,
    tracestate: 'rojo=1, tid@gorouter=old,congo=2',
  });
  const [, span] = new RegExp(`^00-${HEX_TRACE}-([\\da-f]{16})-00$`).exec(next['traceparent'] ?? '') ?? [];
  t.ok(span !== undefined && span !== SPAN);
  t.equal(next['tracestate'], `tid@gorouter=${span},rojo=1,congo=2`);
  t.equal(next['x-vcap-request-id'], asUuid);
  const long = await seen({
    traceparent: `00-${HEX_TRACE}-${SPAN}-01`,
    tracestate: `a=${'x'.repeat(2048)}`,
  });
  t.match(long['tracestate'], /^tid@gorouter=[\da-f]{16}$/, 'too long to carry');
});

void t.test('§7 both kinds of tracing tell of one trace', async (t) => {
  const { seen } = await startEcho(t, { tracing: { enable_zipkin: true, enable_w3c: true } });
  const first = await seen();
  t.equal(first['traceparent'], `00-${first['x-b3-traceid']}-${first['x-b3-spanid']}-01`);
});

void t.test('§7 no tracing - trace headers pass as they are', async (t) => {
  const { seen } = await startEcho(t);
  const headers = { b3: 'x', traceparent: 'y', tracestate: 'z' };
  t.match(await seen(headers), headers);
});
