import t from 'tap';
import type { Test } from 'tap';
import { eventually } from '../../support/eventually.js';
import { ask, openRaw, startRawApp, startRouter } from '../../support/router.js';
import { openTls, startTlsRouter } from '../../support/router-tls.js';
import { rawHttp2Request, readRawHttp2 } from '../../support/raw-http2.js';
import type { HeaderPairs } from '../../support/raw-http2.js';

/** An application that writes down every byte, and answers each head with the number of those so far. */
const startWitness = async (t: Test) => {
  let bytes = '';
  let heads = 0;
  const app = await startRawApp(t, (socket) =>
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
      const now = bytes.split(' HTTP/1.1\r\n').length - 1;
      for (; heads < now; heads += 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    }),
  );
  return { app, bytes: () => bytes, requests: () => bytes.split(' HTTP/1.1\r\n').length - 1 };
};

const POST = 'POST / HTTP/1.1\r\nHost: app.test\r\n';
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: app.test\r\n\r\n';
const CL_TE = `Content-Length: ${`0\r\n\r\n${HIDDEN}`.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`;

/** Refused: one answer at most, 400 or 501, the connection closed, not a byte to the endpoint. */
const REFUSED: Readonly<Record<string, string>> = {
  'CL.TE': POST + CL_TE,
  'TE.CL': `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2b\r\n${HIDDEN}\r\n0\r\n\r\n`,
  'TE.TE identity after chunked': `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE.TE chunked twice': `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE.TE cow': `${POST}Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE xchunked': `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE gzip, chunked': `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE chunked, gzip': `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE identity': `${POST}Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n${HIDDEN}`,
  'TE quoted': `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE with vertical tab': `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE with parameter': `${POST}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE space before colon': `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE tab before colon': `${POST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE folded': `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE hidden in a fold': `${POST}X: y\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE after a bare LF': `${POST}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE after a bare CR': `${POST}X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE with NUL': `${POST}Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'TE in HTTP/1.0 with length': `POST / HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  'CL different twice': `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  'CL same twice': `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  'CL as a list': `${POST}Content-Length: 5, 5\r\n\r\nhello`,
  'CL plus': `${POST}Content-Length: +5\r\n\r\nhello`,
  'CL minus': `${POST}Content-Length: -5\r\n\r\nhello`,
  'CL hex': `${POST}Content-Length: 0x5\r\n\r\nhello`,
  'CL exponent': `${POST}Content-Length: 5e0\r\n\r\nhello`,
  'CL empty': `${POST}Content-Length:\r\n\r\nhello`,
  'CL with space inside': `${POST}Content-Length: 5 5\r\n\r\nhello`,
  'CL beyond 64 bits': `${POST}Content-Length: 99999999999999999999\r\n\r\nhello`,
  'CL folded': `${POST}Content-Length:\r\n 5\r\n\r\nhello`,
  'CL space before colon': `${POST}Content-Length : 5\r\n\r\nhello`,
  'Host twice': `${POST}Host: other.test\r\n\r\n`,
  'Host folded': 'GET / HTTP/1.1\r\nHost: app.test\r\n other.test\r\n\r\n',
  'Host with userinfo in the target': 'GET http://x@app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'header without colon': `${POST}garbage\r\n\r\n`,
  'header without name': `${POST}: x\r\n\r\n`,
  'header name with space': `${POST}X Y: z\r\n\r\n`,
  'header name with NUL': `${POST}X\0Y: z\r\n\r\n`,
  'header value with NUL': `${POST}X: a\0b\r\n\r\n`,
  'header value with bare CR': `${POST}X: a\rb\r\n\r\n`,
  'first header folded': 'GET / HTTP/1.1\r\n X: y\r\nHost: app.test\r\n\r\n',
  'bare LF throughout': 'GET / HTTP/1.1\nHost: app.test\n\n',
  'bare LF at the end': 'GET / HTTP/1.1\r\nHost: app.test\r\n\nGET /hidden HTTP/1.1\r\n\r\n',
  'request line with more': 'GET / HTTP/1.1 HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'request line with tab': 'GET\t/\tHTTP/1.1\r\nHost: app.test\r\n\r\n',
  'target with space': 'GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'target with NUL': 'GET /\0 HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'target of another scheme': 'GET ftp://app.test/ HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'target with fragment': 'GET http://app.test/#x HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'asterisk target': 'OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n',
  CONNECT: 'CONNECT app.test:80 HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'unknown method': 'GE@T / HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'lower-case method': 'get / HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'HTTP/2 preface in the clear': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'upgrade with a body': `${POST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello`,
};

void t.test('smuggling - what has two readings is refused, and nothing reaches the endpoint', async (t) => {
  const router = await startRouter(t);
  const { app, bytes } = await startWitness(t);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const [name, request] of Object.entries(REFUSED)) {
    const client = await openRaw(t, router.port);
    client.send(request);
    await client.untilEnd();
    t.match(client.received(), /^(HTTP\/1.[01] (400|501) [^]*)?$/, name);
    t.ok(client.received().split('HTTP/1.').length <= 2, `${name}: one answer at most`);
    t.equal(bytes(), '', name);
    client.socket.destroy();
  }
});

