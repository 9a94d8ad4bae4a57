/** Cores and shares of containers on a real engine: what the kernel makes of them. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { createCaptureLogger } from '../../../common/adapters/capture-logger.js';
import { createSystemClock } from '../../../common/adapters/system-clock.js';
import type {
  Container,
  ContainerLimits,
  ContainerRuntime,
} from '../../../cell-rep/core/container-runtime.js';
import { cpuOptions } from '../../../cell-rep/runtimes/docker/cpu.js';
import { cpuScaleOf, sharesOfCores } from '../../../cell-rep/runtimes/docker/cpu-scale.js';
import { createDockerRuntime } from '../../../cell-rep/runtimes/docker/runtime.js';
import { mustCreate, mustRun } from '../../contract/container-runtime.js';
import { withDockerEngine } from '../../support/docker-engine.js';
import type { DockerEngine } from '../../support/docker-engine.js';
import { eventually } from '../../support/eventually.js';
import { shell } from '../../support/process-runtime.js';

const limits = (over: Partial<ContainerLimits>): ContainerLimits => ({
  memoryMb: 64,
  diskMb: 0,
  maxPids: 50,
  cpuWeight: 100,
  cpuMilli: 0,
  ...over,
});

const part = (core: number, milli: number): ContainerLimits =>
  limits({ cpuMilli: milli, cpus: { pinned: [], fragment: { core, milli } } });

const BUSY = shell('while :; do :; done');
const MOST = { hardCap: false, sharedCores: '', scale: 'shares' as const };

t.test('cpu - what the engine is told', async (t) => {
  const options = (over: Partial<ContainerLimits>, rules = {}) =>
    cpuOptions(limits(over), { ...MOST, ...rules });
  t.same(options({ cpuWeight: 25 }), { CpuShares: 256 }, 'a weight as Diego has it');
  t.same(options({ cpuWeight: 0 }), {}, 'neither: the kernel’s default');
  t.same(options({ cpuWeight: 1 }, { sharedCores: '1,2' }), { CpuShares: 10, CpusetCpus: '1,2' });
  t.same(options({ cpuMilli: 1 }), { CpuShares: 66 }, 'the least that can be asked for');
  t.same(options({ cpuMilli: 2 }, { hardCap: true }), {
    CpuShares: 131,
    CpuPeriod: 1_000_000,
    CpuQuota: 2000,
  });
  const wide = { cpuMilli: 2500, cpus: { pinned: [1, 2], fragment: { core: 0, milli: 500 } } };
  t.same(options(wide, { hardCap: true, sharedCores: '3' }), {
    CpusetCpus: '0,1,2',
    // half a core’s on each of the three
    CpuShares: 3 * 32_768,
    CpuPeriod: 100_000,
    CpuQuota: 250_000,
  });
});

/** What the OCI runtime makes of shares on a machine with cgroup 2. */
const WEIGHTS: Record<string, (shares: number) => number> = {
  weights: (shares) => 1 + Math.floor(((shares - 2) * 9999) / 262_142),
  curve(shares) {
    const log = Math.log2(shares);
    return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
  },
};

t.test('cpu - parts of a core stay in proportion where shares become weights', async (t) => {
  for (const scale of ['weights', 'curve'] as const) {
    const weight = (milli: number): number => WEIGHTS[scale]?.(sharesOfCores(milli, scale)) ?? 0;
    for (const milli of [20, 50, 100, 250, 333, 900, 1000, 4000]) {
      const share = weight(milli) / weight(1000);
      t.ok(Math.abs(share / (milli / 1000) - 1) < 0.02, `${scale}: ${milli} come to ${share}`);
    }
    t.ok(weight(1) >= 1 && weight(1) < weight(2) && weight(2) < weight(3), 'down to a thousandth');
    t.equal(weight(64_000), 10_000, 'the kernel knows no more');
  }
  const engine = (runc: string, CgroupVersion: string, DefaultRuntime = 'runc') =>
    cpuScaleOf({ CgroupVersion, DefaultRuntime }, { Components: [{ Name: 'runc', Version: runc }] });
  t.equal(engine('1.1.5+ds1', '1'), 'shares');
  for (const old of ['1.1.5+ds1', '1.3.1', '1.2.99', '1.3.0-rc.1']) t.equal(engine(old, '2'), 'weights', old);
  for (const late of ['1.3.2', '1.3.10', '1.4.0-rc.1', '2.0.0']) t.equal(engine(late, '2'), 'curve', late);
  t.equal(engine('1.4.0', '2', 'kata'), 'weights');
  t.equal(cpuScaleOf({}, {}), 'shares');
});

const open = (engine: DockerEngine, over: object = {}) =>
  createDockerRuntime({
    cellId: 'cell-cpu',
    clock: createSystemClock(),
    logger: createCaptureLogger(),
    stacks: { any: engine.image },
    engine: { socketPath: engine.socketPath },
    ports: { first: 32_500, last: 32_999 },
    ...over,
  });

