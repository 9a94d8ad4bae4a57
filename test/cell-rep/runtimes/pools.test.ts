import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createPortPool, isBindable } from '../../../cell-rep/runtimes/ports.js';
import {
  chooseContainerRoot,
  removeContainerRoot,
} from '../../../cell-rep/runtimes/process/container-root.js';
import { buildEnvironment } from '../../../cell-rep/runtimes/process/environment.js';
import { createUserPool, DEFAULT_USERS, fitUserRange } from '../../../cell-rep/runtimes/process/users.js';
import { reachableNode } from '../../../cell-rep/runtimes/process/tools.js';
import type { UserPool } from '../../../cell-rep/runtimes/process/users.js';

const free = (): Promise<boolean> => Promise.resolve(true);

const scratch = async (t: { teardown(task: () => Promise<void>): unknown }): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-pools-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

t.test('ports - are given once, rest after use, and come back when nothing else is left', async (t) => {
  const clock = createFakeClock();
  const pool = createPortPool({ range: { first: 100, last: 103 }, clock, bindable: free });
  t.same(await pool.take(2), [100, 101]);
  pool.release(100);
  t.same(await pool.take(1), [102]);
  t.same(await pool.take(1), [103], 'not the one that rests');
  t.same(await pool.take(1), [100], 'unless nothing else is left');
  t.equal(await pool.take(1), undefined);
  pool.release(101);
  pool.release(103);
  await clock.advance(120_000);
  t.equal(await pool.take(3), undefined, 'all or nothing');
  t.same(new Set(await pool.take(2)), new Set([101, 103]));
});

t.test('ports - pools of one range on one machine begin at different places', async (t) => {
  const range = { first: 20_000, last: 29_999 };
  const take = (name: string) =>
    createPortPool({ range, name, clock: createFakeClock(), bindable: free }).take(2);
  const [one, two, again] = [await take('/a'), await take('/b'), await take('/a')];
  t.same(one, again);
  t.equal(new Set([...(one ?? []), ...(two ?? [])]).size, 4);
  for (const port of [...(one ?? []), ...(two ?? [])]) t.ok(port >= 20_000 && port <= 29_999);
});

t.test('ports - what somebody listens on is passed over', async (t) => {
  const server = createServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.notOk(await isBindable(port));
  const pool = createPortPool({ range: { first: port, last: port }, clock: createFakeClock() });
  t.equal(await pool.take(1), undefined);
  server.close();
});

t.test('users - are never shared, between cells neither, and a claim ends with its cell', async (t) => {
  const dir = await scratch(t);
  const claims = join(dir, 'claims');
  const range = { base: 1000, count: 200 };
  const roots = [join(dir, 'a'), join(dir, 'b'), join(dir, 'c')] as const;
  for (const root of roots) await mkdir(root);
  const open = async (root: string): Promise<UserPool> => {
    const pool = createUserPool({ range, root, claims });
    await pool.open();
    return pool;
  };
  const [one, two] = [await open(roots[0]), await open(roots[1])];
  const taken: (number | undefined)[] = [];
  for (let i = 0; i < 100; i += 1) taken.push(...(await Promise.all([one.take(), two.take()])));
  t.equal(new Set(taken).size, 200);
  t.ok(taken.every((uid) => uid !== undefined && uid >= 1000 && uid < 1200));
  t.equal(await one.take(), undefined, 'all are taken');
  const [first] = taken;
  one.release(first as number);
  t.equal(await one.take(), first);

  const later = await open(roots[0]);
  later.keep(first as number);
  const again = new Set<number | undefined>();
  for (let i = 0; i < 99; i += 1) again.add(await later.take());
  t.notOk(again.has(first), 'not the one that a container has');
  t.equal(await (await open(roots[2])).take(), undefined);
  await rm(roots[0], { recursive: true });
  t.not(await (await open(roots[2])).take(), undefined, 'what the first cell had is free again');
});

t.test('users - cells that start together share no claim that another left', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const dir = await scratch(t);
    const claims = join(dir, 'claims');
    await mkdir(claims);
    for (let block = 0; block < 24; block += 1) {
      await writeFile(join(claims, String(1000 + block * 100)), join(dir, 'gone'));
    }
    const cells = Array.from({ length: 24 }, async (_, i) => {
      const root = join(dir, `cell-${i}`);
      await mkdir(root);
      for (let turn = 0; turn < i * 3; turn += 1) await setImmediate();
      const pool = createUserPool({ range: { base: 1000, count: 2400 }, root, claims });
      await pool.open();
      return pool.take();
    });
    const taken = (await Promise.all(cells)).filter((uid) => uid !== undefined);
    t.equal(new Set(taken.map((uid) => Math.floor(uid / 100))).size, taken.length);
  }
});

