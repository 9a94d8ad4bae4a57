import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createUploader } from '../../../cell-rep/actions/upload.js';
import type { UploaderOptions } from '../../../cell-rep/actions/upload.js';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSeededRandom } from '../../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { UploadAction } from '../../../common/model/action.js';

type Test = { teardown(task: () => unknown): unknown };
type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

const CONTENT = Buffer.from('some content');
const never = new AbortController().signal;

const action = (to: string): UploadAction => ({
  artifact: 'droplet',
  from: 'x',
  to,
  logSource: '',
  user: '',
});

const serve = async (t: Test, answer: Answer): Promise<string> => {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => answer(request, response, Buffer.concat(pieces)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const open = async (t: Test, more: Partial<UploaderOptions> = {}) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-upload-'));
  const file = join(dir, 'file');
  await writeFile(file, CONTENT);
  const uploader = createUploader({
    clock: createSystemClock(),
    random: createSeededRandom(1),
    logger: createCaptureLogger(),
    allowLoopback: true,
    ...more,
  });
  t.teardown(async () => {
    await uploader.close();
    await rm(dir, { recursive: true });
  });
  return { uploader, file };
};

t.test('upload - a POST of the bytes with their length and MD5, and credentials of the URL', async (t) => {
  const { uploader, file } = await open(t);
  let seen: IncomingMessage | undefined;
  let got: Buffer = Buffer.alloc(0);
  const base = await serve(t, (request, response, body) => {
    [seen, got] = [request, body];
    response.writeHead(201).end();
  });
  const to = `${base.replace('http://', 'http://user:secret@')}/put?signature=1`;
  t.same(await uploader.upload(action(to), file, never), { ok: true, bytes: CONTENT.length });
  t.same(got, CONTENT);
  t.match(seen, {
    method: 'POST',
    url: '/put?signature=1',
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(CONTENT.length),
      'content-md5': createHash('md5').update(CONTENT).digest('base64'),
      authorization: `Basic ${Buffer.from('user:secret').toString('base64')}`,
    },
  });
});

t.test('upload - tried three times where another try may help, and only there', async (t) => {
  const { uploader, file } = await open(t);
  const answers = new Map<string, number[]>([
    ['/busy', [503, 429, 200]],
    ['/broken', [500, 500, 500, 200]],
    ['/refused', [403, 200]],
    ['/moved', [302, 200]],
  ]);
  const asked: string[] = [];
  const base = await serve(t, ({ url = '' }, response) => {
    asked.push(url);
    response.writeHead(answers.get(url)?.shift() ?? 200, { location: '/other' }).end();
  });
  const send = (path: string) => uploader.upload(action(base + path), file, never);
  t.match(await send('/busy'), { ok: true });
  t.same(await send('/broken'), { ok: false, reason: 'status 500' });
  t.same(await send('/refused'), { ok: false, reason: 'status 403' });
  t.same(await send('/moved'), { ok: false, reason: 'status 302' }, 'no POST becomes a GET');
  const count = (path: string): number => asked.filter((one) => one === path).length;
  t.same([...answers.keys()].map(count), [3, 3, 1, 1]);
  t.equal(count('/other'), 0);
});

t.test('upload - redirects are followed with the body, and each stop is checked', async (t) => {
  const { uploader, file } = await open(t);
  const base = await serve(t, ({ url = '' }, response, body) => {
    if (url === '/end') return void response.writeHead(body.equals(CONTENT) ? 200 : 400).end();
    const location = url === '/there' ? '/end' : url === '/file' ? 'file:///etc/passwd' : url;
    response.writeHead(307, { location }).end();
  });
  const send = (path: string) => uploader.upload(action(base + path), file, never);
  t.match(await send('/there'), { ok: true });
  t.match(await send('/file'), { ok: false, reason: 'file URLs are not allowed, only http and https' });
  t.match(await send('/circle'), { ok: false, reason: 'more than 5 redirects' });
});

t.test('upload - inner addresses are refused unless configured, whatever name leads there', async (t) => {
  const { uploader, file } = await open(t, { allowLoopback: false });
  let asked = 0;
  const base = await serve(t, (_request, response) => {
    asked += 1;
    response.end();
  });
  for (const to of [base, base.replace('127.0.0.1', 'localhost'), 'http://169.254.169.254/']) {
    t.match(await uploader.upload(action(to), file, never), {
      ok: false,
      reason: /must not be connected to/,
    });
  }
  t.match(await uploader.upload(action('no url'), file, never), { ok: false, reason: 'not a URL' });
  t.equal(asked, 0);
});

t.test('upload - what is cancelled ends at once', async (t) => {
  const { uploader, file } = await open(t);
  const stop = new AbortController();
  const base = await serve(t, () => stop.abort());
  t.same(await uploader.upload(action(base), file, stop.signal), { ok: false, reason: 'cancelled' });
});
