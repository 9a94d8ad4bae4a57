import t from 'tap';
import { createOutputSplitter, sinceOf } from '../../../cell-rep/runtimes/docker/output.js';
import { imageReference } from '../../../cell-rep/runtimes/docker/images.js';
import { firstFile } from '../../../cell-rep/runtimes/docker/tar.js';
import { makeTar, paxRecord } from '../../support/tar.js';

const frame = (stream: 1 | 2, at: string, text: string): Buffer => {
  const payload = Buffer.from(`2026-01-02T03:04:${at}Z ${text}`);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
};

const read = (
  bytes: Buffer,
  options: { from?: string; pieces?: number; end?: boolean } = {},
): { text: string; cursor: string; times: string[] }[] => {
  const { from = '', pieces = bytes.length, end = true } = options;
  const seen: { text: string; cursor: string; times: string[] }[] = [];
  const splitter = createOutputSplitter(from, (chunk, cursor) =>
    seen.push({
      text: `${chunk.stream} ${Buffer.from(chunk.data).toString()}`,
      cursor,
      times: [chunk.timestamp],
    }),
  );
  for (let at = 0; at < bytes.length; at += pieces) splitter.take(bytes.subarray(at, at + pieces));
  if (end) splitter.end();
  return seen;
};

const texts = (seen: { text: string }[]): string[] => seen.map(({ text }) => text);

const LOG = Buffer.concat([
  frame(1, '05.000000001', 'a b\n'),
  frame(2, '05.000000001', 'x\n'),
  frame(1, '05.000000001', 'c\n'),
  frame(2, '04.999999999', 'late\n'),
  frame(1, '06', 'd'),
]);
const ALL = ['OUT a b\n', 'ERR x\n', 'OUT c\n', 'ERR late\n', 'OUT d'];

t.test('docker output - entries come whole, however the bytes are cut', async (t) => {
  for (const pieces of [1, 7, 8, 9, LOG.length]) t.same(texts(read(LOG, { pieces })), ALL);
  t.same(read(LOG)[0]?.times, ['1767323045000000001']);
  t.same(read(LOG)[4]?.times, ['1767323046000000000'], 'a fraction may be left out');
});

t.test(
  'docker output - from each cursor the rest is read, times that are equal or out of order too',
  async (t) => {
    for (const [at, { cursor }] of read(LOG).entries()) {
      t.same(texts(read(LOG, { from: cursor })), ALL.slice(at + 1), `after entry ${at}`);
    }
  },
);

t.test('docker output - what a cursor stood at may be gone: what is later is read', async (t) => {
  const { cursor } = read(frame(1, '05.5', 'gone\n'))[0] ?? { cursor: '' };
  t.same(texts(read(LOG, { from: cursor })), ['OUT d'], 'at the end');
  const later = Buffer.concat([frame(1, '06', 'one\n'), frame(1, '09', 'two\n')]);
  t.same(texts(read(later, { from: cursor, end: false })), ['OUT one\n', 'OUT two\n'], 'and before it');
});

t.test('docker output - the engine begins a little before the cursor', async (t) => {
  t.equal(sinceOf(''), '0');
  t.equal(sinceOf('nonsense'), '0');
  t.equal(sinceOf('1767323045000000001:OUT:1'), '1767323044.000000001');
});

t.test('docker images - a rootfs becomes the reference that the engine knows', async (t) => {
  const cases: Record<string, string | undefined> = {
    'docker:///nginx': 'nginx:latest',
    'docker:///library/nginx#1.2': 'library/nginx:1.2',
    'docker:///nginx:1.2': 'nginx:1.2',
    'docker://registry.example.org:5000/team/app#v1': 'registry.example.org:5000/team/app:v1',
    'docker://registry.example.org:5000/team/app': 'registry.example.org:5000/team/app:latest',
    'docker:///app#sha256:abc': 'app@sha256:abc',
    'docker:///app@sha256:abc': 'app@sha256:abc',
    'docker://': undefined,
    'oci:///app': undefined,
  };
  for (const [rootfs, reference] of Object.entries(cases)) t.equal(imageReference(rootfs), reference, rootfs);
});

t.test('docker tar - the first file of an archive, past extended headers', async (t) => {
  const extended = { name: 'pax', type: 'x', content: paxRecord('path', 'b'.repeat(200)) };
  t.equal(firstFile(makeTar([extended, { name: 'a', content: 'text' }]))?.toString(), 'text');
  t.equal(firstFile(makeTar([{ name: 'a', type: '5' }])), undefined);
  t.equal(firstFile(Buffer.alloc(0)), undefined);
});
