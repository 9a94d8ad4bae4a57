import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'undici';
import t from 'tap';
import type { Test } from 'tap';
import type { BbsClient } from '../../bbs/index.js';
import { packageRoot } from '../../common/runtime/package-root.js';
import { must } from '../support/bbs.js';
import { createBbsProcess } from '../support/bbs-process.js';
import type { BbsProcess } from '../support/bbs-process.js';
import { eventually } from '../support/eventually.js';
import { requireSuite } from '../support/requires.js';

const mount = (...args: string[]): void => {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`);
};

/** A BBS whose data lie on a disk of so many MB. */
const onSmallDisk = (t: Test, megabytes: number): BbsProcess => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-full-'));
  const bbs = createBbsProcess({ dir, config: { admin: { socket: 'admin.sock' } } });
  mkdirSync(bbs.dataDir);
  mount('-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', bbs.dataDir);
  t.teardown(async () => {
    await bbs.close();
    spawnSync('umount', ['-l', bbs.dataDir]);
    rmSync(dir, { recursive: true, force: true });
  });
  return bbs;
};

/** Takes all the room that there is. */
const fillUp = (dir: string): string => {
  const ballast = join(dir, 'ballast');
  const { bavail, bsize } = statfsSync(dir);
  try {
    writeFileSync(ballast, Buffer.alloc(bavail * bsize + bsize));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  return ballast;
};

const health = async (bbs: BbsProcess): Promise<{ status: number; reason: string }> => {
  const client = new Client('http://admin', { socketPath: join(bbs.dir, 'admin.sock') });
  const { statusCode, body } = await client.request({ path: '/health', method: 'GET' });
  const { reason } = (await body.json()) as { reason: string };
  await client.close();
  return { status: statusCode, reason };
};

const VALUE = 'x'.repeat(60_000);

/** Writes new keys, several at once, until every writer has been refused; what was acknowledged, and the refusals. */
const writeUntilFull = async (client: BbsClient, acknowledged: Set<string>): Promise<string[]> => {
  const refusals: string[] = [];
  const writer = async (n: number): Promise<void> => {
    for (let round = 0; ; round += 1) {
      const key = `${n}-${round}-${acknowledged.size}`;
      const result = await client.kvPut({ key, value: VALUE, version: 0 });
      if (result.ok) acknowledged.add(key);
      else return void refusals.push(result.error.message);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, n) => writer(n)));
  return refusals;
};

const allThere = async (client: BbsClient, keys: ReadonlySet<string>): Promise<boolean> => {
  const entries = await Promise.all([...keys].map((key) => client.kvGet(key)));
  return entries.every((entry) => entry.ok && entry.value.version === 1 && entry.value.value === VALUE);
};

requireSuite(t, 'mounts', () => {
  t.test(
    'full disk - writes are refused with what to do, reads go on, and room brings it back',
    async (t) => {
      const bbs = onSmallDisk(t, 8);
      await bbs.start();
      const client = bbs.client();
      const acknowledged = new Set<string>();
      for (let round = 0; round < 2; round += 1) {
        const refusals = await writeUntilFull(client, acknowledged);
        const words = new RegExp(
          `^STORE_FULL: no space left to write ${bbs.file}; free space on that disk: it goes on by itself then; nothing was changed, and reads go on$`,
        );
        t.equal(refusals.length, 8);
        for (const refusal of refusals) t.match(refusal, words);
        t.ok(await allThere(client, acknowledged), `${acknowledged.size} entries are read`);
        t.match(await health(bbs), { status: 503, reason: /STORE_FULL: no space left to write/ });

        // more room than before, as whoever operates it would make it
        mount('-o', `remount,size=${8 + 5 * (round + 1)}m`, bbs.dataDir);
        const key = `after-${round}`;
        await eventually(async () => (await client.kvPut({ key, value: VALUE, version: 0 })).ok);
        acknowledged.add(key);
        t.notMatch(await health(bbs), { reason: /STORE_FULL/ }, 'nobody had to start it again');
        await bbs.kill();
        await bbs.start();
        t.ok(await allThere(client, acknowledged), 'and a kill loses nothing of what was acknowledged');
      }
      const said = bbs.output().match(/commit-failed/g) ?? [];
      t.ok(said.length <= 1, 'it is told once, not for every write');
    },
  );

  t.test('full disk - filled by somebody else in the midst of work, again and again', async (t) => {
    const bbs = onSmallDisk(t, 32);
    await bbs.start();
    const client = bbs.client();
    const acknowledged = new Set<string>();
    let refused = 0;
    let stopped = false;
    const writer = async (n: number): Promise<void> => {
      for (let round = 0; !stopped; round += 1) {
        const key = `${n}-${round}`;
        const result = await client.kvPut({ key, value: 'y', version: 0 });
        if (result.ok) acknowledged.add(key);
        else refused += 1;
      }
    };
    const writers = Array.from({ length: 8 }, (_, n) => writer(n));
    for (let round = 0; round < 5; round += 1) {
      const [before, had] = [refused, acknowledged.size];
      const ballast = fillUp(bbs.dataDir);
      await eventually(() => refused > before + 20);
      rmSync(ballast);
      await eventually(() => acknowledged.size > had + 20);
    }
    stopped = true;
    await Promise.all(writers);
    await bbs.kill();
    await bbs.start();
    const lost: string[] = [];
    for (const key of acknowledged) if (must(await client.kvGet(key)).version !== 1) lost.push(key);
    t.same(lost, [], `${acknowledged.size} acknowledged, ${refused} refused`);
  });

  t.test('full disk - nothing starts on one, and it says why', async (t) => {
    const bbs = onSmallDisk(t, 4);
    await bbs.start();
    await bbs.kill();
    const ballast = fillUp(bbs.dataDir);
    const args = [join(packageRoot(), 'cli/bin/outcry.mjs'), 'bbs', '--config', bbs.configFile];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    t.equal(status, 1);
    t.match(stderr, /^outcry: (STORE_FULL: no space left to write|DATA_DIR_UNREADABLE: .* no space left)/);
    rmSync(ballast);
    await bbs.start();
  });

  t.test('read-only - a file or a disk that cannot be written is named at the start', async (t) => {
    const bbs = onSmallDisk(t, 4);
    await bbs.start();
    await bbs.kill('SIGTERM');
    const run = () => {
      const args = [join(packageRoot(), 'cli/bin/outcry.mjs'), 'bbs', '--config', bbs.configFile];
      return spawnSync(process.execPath, args, { encoding: 'utf8' });
    };
    mount('--bind', bbs.file, bbs.file);
    mount('-o', 'remount,bind,ro', bbs.file);
    const file = run();
    spawnSync('umount', [bbs.file]);
    t.equal(file.status, 1);
    t.match(
      file.stderr,
      new RegExp(`^outcry: STORE_READ_ONLY: the data file ${bbs.file} cannot be written: `),
    );
    mount('-o', 'remount,ro', bbs.dataDir);
    const disk = run();
    mount('-o', 'remount,rw', bbs.dataDir);
    t.equal(disk.status, 1);
    t.match(disk.stderr, /^outcry: DATA_DIR_UNREADABLE: .*the file system is read-only/);
    await bbs.start();
  });
});

t.test('locked - a file that somebody else has open is named, and nothing is waited for', async (t) => {
  const bbs = createBbsProcess();
  t.teardown(bbs.close);
  await bbs.start();
  await bbs.kill('SIGTERM');
  const libsql = JSON.stringify(join(packageRoot(), 'node_modules/libsql/index.js'));
  const holder = `
    const { default: Database } = await import(${libsql});
    const db = new Database(${JSON.stringify(bbs.file)});
    db.exec('BEGIN EXCLUSIVE');
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const args = [join(packageRoot(), 'cli/bin/outcry.mjs'), 'bbs', '--config', bbs.configFile];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(
    stderr,
    new RegExp(`^outcry: STORE_LOCKED: the data file ${bbs.file} is in use by another process; `),
  );
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  await bbs.start();
});
