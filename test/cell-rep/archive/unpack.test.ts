import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { ZipFile } from 'yazl';
import { unpack } from '../../../cell-rep/archive/unpack.js';
import { DEFAULT_ARCHIVE_LIMITS } from '../../../common/model/archive-rules.js';
import type { ArchiveLimits } from '../../../common/model/archive-rules.js';
import { makeTar, paxRecord } from '../../support/tar.js';
import type { TarEntry } from '../../support/tar.js';

const dir = await mkdtemp(join(tmpdir(), 'outcry-unpack-'));
t.teardown(() => rm(dir, { recursive: true }));
let count = 0;

type Tried = { to: string; result: Awaited<ReturnType<typeof unpack>> };

const tryFile = async (content: Buffer, limits: Partial<ArchiveLimits> = {}): Promise<Tried> => {
  const file = join(dir, `archive-${++count}`);
  const to = join(dir, `to-${count}`);
  await writeFile(file, content);
  return { to, result: await unpack({ file, to, limits: { ...DEFAULT_ARCHIVE_LIMITS, ...limits } }) };
};

const tryTar = (entries: TarEntry[], limits?: Partial<ArchiveLimits>): Promise<Tried> =>
  tryFile(makeTar(entries), limits);

const makeZip = async (fill: (zip: ZipFile) => void): Promise<Buffer> => {
  const zip = new ZipFile();
  fill(zip);
  zip.end();
  const file = join(dir, `zip-${++count}`);
  await pipeline(zip.outputStream, createWriteStream(file));
  return readFile(file);
};

const read = (to: string, name: string): Promise<string> => readFile(join(to, name), 'utf8');
const modeOf = async (to: string, name: string): Promise<number> =>
  (await stat(join(to, name))).mode & 0o7777;

t.test('unpack - a zip with modes and links', async (t) => {
  const zip = await makeZip((zip) => {
    zip.addBuffer(Buffer.from('run'), 'bin/run', { mode: 0o100755 });
    zip.addBuffer(Buffer.from('../lib/main'), 'bin/link', { mode: 0o120777 });
    zip.addBuffer(Buffer.from('x'.repeat(300_000)), 'lib/main', { mode: 0o104644 });
    zip.addEmptyDirectory('empty');
  });
  const { to, result } = await tryFile(zip);
  t.match(result, { ok: true, entries: 4 });
  t.equal(await modeOf(to, 'bin/run'), 0o755);
  t.equal(await modeOf(to, 'lib/main'), 0o644, 'no set-uid');
  t.equal(await readlink(join(to, 'bin/link')), '../lib/main');
  t.equal((await read(to, 'bin/link')).length, 300_000);
  t.ok((await stat(join(to, 'empty'))).isDirectory());
});

t.test('unpack - tar and tgz, with long names, hard links and replaced files', async (t) => {
  const long = 'deep/'.repeat(30) + 'file';
  const entries: TarEntry[] = [
    { name: './', type: '5', mode: 0o755 },
    { name: 'one', content: 'old' },
    { name: 'one', content: 'new', mode: 0o700 },
    { name: '././@LongLink', type: 'L', content: long + '\0' },
    { name: long.slice(0, 99), content: 'far' },
    { name: 'pax', type: 'x', content: paxRecord('path', 'ünï') + paxRecord('mtime', '1.5') },
    { name: 'x', content: 'pax' },
    { name: 'hard', type: '1', linkName: 'one' },
    { name: 'soft', type: '2', linkName: 'one' },
    { name: 'big', content: 'y'.repeat(200_001) },
  ];
  for (const archive of [makeTar(entries), gzipSync(makeTar(entries))]) {
    const { to, result } = await tryFile(archive);
    t.match(result, { ok: true });
    t.equal(await read(to, 'one'), 'new');
    t.equal(await modeOf(to, 'one'), 0o700);
    t.equal(await read(to, long), 'far');
    t.equal(await read(to, 'ünï'), 'pax');
    t.equal(await read(to, 'hard'), 'new');
    t.equal(await read(to, 'soft'), 'new');
    t.equal((await read(to, 'big')).length, 200_001);
  }
});

