import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { packageRoot } from '../../../common/runtime/package-root.js';
import type { RunningProcess } from '../../../cell-rep/core/container-runtime.js';
import type { ProcessContainer } from '../../../cell-rep/runtimes/process/container.js';
import type { ProcessRuntime } from '../../../cell-rep/runtimes/process/runtime.js';
import { collect, mustCreate, mustRun } from '../../contract/container-runtime.js';
import { eventually } from '../../support/eventually.js';
import {
  listProcesses,
  makeRoot,
  openRuntime,
  processPrograms,
  realProcessPrograms,
  removeRoot,
  shell,
} from '../../support/process-runtime.js';

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === 'linux';

const setUp = async (t: {
  teardown(task: () => Promise<void>): unknown;
}): Promise<{ runtime: ProcessRuntime; root: string }> => {
  const root = await makeRoot();
  const runtime = openRuntime(root);
  await runtime.start();
  t.teardown(async () => {
    for (const container of await runtime.adopt()) await container.destroy();
    await runtime.stop();
    await removeRoot(root);
  });
  return { runtime, root };
};

/** pids of supervisor and process, from the platform's own file */
const pidsOf = async (
  root: string,
  guid: string,
  id = 'main',
): Promise<{ supervisor: number; pid: number }> => {
  const text = await readFile(join(root, 'containers', guid, `proc-${id}`, 'state'), 'utf8');
  const [, supervisor, pid] = text.split(' ').map(Number);
  return { supervisor: supervisor ?? 0, pid: pid ?? 0 };
};

const isGone = async (pid: number): Promise<boolean> => {
  const found = (await listProcesses()).find((one) => one.pid === pid);
  return found === undefined || found.state.startsWith('Z');
};

const lastLine = (text: string): number => Number(/line (\d+)\n[^\n]*$/.exec(text)?.[1] ?? 0);

t.test(
  'process runtime - kill -9 of a supervisor ends its process, and says that the exit is lost',
  async (t) => {
    const { runtime, root } = await setUp(t);
    const container = await mustCreate(runtime);
    const main = await mustRun(container, shell('trap "" TERM; sleep 600 & sleep 600'));
    const { supervisor, pid } = await pidsOf(root, container.guid);
    process.kill(supervisor, 'SIGKILL');
    t.match(await main.exited, { lost: true });
    t.ok(await isGone(pid));
    t.equal(
      (await listProcesses()).filter((one) => one.command === 'sleep 600' && one.ppid === pid).length,
      0,
    );
  },
);

t.test('process runtime - the loss of an adopted supervisor is noticed as well', async (t) => {
  const root = await makeRoot();
  const before = openRuntime(root);
  await before.start();
  const container = await mustCreate(before);
  await mustRun(container, processPrograms.ignoresTerm());
  await before.stop();
  const runtime = openRuntime(root);
  await runtime.start();
  t.teardown(async () => {
    for (const one of await runtime.adopt()) await one.destroy();
    await runtime.stop();
    await removeRoot(root);
  });
  const main = (await runtime.adopt())[0]?.process('main') as RunningProcess;
  const { supervisor, pid } = await pidsOf(root, container.guid);
  process.kill(supervisor, 'SIGKILL');
  t.match(await main.exited, { lost: true });
  await eventually(() => isGone(pid), { timeoutMs: 5000 });
});

t.test('process runtime - the helper may be killed: what runs goes on, what comes works', async (t) => {
  const { runtime, root } = await setUp(t);
  const container = await mustCreate(runtime);
  const main = await mustRun(container, processPrograms.runs());
  const { pid } = await pidsOf(root, container.guid);
  const helper = runtime.helperPid() ?? 0;
  process.kill(helper, 'SIGKILL');
  const task = await mustRun(container, processPrograms.prints({ out: 'after\n', exitCode: 5 }), {
    id: 'task',
  });
  const seen = collect(task);
  t.match(await task.exited, { code: 5, lost: false });
  t.equal(seen.text(), 'after\n');
  await eventually(() => runtime.healthy(), { timeoutMs: 5000 });
  t.not(runtime.helperPid(), helper);
  t.notOk(await isGone(pid), 'the older process was not touched');
  await main.signal('SIGTERM');
  t.match(await main.exited, { code: 143, lost: false }, 'its end is told through the new helper');
});

