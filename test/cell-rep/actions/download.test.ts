import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createDownloader } from '../../../cell-rep/actions/download.js';
import type { DownloaderOptions } from '../../../cell-rep/actions/download.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import type { DownloadAction } from '../../../common/model/action.js';
import { isRefusedAddress } from '../../../common/runtime/outbound-address.js';
import { eventually } from '../../support/eventually.js';

type Test = { teardown(task: () => unknown): unknown };

const CONTENT = 'some content';
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

const action = (from: string, more: Partial<DownloadAction> = {}): DownloadAction => ({
  artifact: 'droplet',
  from,
  to: '.',
  cacheKey: '',
  logSource: '',
  user: '',
  checksumAlgorithm: '',
  checksumValue: '',
  ...more,
});

const never = new AbortController().signal;

const serve = async (t: Test, listener: RequestListener, socketPath?: string): Promise<string> => {
  const server = createServer(listener);
  if (socketPath === undefined) server.listen(0, '127.0.0.1');
  else server.listen(socketPath);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return socketPath ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const open = async (t: Test, more: Partial<DownloaderOptions> = {}) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-download-'));
  const cacheDir = join(dir, 'cache');
  const downloader = createDownloader({
    cacheDir,
    logger: createCaptureLogger(),
    allowLoopback: true,
    clock: createSystemClock(),
    ...more,
  });
  t.teardown(async () => {
    await downloader.close();
    await rm(dir, { recursive: true });
  });
  return { downloader, cacheDir, dir };
};

t.test('download - a file, its checksum checked, gone when released', async (t) => {
  const base = await serve(t, (_request, response) => response.end(CONTENT));
  const { downloader } = await open(t);
  const fetched = await downloader.fetch(
    action(`${base}/x`, { checksumAlgorithm: 'sha256', checksumValue: SHA256.toUpperCase() }),
    never,
  );
  t.match(fetched, { ok: true, bytes: CONTENT.length });
  if (!fetched.ok) return;
  t.equal(await readFile(fetched.file, 'utf8'), CONTENT);
  t.equal((await stat(fetched.file)).mode & 0o777, 0o600);
  fetched.release();
  fetched.release();
  await t.resolves(
    (async () => {
      while (await stat(fetched.file).catch(() => undefined))
        await new Promise((resolve) => setImmediate(resolve));
    })(),
  );
});

t.test('download - what is wrong is said, and leaves nothing', async (t) => {
  const base = await serve(t, (request, response) => {
    if (request.url === '/missing') response.writeHead(404).end('no');
    else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' }).write('some');
      setImmediate(() => response.destroy());
    } else if (request.url === '/endless') {
      response.write('x'.repeat(600));
      response.end('x'.repeat(600));
    } else response.end(CONTENT);
  });
  const { downloader, cacheDir } = await open(t, { maxBytes: 1000 });
  const reason = async (from: string, more?: Partial<DownloadAction>): Promise<string> => {
    const result = await downloader.fetch(action(from, more), never);
    return result.ok ? 'fetched' : result.reason;
  };
  t.equal(await reason(`${base}/missing`), 'status 404');
  t.equal(await reason(`${base}/loop`), 'more than 5 redirects');
  t.match(await reason(`${base}/file`), /only http and https/);
  t.match(await reason('file:///etc/passwd'), /only http and https/);
  t.equal(await reason('nonsense'), 'not a URL');
  t.not(await reason(`${base}/cut`), 'fetched');
  t.equal(await reason(`${base}/endless`), 'larger than 1000 bytes');
  t.match(await reason(`${base}/x`, { checksumAlgorithm: 'sha1', checksumValue: '00' }), /checksum mismatch/);
  t.match(await reason(`${base}/x`, { checksumAlgorithm: 'crc', checksumValue: '00' }), /unknown checksum/);
  t.not(await reason('http://127.0.0.1:1/x'), 'fetched');
  t.same(await readdir(cacheDir), []);
});

t.test('download - what could not be had at once is tried three times, what is wrong once', async (t) => {
  const asked: string[] = [];
  const { downloader } = await open(t);
  const base = await serve(t, ({ url = '', socket }, response) => {
    asked.push(url);
    const times = asked.filter((one) => one === url).length;
    if (url === '/cut') return void (times < 3 ? socket.destroy() : response.end(CONTENT));
    if (url === '/busy' && times < 3) return void response.writeHead(503).end();
    response.writeHead(url === '/broken' ? 500 : url === '/denied' ? 403 : 200).end(CONTENT);
  });
  const get = async (path: string): Promise<string> => {
    const fetched = await downloader.fetch(action(base + path), never);
    if (!fetched.ok) return fetched.reason;
    fetched.release();
    return 'fetched';
  };
  const paths = ['/cut', '/busy', '/broken', '/denied'];
  t.same(await Promise.all(paths.map(get)), ['fetched', 'fetched', 'status 500', 'status 403']);
  t.same(
    paths.map((path) => asked.filter((one) => one === path).length),
    [3, 3, 3, 1],
  );
});

