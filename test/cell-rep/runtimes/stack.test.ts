/** The stack image: what is collected for it, and that it works in an engine. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import type { OutcryError } from '../../../common/model/errors.js';
import { createFakeClock } from '../../../common/adapters/fake-clock.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import { askEngine } from '../../../cell-rep/runtimes/docker/engine.js';
import { engineOf, engineText, isOnThisMachine } from '../../../cell-rep/runtimes/docker/engine-address.js';
import { collectStack } from '../../../cell-rep/runtimes/docker/stack/collect.js';
import { DEFAULT_STACK } from '../../../cell-rep/runtimes/docker/stack/contents.js';
import { placeOf } from '../../../cell-rep/runtimes/docker/stack/image-files.js';
import { makeStackImage, splitName } from '../../../cell-rep/runtimes/docker/stack/image.js';
import { buildStack } from '../../../cell-rep/stack.js';
import { eventually } from '../../support/eventually.js';
import { withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as OutcryError).code;
  }
};

t.test('stack - an engine is named as DOCKER_HOST does it, or by the path of its socket', async (t) => {
  t.same(engineOf(undefined, {}), { socketPath: '/var/run/docker.sock' });
  t.same(engineOf(undefined, { DOCKER_HOST: '' }), { socketPath: '/var/run/docker.sock' });
  t.same(engineOf(undefined, { DOCKER_HOST: 'unix:///run/x.sock' }), { socketPath: '/run/x.sock' });
  t.same(engineOf('/run/y.sock', { DOCKER_HOST: 'unix:///run/x.sock' }), { socketPath: '/run/y.sock' });
  const remote = engineOf('tcp://10.0.0.1', {});
  t.match(remote, { protocol: 'http', host: '10.0.0.1', port: 2375 });
  t.equal(engineText(remote), 'tcp://10.0.0.1:2375');
  t.notOk(isOnThisMachine(remote));
  const local = engineOf('tcp://[::1]:99', {});
  t.ok(isOnThisMachine(local));
  t.same(engineOf(engineText(local), {}), local, 'as configurations have it, it is read again');
  t.notOk(isOnThisMachine(engineOf('tcp://127.example.com', {})));
  for (const bad of ['ssh://host', 'unix://relative', 'tcp://', 'nonsense']) {
    t.equal(
      codeOf(() => engineOf(bad, {})),
      'DOCKER_HOST_INVALID',
      bad,
    );
  }
  t.equal(
    codeOf(() => engineOf(undefined, { DOCKER_HOST: 'tcp://h:2376', DOCKER_TLS_VERIFY: '1' })),
    'DOCKER_HOST_INVALID',
  );
});

t.test('stack - a name and its tag', async (t) => {
  t.same(splitName('stack'), { repo: 'stack', tag: 'latest' });
  t.same(splitName('host:5000/my/stack:v1.2'), { repo: 'host:5000/my/stack', tag: 'v1.2' });
  t.same(splitName('host:5000/my/stack'), { repo: 'host:5000/my/stack', tag: 'latest' });
  for (const bad of ['', 'Upper', 'with space', ':tag']) {
    t.equal(
      codeOf(() => splitName(bad)),
      'STACK_NAME_INVALID',
      bad,
    );
  }
});

t.test('stack - one file system below /usr, whatever this machine has', async (t) => {
  t.equal(placeOf('/bin/sh'), 'usr/bin/sh');
  t.equal(placeOf('/lib64/ld.so'), 'usr/lib64/ld.so');
  t.equal(placeOf('/usr/lib/x/../y'), 'usr/lib/y');
  t.equal(placeOf('/opt/bin/x'), 'opt/bin/x');
});

t.test('stack - what is collected: programs, their libraries, users, places to write', async (t) => {
  const machine = { path: process.env.PATH ?? '', node: process.execPath };
  const { entries, programs } = await collectStack(DEFAULT_STACK, machine);
  const found = new Map(entries.map((entry) => [entry.name, entry]));
  t.equal(found.size, entries.length, 'each once');
  const seen = new Set<string>();
  for (const { name } of entries) {
    const parent = name.split('/').slice(0, -1).join('/');
    if (parent !== '' && !seen.has(parent)) t.fail(`${name} comes before ${parent}`);
    seen.add(name);
  }
  t.match(found.get('tmp'), { kind: 'directory', mode: 0o1777, uid: 0 });
  t.match(found.get('home/vcap'), { kind: 'directory', uid: 2000, gid: 2000 });
  t.match(found.get('bin'), { kind: 'link', target: 'usr/bin' });
  t.match(found.get('etc/passwd'), { text: /vcap:x:2000:2000::\/home\/vcap/ });
  t.match(found.get('usr/local/bin/node'), { kind: 'file', mode: 0o755, uid: 0 });
  t.ok([...found.keys()].some((name) => /^usr\/lib.*\/libc\.so/.test(name)));
  t.ok(['sh', 'tar', 'head'].every((name) => programs.includes(name) && found.has(`usr/bin/${name}`)));
  t.same(
    entries.filter(({ mode }) => (mode & 0o6000) !== 0),
    [],
    'nothing changes its user',
  );
  await t.rejects(collectStack({ ...DEFAULT_STACK, required: ['no-such-program'] }, machine), {
    code: 'STACK_HOST_UNUSABLE',
    message: /no-such-program is not on PATH/,
  });
});

t.test('stack - where no engine is, it is said what to do', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-stack-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const build = (engine: string) =>
    buildStack({ name: undefined, engine, env: process.env, onStep: () => undefined });
  await t.rejects(build(join(dir, 'none.sock')), { code: 'DOCKER_UNREACHABLE', message: /no socket/ });
  await t.rejects(build('tcp://127.0.0.1:1'), { code: 'DOCKER_UNREACHABLE', message: /nothing listens/ });
});

const interruption = () => {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
};

/** A way to an engine, on which nothing moves any more after `freeze`, though nobody hangs up. */
const openWay = async (t: Test, to: string) => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-way-'));
  const socketPath = join(dir, 'engine.sock');
  const open = new Set<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    open.add(near);
    near.on('error', () => undefined);
    if (frozen) return;
    const far = connect(to);
    open.add(far);
    far.on('error', () => undefined);
    near.pipe(far).pipe(near);
  }).listen(socketPath);
  await once(server, 'listening');
  t.teardown(async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    socketPath,
    freeze(): void {
      frozen = true;
      for (const socket of open) socket.unpipe().pause();
    },
  };
};