const suite = (engine: DockerEngine): void => {
  const start = async (t: { teardown(task: () => Promise<void>): unknown }, over: object = {}) => {
    const runtime = open(engine, over);
    await runtime.start();
    t.teardown(async () => {
      for (const container of await runtime.adopt()) await container.destroy();
      await runtime.stop();
    });
    return runtime;
  };
  const busy = async (runtime: ContainerRuntime, of: ContainerLimits): Promise<Container> => {
    const container = await mustCreate(runtime, { limits: of });
    await mustRun(container, BUSY);
    return container;
  };
  const cpuOf = async (container: Container): Promise<number> => (await container.usage()).cpuNs ?? 0;

  /** of its main process, below those of the engine's */
  const pidOf = async ({ guid }: Container): Promise<number> => {
    const filters = { label: [`outcry.guid=${guid}`, 'outcry.process=main'] };
    const [found] = await engine.client.listContainers({ filters });
    const { State } = await engine.client.getContainer(found?.Id ?? '').inspect();
    const last = (pid: number): number => {
      const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      return child ? last(Number(child)) : pid;
    };
    return last(State.Pid);
  };
  /** in hundredths of a second; told at once, since an engine on a busy machine takes its time */
  const ticksOf = (pid: number): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };

  /** where the kernel lets its main process run */
  const allowed = async (container: Container): Promise<string> => {
    const status = await readFile(`/proc/${await pidOf(container)}/status`, 'utf8');
    return /Cpus_allowed_list:\s+(\S+)/.exec(status)?.[1] ?? '';
  };

  t.test('cpu - a tenth of a core is a tenth of it when others want the rest', async (t) => {
    const runtime = await start(t, { cpuCores: [0] });
    const small = await busy(runtime, part(0, 100));
    const large = await busy(runtime, part(0, 900));
    const isBusy = async (one: Container): Promise<boolean> => ticksOf(await pidOf(one)) > 10;
    await eventually(async () => (await isBusy(small)) && isBusy(large), { timeoutMs: 30_000 });
    const pids = [await pidOf(small), await pidOf(large)];
    const from = pids.map(ticksOf);
    const share = (): number | false => {
      const [a = 0, b = 0] = pids.map((pid, at) => ticksOf(pid) - (from[at] ?? 0));
      return a + b > 600 && a / (a + b);
    };
    const got = await eventually(share, { timeoutMs: 120_000, what: '6 s of CPU' });
    t.ok(got > 0.085 && got < 0.115, `it got ${got}`);
  });

  t.test('cpu - with a hard cap it gets no more, though nobody wants the rest', async (t) => {
    const runtime = await start(t, { cpuCores: [0], cpuHardCap: true });
    const container = await busy(runtime, part(0, 50));
    const clock = createSystemClock();
    const at = clock.monotonic();
    const from = await cpuOf(container);
    await eventually(async () => (await cpuOf(container)) - from > 150e6, { timeoutMs: 60_000 });
    const milli = ((await cpuOf(container)) - from) / 1000 / (clock.monotonic() - at);
    t.ok(milli < 60, `it got ${milli}`);
  });

  t.test('cpu - who has a core has it alone, and others come back when it is given back', async (t) => {
    const { NCPU } = (await engine.client.info()) as { NCPU: number };
    if (NCPU < 2) return t.pass('one core', { skip: 'this machine has one core' });
    const cpuCores = Array.from({ length: NCPU }, (_, core) => core);
    const runtime = await start(t, { cpuCores });
    const other = await busy(runtime, limits({}));
    const all = await allowed(other);
    const owner = await busy(runtime, limits({ cpuMilli: 1000, cpus: { pinned: [0] } }));
    t.equal(await allowed(owner), '0');
    t.notMatch(await allowed(other), /\b0\b/, 'it has left');
    const late = await busy(runtime, limits({}));
    t.notMatch(await allowed(late), /\b0\b/, 'nor does another come there');

    const next = open(engine, { cpuCores });
    await next.start();
    t.teardown(() => next.stop());
    await next.adopt();
    t.notMatch(await allowed(late), /\b0\b/, 'nor after a restart of the rep');
    const [fresh] = [await busy(next, limits({}))];
    t.notMatch(await allowed(fresh as Container), /\b0\b/);
    const adopted = (await next.adopt()).find(({ guid }) => guid === owner.guid);
    await adopted?.destroy();
    await eventually(async () => (await allowed(other)) === all, { what: 'they come back' });
  });

  t.test('cpu - cores that the machine does not have are refused at the start', async (t) => {
    await t.rejects(open(engine, { cpuCores: [0, 4000] }).start(), { code: 'CELL_CORES_MISSING' });
  });
};

await withDockerEngine(t, suite);