t.test('unpack - what leads outside, or is no file, is refused', async (t) => {
  const bad: [TarEntry[], RegExp][] = [
    [[{ name: '../out', content: 'x' }], /leads outside/],
    [[{ name: '/abs', content: 'x' }], /absolute path/],
    [[{ name: 'link', type: '2', linkName: '/etc' }], /leads outside/],
    [[{ name: 'link', type: '2', linkName: '..' }], /leads outside/],
    [[{ name: 'hard', type: '1', linkName: '../../etc/passwd' }], /leads outside/],
    [[{ name: 'hard', type: '1', linkName: 'absent' }], /hard link to nothing/],
    [[{ name: 'dev', type: '3' }], /neither file/],
    [[{ name: 'fifo', type: '6' }], /neither file/],
    [[{ name: 'sparse', type: 'S' }], /unknown kind/],
    [
      [
        { name: 'a', content: 'x' },
        { name: 'a/b', content: 'y' },
      ],
      /both a file and a directory/,
    ],
    [
      [
        { name: 'l', type: '2', linkName: '.' },
        { name: 'l/x', content: 'y' },
      ],
      /both a link and something else/,
    ],
    [
      [
        { name: 'pax', type: 'x', content: paxRecord('path', '../up') },
        { name: 'x', content: 'y' },
      ],
      /leads outside/,
    ],
    [[{ name: 'pax', type: 'x', content: '99999 path=x\n' }, { name: 'x' }], /damaged pax/],
  ];
  for (const [entries, reason] of bad) t.match((await tryTar(entries)).result, { ok: false, reason });
  t.equal(await stat(join(dir, 'out')).catch(() => 'absent'), 'absent');
  const device = await makeZip((zip) => zip.addBuffer(Buffer.from('x'), 'dev', { mode: 0o020644 }));
  t.match((await tryFile(device)).result, { ok: false, reason: /neither file/ });
  const climbing = await makeZip((zip) => zip.addBuffer(Buffer.from('../..'), 'a/up', { mode: 0o120777 }));
  t.match((await tryFile(climbing)).result, { ok: false, reason: /leads outside/ });
  const named = Buffer.from(
    (await makeZip((zip) => zip.addBuffer(Buffer.from('x'), 'aa/bb')))
      .toString('latin1')
      .replaceAll('aa/bb', '../bb'),
    'latin1',
  );
  t.match((await tryFile(named)).result, { ok: false });
});

t.test('unpack - damaged archives and bombs are refused', async (t) => {
  const whole = makeTar([{ name: 'a', content: 'z'.repeat(5000) }]);
  t.match((await tryFile(whole.subarray(0, 2000))).result, { ok: false, reason: /middle of an entry/ });
  t.match((await tryFile(gzipSync(whole).subarray(0, 40))).result, { ok: false, reason: /damaged/ });
  const flipped = Buffer.from(whole);
  flipped[3] = 65;
  t.match((await tryFile(flipped)).result, { ok: false, reason: /damaged tar header/ });
  t.match((await tryFile(Buffer.from('plain text'))).result, {
    ok: false,
    reason: /neither a zip nor a tar/,
  });
  t.match((await tryFile(Buffer.alloc(0))).result, { ok: false, reason: /neither a zip nor a tar/ });
  const zip = await makeZip((one) => one.addBuffer(Buffer.alloc(3_000_000), 'zeros'));
  t.match((await tryFile(zip.subarray(0, zip.length - 30))).result, { ok: false });
  t.match((await tryFile(zip, { maxTotalBytes: 1_000_000 })).result, {
    ok: false,
    reason: /more than 1000000 bytes/,
  });
  t.match((await tryFile(zip, { ratioFloorBytes: 1000 })).result, {
    ok: false,
    reason: /more than 200 times/,
  });
  const bomb = gzipSync(makeTar([{ name: 'zeros', content: Buffer.alloc(3_000_000) }]));
  t.match((await tryFile(bomb, { ratioFloorBytes: 1000 })).result, {
    ok: false,
    reason: /more than 200 times/,
  });
  const many = Array.from({ length: 11 }, (_, i) => ({ name: `f${i}` }));
  t.match((await tryTar(many, { maxEntries: 10 })).result, { ok: false, reason: /more than 10 entries/ });
});

t.test(
  'unpack - the whole tree gets its owner',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (t) => {
    const file = join(dir, 'owned.tar');
    await writeFile(
      file,
      makeTar([
        { name: 'a/b', content: 'x' },
        { name: 'l', type: '2', linkName: 'a' },
      ]),
    );
    const to = join(dir, 'owned');
    await unpack({ file, to, uid: 4321, gid: 1234, limits: DEFAULT_ARCHIVE_LIMITS });
    for (const name of ['', 'a', 'a/b']) t.match(await stat(join(to, name)), { uid: 4321, gid: 1234 });
  },
);
