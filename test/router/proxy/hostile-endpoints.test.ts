import t from 'tap';
import { Agent } from 'node:http';
import { ask, openRaw, startRawApp, startRouter } from '../../support/router.js';

const HEAD = 'HTTP/1.1 200 OK\r\n';

/** Answers that no client may take for whole ones. */
const GARBAGE: Readonly<Record<string, string>> = {
  'no HTTP': 'SSH-2.0-OpenSSH_9.6\r\n',
  'another version': 'HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'no status': 'HTTP/1.1 \r\n\r\n',
  'status in words': 'HTTP/1.1 fine OK\r\n\r\n',
  'status of four digits': 'HTTP/1.1 2000 OK\r\n\r\n',
  'bare LF': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'header with NUL': `${HEAD}X: a\0b\r\nContent-Length: 0\r\n\r\n`,
  'header without colon': `${HEAD}garbage\r\nContent-Length: 0\r\n\r\n`,
  'header name with space': `${HEAD}X Y: z\r\nContent-Length: 0\r\n\r\n`,
  'length and chunks': `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'two lengths': `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  'negative length': `${HEAD}Content-Length: -5\r\n\r\nhello`,
  'length in hex': `${HEAD}Content-Length: 0x5\r\n\r\nhello`,
  'switched unasked': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  'endless interim answers, then nothing': 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50),
  'a TLS alert': '\x15\x03\x01\x00\x02\x02\x16',
  nothing: '',
};

void t.test('hostile endpoints - garbage instead of an answer: 502, and the router lives', async (t) => {
  const router = await startRouter(t);
  let garbage = '';
  const app = await startRawApp(t, (socket) => socket.once('data', () => socket.end(garbage, 'latin1')));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const [name, text] of Object.entries(GARBAGE)) {
    garbage = text;
    t.match(
      await ask(router.port),
      {
        status: 502,
        headers: { 'x-cf-routererror': /^endpoint_failure \(.+\)$/ },
        body: '502 Bad Gateway: Registered endpoint failed to handle the request.\n',
      },
      name,
    );
  }
});

const WHOLE: Readonly<Record<string, string>> = {
  'with a length': `${HEAD}Content-Length: 5\r\nX-App: 1\r\n\r\nhello`,
  'in chunks': `${HEAD}Transfer-Encoding: chunked\r\nX-App: 1\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n`,
};

void t.test('hostile endpoints - closed at every byte of an answer: never taken for whole', async (t) => {
  const router = await startRouter(t);
  let answer = '';
  const app = await startRawApp(t, (socket) => socket.once('data', () => socket.end(answer, 'latin1')));
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  for (const [name, whole] of Object.entries(WHOLE)) {
    const headEnds = whole.indexOf('\r\n\r\n') + 4;
    for (let length = 0; length < whole.length; length += 1) {
      answer = whole.slice(0, length);
      const outcome = await ask(router.port).catch((error: NodeJS.ErrnoException) => error.code);
      if (length < headEnds) t.match(outcome, { status: 502 }, `${name}, ${length} bytes`);
      else t.equal(outcome, 'ECONNRESET', `${name}, ${length} bytes`);
    }
    answer = whole;
    t.match(await ask(router.port), { status: 200, body: 'hello', headers: { 'x-app': '1' } }, name);
  }
});

void t.test(
  'hostile endpoints - reset at every stage: 502 before the head, broken off after it',
  async (t) => {
    const router = await startRouter(t);
    let answer = '';
    const app = await startRawApp(t, (socket) =>
      socket.once('data', () => socket.write(answer, () => setImmediate(() => socket.resetAndDestroy()))),
    );
    await router.register({ ...app.endpoint, uris: ['app.test'] });
    for (const text of ['HTTP/1.1 200', `${HEAD}Content-Length: 5\r\n\r\nhe`]) {
      answer = text;
      const outcome = await ask(router.port).catch((error: NodeJS.ErrnoException) => ({ code: error.code }));
      if (text.endsWith('he')) t.match(outcome, { code: 'ECONNRESET' });
      else t.match(outcome, { status: 502 });
    }
  },
);

void t.test('hostile endpoints - what follows an answer is not taken for the next one', async (t) => {
  const router = await startRouter(t);
  const app = await startRawApp(t, (socket) =>
    socket.on('data', (head) => {
      const path = /^GET (\S+)/.exec(head.toString())?.[1] ?? '';
      const body = `for ${path}`;
      const answer = `${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
      socket.write(path === '/poison' ? answer + `${HEAD}Content-Length: 6\r\n\r\npoison` : answer);
    }),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  for (let turn = 0; turn < 10; turn += 1) {
    const poisoned = await ask(router.port, { path: '/poison', agent }).catch(() => undefined);
    if (poisoned) t.match(poisoned.body, /^(for \/poison|502 )/);
    t.equal((await ask(router.port, { path: `/${turn}`, agent })).body, `for /${turn}`);
  }
});

void t.test('hostile endpoints - of interim answers a few are passed on, however many come', async (t) => {
  const router = await startRouter(t);
  const app = await startRawApp(t, (socket) =>
    socket.once('data', () =>
      socket.write(`${'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n'.repeat(20)}${WHOLE['with a length']}`),
    ),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  const client = await openRaw(t, router.port);
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('hello');
  t.equal(client.received().split('HTTP/1.1 103 ').length - 1, 5);
  t.equal(client.received().split('HTTP/1.1 200 ').length - 1, 1);
});

void t.test('hostile endpoints - a reason that is no text of HTTP ends no line', async (t) => {
  const router = await startRouter(t);
  let reason = '';
  const app = await startRawApp(t, (socket) =>
    socket.once('data', () => socket.end(`HTTP/1.1 200 ${reason}\r\nContent-Length: 2\r\n\r\nhi`, 'latin1')),
  );
  await router.register({ ...app.endpoint, uris: ['app.test'] });
  // the first one is U+010A in UTF-8, of which Latin-1 would keep a line feed
  for (const [given, shown] of [
    ['\xc4\x8aX-Own: 1', 'OK'],
    ['\xff\xfe', 'OK'],
    ['\x7f', 'OK'],
    ['All Fine', 'All Fine'],
    ['', ''],
  ] as const) {
    reason = given;
    const client = await openRaw(t, router.port);
    client.send('GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n');
    await client.untilEnd();
    t.equal(client.received().split('\r\n')[0], `HTTP/1.1 200 ${shown}`, JSON.stringify(given));
    t.match(client.received(), /\r\n\r\nhi$/);
    t.notMatch(client.received(), /^X-Own/m);
  }
});
