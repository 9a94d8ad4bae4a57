import { connect } from 'node:net';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ZipFile } from 'yazl';
import { eventually } from '../support/eventually.js';
import { bits, collect, startApi, zip } from '../support/api.js';
import type { ApiHarness, Loose } from '../support/api.js';

/** yazl refuses bad names, so a good one of the same length is replaced afterwards. */
const renamed = async (from: string, to: string): Promise<Buffer> => {
  if (from.length !== to.length) throw new Error('lengths differ');
  const whole = (await zip({ [from]: 'x', 'server.js': '' })).toString('latin1');
  return Buffer.from(whole.replaceAll(from, to), 'latin1');
};

const withMode = (name: string, content: string, mode: number): Promise<Buffer> => {
  const file = new ZipFile();
  file.addBuffer(Buffer.from(content), name, { mode });
  file.addBuffer(Buffer.from(''), 'server.js');
  file.end();
  return collect(file);
};

const newPackage = async (api: ApiHarness): Promise<string> => {
  await api.job(await api.apply('applications: [{name: web}]'));
  const app = (await api.call('GET', '/v3/apps?names=web')).body.resources[0];
  const relationships = { app: { data: { guid: app.guid } } };
  return (await api.call('POST', '/v3/packages', { json: { type: 'bits', relationships } })).body.guid;
};

/** Files that the API keeps, unfinished ones included. */
const files = async (api: ApiHarness): Promise<string[]> => [
  ...(await readdir(join(api.dir, 'blobs'))).filter((name) => name !== 'tmp'),
  ...(await readdir(join(api.dir, 'blobs', 'tmp'))),
];

const LINK = 0o120777;

const REFUSED: { what: string; content: () => Promise<Buffer>; code: string; names: string }[] = [
  {
    what: 'a path that leads outside',
    content: () => renamed('aaaaaaaaa.txt', '../../../.txt'),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: '../../../.txt',
  },
  {
    what: 'an absolute path',
    content: () => renamed('aetc/passwd', '/etc/passwd'),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: '/etc/passwd',
  },
  {
    what: 'a path with backslashes that leads outside',
    content: () => renamed('aaaaaa.txt', '..\\..\\.txt'),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: '..',
  },
  {
    what: 'a link that leaves',
    content: () => withMode('link', '../../etc/passwd', LINK),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: 'link',
  },
  {
    what: 'an absolute link',
    content: () => withMode('link', '/etc/passwd', LINK),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: '/etc/passwd',
  },
  {
    what: 'a file below a link',
    content: async () => {
      const file = new ZipFile();
      file.addBuffer(Buffer.from('sub'), 'link', { mode: LINK });
      file.addBuffer(Buffer.from('x'), 'link/x');
      file.end();
      return collect(file);
    },
    code: 'UPLOAD_ENTRY_REFUSED',
    names: 'link/x',
  },
  {
    what: 'a device',
    content: () => withMode('null', '', 0o020666),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: 'null',
  },
  {
    what: 'one that unpacks to too much',
    content: () => zip({ 'zeros.bin': Buffer.alloc(3 * 1024 * 1024) }),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: 'bytes unpacked',
  },
  {
    what: 'too many entries',
    content: () => zip(Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f${at}`, 'x']))),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: 'entries',
  },
  {
    what: 'a name given twice',
    content: () => renamed('server.jx', 'server.js'),
    code: 'UPLOAD_ENTRY_REFUSED',
    names: 'server.js',
  },
  { what: 'what is no zip', content: async () => Buffer.from('hello'), code: 'UPLOAD_NOT_ZIP', names: '' },
  {
    what: 'a zip cut short',
    content: async () => (await zip({ 'a.js': 'x'.repeat(9999) })).subarray(0, 60),
    code: 'UPLOAD_NOT_ZIP',
    names: '',
  },
  { what: 'a zip without files', content: () => zip({}), code: 'UPLOAD_ENTRY_REFUSED', names: 'no file' },
];

t.test(
  'uploads - what is refused makes the package FAILED, names the entry and leaves no file',
  async (t) => {
    const api = await startApi(t, { max_unpacked: '2M', max_entries: 50 });
    for (const { what, content, code, names } of REFUSED) {
      const guid = await newPackage(api);
      const answer = await api.call('POST', `/v3/packages/${guid}/upload`, { body: bits(await content()) });
      t.equal(answer.status, 422, what);
      t.equal(answer.body.errors[0].outcry.code, code, what);
      t.ok(answer.body.errors[0].detail.includes(names), `${what}: ${answer.body.errors[0].detail}`);
      const kept = (await api.call('GET', `/v3/packages/${guid}`)).body;
      t.match([kept.state, kept.data.error], ['FAILED', answer.body.errors[0].detail], what);
      t.same(await files(api), [], what);
    }
  },
);

t.test('uploads - a lying size does not hide a bomb', async (t) => {
  const api = await startApi(t, { max_unpacked: '2M' });
  const honest = await zip({ 'zeros.bin': Buffer.alloc(3 * 1024 * 1024) });
  // both headers say that the entry has 1,000 bytes
  const size = Buffer.alloc(4);
  size.writeUInt32LE(3 * 1024 * 1024);
  const claim = Buffer.alloc(4);
  claim.writeUInt32LE(1000);
  const lying = Buffer.from(
    honest.toString('latin1').replaceAll(size.toString('latin1'), claim.toString('latin1')),
    'latin1',
  );
  t.notSame(lying, honest);
  const guid = await newPackage(api);
  const answer = await api.call('POST', `/v3/packages/${guid}/upload`, { body: bits(lying) });
  t.equal(answer.status, 422);
  t.same(await files(api), []);
});

t.test('uploads - one larger than allowed is refused, told of its length or not', async (t) => {
  const api = await startApi(t, { max_upload: '1M' });
  for (const size of [1.5, 4]) {
    const guid = await newPackage(api);
    const answer = await api.call('POST', `/v3/packages/${guid}/upload`, {
      body: bits(Buffer.alloc(size * 1024 * 1024)),
    });
    t.match([answer.status, answer.body.errors[0].outcry.code], [413, 'UPLOAD_TOO_LARGE'], `${size} MB`);
    t.same(await files(api), []);
  }
});

t.test('uploads - one that breaks off keeps nothing and may be tried again', async (t) => {
  const api = await startApi(t);
  const guid = await newPackage(api);
  const { port } = api.api().address();
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /v3/packages/${guid}/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer ${api.api().token()}\r\n` +
      'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n' +
      '--b\r\nContent-Disposition: form-data; name="bits"; filename="p.zip"\r\n\r\nPK half of it',
  );
  await eventually(async () => (await files(api)).length === 1);
  socket.destroy();
  await eventually(async () => (await files(api)).length === 0);
  const waiting = (await api.call('GET', `/v3/packages/${guid}`)).body;
  t.equal(waiting.state, 'AWAITING_UPLOAD');

  const unfinished = await api.call('POST', `/v3/packages/${guid}/upload`, {
    body: '--b\r\nContent-Disposition: form-data; name="bits"; filename="p.zip"\r\n\r\nPK',
    type: 'multipart/form-data; boundary=b',
  });
  t.match([unfinished.status, unfinished.body.errors[0].outcry.code], [400, 'UPLOAD_BROKEN']);
  t.same(await files(api), []);

  const whole = await zip({ 'server.js': '1' });
  t.equal((await api.call('POST', `/v3/packages/${guid}/upload`, { body: bits(whole) })).body.state, 'READY');
  const again = await api.call('POST', `/v3/packages/${guid}/upload`, { body: bits(whole) });
  t.match(again, { status: 400, body: { errors: [{ title: 'CF-PackageBitsAlreadyUploaded' }] } });
});