t.test(
  'process runtime - kill -9 of the whole platform: the next one finds the same process, talking',
  async (t) => {
    const root = await makeRoot();
    const owner = fileURLToPath(new URL('../../support/process-runtime-owner.js', import.meta.url));
    const platform = spawn(process.execPath, [owner, root], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(platform.stdout, 'data')) as [Buffer];
    const guid = line.toString().trim();
    const { pid } = await pidsOf(root, guid);
    platform.kill('SIGKILL');
    await once(platform, 'close');

    const runtime = openRuntime(root);
    await runtime.start();
    t.teardown(async () => {
      for (const container of await runtime.adopt()) await container.destroy();
      await runtime.stop();
      await removeRoot(root);
    });
    const [container] = await runtime.adopt();
    t.match(container?.info(), { guid, processes: [{ id: 'main', running: true }] });
    t.equal((await pidsOf(root, guid)).pid, pid);
    const seen = collect(container?.process('main') as RunningProcess);
    await eventually(() => seen.text().startsWith(`pid ${pid}\nline 1\n`), { timeoutMs: 5000 });
    const before = lastLine(seen.text());
    await eventually(() => lastLine(seen.text()) > before + 2, { timeoutMs: 5000 });
    await container?.destroy();
    t.ok(await isGone(pid));
  },
);

t.test('process runtime - what was to be started when the platform was killed has not begun', async (t) => {
  const { runtime, root } = await setUp(t);
  const container = await mustCreate(runtime);
  for (const id of ['main', 'other']) {
    const dir = join(root, 'containers', container.guid, `proc-${id}`);
    await mkdir(dir, { mode: 0o700 });
    if (id === 'main') await writeFile(join(dir, 'state'), '', { mode: 0o600 });
  }
  const after = openRuntime(root);
  await after.start();
  t.teardown(() => after.stop());
  const [adopted] = await after.adopt();
  t.same(adopted?.info().processes, []);
  const main = await mustRun(adopted!, shell('echo begun; exit 3'));
  const seen = collect(main);
  t.match(await main.exited, { code: 3, lost: false });
  t.equal(seen.text(), 'begun\n');
});

const LIMITS = { memoryMb: 96, diskMb: 0, maxPids: 0, cpuWeight: 0, cpuMilli: 0 };

t.test('process runtime - who was ended for its memory is known by the next platform as well', async (t) => {
  const { runtime, root } = await setUp(t);
  const container = await mustCreate(runtime, { limits: LIMITS });
  const main = await mustRun(container, realProcessPrograms.takesMemory(300));
  await main.exited;
  const next = openRuntime(root);
  await next.start();
  t.teardown(() => next.stop());
  const [adopted] = await next.adopt();
  t.match(adopted?.info().processes, [{ id: 'main', exit: { code: 137, outOfMemory: true } }]);
});

t.test('process runtime - memory that processes share is counted once', { skip: !isLinux }, async (t) => {
  const { runtime } = await setUp(t);
  const script =
    'my $m = "x" x (48 * 2 ** 20); $| = 1; fork || do { sleep 600; exit } for 1 .. 4; print "ready\\n"; sleep 600';
  const container = (await mustCreate(runtime, { limits: LIMITS })) as ProcessContainer;
  const main = await mustRun(container, { path: '/usr/bin/perl', args: ['-e', script], env: {} });
  const seen = collect(main);
  await eventually(() => seen.text().includes('ready'), { timeoutMs: 10_000 });
  const resident = async (): Promise<boolean> => ((await container.usage()).memoryBytes ?? 0) > 150e6;
  await eventually(resident, { timeoutMs: 10_000, what: 'it seems to take more than it may' });
  await container.checkMemory();
  t.match(container.info().processes, [{ id: 'main', running: true }]);
});