/** Refused while their body is read: the endpoint sees one request that never ends well. */
const BROKEN_BODIES: Readonly<Record<string, string>> = {
  'chunk size hex prefix': '0x5\r\nhello\r\n0\r\n\r\n',
  'chunk size negative': '-5\r\nhello\r\n0\r\n\r\n',
  'chunk size empty': '\r\nhello\r\n0\r\n\r\n',
  'chunk size beyond 64 bits': 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
  'chunk size with bare LF': `5\nhello\r\n0\r\n\r\n`,
  'chunk size with bare CR': `5\rXhello\r\n0\r\n\r\n`,
  'chunk longer than said': `5\r\nhello${HIDDEN}\r\n0\r\n\r\n`,
  'chunk ended by bare LF': `5\r\nhello\n0\r\n\r\n`,
  'chunk extension with bare LF': `5;a\nb\r\nhello\r\n0\r\n\r\n`,
  'trailer without colon': `5\r\nhello\r\n0\r\ngarbage\r\n\r\n`,
  'trailer that would frame': `5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n`,
  'trailer with NUL': `5\r\nhello\r\n0\r\nX: a\0\r\n\r\n`,
};

void t.test('smuggling - bodies that break: nothing hidden in them is taken for a request', async (t) => {
  const router = await startRouter(t);
  for (const [name, body] of Object.entries(BROKEN_BODIES)) {
    let bytes = '';
    const app = await startRawApp(t, (socket) => socket.on('data', (chunk) => (bytes += String(chunk))));
    const host = `${name.toLowerCase().replaceAll(' ', '-')}.test`;
    await router.register({ ...app.endpoint, uris: [host] });
    const client = await openRaw(t, router.port);
    client.send(`POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n${body}${HIDDEN}`);
    await client.untilEnd();
    t.ok(client.received().split('HTTP/1.').length <= 2, `${name}: one answer at most`);
    t.notMatch(client.received(), ' 200 ', name);
    t.ok(bytes.split(' HTTP/1.1\r\n').length <= 2, `${name}: one request at most`);
    t.notMatch(bytes, '0\r\n\r\n', `${name}: what broke does not end as if it were whole`);
    client.socket.destroy();
  }
});