t.test('uploads - what is no upload is refused', async (t) => {
  const api = await startApi(t);
  const guid = await newPackage(api);
  const upload = (options: object) => api.call('POST', `/v3/packages/${guid}/upload`, options);
  t.equal((await upload({ json: {} })).status, 400);
  const fieldsOnly = new FormData();
  fieldsOnly.append('resources', '[]');
  t.match(await upload({ body: fieldsOnly }), {
    status: 422,
    body: { errors: [{ detail: /must include bits/ }] },
  });
  const matched = new FormData();
  matched.append('resources', '[{"path":"a"}]');
  t.equal((await upload({ body: matched })).status, 422);
  t.equal((await api.call('POST', '/v3/packages/unknown/upload', { body: fieldsOnly })).status, 404);
});

t.test('uploads - old packages go with their files, those in use stay', async (t) => {
  const api = await startApi(t, { retained_droplets: 1 });
  await api.job(await api.apply('applications: [{name: web}]'));
  const blobs = async (): Promise<number> => (await files(api)).length;
  const first = await api.stage('web', { 'server.js': '1' });
  await api.call('POST', `/v3/apps/${first.appGuid}/actions/start`);
  await api.clock.advance(1000);
  await api.stage('web', { 'server.js': '2' });
  t.equal(await blobs(), 2, 'the one that runs and the one that is next');
  await api.call('POST', `/v3/apps/${first.appGuid}/actions/restart`);
  await eventually(async () => (await blobs()) === 1);
  const left: Loose = (await api.call('GET', '/v3/droplets')).body.resources;
  t.equal(left.length, 1);
  t.not(left[0].guid, first.dropletGuid);
});