t.test('process runtime - a half-done removal is finished by the next platform', async (t) => {
  const root = await makeRoot();
  t.teardown(() => removeRoot(root));
  const before = openRuntime(root);
  await before.start();
  const container = await mustCreate(before);
  await before.stop();
  const dir = join(root, 'containers', container.guid);
  await rename(join(dir, 'container.json'), join(dir, 'destroyed.json'));
  const next = openRuntime(root);
  await next.start();
  t.same(await next.adopt(), []);
  await t.rejects(stat(dir));
  await next.stop();
});

t.test(
  'process runtime - what a process leaves behind ends with it',
  { skip: !isLinux && 'needs a subreaper' },
  async (t) => {
    const { runtime } = await setUp(t);
    const container = await mustCreate(runtime);
    const main = await mustRun(
      container,
      shell(
        `sleep 601 & setsid sleep 602 & setsid sh -c 'setsid sleep 603 >/dev/null 2>&1 &' >/dev/null 2>&1; echo on`,
      ),
    );
    t.match(await main.exited, { code: 0 });
    const left = (await listProcesses()).filter(
      (one) => /^sleep 60[123]$/.test(one.command) && !one.state.startsWith('Z'),
    );
    t.same(left, []);
  },
);

t.test('process runtime - nothing is inherited but three descriptors', async (t) => {
  const { runtime } = await setUp(t);
  const container = await mustCreate(runtime);
  const main = await mustRun(
    container,
    shell(isLinux ? 'for f in /proc/self/fd/*; do echo "${f##*/}"; done' : 'echo 0 1 2'),
  );
  const seen = collect(main);
  await main.exited;
  const open = seen
    .text()
    .split(/\s+/)
    .filter((fd) => fd !== '');
  t.same(
    open.filter((fd) => Number(fd) > 3),
    [],
    'the shell itself reads a directory with the fourth',
  );
  t.equal(
    (
      await runtime.create({
        ...container.info(),
        rootfs: '',
        limits: { memoryMb: 0, diskMb: 0, maxPids: 0, cpuWeight: 0, cpuMilli: 0 },
        ports: [],
      })
    ).ok,
    false,
  );
});

t.test('process runtime - a missing program, and one that may not be run, are refused', async (t) => {
  const { runtime, root } = await setUp(t);
  const container = await mustCreate(runtime);
  const run = async (path: string): Promise<string> => {
    const result = await container.run({ id: 'x', path, args: [], dir: '', env: {}, user: '' });
    return result.ok ? 'started' : result.reason;
  };
  t.equal(await run('/no/such/program'), '/no/such/program: no such file or directory');
  t.equal(await run('no-such-program'), 'no-such-program: no such file or directory');
  t.equal(await run('/etc/passwd'), '/etc/passwd: permission denied');
  t.equal(await run('/etc'), '/etc: is a directory');
  t.match(await container.run({ id: 'x', path: '/bin/true', args: [], dir: 'none', env: {}, user: '' }), {
    ok: false,
    reason: /working directory: No such file/,
  });
  t.same(
    (await readdir(join(root, 'containers', container.guid))).sort(),
    ['container.json', 'home', 'tmp'],
    'and leave nothing',
  );
});

t.test(
  'process runtime - limits on files and processes hold',
  { skip: !isRoot && 'needs root' },
  async (t) => {
    const { runtime } = await setUp(t);
    const container = await mustCreate(runtime);
    const main = await mustRun(container, shell('ulimit -n; ulimit -p 2>/dev/null || ulimit -u'), {
      nofile: 321,
    });
    const seen = collect(main);
    await main.exited;
    t.equal(seen.text(), '321\n64\n');
  },
);