const suite = (engine: DockerEngine): void => {
  const run = async (command: string): Promise<string> => {
    const container = await engine.client.createContainer({
      Image: 'outcry-stack',
      Cmd: ['sh', '-c', command],
      User: 'vcap',
      Tty: true,
      HostConfig: { NetworkMode: 'none' },
    });
    await container.start();
    const { StatusCode } = (await container.wait()) as { StatusCode: number };
    const printed = (await container.logs({ stdout: true })).toString().replaceAll('\r', '');
    await container.remove();
    return `${printed}${StatusCode === 0 ? '' : `status ${StatusCode}`}`;
  };
  const small = async (check: string, { socketPath }: { socketPath: string } = engine) => ({
    ...(await askEngine({ socketPath }, createSystemClock())),
    engine: { socketPath },
    clock: createSystemClock(),
    contents: { required: ['sh'], optional: [], files: [], npm: false, check },
    machine: { path: process.env.PATH ?? '', node: process.execPath },
    labels: { 'outcry.stack': 'cflinuxfs4' },
  });
  const images = async (): Promise<number> => (await engine.client.listImages()).length;

  t.test('stack - the image runs Node, a shell and what goes with them', async (t) => {
    const steps: string[] = [];
    const { socketPath } = engine;
    const before = await images();
    const made = await buildStack({
      name: undefined,
      engine: socketPath,
      env: process.env,
      onStep: (step) => steps.push(step),
    });
    t.match(made, { name: 'outcry-stack:latest', where: socketPath, node: process.versions.node });
    t.equal(steps.length, 1);
    t.equal(await run('node -e "console.log(String(6*7))"; id -un; cd; pwd'), '42\nvcap\n/home/vcap\n');
    t.equal(await run("echo b a | tr ' ' '\\n' | sort | awk '{print NR $1}' | xargs"), '1a 2b\n');
    t.equal(await run('echo kept > /tmp/x && tar -C /tmp -czf - x | tar -xzOf -'), 'kept\n');
    t.match(
      await run("node -e \"require('dns').lookup('localhost', (e, a) => console.log(e ?? a))\""),
      /^(127|::)/,
    );
    t.match(await run('touch /etc/x'), /ermission denied\nstatus 1$/);
    const { Config } = await engine.client.getImage('outcry-stack').inspect();
    t.match(Config.Labels, { 'outcry.stack': 'cflinuxfs4', 'outcry.node': process.versions.node });

    await makeStackImage({ ...(await small('true')), name: 'outcry-stack' });
    t.equal(await images(), before + 1, 'the one before is gone');
    t.same(await engine.client.listContainers({ all: true }), []);
  });

  t.test('stack - one that does not run gets no name', async (t) => {
    const before = await images();
    const made = makeStackImage({ ...(await small('echo says why; exit 3')), name: 'broken' });
    await t.rejects(made, { code: 'STACK_BUILD_FAILED', message: /says why/ });
    t.equal(await images(), before);
  });

  /** until the image is being tried out */
  const triedOut = () =>
    eventually(async () => (await engine.client.listContainers()).length === 1, { timeoutMs: 60_000 });

  t.test('stack - Ctrl-C ends it, and nothing of it is left', async (t) => {
    const before = await images();
    const { signal, abort } = interruption();
    const made = makeStackImage({ ...(await small('sleep 1000')), name: 'unwanted', signal });
    const ended = t.rejects(made, { name: 'AbortError' });
    await triedOut();
    abort();
    await ended;
    t.same(await engine.client.listContainers({ all: true }), []);
    t.equal(await images(), before);
  });

  t.test('stack - an engine that falls silent is not waited for', async (t) => {
    const way = await openWay(t, engine.socketPath);
    const clock = createFakeClock();
    const made = makeStackImage({ ...(await small('sleep 1000', way)), clock, name: 'unheard' });
    const ended = t.rejects(made, { code: 'DOCKER_UNREACHABLE', message: /no answer within 3 s/ });
    await triedOut();
    way.freeze();
    await clock.advance(5_000);
    await ended;
    t.equal(clock.pending(), 0);
    for (const { Id } of await engine.client.listContainers())
      await engine.client.getContainer(Id).remove({ force: true, v: true });
  });
};

await withDockerEngine(t, suite);