/** Passed on with one reading: what the endpoint gets of them. */
const PASSED: Readonly<Record<string, readonly [request: string, pattern: RegExp, requests: number]>> = {
  'TE in capitals': [
    `${POST}Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    /transfer-encoding: chunked\r\n[^]*5\r\nhello\r\n0\r\n\r\n$/i,
    1,
  ],
  'TE after a tab': [
    `${POST}Transfer-Encoding:\tchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    /5\r\nhello\r\n0\r\n\r\n$/,
    1,
  ],
  'TE with trailing space': [
    `${POST}Transfer-Encoding: chunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    /5\r\nhello\r\n0\r\n\r\n$/,
    1,
  ],
  'TE listed in Connection': [
    `${POST}Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    /5\r\nhello\r\n0\r\n\r\n$/,
    1,
  ],
  'CL listed in Connection': [
    `${POST}Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello`,
    /content-length: 5\r\n[^]*hello$/i,
    1,
  ],
  'CL with zeros before': [
    `${POST}Content-Length: 005\r\n\r\nhello`,
    /content-length: 0*5\r\n[^]*hello$/i,
    1,
  ],
  'chunk extensions': [
    `${POST}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n`,
    /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    1,
  ],
  trailers: [
    `${POST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: x\r\nX: y\r\n\r\n`,
    /\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n$/,
    1,
  ],
  'a GET with a body': [
    `GET / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    /^GET \/ HTTP\/1.1[^]*\r\n\r\nGET \/hidden/,
    2,
  ],
  'underscores for dashes': [
    `${POST}Transfer_Encoding: chunked\r\nContent_Length: 99\r\nContent-Length: 5\r\n\r\nhello`,
    /hello$/,
    1,
  ],
  'two slashes': ['GET //x//y/../z HTTP/1.1\r\nHost: app.test\r\n\r\n', /^GET \/\/x\/\/y\/\.\.\/z HTTP/, 1],
  'absolute form': [
    'GET http://app.test/x HTTP/1.1\r\nHost: other.test\r\n\r\n',
    /^GET \/x HTTP\/1.1\r\nhost: app.test\r\n/i,
    1,
  ],
};

void t.test('smuggling - what has one reading is passed on in that one', async (t) => {
  const router = await startRouter(t);
  for (const [name, [request, pattern, requests]] of Object.entries(PASSED)) {
    const witness = await startWitness(t);
    const registration = { ...witness.app.endpoint, uris: ['app.test'] };
    await router.register(registration);
    const client = await openRaw(t, router.port);
    client.send(request);
    await eventually(() => pattern.test(witness.bytes()), { what: name });
    await client.until('200 OK');
    t.equal(witness.requests(), requests, name);
    client.socket.destroy();
    await router.unregister(registration);
  }
});

void t.test(
  'pipelined - each request has its answer, in order; the one that is refused ends it',
  async (t) => {
    const router = await startRouter(t);
    const { app, requests } = await startWitness(t);
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    const get = 'GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n';
    const client = await openRaw(t, router.port);
    client.send(
      `${get}${get}${POST}Content-Length: 5\r\n\r\nhello${get}${POST}Content-Length: x\r\n\r\n${get}`,
    );
    await client.untilEnd();
    const statuses = [...client.received().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    t.same(statuses, ['200', '200', '200', '200', '400']);
    t.equal(requests(), 4, 'nothing after the refused one');
  },
);

const H2: HeaderPairs = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/'],
  [':authority', 'app.test'],
];
const put = (name: string, value: string): HeaderPairs =>
  H2.map((pair) => (pair[0] === name ? [name, value] : pair));

/** HTTP/2 requests that would be something else in HTTP/1: refused, by the protocol or by the router. */
const DOWNGRADES: Readonly<Record<string, readonly [HeaderPairs, string?]>> = {
  'H2.TE': [[...H2, ['transfer-encoding', 'chunked']], `0\r\n\r\n${HIDDEN}`],
  'H2.CL too short': [[...H2, ['content-length', '0']], HIDDEN],
  'H2.CL too long': [[...H2, ['content-length', '900']], 'hello'],
  'H2.CL twice': [[...H2, ['content-length', '5'], ['content-length', '6']], 'hello'],
  'H2.CL no number': [[...H2, ['content-length', '5, 5']], 'hello'],
  'connection header': [[...H2, ['connection', 'close']]],
  'upgrade header': [[...H2, ['upgrade', 'websocket']]],
  'CRLF in a value': [[...H2, ['x', 'a\r\nTransfer-Encoding: chunked']]],
  'LF in a value': [[...H2, ['x', 'a\nTransfer-Encoding: chunked']]],
  'NUL in a value': [[...H2, ['x', 'a\0b']]],
  'CRLF in a name': [[...H2, ['x: y\r\ntransfer-encoding', 'chunked']]],
  'colon in a name': [[...H2, ['transfer-encoding: chunked', 'x']]],
  'space in a name': [[...H2, ['transfer-encoding ', 'chunked']]],
  'capitals in a name': [[...H2, ['Transfer-Encoding', 'chunked']]],
  'CRLF in the path': [put(':path', '/ HTTP/1.1\r\nHost: evil\r\n\r\n')],
  'space in the path': [put(':path', '/ HTTP/1.1')],
  'path without slash': [put(':path', 'x')],
  'absolute path': [put(':path', 'http://evil/')],
  'empty path': [put(':path', '')],
  'CRLF in the method': [put(':method', 'GET / HTTP/1.1\r\nX: y')],
  'space in the method': [put(':method', 'GET /x')],
  CONNECT: [put(':method', 'CONNECT')],
  'CRLF in the authority': [put(':authority', 'app.test\r\nX: y')],
  'userinfo in the authority': [put(':authority', 'x@app.test')],
  'path in the authority': [put(':authority', 'app.test/x')],
  'path twice': [[...H2, [':path', '/x']]],
  'pseudo header after others': [[...H2.slice(0, 3), ['x', 'y'], [':authority', 'app.test']]],
  'unknown pseudo header': [[...H2, [':evil', 'x']]],
};

void t.test('HTTP/2 downgrade - what HTTP/1 would read otherwise is refused', async (t) => {
  const { router, tlsPort } = await startTlsRouter(t);
  const { app, bytes } = await startWitness(t);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const [name, [headers, body]] of Object.entries(DOWNGRADES)) {
    const { socket } = await openTls(t, tlsPort, { ALPNProtocols: ['h2'] });
    const outcome = readRawHttp2(socket);
    socket.write(rawHttp2Request(headers, body));
    const { answered, refused, data } = await outcome;
    t.ok(refused || (answered && data.startsWith('400 ')), `${name}: ${data}`);
    t.notMatch(bytes().toLowerCase(), /hidden|transfer-encoding: chunked\r\n[^]*hello|evil/, name);
    socket.destroy();
  }
  const { socket } = await openTls(t, tlsPort, { ALPNProtocols: ['h2'] });
  const outcome = readRawHttp2(socket);
  socket.write(rawHttp2Request([...H2, ['host', 'evil.test'], ['te', 'trailers']], 'hello'));
  t.match(
    await outcome,
    { answered: true, data: 'ok' },
    'the authority counts, not what else calls itself host',
  );
  t.notMatch(bytes(), 'evil');
});

void t.test('slow-loris - a head that does not come to its end is hung up on', async (t) => {
  const router = await startRouter(t, { read_header_timeout: '1s' });
  const { app, requests } = await startWitness(t);
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const slow = await Promise.all(Array.from({ length: 20 }, () => openRaw(t, router.port)));
  for (const client of slow) client.send('GET / HTTP/1.1\r\nHost: app.test\r\nX: ');
  t.equal((await ask(router.port)).status, 200, 'others are served');
  await Promise.all(slow.map((client) => client.untilEnd()));
  t.ok(slow.every((client) => client.received() === ''));
  t.equal(requests(), 1);
});
