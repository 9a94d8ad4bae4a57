import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { ask, closedPort, openRaw, startRouter } from '../../support/router.js';
import type { RouterOptions } from '../../support/router.js';

const PAGE =
  '<h1>{{ .Status }} {{ .StatusText }}</h1><p>{{ .Message }}</p><i>{{ .Header.Get "X-Cf-RouterError" }}</i>';

const startWithPage = async (t: Test, template: string, options: RouterOptions = {}) => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-page-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const html_error_template_file = join(dir, 'error.html');
  writeFileSync(html_error_template_file, template);
  return startRouter(t, { html_error_template_file, ...options });
};

void t.test('§9 HTML - the router’s own answers are pages, escaped, with their headers', async (t) => {
  const { port } = await startWithPage(t, PAGE);
  const unknown = await ask(port, { host: '<b>.test' });
  t.match(unknown, {
    status: 404,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'x-cf-routererror': 'unknown_route',
      'cache-control': 'no-cache, no-store',
    },
  });
  t.equal(
    unknown.body,
    '<h1>404 Not Found</h1><p>Requested route (&#39;&lt;b&gt;.test&#39;) does not exist.</p><i>unknown_route</i>',
  );
  t.equal(unknown.headers['content-length'], String(Buffer.byteLength(unknown.body)));
  const empty = await openRaw(t, port);
  empty.send('GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n');
  await empty.untilEnd();
  t.match(
    empty.received(),
    /<h1>400 Bad Request<\/h1><p>Request had empty Host header<\/p><i>empty_host<\/i>$/,
  );
  const head = await openRaw(t, port);
  head.send('HEAD / HTTP/1.1\r\nHost: no.test\r\nConnection: close\r\n\r\n');
  await head.untilEnd();
  t.match(head.received(), /Content-Type: text\/html[^]*\r\n\r\n$/);
});

void t.test('§9 HTML - endpoints that failed, probes and what is no HTTP stay as they are', async (t) => {
  const router = await startWithPage(t, PAGE);
  await router.register({ host: '127.0.0.1', port: await closedPort(), uris: ['down.test'] });
  t.match(await ask(router.port, { host: 'down.test' }), {
    status: 502,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: '502 Bad Gateway: Registered endpoint failed to handle the request.\n',
  });
  const probe = await ask(router.port, { headers: { 'User-Agent': 'HTTP-Monitor/1.1' } });
  t.match(probe, { status: 200, body: 'ok\n' });
});

void t.test('§9 HTML - a template that cannot be used, or is not there, fails the start', async (t) => {
  for (const workers of [1, 2]) {
    await t.rejects(startWithPage(t, '<p>\n{{ .Cause }}', { workers }), {
      code: 'FILE_INVALID',
      message: /error\.html: line 2: no action that the router knows: \{\{\.Cause\}\}/,
    });
    await t.rejects(startRouter(t, { html_error_template_file: '/nowhere/error.html', workers }), {
      code: 'FILE_INVALID',
      message: /\/nowhere\/error\.html: there is no such file/,
    });
  }
});
