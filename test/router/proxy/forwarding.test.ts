import t from 'tap';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { eventually } from '../../support/eventually.js';
import { ask, closedPort, openRaw, startApp, startRawApp, startRouter } from '../../support/router.js';

const GUID = '11111111-2222-3333-4444-555555555555';

const echoHeaders = (req: IncomingMessage, res: ServerResponse): void => {
  res.end(JSON.stringify({ url: req.url, headers: req.headers, raw: req.rawHeaders }));
};

void t.test('routing - a request reaches the endpoint of its host, host and path unchanged', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, echoHeaders);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = await ask(router.port, { host: 'App.Test:8080', path: '/a%2Fb/?x=1;2' });
  t.equal(answer.status, 200);
  const seen = JSON.parse(answer.body);
  t.equal(seen.url, '/a%2Fb/?x=1;2');
  t.equal(seen.headers.host, 'App.Test:8080');
});

void t.test('routing - a target in absolute form counts more than Host', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, echoHeaders);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET http://app.test/x?y HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n');
  await client.untilEnd();
  t.match(client.received(), '"url":"/x?y"');
  t.match(client.received(), '"host":"app.test"');
});

void t.test('routing - round robin is even over three endpoints', async (t) => {
  const router = await startRouter(t);
  const counts = [0, 0, 0];
  for (const index of [0, 1, 2]) {
    const app = await startApp(t, (_req, res) => {
      counts[index]! += 1;
      res.end();
    });
    await router.register({ ...app.endpoint, uris: ['app.test'] });
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.teardown(() => agent.destroy());
  await Promise.all(Array.from({ length: 60 }, () => ask(router.port, { agent })));
  t.same(counts, [20, 20, 20]);
});

void t.test('headers - what the endpoint gets', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, echoHeaders);
  await router.register({
    ...app.endpoint,
    uris: ['app.test'],
    app: GUID,
    private_instance_id: 'instance-1',
    private_instance_index: '2',
  });
  const answer = await ask(router.port, {
    headers: {
      'X-Vcap-Request-Id': 'mine',
      'X-CF-ApplicationID': 'forged',
      'X-CF-InstanceIndex': 'forged',
      'X-CF-App-Instance': `${GUID}:2`,
      'X-Forwarded-For': '10.1.1.1, 10.2.2.2',
      'X-Forwarded-Proto': 'https',
      Connection: 'close, X-Secret, X-Forwarded-For',
      'X-Secret': 'hop',
      'Keep-Alive': 'timeout=1',
      TE: 'trailers',
      'Proxy-Authorization': 'Basic x',
    },
  });
  const { headers } = JSON.parse(answer.body);
  t.match(headers['x-vcap-request-id'], /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  t.equal(headers['x-vcap-request-id'], answer.headers['x-vcap-request-id']);
  t.match(headers, {
    'x-cf-applicationid': GUID,
    'x-cf-instanceid': 'instance-1',
    'x-cf-instanceindex': '2',
    'x-forwarded-for': '10.1.1.1, 10.2.2.2, 127.0.0.1',
    'x-forwarded-proto': 'https',
  });
  t.match(headers['x-request-start'], /^\d{13}$/);
  t.equal(headers['te'], 'trailers');
  for (const gone of ['x-secret', 'keep-alive', 'proxy-authorization', 'x-cf-app-instance']) {
    t.notOk(gone in headers, `${gone} stays here`);
  }
});

void t.test(
  'headers - without instance id the address names the instance; proto and start are set when absent',
  async (t) => {
    const router = await startRouter(t);
    const app = await startApp(t, echoHeaders);
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const first = JSON.parse((await ask(router.port)).body).headers;
    t.equal(first['x-cf-instanceid'], `127.0.0.1:${app.port}`);
    t.equal(first['x-forwarded-for'], '127.0.0.1');
    t.equal(first['x-forwarded-proto'], 'http');
    const second = JSON.parse(
      (await ask(router.port, { headers: { 'X-Request-Start': '12' } })).body,
    ).headers;
    t.equal(second['x-request-start'], '12');
  },
);

