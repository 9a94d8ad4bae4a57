import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { acquireDataLock, dataLockError } from '../../../common/store/data-lock.js';
import { createDataLock } from '../../../common/store/data-lock-member.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import type { DataLock } from '../../../common/store/data-lock.js';

const HOLDER = fileURLToPath(new URL('./data-lock-holder.js', import.meta.url));
const ME = { pid: process.pid, startedAt: '2026-11-20T13:00:00Z', command: 'outcry test' };

const root = mkdtempSync(join(tmpdir(), 'outcry-lock-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const startHolder = async (dir: string): Promise<{ child: ChildProcess; answer: unknown }> => {
  const child = spawn(process.execPath, [HOLDER, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, answer: JSON.parse(line.toString()) };
};

const acquired = (dir: string): DataLock => {
  const lock = acquireDataLock(dir, ME);
  if (!lock.ok) throw dataLockError(lock.error, '--data DIR');
  return lock.value;
};

t.test('data lock - makes the directory, private unless told otherwise', async (t) => {
  acquired(join(root, 'new', 'deep')).release();
  t.equal(statSync(join(root, 'new', 'deep')).mode & 0o777, 0o700);
  const shared = acquireDataLock(join(root, 'shared'), ME, { mode: 0o750 });
  t.equal(statSync(join(root, 'shared')).mode & 0o777, 0o750);
  if (shared.ok) shared.value.release();
});

t.test('data lock - a second start is told who holds it; kill -9 gives it free', async (t) => {
  const dir = join(root, 'held');
  const { child, answer } = await startHolder(dir);
  t.same(answer, { ok: true });
  const holder = { pid: child.pid, startedAt: '2026-11-20T12:00:00Z', command: 'outcry start' };
  const second = acquireDataLock(dir, ME);
  t.same(second, { ok: false, error: { code: 'DATA_DIR_LOCKED', path: dir, holder } });
  const shown = second.ok ? '' : dataLockError(second.error, '--data DIR').message;
  t.match(shown, `in use by process ${child.pid} (outcry start), started 2026-11-20T12:00:00Z`);
  child.kill('SIGKILL');
  await once(child, 'close');
  t.ok(existsSync(join(dir, 'holder.json')), 'what the dead holder left behind does not count');
  acquired(dir).release();
});

t.test('data lock - held by this process it shuts out others and itself, until released', async (t) => {
  const dir = join(root, 'mine');
  const lock = acquired(dir);
  const other = await startHolder(dir);
  t.match(other.answer, { ok: false, error: { code: 'DATA_DIR_LOCKED', holder: ME } });
  t.match(acquireDataLock(dir, ME), { ok: false, error: { code: 'DATA_DIR_LOCKED' } });
  const again = await startHolder(dir);
  t.match(again.answer, { ok: false }, 'a refused attempt takes nothing from the holder');
  lock.release();
  lock.release();
  t.notOk(existsSync(join(dir, 'holder.json')));
  const next = await startHolder(dir);
  t.same(next.answer, { ok: true });
  next.child.kill('SIGKILL');
  await once(next.child, 'close');
});

t.test('data lock - a holder that has not said who it is yet', async (t) => {
  const dir = join(root, 'silent');
  const lock = acquired(dir);
  writeFileSync(join(dir, 'holder.json'), '{"pid":');
  const second = acquireDataLock(dir, ME);
  t.same(second, { ok: false, error: { code: 'DATA_DIR_LOCKED', path: dir, holder: undefined } });
  t.match(second.ok ? '' : dataLockError(second.error, '--data DIR').message, 'process unknown');
  lock.release();
});

t.test('data lock - what cannot hold data is refused with the reason', async (t) => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  const notDir = { code: 'DATA_DIR_UNREADABLE', reason: 'not a directory' };
  t.match(acquireDataLock(file, ME), { ok: false, error: { ...notDir, path: file } });
  t.match(acquireDataLock(join(file, 'below'), ME), { ok: false, error: notDir });

  const sealed = join(root, 'sealed');
  mkdirSync(sealed);
  chmodSync(sealed, 0o500);
  // root may write anywhere: be somebody else for one call
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  const denied = acquireDataLock(join(sealed, 'below'), ME);
  if (isRoot) process.seteuid?.(0);
  t.match(denied, { ok: false, error: { code: 'DATA_DIR_UNREADABLE', reason: 'permission denied' } });

  // where the system takes no new directories at all
  const nowhere = process.platform === 'linux' ? '/proc/1/nothing' : join(root, 'file', 'below');
  t.match(acquireDataLock(nowhere, ME), { ok: false, error: { code: 'DATA_DIR_UNREADABLE' } });

  const foreign = join(root, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'lock.db'), 'not a lock of ours\n'.repeat(100));
  t.match(acquireDataLock(foreign, ME), { ok: false, error: { code: 'DATA_DIR_UNREADABLE' } });
});

t.test('data lock - what names another directory is said as whoever reads it can do it', async (t) => {
  const dir = join(root, 'named');
  const lock = acquired(dir);
  const component = createDataLock(dir, { clock: createFakeClock() });
  t.throws(() => void component.start(), {
    code: 'DATA_DIR_LOCKED',
    remedy: 'stop that process first, or name another directory with data_dir in its configuration',
  });
  lock.release();
  writeFileSync(join(root, 'a-file'), '');
  const file = createDataLock(join(root, 'a-file'), { clock: createFakeClock() });
  const unusable = {
    code: 'DATA_DIR_UNREADABLE',
    remedy: /or name another with data_dir in its configuration$/,
  };
  t.throws(() => void file.start(), unusable);
  const again = acquireDataLock(join(root, 'a-file'), ME);
  t.match(
    again.ok ? '' : dataLockError(again.error, '--data DIR').remedy,
    /or name another with --data DIR$/,
  );
});