t.test('users - claims that could not be written are tried again', async (t) => {
  const dir = await scratch(t);
  const claims = join(dir, 'claims');
  const pool = createUserPool({ range: { base: 1000, count: 100 }, root: dir, claims });
  await pool.open();
  await rm(claims, { recursive: true });
  await t.rejects(pool.take());
  await mkdir(claims);
  t.equal(await pool.take(), 1000);
});

t.test('users - ids are far from those that others give out', (t) => {
  const last = DEFAULT_USERS.base + DEFAULT_USERS.count - 1;
  t.ok(DEFAULT_USERS.base > 2_000_200_000, 'SSSD, systemd-nspawn, subordinate ids');
  t.ok(last < 2_147_352_576, "systemd's foreign ids, and 31 bits");
  t.end();
});

t.test('users - the range moves to where ids exist', (t) => {
  const range = { base: 200_000, count: 100_000 };
  t.same(fitUserRange(range, '         0          0 4294967295\n'), range);
  t.same(fitUserRange(range, ''), range);
  t.same(fitUserRange(range, '0 100000 65536\n'), { base: 20_000, count: 10_000 });
  t.same(fitUserRange(range, '0 1000 1\n'), { base: 20_000, count: 0 });
  t.end();
});

t.test(
  'container root - below the data directory when its users can get there, else elsewhere',
  async (t) => {
    const dir = await scratch(t);
    await chmod(dir, 0o711);
    const fallback = join(dir, 'lib', 'outcry');
    await mkdir(join(dir, 'lib'));
    const open = join(dir, 'open');
    const closed = join(dir, 'closed');
    await mkdir(open, { mode: 0o711 });
    await mkdir(closed, { mode: 0o700 });
    const near = await chooseContainerRoot({ dataDir: open, cellId: 'c1', isRoot: true, fallback });
    t.equal(near, join(open, 'cells', 'c1', 'containers'));
    t.equal((await stat(near)).mode & 0o777, 0o711);
    const far = await chooseContainerRoot({ dataDir: closed, cellId: 'c1', isRoot: true, fallback });
    t.ok(far.startsWith(fallback));
    t.equal(
      await chooseContainerRoot({ dataDir: closed, cellId: 'c1', isRoot: true, fallback }),
      far,
      'always the same',
    );
    const own = await chooseContainerRoot({ dataDir: closed, cellId: 'c1', isRoot: false, fallback });
    t.equal(own, join(closed, 'cells', 'c1', 'containers'));
    await removeContainerRoot(far);
    t.same(await readdir(fallback), []);
    await removeContainerRoot(own);
    t.same(await readdir(closed), [], 'the data directory itself stays');
  },
);

t.test('environment - is complete, and PORT means the host port', (t) => {
  const spec = {
    id: 'main',
    path: 'x',
    args: [],
    dir: '',
    user: 'vcap',
    env: { LANG: 'de_DE', PORT: '2222' },
  };
  const ports = [
    { containerPort: 8080, hostPort: 20_001 },
    { containerPort: 2222, hostPort: 20_002 },
  ];
  const place = { home: '/h', tmp: '/t', path: '/bin', ports };
  t.same(buildEnvironment(spec, place), {
    HOME: '/h',
    TMPDIR: '/t',
    USER: 'vcap',
    PATH: '/bin',
    LANG: 'de_DE',
    PORT: '20002',
  });
  t.equal(buildEnvironment({ ...spec, env: {} }, place)['PORT'], '20001', 'the first when none is asked for');
  t.equal(
    buildEnvironment({ ...spec, env: { PORT: '9' } }, place)['PORT'],
    '9',
    'a port of no mapping is left alone',
  );
  t.notOk('PORT' in buildEnvironment({ ...spec, env: {} }, { ...place, ports: [] }));
  t.end();
});

t.test('tools - a node that others cannot reach is copied to where they can, once', async (t) => {
  const dir = await scratch(t);
  await chmod(dir, 0o711);
  const closed = join(dir, 'home');
  const tools = join(dir, 'tools');
  await mkdir(join(closed, 'bin'), { recursive: true });
  await mkdir(join(closed, 'lib', 'node_modules', 'npm', 'bin'), { recursive: true });
  const node = join(closed, 'bin', 'node');
  await writeFile(node, '#!/bin/sh\necho node\n', { mode: 0o755 });
  await writeFile(join(closed, 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'), 'npm');
  t.equal(await reachableNode(node, tools), dirname(node), 'reached where it is');
  await chmod(closed, 0o700);
  const [one, two] = await Promise.all([reachableNode(node, tools), reachableNode(node, tools)]);
  t.equal(one, two);
  t.equal(await reachableNode(node, tools), one);
  t.equal((await stat(join(one, 'node'))).mode & 0o777, 0o755);
  t.equal(await readFile(join(one, 'npm'), 'utf8'), 'npm');
  t.equal((await readdir(tools)).length, 1);
});
