/** What the contract of container runtimes does not tell of Docker's. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { ContainerRuntime } from '../../../cell-rep/core/container-runtime.js';
import { createDockerRuntime } from '../../../cell-rep/runtimes/docker/runtime.js';
import {
  collect,
  containerSpec,
  mustCreate,
  mustRun,
  processSpec,
} from '../../contract/container-runtime.js';
import { IMAGE_NODE, withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';
import { eventually } from '../../support/eventually.js';
import { startImageRegistry } from '../../support/image-registry.js';
import { shell } from '../../support/process-runtime.js';
import { openStaleEngine } from '../../support/stale-engine.js';

const node = (script: string) => ({ path: IMAGE_NODE, args: ['-e', script], env: {} });

const open = (
  socketPath: string,
  cellId: string,
  stacks = {},
  registries = ['127.0.0.1'],
): ContainerRuntime =>
  createDockerRuntime({
    cellId,
    clock: createSystemClock(),
    logger: createCaptureLogger(),
    stacks,
    registries,
    engine: { socketPath },
    ports: { first: 32_000, last: 32_499 },
  });

const suite = (engine: DockerEngine): void => {
  let cells = 0;
  const start = async (t: { teardown(task: () => Promise<void>): unknown }): Promise<ContainerRuntime> => {
    const runtime = open(engine.socketPath, `cell-${++cells}`, { any: engine.image });
    await runtime.start();
    t.teardown(async () => {
      for (const container of await runtime.adopt()) await container.destroy();
      await runtime.stop();
    });
    return runtime;
  };

  t.test('docker runtime - what takes more memory than it may is said to have run out of it', async (t) => {
    const container = await mustCreate(await start(t));
    const main = await mustRun(container, node('const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));'));
    t.match(await main.exited, { code: 137, outOfMemory: true });
    const killed = await mustRun(container, shell('kill -9 $$'), { id: 'killed' });
    t.match(await killed.exited, { code: 137, signal: 9, outOfMemory: false });
  });

  t.test('docker runtime - a process has no more rights and resources than were given', async (t) => {
    const container = await mustCreate(await start(t), {
      limits: { memoryMb: 64, diskMb: 0, maxPids: 50, cpuWeight: 25, cpuMilli: 0 },
    });
    const main = await mustRun(container, shell('cat /proc/self/status; ulimit -n; id -un'), { nofile: 77 });
    const seen = collect(main);
    await main.exited;
    t.match(seen.text(), /NoNewPrivs:\s+1/);
    t.match(seen.text(), /CapEff:\s+0+\n/);
    t.match(seen.text(), /\n77\nvcap\n$/);
    const [found] = await engine.client.listContainers({
      all: true,
      filters: { label: [`outcry.guid=${container.guid}`] },
    });
    const { HostConfig } = await engine.client.getContainer(found?.Id ?? '').inspect();
    t.match(HostConfig, {
      Memory: 64 * 1024 * 1024,
      PidsLimit: 52,
      CpuShares: 256,
      Privileged: false,
      CapDrop: ['ALL'],
    });
    t.same(HostConfig.Binds ?? [], [], 'nothing of the machine inside');
  });

  t.test(
    'docker runtime - processes of a container share home and network, one after the other too',
    async (t) => {
      const container = await mustCreate(await start(t), { ports: [8080] });
      const setup = await mustRun(container, shell('echo from setup > note'), { id: 'setup-0' });
      t.match(await setup.exited, { code: 0 });
      const main = await mustRun(
        container,
        node(
          'require("http").createServer((q, s) => s.end(require("fs").readFileSync("note"))).listen(process.env.PORT, () => console.log("ready"))',
        ),
      );
      const ready = collect(main);
      await eventually(() => ready.text().includes('ready'));
      const { ports, address, instanceAddress } = container.info();
      t.equal(address, '127.0.0.1');
      t.match(instanceAddress, /^10\.213\./);
      const answer = await fetch(`http://${address}:${ports[0]?.hostPort}/`);
      t.equal(await answer.text(), 'from setup\n', 'the ports went over to the next');
      const sidecar = await mustRun(
        container,
        node(
          'fetch("http://127.0.0.1:8080/").then((a) => a.text()).then((text) => process.stdout.write(text))',
        ),
        { id: 'sidecar-0' },
      );
      const said = collect(sidecar);
      t.match(await sidecar.exited, { code: 0 });
      t.equal(said.text(), 'from setup\n');
      t.same(await container.readFile('note', 100), { ok: true, content: Buffer.from('from setup\n') });
    },
  );

  t.test(
    'docker runtime - a container whose image was removed hinders no start, and can be destroyed',
    async (t) => {
      await engine.derive('removed', ['ENV COLOUR=blue']);
      const before = open(engine.socketPath, 'cell-removed', { any: engine.image });
      await before.start();
      const made = await mustCreate(before, { rootfs: 'docker:///removed' });
      await mustCreate(before); // of the stack
      await before.stop();
      await engine.client.getImage('removed').remove({ force: true });

      const after = open(engine.socketPath, 'cell-removed', { any: engine.image });
      await after.start();
      t.teardown(() => after.stop());
      const adopted = await after.adopt();
      t.equal(adopted.length, 2);
      const orphan = adopted.find(({ guid }) => guid === made.guid);
      t.match(await orphan?.run(processSpec(shell('true'))), { ok: false, reason: /no such image/i });
      for (const container of adopted) await container.destroy();
      t.same(await after.adopt(), []);
    },
  );

  t.test(
    'docker runtime - a start that was under way when the cell was killed is no second one',
    async (t) => {
      const runtime = await start(t);
      const made = await mustCreate(runtime);
      await mustRun(made, shell('echo ready; sleep 100'));
      const quick = await mustRun(made, shell('exit 7'), { id: 'quick' });
      t.match(await quick.exited, { code: 7 });
      const dir = await mkdtemp(join(tmpdir(), 'outcry-stale-'));
      const stale = await openStaleEngine(join(dir, 'docker.sock'), engine.socketPath);
      const after = open(join(dir, 'docker.sock'), `cell-${cells}`, { any: engine.image });
      await after.start();
      t.teardown(async () => {
        await after.stop();
        stale.close();
        await rm(dir, { recursive: true });
      });
      const [adopted] = await after.adopt();
      const processes = [...(adopted?.info().processes ?? [])];
      processes.sort((a, b) => a.id.localeCompare(b.id));
      t.match(processes, [
        { id: 'main', running: true },
        { id: 'quick', exit: { code: 7 } },
      ]);
      const main = adopted?.process('main');
      await main?.signal('SIGKILL');
      t.match(await main?.exited, { code: 137 });
    },
  );

  t.test('docker runtime - what many small lines have left is read in portions', async (t) => {
    const lines = 60_000;
    const container = await mustCreate(await start(t));
    const main = await mustRun(container, node(`process.stdout.write('y\\n'.repeat(${lines}))`));
    await main.exited;
    let [seen, inTurn, most] = [0, 0, 0];
    const turn = (): void => {
      inTurn = 0;
      if (seen < lines) setImmediate(turn);
    };
    turn();
    main.follow('', {
      onChunk() {
        seen += 1;
        inTurn += 1;
        most = Math.max(most, inTurn);
      },
    });
    await main.exited;
    t.equal(seen, lines);
    t.ok(most <= 5_000, `${most} lines in one turn of the event loop`);
  });

  t.test('docker runtime - a signal reaches the whole group', async (t) => {
    const container = await mustCreate(await start(t));
    const main = await mustRun(
      container,
      shell(
        'trap : TERM; sh -c \'trap "echo child; exit" TERM; echo ready; while :; do sleep 0.1; done\' & wait; wait; echo parent',
      ),
    );
    const seen = collect(main);
    await eventually(() => seen.text().includes('ready'));
    await main.signal('SIGTERM');
    t.match(await main.exited, { code: 0 });
    t.equal(seen.text('OUT'), 'ready\nchild\nparent\n');
  });

  t.test('docker runtime - an image runs its own command as its own user, or what it is told', async (t) => {
    await engine.derive('own', [
      'ENV COLOUR=blue',
      'WORKDIR /tmp',
      'USER vcap',
      'ENTRYPOINT ["/bin/sh", "-c"]',
      'CMD ["id -un; pwd; echo $COLOUR $PORT"]',
    ]);
    const container = await mustCreate(await start(t), { rootfs: 'docker:///own', ports: [9000] });
    const run = async (id: string, args: string[]): Promise<string> => {
      const one = await mustRun(container, { path: '', args, env: {} }, { id, user: '' });
      const seen = collect(one);
      t.match(await one.exited, { code: 0 });
      return seen.text();
    };
    t.equal(await run('main', []), 'vcap\n/tmp\nblue 9000\n');
    t.equal(await run('other', ['echo told']), 'told\n');
  });

  t.test('docker runtime - what is not there is said', async (t) => {
    const runtime = await start(t);
    const reason = async (rootfs: string): Promise<string> => {
      const made = await runtime.create(containerSpec({ rootfs }));
      return made.ok ? 'made' : made.reason;
    };
    t.equal(await reason('preloaded:nothing'), 'no such stack: nothing');
    t.equal(await reason('oci:///x'), 'no such rootfs: oci:///x');
    t.match(await reason('docker://127.0.0.1:9/none'), /^image 127\.0\.0\.1:9\/none:latest: /);
    const container = await mustCreate(runtime);
    const run = await container.run(processSpec(shell('true'), { user: 'nobody-here' }));
    t.match(run, { ok: false, reason: /nobody-here/ });
    t.same(container.info().processes, []);
    t.match(await (await mustRun(container, { path: '/no/such', args: [], env: {} })).exited, { code: 127 });
    await t.rejects(
      open('/no/such/socket', 'cell-x').start(),
      /no Docker engine answers at \/no\/such\/socket/,
    );
  });

  t.test('docker runtime - an image is told of as its registry has it now', async (t) => {
    const registry = await startImageRegistry();
    t.teardown(() => registry.close());
    const runtime = await start(t);
    const rootfs = `docker://${registry.host}/team/web#latest`;
    const first = registry.publish('team/web', { Cmd: ['/one'], ExposedPorts: { '9000/tcp': {} } });
    const image = async (): Promise<unknown> => {
      const told = await runtime.describeImage?.(rootfs);
      return told?.ok ? told.image : told?.reason;
    };
    t.match(await image(), { digest: first, command: ['/one'], entrypoint: [], ports: [9000] });
    const second = registry.publish('team/web', { Cmd: ['/two'] });
    t.match(
      await image(),
      { digest: second, command: ['/two'], ports: [] },
      'the name means another one now',
    );
    const pinned = await runtime.describeImage?.(rootfs.replace('latest', first));
    t.match(pinned, { ok: true, image: { command: ['/one'] } }, 'by its digest it stays the same');

    const program = { path: '/bin/sh', args: ['-c', 'true'], env: {} };
    const container = await mustCreate(runtime, { rootfs: rootfs.replace('latest', first) });
    t.match(await container.run(processSpec(program, { user: 'root' })), {
      ok: false,
      reason: 'the image has no /bin/sh, which a start command or a task takes',
    });
    t.same(container.info().processes, []);
    t.match(await runtime.describeImage?.(`docker://${registry.host}/none#latest`), {
      ok: false,
      reason: /not found|manifest unknown/,
    });
    await registry.close();
    t.match(await image(), { digest: second }, 'what is there is used while the registry is away');
  });

  t.test(
    'docker runtime - an image that takes credentials is had with them, and by nobody else',
    async (t) => {
      const registry = await startImageRegistry({ credentials: 'me:sesame' });
      t.teardown(() => registry.close());
      registry.publish('team/secret', { Cmd: ['/one'] });
      const rootfs = `docker://${registry.host}/team/secret#latest`;
      const runtime = await start(t);
      const reason = async (credentials?: { username: string; password: string }): Promise<string> => {
        const made = await runtime.create(containerSpec({ rootfs }), credentials);
        return made.ok ? 'made' : made.reason;
      };
      const refused = `image ${registry.host}/team/secret:latest: its registry refuses who asks, or the credentials`;
      t.equal(await reason(), refused);
      t.equal(await reason({ username: 'me', password: 'guess' }), refused);
      const right = { username: 'me', password: 'sesame' };
      t.same(await Promise.all([reason(right), reason(right)]), ['made', 'made']);
      t.equal(await reason(), refused, 'though the engine has it');
      t.equal(await reason(right), 'made', 'and it is the same to whoever may');
      const { Volumes } = await engine.client.listVolumes();
      t.notMatch(JSON.stringify(Volumes), /sesame/, 'they are kept nowhere');
    },
  );

  t.test(
    'docker runtime - nothing is fetched from a registry of this machine that is not configured',
    async (t) => {
      const registry = await startImageRegistry();
      t.teardown(() => registry.close());
      registry.publish('team/web', { Cmd: ['/one'] });
      const rootfs = `docker://${registry.host}/team/web#latest`;
      const cell = (registries: string[]) => open(engine.socketPath, 'cell-registries', {}, registries);
      const refused = {
        ok: false,
        reason: /IMAGE_REGISTRY_REFUSED: no image .* from the registry 127\.0\.0\.1:/,
      };
      const strict = cell([]);
      const hidden = `docker:///${registry.host}/team/web`;
      for (const one of [rootfs, hidden, rootfs.replace('127.0.0.1', 'localhost')]) {
        t.match(await strict.describeImage?.(one), { ok: false, reason: /IMAGE_REGISTRY_REFUSED/ }, one);
        t.match(await strict.create(containerSpec({ rootfs: one })), {
          ok: false,
          reason: /IMAGE_REGISTRY_REFUSED/,
        });
      }
      t.match(await strict.describeImage?.(rootfs), refused);
      t.match(await cell([registry.host]).describeImage?.(rootfs), {
        ok: true,
        image: { command: ['/one'] },
      });
      t.match(await strict.describeImage?.(rootfs), refused, 'nor is it asked what is new');
    },
  );

  t.test('docker runtime - root is root by number, in an image without a list of users too', async (t) => {
    await engine.derive('rootless', ['USER vcap']);
    const container = await mustCreate(await start(t), { rootfs: 'docker:///rootless' });
    const main = await mustRun(container, shell('id -u; sleep 100'), { user: 'root' });
    const seen = collect(main);
    await eventually(() => seen.text() === '0\n');
    const filters = { label: [`outcry.guid=${container.guid}`] };
    const [found] = await engine.client.listContainers({ all: true, filters });
    t.equal((await engine.client.getContainer(found?.Id ?? '').inspect()).Config.User, '0');
  });

  t.test('docker runtime - files with long names come in, and out again through links', async (t) => {
    const container = await mustCreate(await start(t));
    const dir = await mkdtemp(join(tmpdir(), 'outcry-place-'));
    t.teardown(() => rm(dir, { recursive: true }));
    const file = join(dir, 'content');
    await writeFile(file, 'some text');
    const to = `${'deep/'.repeat(30)}${'n'.repeat(120)}`;
    t.same(await container.place({ file, to, unpack: false, user: 'vcap' }), { ok: true });
    t.match(await container.place({ file, to, unpack: false, user: 'who' }), {
      ok: false,
      reason: /no user who/,
    });
    const main = await mustRun(
      container,
      shell(`ln -s ${to} link; ln -s loop loop; echo more >> ${to}; echo tmp > /tmp/out; mkdir dir`),
    );
    t.match(await main.exited, { code: 0 }, 'the user owns what was placed');
    const content = Buffer.from('some textmore\n');
    t.same(await container.readFile('link', 100), { ok: true, content });
    t.same(await container.readFile('/tmp/out', 100), { ok: true, content: Buffer.from('tmp\n') });
    t.same(await container.readFile('/home/vcap/link', 3), { ok: false, reason: 'too-large' });
    t.same(await container.readFile('dir', 100), { ok: false, reason: 'unreadable' });
    t.notOk((await container.readFile('loop', 100)).ok);
    t.same(await container.readFile('../../etc/passwd', 1000), { ok: false, reason: 'unreadable' });
  });

  t.test(
    'docker runtime - a cell sees its own containers, and leaves nothing of those it destroys',
    async (t) => {
      const one = await start(t);
      const other = await start(t);
      const container = await mustCreate(one, { ports: [8080] });
      await mustRun(container, shell('sleep 100'));
      t.same(await other.adopt(), []);
      await container.place({ file: '/etc/hostname', to: 'x', unpack: false, user: 'vcap' });
      const filters = { label: [`outcry.guid=${container.guid}`] };
      t.equal((await engine.client.listContainers({ all: true, filters })).length, 2);
      await container.destroy();
      t.same(await engine.client.listContainers({ all: true, filters }), []);
      const { Volumes } = await engine.client.listVolumes();
      t.notOk(Volumes.some(({ Name }) => Name.includes(container.guid)));
    },
  );

  t.test('docker runtime - an engine that restarts stops nothing and loses no output', async (t) => {
    const runtime = await start(t);
    const container = await mustCreate(runtime);
    const main = await mustRun(container, shell('n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done'));
    const seen = collect(main);
    await eventually(() => seen.text().includes('5\n'));
    await engine.kill();
    t.match(await runtime.create(containerSpec()), { ok: false });
    await engine.start();
    const before = seen.chunks.length;
    await eventually(() => seen.chunks.length > before + 10, { timeoutMs: 20_000 });
    await main.signal('SIGKILL');
    t.match(await main.exited, { code: 137, lost: false });
    const numbers = seen.text().trim().split('\n').map(Number);
    t.same(
      numbers,
      numbers.map((_, i) => i + 1),
    );
  });
};

await withDockerEngine(t, suite);
