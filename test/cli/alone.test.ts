/** The lock under which one of several fresh starts installs and builds, over real processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import type { Test } from 'tap';
import { packageRoot } from '../../common/runtime/package-root.js';

/**
 * Goes in `rounds` times; leaves a mark while it is inside, and tells of anybody's mark who is still alive. Every fifth
 * time it kills itself instead of going out, when `dies`.
 */
const PROGRAM = `
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
const { alone } = await import(process.env.MODULE);
const { lock, mark, log, rounds, dies } = JSON.parse(process.env.WORK);
const nap = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
const inside = () => { try { return Number(readFileSync(mark, 'utf8')); } catch { return 0; } };
const alive = (pid) => { try { process.kill(pid, 0); return pid > 0; } catch { return false; } };
for (let round = 1; round <= rounds; round += 1) {
  alone(lock, () => {
    if (alive(inside())) appendFileSync(log, 'met ');
    writeFileSync(mark, String(process.pid));
    nap();
    if (inside() !== process.pid) appendFileSync(log, 'robbed ');
    appendFileSync(log, 'in ');
    if (dies && round % 5 === 0) process.kill(process.pid, 'SIGKILL');
    rmSync(mark);
  });
}
`;

interface Race {
  dir: string;
  rounds: number;
  dies?: boolean;
}

const places = (t: Test): string => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-alone-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
};

const run = async (t: Test, { dir, rounds, dies = false }: Race): Promise<unknown> => {
  const at = (name: string): string => join(dir, name);
  const work = { lock: at('lock'), mark: at('mark'), log: at('log'), rounds, dies };
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      MODULE: pathToFileURL(join(packageRoot(), 'cli/bin/alone.mjs')).href,
      WORK: JSON.stringify(work),
    },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return signal ?? code;
};

const logOf = (dir: string): string[] => readFileSync(join(dir, 'log'), 'utf8').trim().split(' ');
const locksIn = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith('lock'));

t.test('alone - of processes that race one is inside at a time', async (t) => {
  const dir = places(t);
  const ends = await Promise.all(Array.from({ length: 6 }, () => run(t, { dir, rounds: 10 })));
  t.same(new Set(ends), new Set([0]));
  t.same(
    logOf(dir),
    Array.from({ length: 60 }, () => 'in'),
  );
  t.same(locksIn(dir), []);
});

t.test('alone - a holder that was killed is replaced by one of those who wait', async (t) => {
  const dir = places(t);
  for (let wave = 0; wave < 3; wave += 1) {
    const ends = await Promise.all(
      Array.from({ length: 6 }, (_, nth) => run(t, { dir, rounds: 10, dies: nth < 3 })),
    );
    t.same(ends, ['SIGKILL', 'SIGKILL', 'SIGKILL', 0, 0, 0]);
  }
  // the last one inside may have been killed there
  t.equal(await run(t, { dir, rounds: 1 }), 0);
  t.same(new Set(logOf(dir)), new Set(['in']));
  t.equal(logOf(dir).length, 3 * (3 * 5 + 3 * 10) + 1);
  t.same(locksIn(dir), []);
});

t.test('alone - a lock that names nobody, or a process that is no more, holds nobody up', async (t) => {
  for (const left of ['', '\0\0\0', String(process.pid), `${2 ** 30}__00`, `${process.pid}_1_00`]) {
    const dir = places(t);
    writeFileSync(join(dir, 'lock'), left);
    t.equal(await run(t, { dir, rounds: 1 }), 0, JSON.stringify(left));
    t.same(locksIn(dir), []);
  }
});

t.test('alone - a right to take over whose owner was killed holds nobody up either', async (t) => {
  const dir = places(t);
  const [dead, heir] = [`${2 ** 30}__00`, `${2 ** 30}__01`];
  writeFileSync(join(dir, 'lock'), dead);
  writeFileSync(join(dir, `lock.${dead}`), heir);
  t.same(await Promise.all([1, 2, 3].map(() => run(t, { dir, rounds: 3 }))), [0, 0, 0]);
  t.same(new Set(logOf(dir)), new Set(['in']));
  t.same(locksIn(dir), []);
});

t.test('alone - where no lock can be written, the work is done all the same', async (t) => {
  const dir = places(t);
  const lock = join(dir, 'nowhere', 'lock');
  const { alone } = (await import(pathToFileURL(join(packageRoot(), 'cli/bin/alone.mjs')).href)) as {
    alone(file: string, work: () => void): void;
  };
  let done = false;
  alone(lock, () => (done = true));
  t.ok(done);
  t.notOk(existsSync(lock));
});