void t.test('headers - what the client gets', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => {
    const headers = [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['X-CF-Proxy-Signature', 'secret'],
      ['X-Hop', '1'],
      ['X-Cf-RouterError', 'from-app'],
      ['X-Umlaut', 'ä'],
      ['Connection', 'X-Hop'],
      ['Keep-Alive', 'timeout=77'],
    ];
    res.writeHead(203, 'Fine Enough', headers.flat());
    res.end('body');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = await ask(router.port);
  t.equal(answer.status, 203);
  t.same(answer.headers['set-cookie'], ['a=1', 'b=2']);
  t.equal(answer.headers['x-cf-routererror'], 'from-app');
  t.equal(answer.headers['x-umlaut'], 'ä');
  t.notOk('x-hop' in answer.headers);
  t.notOk('x-cf-proxy-signature' in answer.headers);
  t.not(answer.headers['keep-alive'], 'timeout=77');
  t.equal(answer.body, 'body');
});

void t.test('headers - an app that sets X-Vcap-Request-Id keeps its own', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (_req, res) => res.setHeader('X-Vcap-Request-Id', 'own').end());
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  t.equal((await ask(router.port)).headers['x-vcap-request-id'], 'own');
});

void t.test('bodies - HEAD, 204 and 304 have none and leave the connection usable', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => {
    if (req.url === '/204') return res.writeHead(204).end();
    if (req.url === '/304') return res.writeHead(304, { ETag: '"x"' }).end();
    res.writeHead(200, { 'Content-Length': '5' });
    return res.end(req.method === 'HEAD' ? undefined : 'hello');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const head = await ask(router.port, { method: 'HEAD', agent });
  t.equal(head.headers['content-length'], '5');
  t.equal((await ask(router.port, { path: '/204', agent })).status, 204);
  t.equal((await ask(router.port, { path: '/304', agent })).headers.etag, '"x"');
  t.equal((await ask(router.port, { agent })).body, 'hello');
});

void t.test('bodies - lengths and chunks pass, and chunked trailers of the answer too', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => {
    const hash = createHash('sha256');
    req.on('data', (chunk) => hash.update(chunk));
    req.on('end', () => {
      res.writeHead(200, { Trailer: 'X-Sum', 'X-Length': String(req.headers['content-length']) });
      res.write('part');
      res.addTrailers({ 'X-Sum': hash.digest('hex') });
      res.end();
    });
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const sum = createHash('sha256').update('hello').digest('hex');
  const sized = await ask(router.port, { method: 'POST', body: 'hello', headers: { 'Content-Length': '5' } });
  t.equal(sized.trailers['x-sum'], sum);
  t.equal(sized.headers['x-length'], '5');
  const chunked = await ask(router.port, {
    method: 'PUT',
    body: 'hello',
    headers: { 'Transfer-Encoding': 'chunked' },
  });
  t.equal(chunked.trailers['x-sum'], sum);
  t.equal(chunked.headers['x-length'], 'undefined');
  const deleted = await ask(router.port, {
    method: 'DELETE',
    body: 'hello',
    headers: { 'Content-Length': '5' },
  });
  t.equal(deleted.trailers['x-sum'], sum);
});

