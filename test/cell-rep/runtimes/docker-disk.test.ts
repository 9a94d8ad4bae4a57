/** Disk limits of containers on a real engine: measured, since its storage does not hold them. */
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type { ContainerRuntime } from '../../../cell-rep/core/container-runtime.js';
import { createDockerRuntime } from '../../../cell-rep/runtimes/docker/runtime.js';
import { collect, mustCreate, mustRun, processSpec } from '../../contract/container-runtime.js';
import { withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';
import { eventually } from '../../support/eventually.js';
import { shell } from '../../support/process-runtime.js';
import { onPath } from '../../support/requires.js';

const MB = 1024 * 1024;
const limits = { memoryMb: 0, diskMb: 16, maxPids: 0, cpuWeight: 0, cpuMilli: 0 };
/** so many MB into a file, then it goes on */
const writes = (megabytes: number, file: string) =>
  shell(`head -c ${megabytes * MB} /dev/zero > ${file}; echo "wrote $?"; sleep 600`);

interface Test {
  teardown(task: () => Promise<void>): unknown;
}

const opener = (engine: DockerEngine) => async (t: Test) => {
  const runtime: ContainerRuntime = createDockerRuntime({
    cellId: 'cell-disk',
    clock: createSystemClock(),
    logger: createCaptureLogger(),
    stacks: { any: engine.image },
    engine: { socketPath: engine.socketPath },
    ports: { first: 30_500, last: 30_999 },
  });
  await runtime.start();
  t.teardown(async () => {
    for (const container of await runtime.adopt()) await container.destroy();
    await runtime.stop();
  });
  return runtime;
};

const polled = (engine: DockerEngine): void => {
  const start = opener(engine);

  t.test('docker disk - who takes too much is ended, and it is said why; others go on', async (t) => {
    const runtime = await start(t);
    t.match(runtime.abilities?.(), { 'disk-limit': /^polled/ });
    const modest = await mustCreate(runtime, { limits });
    const other = await mustRun(modest, writes(8, 'some'));
    const [home, layer] = [await mustCreate(runtime, { limits }), await mustCreate(runtime, { limits })];
    const [inHome, elsewhere] = [
      await mustRun(home, writes(24, 'big')),
      await mustRun(layer, writes(24, '/tmp/big')),
    ];
    t.match(await inHome.exited, { code: 137, outOfDisk: true });
    t.match(await elsewhere.exited, { code: 137, outOfDisk: true });
    t.match(home.info().processes, [{ exit: { outOfDisk: true } }]);
    t.same(await home.run(processSpec(shell('true'), { id: 'late' })), {
      ok: false,
      reason: 'over its disk limit of 16 MB',
    });
    await eventually(async () => ((await modest.usage()).diskBytes ?? 0) >= 8 * MB, {
      what: 'what it wrote',
    });
    await other.signal('SIGKILL');
    t.notOk((await other.exited).outOfDisk);
  });

  t.test('docker disk - both places count together, and files of nothing for nothing', async (t) => {
    const runtime = await start(t);
    const sparse = await mustCreate(runtime, { limits });
    const main = await mustRun(sparse, shell('truncate --size=1G hole && echo made; sleep 600'));
    const both = await mustCreate(runtime, { limits });
    const split = `head -c ${10 * MB} /dev/zero > a; head -c ${10 * MB} /dev/zero > /tmp/b; sleep 600`;
    t.match(await (await mustRun(both, shell(split))).exited, { outOfDisk: true });
    t.ok(sparse.info().processes[0]?.running);
    await main.signal('SIGKILL');
  });

  t.test('docker disk - without a limit nothing is ended', async (t) => {
    const runtime = await start(t);
    const free = await mustCreate(runtime, { limits: { ...limits, diskMb: 0 } });
    const seen = collect(await mustRun(free, writes(40, 'big')));
    const witness = await mustCreate(runtime, { limits });
    await (
      await mustRun(witness, writes(24, 'big'))
    ).exited;
    t.equal(seen.text(), 'wrote 0\n');
    t.ok(free.info().processes[0]?.running);
  });
};

const held = (engine: DockerEngine): void => {
  t.test(
    'docker disk - where the driver can, a full layer takes no more, and nothing is ended',
    async (t) => {
      const runtime = await opener(engine)(t);
      t.match(runtime.abilities?.(), { 'disk-limit': /^layers: quota; homes: polled/ });
      const container = await mustCreate(runtime, { limits });
      const main = await mustRun(container, writes(40, '/tmp/big'));
      const seen = collect(main);
      await eventually(() => seen.text().includes('wrote 1'), { timeoutMs: 30_000, what: 'it is full' });
      t.match(seen.text(), /No space left on device|Disk quota exceeded/);
      t.ok(((await container.usage()).diskBytes ?? 0) > 0);
      t.ok(container.info().processes[0]?.running);
      await main.signal('SIGKILL');
      t.notOk((await main.exited).outOfDisk);
      const home = await mustCreate(runtime, { limits });
      t.match(
        await (
          await mustRun(home, writes(24, 'big'))
        ).exited,
        { outOfDisk: true },
        'a home is measured',
      );
    },
  );
};

const LACKS = "a driver that holds layers to a size takes mkfs.btrfs (Debian's btrfs-progs)";

await withDockerEngine(t, polled);
if (onPath('mkfs.btrfs') === undefined) t.pass('quotas', { skip: LACKS });
else await withDockerEngine(t, held, { btrfs: true });