t.test('download - inner addresses are refused, by name, by number and by redirect', async (t) => {
  let hits = 0;
  const base = await serve(t, (_request, response) => {
    hits += 1;
    response.end(CONTENT);
  });
  const { port } = new URL(base);
  const { downloader, dir } = await open(t, { allowLoopback: false });
  const reason = async (from: string, which = downloader): Promise<string> => {
    const result = await which.fetch(action(from), never);
    return result.ok ? 'fetched' : result.reason;
  };
  for (const host of [
    '127.0.0.1',
    'localhost',
    '[::1]',
    '0x7f.1',
    '[::ffff:127.0.0.1]',
    '0.0.0.0',
    '169.254.169.254',
  ]) {
    t.match(await reason(`http://${host}:${port}/x`), /must not be connected to/, host);
  }
  t.equal(hits, 0);
  const blobs = await serve(
    t,
    (request, response) => {
      if (request.url === '/away') response.writeHead(302, { location: `${base}/x` }).end();
      else response.end(CONTENT);
    },
    join(dir, 'blobs.sock'),
  );
  const own = createDownloader({
    cacheDir: join(dir, 'own'),
    logger: createCaptureLogger(),
    clock: createSystemClock(),
    hosts: { 'blobs.outcry.internal': { socketPath: blobs }, 'mirror.outcry.internal': { url: base } },
  });
  t.teardown(() => own.close());
  t.equal(await reason('http://blobs.outcry.internal/x', own), 'fetched');
  t.equal(await reason('http://mirror.outcry.internal/x', own), 'fetched');
  t.match(await reason('http://blobs.outcry.internal/away', own), /must not be connected to/);
  t.equal(hits, 1);
});

t.test('download - which addresses are inner ones', (t) => {
  const inner = [
    '127.9.9.9',
    '0.1.2.3',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1%eth0',
  ];
  for (const address of [
    ...inner,
    'ff02::1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1'.replace('10.0.0.1', '127.0.0.1'),
    '64:ff9b::7f00:1',
    'nonsense',
  ]) {
    t.ok(isRefusedAddress(address), address);
  }
  for (const address of [
    '10.0.0.1',
    '192.168.1.1',
    '93.184.216.34',
    '2606:2800::1',
    '::ffff:93.184.216.34',
  ]) {
    t.notOk(isRefusedAddress(address), address);
  }
  t.end();
});

t.test('download - a key is fetched once, asked about again, and known by its checksum', async (t) => {
  let version = 1;
  const seen: string[] = [];
  const base = await serve(t, (request, response) => {
    const etag = `"v${version}"`;
    seen.push(String(request.headers['if-none-match'] ?? 'whole'));
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(`content ${version}`);
  });
  const { downloader } = await open(t);
  const get = async (more: Partial<DownloadAction> = {}): Promise<string> => {
    const result = await downloader.fetch(action(`${base}/x`, { cacheKey: 'key', ...more }), never);
    if (!result.ok) return result.reason;
    const text = await readFile(result.file, 'utf8');
    result.release();
    return text;
  };
  t.same(await Promise.all([get(), get()]), ['content 1', 'content 1']);
  version = 2;
  t.equal(await get(), 'content 2');
  t.same(seen, ['whole', '"v1"', '"v1"']);
  const sum = createHash('md5').update('content 2').digest('hex');
  const checked = { checksumAlgorithm: 'md5', checksumValue: sum };
  t.equal(await get(checked), 'content 2');
  version = 3;
  t.equal(await get(checked), 'content 2', 'nobody was asked');
  t.equal(seen.length, 4);
});

t.test('download - can be given up', async (t) => {
  const base = await serve(t, (_request, response) => void response.write('start'));
  const { downloader, cacheDir } = await open(t);
  const controller = new AbortController();
  const pending = downloader.fetch(action(`${base}/x`), controller.signal);
  while ((await readdir(cacheDir).catch(() => [])).length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  t.match(await pending, { ok: false, reason: 'cancelled' });
  t.same(await readdir(cacheDir), []);
});

t.test('download - a cache that cannot be written is a reason, not a defect', async (t) => {
  const base = await serve(t, (_request, response) => response.end(CONTENT));
  const { dir } = await open(t);
  await writeFile(join(dir, 'file'), '');
  const { downloader } = await open(t, { cacheDir: join(dir, 'file', 'cache') });
  t.match(await downloader.fetch(action(`${base}/x`), never), { ok: false, reason: /ENOTDIR/ });
});

for (const waitsFor of ['the same key', 'a free slot']) {
  t.test(`download - one told to stop waits no longer for ${waitsFor}`, async (t) => {
    let asked = 0;
    const base = await serve(t, () => void (asked += 1));
    const { downloader } = await open(t, { maxConcurrent: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const cacheKey = waitsFor === 'the same key' ? 'key' : '';
    const stalled = downloader.fetch(action(`${base}/x`, { cacheKey }), first.signal);
    await eventually(() => asked === 1);
    const waiting = downloader.fetch(action(`${base}/x`, { cacheKey }), second.signal);
    second.abort();
    t.same(await waiting, { ok: false, reason: 'cancelled' });
    t.same(await downloader.fetch(action(`${base}/x`, { cacheKey }), second.signal), {
      ok: false,
      reason: 'cancelled',
    });
    first.abort();
    t.match(await stalled, { ok: false, reason: 'cancelled' });
    t.equal(asked, 1, 'what was told to stop asks nobody when its turn comes');
  });
}