void t.test('streaming - a head without body and single chunks arrive before the answer ends', async (t) => {
  const router = await startRouter(t);
  let proceed = (): void => undefined;
  const app = await startApp(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.flushHeaders();
    proceed = () => void res.write('data: one\n\n');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('text/event-stream');
  t.notMatch(client.received(), 'data:');
  proceed();
  await client.until('data: one');
});

void t.test('streaming - both directions at once', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => {
    res.flushHeaders();
    req.on('data', (chunk: Buffer) => res.write(chunk.toString().toUpperCase()));
    req.on('end', () => res.end());
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
  await client.until('ONE');
  client.send('3\r\ntwo\r\n');
  await client.until('TWO');
  client.send('0\r\n\r\n');
  await client.until('0\r\n\r\n');
});

void t.test('100-continue - the client is told to go on once an endpoint takes the request', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => {
    req.pipe(res.setHeader('X-Expect', String(req.headers.expect)));
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.send('body');
  await client.untilEnd();
  t.match(client.received(), /HTTP\/1.1 200 OK[^]*\r\n\r\n[^]*body/);
  t.match(client.received(), 'X-Expect: undefined');
});

void t.test('100-continue - a route that nobody has is answered without asking for the body', async (t) => {
  const router = await startRouter(t);
  const client = await openRaw(t, router.port);
  client.send('POST / HTTP/1.1\r\nHost: no.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
  await client.untilEnd();
  t.match(client.received(), /^HTTP\/1.1 404 /);
  t.match(client.received(), /connection: close/i);
});

void t.test('client gone - the request to the endpoint is aborted', async (t) => {
  const router = await startRouter(t);
  let aborted = false;
  const app = await startApp(t, (_req, res) => {
    res.on('close', () => (aborted = true));
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await eventually(() => router.counters().total_requests === 1);
  client.socket.destroy();
  await eventually(() => aborted, { what: 'the endpoint sees the abort' });
  await eventually(() => router.logger.named('router.proxy.request-cancelled')[0]?.fields['status'] === 499);
  t.equal(router.counters().cancelled_requests, 1);
});

void t.test('client gone - also in the middle of an upload and of an answer', async (t) => {
  const router = await startRouter(t);
  let ended = 0;
  const app = await startApp(t, (req, res) => {
    req.on('error', () => undefined);
    res.on('close', () => (ended += 1));
    res.write('begin');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\nsome');
  await client.until('begin');
  client.socket.destroy();
  await eventually(() => ended === 1);
});

void t.test(
  'endpoint dies - in the middle of an answer the connection of the client is closed',
  async (t) => {
    const router = await startRouter(t);
    const app = await startRawApp(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
        socket.end();
      });
    });
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const client = await openRaw(t, router.port);
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    await client.untilEnd();
    t.match(client.received(), /half$/);
  },
);

void t.test(
  'endpoint answers early - the client gets the answer though its upload is not done',
  async (t) => {
    const router = await startRouter(t);
    const app = await startApp(t, (_req, res) => void res.writeHead(413).end('too large'));
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const client = await openRaw(t, router.port);
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 400000\r\n\r\nsome');
    await client.until('too large');
    client.send('x'.repeat(399_996));
    client.send('GET /no HTTP/1.1\r\nHost: no.test\r\n\r\n');
    await client.until('404 Not Found');
  },
);

void t.test(
  'connections - to endpoints are kept, and closed when nobody routes there any more',
  async (t) => {
    const router = await startRouter(t);
    let connections = 0;
    let closed = 0;
    const app = await startApp(t, (_req, res) => res.end('x'));
    app.server.on('connection', (socket) => {
      connections += 1;
      socket.on('close', () => (closed += 1));
    });
    const registration = { ...app.endpoint, uris: ['app.test', 'other.test'] };
    await router.register(registration);
    for (let round = 0; round < 5; round += 1) await ask(router.port);
    t.equal(connections, 1);
    await router.unregister({ ...registration, uris: ['app.test'] });
    await ask(router.port, { host: 'other.test' });
    t.equal(closed, 0, 'another route still uses them');
    await router.unregister(registration);
    await eventually(() => closed === 1);
  },
);

void t.test('connections - one that the endpoint closed while idle costs no request', async (t) => {
  const router = await startRouter(t);
  let answered = 0;
  const app = await startRawApp(t, (socket) => {
    let served = false;
    socket.on('data', () => {
      // the second request on a connection meets its end
      if (served) return socket.destroy();
      served = true;
      answered += 1;
      return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (let round = 0; round < 4; round += 1) t.equal((await ask(router.port)).status, 200);
  t.equal(answered, 4);
});

void t.test(
  'retries - a refused connection is tried on another endpoint, which is then preferred',
  async (t) => {
    const router = await startRouter(t);
    const app = await startApp(t, (_req, res) => res.end('alive'));
    await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['app.test'] });
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(router.port)));
    t.ok(answers.every(({ body }) => body === 'alive'));
    const failures = (): number => router.logger.named('router.proxy.backend-endpoint-failed').length;
    const before = failures();
    await ask(router.port);
    await ask(router.port);
    t.equal(failures(), before, 'the failed one is avoided');
  },
);

void t.test('retries - a body is sent to the second endpoint whole when the first refused', async (t) => {
  const router = await startRouter(t);
  const app = await startApp(t, (req, res) => void req.pipe(res));
  await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['app.test'] });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const body of ['first', 'second', 'third']) {
    t.equal((await ask(router.port, { method: 'POST', body })).body, body);
  }
});