t.test(
  'process runtime - an application reaches neither the platform nor its neighbour',
  { skip: !isRoot && 'needs root' },
  async (t) => {
    const { runtime, root } = await setUp(t);
    const victim = await mustCreate(runtime);
    const main = await mustRun(victim, shell('echo secret > secret; env > /dev/null; sleep 600'), {
      env: { TOKEN: 'x' },
    });
    await eventually(async () => (await victim.readFile('secret', 100)).ok, { timeoutMs: 5000 });
    const { supervisor, pid } = await pidsOf(root, victim.guid);
    const dir = join(root, 'containers', victim.guid);
    const attacker = await mustCreate(runtime);
    const targets = [
      `${dir}/home/secret`,
      `${dir}/container.json`,
      `${dir}/proc-main/out.0`,
      `${dir}/proc-main/state`,
      `/proc/${pid}/environ`,
      `/proc/${supervisor}/environ`,
      `/proc/${process.pid}/environ`,
      '/etc/shadow',
    ];
    const probe = await mustRun(
      attacker,
      shell(
        `for f in "$@"; do cat "$f" && echo "read $f"; done 2>/dev/null; ls ${root}/containers 2>/dev/null; ` +
          `touch ${root}/x ../x ${dir}/x 2>/dev/null; kill -9 ${pid} ${supervisor} ${process.pid} 2>/dev/null; ` +
          `ln -s ${dir}/home/secret link; mkfifo fifo; id -u; id -G`,
        ...targets,
      ),
    );
    const seen = collect(probe);
    await probe.exited;
    const uid = (await stat(join(root, 'containers', attacker.guid, 'home'))).uid;
    t.equal(seen.text(), `${uid}\n${uid}\n`, 'nothing read, nothing listed, no group but its own');
    t.not(uid, (await stat(join(dir, 'home'))).uid);
    t.same(await readdir(root), ['containers']);
    t.same(
      await attacker.readFile('link', 100),
      { ok: false, reason: 'unreadable' },
      'not even through our eyes',
    );
    t.same(await attacker.readFile('fifo', 100), { ok: false, reason: 'unreadable' });
    t.same(await attacker.readFile('/etc/shadow', 1e6), { ok: false, reason: 'unreadable' });
    t.equal(victim.info().processes[0]?.running, true);
    await main.signal('SIGKILL');
  },
);

t.test('process runtime - destroy removes read-only trees and processes that hide', async (t) => {
  const { runtime, root } = await setUp(t);
  const container = await mustCreate(runtime);
  const main = await mustRun(
    container,
    shell(
      'mkdir -p a/b; touch a/b/c; chmod 500 a/b; chmod 0 a; trap "" TERM; setsid sleep 604 >/dev/null 2>&1 & echo ready; sleep 600',
    ),
  );
  const seen = collect(main);
  await eventually(() => seen.text() === 'ready\n', { timeoutMs: 5000 });
  await container.destroy();
  t.same(await readdir(join(root, 'containers')), []);
  if (isLinux) {
    const left = (await listProcesses()).filter(
      (one) => one.command === 'sleep 604' && !one.state.startsWith('Z'),
    );
    t.same(left, []);
  }
});

const PERL_BASE = ['/usr/lib/x86_64-linux-gnu/perl-base', '/usr/lib/aarch64-linux-gnu/perl-base'];
const perlBase = PERL_BASE.find((dir) => existsSync(dir));

t.test(
  'process runtime - the helper needs no more of perl than perl-base',
  { skip: perlBase === undefined && 'not on Debian' },
  async (t) => {
    const script = join(packageRoot(), 'cell-rep', 'runtimes', 'process', 'supervisor.pl');
    const load = 'BEGIN { @INC = (shift) } $0 = shift; require $0';
    const perl = spawn('perl', ['-e', load, perlBase ?? '', script], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    perl.stderr.on('data', (text: Buffer) => (said += text.toString()));
    const [code] = (await once(perl, 'close')) as [number];
    t.equal(said, '');
    t.equal(code, 0);
  },
);
