/** Executors as real processes: what they find, what is left of them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import type { LaunchRequest } from '../../../mesos-bridge/simulator/agent/launcher.js';
import { createProcessLauncher } from '../../../mesos-bridge/simulator/processes/process-launcher.js';
import { killLeftExecutors } from '../../../mesos-bridge/simulator/processes/process-tree.js';
import type { CommandInfo } from '../../../mesos-bridge/protocol/messages.js';
import { eventually } from '../../support/eventually.js';
import { anExecutor } from '../../support/mesos-agent.js';

const account = execFileSync('id', ['-un']).toString().trim();

const root = t.testdir();
let count = 0;

const aRequest = (command: Partial<CommandInfo>, more: Partial<LaunchRequest> = {}): LaunchRequest => {
  count += 1;
  return {
    frameworkId: 'f',
    executorId: 'e',
    containerId: `container-${count}`,
    executor: anExecutor('e', { command: { uris: [], arguments: [], ...command } }),
    user: account,
    sandbox: join(root, `run-${count}`),
    environment: { PATH: '/usr/bin:/bin', X: 'one two' },
    ...more,
  };
};

const launchedIn = async (t: Test, command: Partial<CommandInfo>, more: Partial<LaunchRequest> = {}) => {
  const launcher = createProcessLauncher();
  t.teardown(() => launcher.close());
  const request = aRequest(command, more);
  const launched = await launcher.launch(request);
  const read = (file: string): string => readFileSync(join(request.sandbox, file), 'utf8');
  return { launcher, request, launched, read };
};

const started = async (t: Test, command: Partial<CommandInfo>) => {
  const { launched, ...rest } = await launchedIn(t, command);
  if (!launched.ok) throw new Error(launched.error.message);
  return { ...rest, executor: launched.value };
};

const isAlive = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
};

/** those that live and work there */
const pidsIn = (dir: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === dir && isAlive(pid);
      } catch {
        return false;
      }
    });

t.test('processes - a shell command finds its environment and nothing of ours', async (t) => {
  process.env.OUTCRY_SECRET = 'ours';
  t.teardown(() => delete process.env.OUTCRY_SECRET);
  const { executor, read, request } = await started(t, { value: 'env; pwd >&2' });
  t.equal(await executor.exited, 0);
  const names = read('stdout')
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0])
    .sort();
  t.same(
    names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? '')),
    ['PATH', 'X'],
  );
  t.equal(read('stderr').trim(), request.sandbox);
});

t.test('processes - without a shell arguments stay as they are', async (t) => {
  const { executor, read } = await started(t, {
    shell: false,
    value: '/bin/sh',
    arguments: ['name', '-c', 'printf "%s|" "$@"', 'x', 'a b', '$X'],
  });
  t.equal(await executor.exited, 0);
  t.equal(read('stdout'), 'a b|$X|');
});

t.test('processes - 113: exit statuses and signals as waitpid tells them of a shell', async (t) => {
  const exits = await started(t, { value: 'exit 3' });
  t.equal(await exits.executor.exited, 768);
  const missing = await started(t, { value: '/no/such/executor' });
  t.equal(await missing.executor.exited, 32_512);
  const killed = await started(t, { value: 'sleep 1000' });
  await eventually(
    () => readFileSync(`/proc/${killed.executor.pid}/task/${killed.executor.pid}/children`, 'utf8') !== '',
  );
  killed.executor.signal('SIGKILL');
  t.equal(await killed.executor.exited, 35_072);
  const destroyed = await started(t, { value: 'sleep 1000' });
  destroyed.executor.destroy();
  t.equal(await destroyed.executor.exited, 9);
});

t.test('processes - a program that is not there', async (t) => {
  const { launched } = await launchedIn(t, { shell: false, value: '/no/such/executor' });
  t.match(launched, { ok: false, error: { status: 32_512, reason: 'REASON_CONTAINER_LAUNCH_FAILED' } });
});

t.test(
  'processes - whatever an executor has started ends with it, in a session of its own or not',
  async (t) => {
    const script =
      'sleep 1000 & echo $! >> pids; setsid sleep 1000 & sh -c "setsid sleep 1001 & echo" ; sleep 1000';
    for (const end of ['destroy', 'exit'] as const) {
      const value = end === 'destroy' ? script : script.replace(/; sleep 1000$/, '; sleep 0.2; exit 0');
      const { executor, request } = await started(t, { value });
      const own = (): number[] => pidsIn(request.sandbox);
      await eventually(() => own().length >= 3);
      if (end === 'destroy') executor.destroy();
      await executor.exited;
      t.same(own(), []);
    }
  },
);

