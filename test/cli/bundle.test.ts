import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Entry, openPromise } from 'yauzl';
import { bundle } from '../../cli/push/bundle.js';
import { parseIgnores } from '../../cli/push/ignores.js';

interface Packed {
  mode: number;
  text: string;
}

const unpack = async (file: string): Promise<Record<string, Packed>> => {
  const zip = await openPromise(file, { strictFileNames: true, validateEntrySizes: true });
  const found: Record<string, Packed> = {};
  for await (const entry of zip.eachEntry() as AsyncIterable<Entry>) {
    const chunks: Buffer[] = [];
    if (!entry.fileName.endsWith('/')) {
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    }
    const mode = entry.externalFileAttributes >>> 16;
    found[entry.fileName] = { mode, text: Buffer.concat(chunks).toString() };
  }
  return found;
};

/** Bundles with a temporary directory of its own, so that what is left can be seen. */
const inOwnTemp = async <T>(t: Test, work: () => Promise<T>): Promise<{ value: T; left: () => string[] }> => {
  const place = mkdtempSync(join(tmpdir(), 'outcry-test-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = place;
  t.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(place, { recursive: true, force: true });
  });
  return { value: await work(), left: () => readdirSync(place) };
};

const packed = async (t: Test, dir: string) => {
  const { value, left } = await inOwnTemp(t, () => bundle(dir));
  const files = await unpack(value.file);
  await value.remove();
  t.same(left(), [], 'nothing is left in the temporary directory');
  return { files, names: Object.keys(files), count: value.count };
};

const refused = async (t: Test, dir: string, expected: { code: string; message?: RegExp }): Promise<void> => {
  const { left } = await inOwnTemp(t, () => t.rejects(bundle(dir), expected));
  t.same(left(), [], 'nothing is left in the temporary directory');
};