void t.test('retries - when every endpoint refuses, 502 with the reason', async (t) => {
  const router = await startRouter(t);
  const ports = [await closedPort(), await closedPort()];
  for (const port of ports) await router.register({ host: '127.0.0.1', port, uris: ['app.test'] });
  const answer = await ask(router.port);
  t.equal(answer.status, 502);
  t.match(
    answer.headers['x-cf-routererror'],
    /^endpoint_failure \(dial tcp 127\.0\.0\.1:\d+: connect: connection refused\)$/,
  );
  t.equal(answer.body, '502 Bad Gateway: Registered endpoint failed to handle the request.\n');
  t.equal(router.logger.named('router.proxy.backend-endpoint-failed').length, 2, 'each endpoint once');
  t.equal(router.counters().bad_gateways, 1);
});

void t.test(
  'retries - an endpoint that closes without answer gets an idempotent request again, no other',
  async (t) => {
    const router = await startRouter(t);
    const requests: string[] = [];
    for (const _ of [1, 2]) {
      const app = await startRawApp(t, (socket) => {
        socket.once('data', (head) => {
          requests.push(head.toString().split(' ')[0] ?? '');
          socket.end();
        });
      });
      await router.register({ ...app.endpoint, uris: ['app.test'] });
    }
    t.equal((await ask(router.port)).headers['x-cf-routererror'], 'endpoint_failure (EOF)');
    t.same(requests.splice(0), ['GET', 'GET']);
    await ask(router.port, { method: 'POST' });
    t.same(requests.splice(0), ['POST']);
    await ask(router.port, { method: 'POST', headers: { 'Idempotency-Key': '1' } });
    t.same(requests.splice(0), ['POST', 'POST']);
    await ask(router.port, { method: 'POST', body: 'x', headers: { 'Idempotency-Key': '1' } });
    t.same(requests.splice(0), ['POST']);
  },
);

void t.test('retries - a reset is not repeated, and marks the endpoint', async (t) => {
  const router = await startRouter(t);
  let requests = 0;
  for (const _ of [1, 2]) {
    const app = await startRawApp(t, (socket) => {
      socket.once('data', () => {
        requests += 1;
        socket.resetAndDestroy();
      });
    });
    await router.register({ ...app.endpoint, uris: ['app.test'] });
  }
  const answer = await ask(router.port);
  t.equal(answer.status, 502);
  t.match(answer.headers['x-cf-routererror'], /connection reset by peer/);
  t.equal(requests, 1);
});

void t.test('retries - statuses of the app are passed on', async (t) => {
  const router = await startRouter(t);
  let requests = 0;
  const app = await startApp(t, (_req, res) => {
    requests += 1;
    res.writeHead(503).end('mine');
  });
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const answer = await ask(router.port);
  t.equal(answer.status, 503);
  t.equal(answer.body, 'mine');
  t.notOk('x-cf-routererror' in answer.headers);
  t.equal(requests, 1);
});