t.test('processes - URIs: paths and HTTP, executable, unpacked or neither', async (t) => {
  const dir = t.testdir({ 'tool.sh': '#!/bin/sh\necho tool\n', packed: { 'in.txt': 'inside' } });
  chmodSync(join(dir, 'tool.sh'), 0o600);
  execFileSync('tar', ['-C', join(dir, 'packed'), '-czf', join(dir, 'packed.tar.gz'), 'in.txt']);
  const server = createServer((request, response) => {
    if (request.url === '/packed.tar.gz?v=1') response.end(readFileSync(join(dir, 'packed.tar.gz')));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { executor, request, read } = await started(t, {
    value: './tool.sh && cat in.txt && ls',
    uris: [
      { value: join(dir, 'tool.sh'), executable: true },
      { value: `http://127.0.0.1:${port}/packed.tar.gz?v=1` },
      { value: `file://${dir}/packed.tar.gz`, extract: false, outputFile: 'as-it-is' },
    ],
  });
  t.equal(await executor.exited, 0);
  t.match(read('stdout'), /^tool\ninside/);
  t.equal(statSync(join(request.sandbox, 'tool.sh')).mode & 0o777, 0o755);
  t.ok(existsSync(join(request.sandbox, 'as-it-is')));
});

t.test('processes - what cannot be fetched, or would leave the sandbox, starts nothing', async (t) => {
  const { port, close } = await new Promise<{ port: number; close(): void }>((resolve) => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    server.listen(0, '127.0.0.1', () =>
      resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() }),
    );
  });
  t.teardown(close);
  for (const uri of [
    { value: '/no/such/file' },
    { value: `http://127.0.0.1:${port}/x` },
    { value: 'ftp://nowhere/x' },
    { value: '/etc/hostname', outputFile: '../outside' },
    { value: '/etc/hostname', outputFile: '/tmp/outside' },
  ]) {
    const { launched, request, read } = await launchedIn(t, { value: 'touch ran', uris: [uri] });
    t.match(launched, {
      ok: false,
      error: {
        status: 256,
        state: 'TASK_FAILED',
        message: `Failed to launch container: Failed to fetch all URIs for container '${request.containerId}': exited with status 1`,
      },
    });
    t.match(read('stderr'), /^Failed to fetch: /);
    t.notOk(existsSync(join(request.sandbox, 'ran')));
  }
});

t.test('processes - no sandbox, no executor', async (t) => {
  const dir = t.testdir({ file: '' });
  const { launched } = await launchedIn(t, { value: 'true' }, { sandbox: join(dir, 'file', 'run') });
  t.match(launched, {
    ok: false,
    error: { status: -1, state: 'TASK_DROPPED', reason: 'REASON_EXECUTOR_TERMINATED' },
  });
});

t.test('processes - images are none of its business', async (t) => {
  const container = {
    type: 'DOCKER' as const,
    volumes: [],
    networkInfos: [],
    docker: { image: 'alpine', portMappings: [], parameters: [] },
  };
  const { launched } = await launchedIn(t, {}, { executor: anExecutor('e', { container }) });
  t.match(launched, { ok: false, error: { status: -1, state: 'TASK_FAILED', message: /no containerizer/ } });
});

t.test(
  'processes - an account that is not there',
  { skip: process.getuid?.() === 0 ? false : 'only root chooses' },
  async (t) => {
    const { launched } = await launchedIn(t, { value: 'true' }, { user: 'nosuchuser' });
    t.match(launched, {
      ok: false,
      error: { message: /Failed to chown directory to 'nosuchuser': No such user 'nosuchuser'$/ },
    });
  },
);

t.test('processes - closing ends all, and what is about to start', async (t) => {
  const launcher = createProcessLauncher();
  const dir = t.testdir();
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'x'), '');
  const first = await launcher.launch(aRequest({ value: 'sleep 1000' }));
  const second = launcher.launch(aRequest({ value: 'sleep 1000', uris: [{ value: join(dir, 'x') }] }));
  await launcher.close();
  t.equal(first.ok && (await first.value.exited), 9);
  const late = await second;
  if (late.ok) t.equal(await late.value.exited, 9);
  t.ok(first.ok && !isAlive(first.value.pid ?? 0));
});

t.test(
  'processes - what a killed simulator has left is killed by its sandbox, and nothing else',
  async (t) => {
    const mine = await started(t, { value: 'sleep 300 & setsid sleep 300 & sleep 300' });
    const sandbox = mine.request.sandbox;
    const other = await launchedIn(t, { value: 'sleep 300' }, { environment: { PATH: '/usr/bin:/bin' } });
    const workDir = join(root, 'left-work');
    const left = await launchedIn(
      t,
      { value: 'sleep 300 & setsid sleep 300 & sleep 300' },
      {
        sandbox: join(workDir, 'one'),
        environment: { PATH: '/usr/bin:/bin', MESOS_SANDBOX: join(workDir, 'one') },
      },
    );
    await eventually(() => pidsIn(left.request.sandbox).length >= 3);
    t.ok((await killLeftExecutors(workDir)) > 0);
    t.same(pidsIn(left.request.sandbox), []);
    t.ok(pidsIn(sandbox).length >= 3);
    t.ok(pidsIn(other.request.sandbox).length > 0);
    t.equal(await killLeftExecutors(workDir), 0);
  },
);
