import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { OutcryError } from '../../../common/model/errors.js';
import type { RowChange, StoreSchema } from '../../../common/store/engine.js';
import { createSqliteEngine } from '../../../common/store/sqlite-engine.js';
import { ball, openBalls, putBall } from '../../support/store.js';

const root = mkdtempSync(join(tmpdir(), 'outcry-sqlite-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const SCHEMA: StoreSchema = { name: 'bbs', version: 1, tables: ['things'], migrations: [] };

const newDir = (name: string): string => {
  const dir = join(root, name);
  mkdirSync(dir);
  return dir;
};

const fill = async (dir: string, rows: number): Promise<void> => {
  const store = await createSqliteEngine({ dir }).open(SCHEMA);
  const value = JSON.stringify('x'.repeat(1_000));
  const changes = Array.from({ length: rows }, (_, n): RowChange => ({
    table: 'things',
    key: `k${n}`,
    value,
  }));
  await store.commit({ sequence: 1, changes });
  await store.close();
};

const load = async (dir: string, schema = SCHEMA): Promise<number> => {
  const store = await createSqliteEngine({ dir }).open(schema);
  let rows = 0;
  try {
    for await (const page of store.rows()) rows += page.filter(({ table }) => table === 'things').length;
  } finally {
    await store.close();
  }
  return rows;
};

/** opening must fail with `code` and a message and remedy that name the file */
const failsWith = async (t: Test, code: string, dir: string, named: string): Promise<void> => {
  try {
    await load(dir);
    t.fail(`expected ${code}`);
  } catch (error) {
    t.ok(error instanceof OutcryError, String(error));
    t.equal((error as OutcryError).code, code);
    t.ok((error as OutcryError).message.includes(named), (error as OutcryError).message);
  }
};

t.test('SQLite store - makes its directory and file private', async (t) => {
  const dir = join(root, 'deep', 'private');
  await fill(dir, 1);
  t.equal(statSync(dir).mode & 0o777, 0o700);
  t.equal(statSync(join(dir, 'bbs.db')).mode & 0o777, 0o600);
  t.same(readdirSync(dir), ['bbs.db'], 'and leaves one file behind when closed');
});

t.test('SQLite store - a damaged file is refused and left as it is', async (t) => {
  const dir = newDir('damaged');
  const path = join(dir, 'bbs.db');
  await fill(dir, 2_000);
  const whole = readFileSync(path);

  writeFileSync(path, 'no database at all, but long enough to be taken for one\n'.repeat(100));
  await failsWith(t, 'STORE_CORRUPT', dir, path);
  t.match(readFileSync(path, 'utf8'), /^no database at all/);

  writeFileSync(path, whole.subarray(0, 9_000));
  await failsWith(t, 'STORE_CORRUPT', dir, path);

  const scribbled = Buffer.from(whole);
  scribbled.fill(0xa5, 40_960, 400_000);
  writeFileSync(path, scribbled);
  await failsWith(t, 'STORE_CORRUPT', dir, path);

  writeFileSync(path, whole);
  t.equal(await load(dir), 2_000);
});

t.test('SQLite store - a file of another schema or program is refused', async (t) => {
  const dir = newDir('foreign');
  await fill(dir, 3);
  writeFileSync(join(dir, 'api.db'), readFileSync(join(dir, 'bbs.db')));
  await t.rejects(load(dir, { ...SCHEMA, name: 'api' }), {
    code: 'STORE_CORRUPT',
    message: /belongs to bbs/,
  });
});

t.test('SQLite store - what cannot be a data directory or file is refused', async (t) => {
  const dir = newDir('odd');
  writeFileSync(join(dir, 'file'), '');
  await failsWith(t, 'DATA_DIR_UNREADABLE', join(dir, 'file'), 'not a directory');
  await failsWith(t, 'DATA_DIR_UNREADABLE', join(dir, 'file', 'below'), 'not a directory');
  mkdirSync(join(dir, 'bbs.db'));
  await failsWith(t, 'STORE_UNREADABLE', dir, join(dir, 'bbs.db'));
});

/** as much as goes: the write fails at the end of the space, what was written stays */
const fillDisk = (path: string): void => {
  try {
    writeFileSync(path, Buffer.alloc(4 * 1024 * 1024));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
};

t.test('SQLite store - a full disk fails the commit, reads go on, and space brings it back', async (t) => {
  const dir = newDir('full');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]).status === 0;
  if (!mounted) return t.pass('no small file system can be mounted here');
  t.teardown(() => void spawnSync('umount', ['-l', dir]));
  const engine = createSqliteEngine({ dir });
  const store = await openBalls(engine);
  t.ok((await putBall(store, ball('first'))).ok);
  const ballast = join(dir, 'ballast');
  const big = ball('big', { colour: 'x'.repeat(300_000) });
  fillDisk(ballast);
  t.match(await putBall(store, big), { ok: false, error: { code: 'STORE_FAILED', message: /SQLITE_FULL/ } });
  t.same([...store.committed.balls.entries()], [['first', ball('first')]]);
  rmSync(ballast);
  t.ok((await putBall(store, big)).ok);
  await store.close();
  const again = await openBalls(engine);
  t.equal(again.committed.balls.count(), 2);
  await again.close();
  rmSync(join(dir, 'balls.db'));
  fillDisk(ballast);
  await t.rejects(openBalls(engine), { code: 'STORE_FULL' });
});

t.test('SQLite store - a commit larger than the worker may hold at once is still one commit', async (t) => {
  const dir = newDir('large');
  const store = await createSqliteEngine({ dir }).open(SCHEMA);
  const value = JSON.stringify('y'.repeat(100_000));
  const changes = Array.from({ length: 900 }, (_, n): RowChange => ({
    table: 'things',
    key: `k${n}`,
    value,
  }));
  const broken = [...changes, { table: 'absent', key: 'x', value }];
  t.match(await store.commit({ sequence: 1, changes: broken }), { ok: false, reason: 'failed' });
  const huge = { table: 'things', key: 'huge', value: JSON.stringify('z'.repeat(17 * 1024 * 1024)) };
  const refused = await store.commit({ sequence: 1, changes: [huge] });
  t.match(refused, { ok: false, reason: 'failed', message: /row huge of things is over/ });
  const odd = await store.commit({ sequence: 1, changes: [{ table: 'things', key: 'odd', value: 'a\0b' }] });
  t.match(odd, { ok: false, reason: 'failed', message: /row odd of things is not JSON/ });
  t.same(await store.commit({ sequence: 1, changes: changes.slice(0, 1) }), { ok: true });
  t.same(await store.commit({ sequence: 2, changes }), { ok: true });
  await store.close();
  t.equal(await load(dir), 900);
});

t.test('SQLite store - a row takes no more of the file than it is long', async (t) => {
  const dir = newDir('dense');
  const store = await createSqliteEngine({ dir }).open(SCHEMA);
  const value = JSON.stringify('x'.repeat(1_200));
  const changes = Array.from({ length: 2_000 }, (_, n): RowChange => ({
    table: 'things',
    key: `process-guid-${(n * 7_919) % 2_000}/0/ORDINARY`,
    value,
  }));
  await store.commit({ sequence: 1, changes });
  await store.close();
  const bytes = statSync(join(dir, 'bbs.db')).size;
  t.ok(bytes < 2_000 * 1_200 * 1.5, `${bytes} bytes`);
});