t.test('ignores - patterns of gitignore', async (t) => {
  const cases: [pattern: string, path: string, ignored: boolean][] = [
    ['*.log', 'a.log', true],
    ['*.log', 'deep/down/a.log', true],
    ['*.log', 'a.logs', false],
    ['/top.txt', 'top.txt', true],
    ['/top.txt', 'sub/top.txt', false],
    ['sub/*.js', 'sub/a.js', true],
    ['sub/*.js', 'sub/deep/a.js', false],
    ['sub/**/a.js', 'sub/a.js', true],
    ['sub/**/a.js', 'sub/x/y/a.js', true],
    ['sub/**/a.js', 'sub/xa.js', false],
    ['**/a.js', 'x/a.js', true],
    ['**/a.js', 'a.js', true],
    ['sub/**', 'sub/x/y', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['file[0-9]', 'file7', true],
    ['file[!0-9]', 'file7', false],
    ['file[!0-9]', 'filex', true],
    ['[z-a]', '[z-a]', true],
    ['\\#x', '#x', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a.b', 'axb', false],
    ['a+(b)$', 'a+(b)$', true],
    ['# comment', '# comment', false],
  ];
  for (const [pattern, path, ignored] of cases) {
    t.equal(parseIgnores(pattern)(path, false), ignored, `${pattern} on ${path}`);
  }
  t.equal(parseIgnores('build/')('build', true), true);
  t.equal(parseIgnores('build/')('build', false), false);
  t.equal(parseIgnores('*.log\r\n!keep.log\r\n')('keep.log', false), false);
  t.equal(parseIgnores('!keep.log\n*.log\n')('keep.log', false), true, 'the last one decides');
});

t.test('bundle - what .cfignore names is left out, and what is never pushed', async (t) => {
  const dir = t.testdir({
    '.cfignore': '*.log\n!important.log\nbuild/\n/only-top\n',
    '.gitignore': 'server.js\n',
    'manifest.yml': '',
    'server.js': 'x',
    'a.log': '',
    'important.log': '',
    'only-top': '',
    '.git': { config: '' },
    '.env': 'KEEP=1',
    build: { 'out.js': '', 'important.log': '' },
    sub: { 'only-top': '', 'b.log': '', 'manifest.yml': '', '.git': 'a submodule', '.DS_Store': '' },
  });
  const { names, count } = await packed(t, dir);
  t.same(names, ['.env', 'important.log', 'server.js', 'sub/manifest.yml', 'sub/only-top']);
  t.equal(count, 5);
});

t.test('bundle - modes, links, empty files and empty directories', async (t) => {
  const dir = t.testdir({ run: '#!/bin/sh\n', data: '', sub: { deep: {} }, only: { 'a.log': '' } });
  writeFileSync(join(dir, '.cfignore'), '*.log');
  chmodSync(join(dir, 'run'), 0o755);
  chmodSync(join(dir, 'data'), 0o640);
  symlinkSync('../run', join(dir, 'sub/link'));
  symlinkSync('sub', join(dir, 'folder-link'));
  const { files, count } = await packed(t, dir);
  t.same(Object.keys(files), ['data', 'folder-link', 'only/', 'run', 'sub/deep/', 'sub/link']);
  t.equal(files.run?.mode, 0o100755);
  t.equal(files.data?.mode, 0o100640);
  t.equal(files.data?.text, '');
  t.same(files['sub/link'], { mode: 0o120777, text: '../run' }, 'a link is a link');
  t.same(files['folder-link'], { mode: 0o120777, text: 'sub' });
  t.equal(count, 4);
});

t.test('bundle - names in other scripts, and content as it is', async (t) => {
  const text = 'ä'.repeat(100_000);
  const dir = t.testdir({ 'größe 日本 (1).txt': text });
  t.equal((await packed(t, dir)).files['größe 日本 (1).txt']?.text, text);
});

t.test('bundle - links that lead outside are refused before anything is sent', async (t) => {
  for (const target of ['/etc/passwd', '../../outside', 'sub/../../x']) {
    const dir = t.testdir({ app: { 'server.js': '' } });
    symlinkSync(target, join(dir, 'app/link'));
    await refused(t, join(dir, 'app'), { code: 'PUSH_UPLOAD_REFUSED', message: /"link" -> / });
  }
});

t.test('bundle - a name with a backslash would become a directory', async (t) => {
  const dir = t.testdir({ 'server.js': '' });
  writeFileSync(join(dir, 'a\\b'), '');
  await refused(t, dir, { code: 'PUSH_UPLOAD_REFUSED', message: /backslash/ });
});

t.test('bundle - no directory, a file, an empty one, one of which everything is ignored', async (t) => {
  const dir = t.testdir({ file: '', empty: {}, ignored: { '.cfignore': '*', a: '' }, dirs: { only: {} } });
  await refused(t, join(dir, 'nothing'), { code: 'PATH_NOT_FOUND', message: /nothing/ });
  await refused(t, join(dir, 'file'), { code: 'PATH_NOT_FOUND' });
  await refused(t, join(dir, 'empty'), { code: 'APP_DIR_EMPTY' });
  await refused(t, join(dir, 'ignored'), { code: 'APP_DIR_EMPTY' });
  await refused(t, join(dir, 'dirs'), { code: 'APP_DIR_EMPTY' });
});

t.test('bundle - what cannot be read is named', async (t) => {
  if (process.getuid?.() === 0) return t.pass('root reads everything', { skip: 'runs as root' });
  const dir = t.testdir({ a: 'first', locked: 'x', folder: { b: '' }, z: 'last' });
  chmodSync(join(dir, 'locked'), 0);
  await refused(t, dir, { code: 'FILE_UNREADABLE', message: /locked: permission denied/ });
  chmodSync(join(dir, 'locked'), 0o600);
  chmodSync(join(dir, 'folder'), 0);
  await refused(t, dir, { code: 'FILE_UNREADABLE', message: /folder: permission denied/ });
  chmodSync(join(dir, 'folder'), 0o700);
});

t.test('bundle - a file that goes away while others are packed', async (t) => {
  const dir = t.testdir({ a: 'first', b: 'second' });
  const packing = () =>
    bundle(dir, { onFile: (count) => (count === 1 ? rmSync(join(dir, 'b')) : undefined) });
  const expected = { code: 'FILE_UNREADABLE', message: /\/b: there is no such file/ };
  const { left } = await inOwnTemp(t, () => t.rejects(packing(), expected));
  t.same(left(), []);
});

t.test('bundle - Ctrl-C leaves nothing behind', async (t) => {
  const dir = t.testdir({ a: 'x'.repeat(1_000_000), b: 'second', c: 'third' });
  const stop = new AbortController();
  const packing = () =>
    bundle(dir, { signal: stop.signal, onFile: (count) => (count === 2 ? stop.abort() : undefined) });
  const { left } = await inOwnTemp(t, () => t.rejects(packing(), { name: 'AbortError' }));
  t.same(left(), []);
});

t.test('bundle - no room for it is said', async (t) => {
  const dir = t.testdir({ a: 'x' });
  const before = process.env.TMPDIR;
  process.env.TMPDIR = join(dir, 'not-there');
  t.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  await t.rejects(bundle(dir), { code: 'PACK_FAILED', message: /there is no such file/ });
});

t.test('bundle - thousands of files, few open at a time, without holding their content', async (t) => {
  const dir = t.testdir({ node_modules: {} });
  const FILES = 2000;
  const content = Buffer.alloc(96 * 1024, 'some text that repeats ');
  for (let at = 0; at < FILES; at += 1) {
    const folder = join(dir, 'node_modules', `package-${at % 100}`);
    if (at < 100) mkdirSync(folder);
    writeFileSync(join(folder, `file-${at}.js`), content);
  }
  let open = 0;
  let peak = 0;
  const before = process.memoryUsage().rss;
  const { value } = await inOwnTemp(t, () =>
    bundle(dir, {
      onFile() {
        open = Math.max(open, countOpen());
        peak = Math.max(peak, process.memoryUsage().rss);
      },
    }),
  );
  t.equal(value.count, FILES);
  t.ok(open < 40, `${open} descriptors`);
  // of 188 MB
  t.ok(peak - before < 120 * 1024 * 1024, `${Math.round((peak - before) / 1024 / 1024)} MB more`);
  await value.remove();
});

/** Descriptors of this process that are regular files; 0 where that cannot be seen. */
function countOpen(): number {
  try {
    return readdirSync('/proc/self/fd').length - baseline;
  } catch {
    return 0;
  }
}

const baseline = ((): number => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
})();
