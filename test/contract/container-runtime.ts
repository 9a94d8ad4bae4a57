/** What every container runtime does; run by one test file per adapter. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BINDINGS_ROOT } from '../../cell-rep/core/container-runtime.js';
import { CREDENTIALS_ROOT } from '../../cell-rep/core/credentials.js';
import type {
  Container,
  ContainerRuntime,
  ContainerSpec,
  OutputChunk,
  ProcessSpec,
  RunningProcess,
} from '../../cell-rep/core/container-runtime.js';
import type { ImageDescription } from '../../common/model/image.js';
import { eventually } from '../support/eventually.js';

export type Program = Pick<ProcessSpec, 'path' | 'args' | 'env'>;

/** Programs with a known behaviour, as the adapter can run them. */
export interface Programs {
  prints(what: { out?: string; err?: string; exitCode?: number }): Program;
  /** prints 'ready' and goes on until it is signalled */
  runs(): Program;
  /** the same, deaf to SIGTERM */
  ignoresTerm(): Program;
  /** prints so many bytes, waits for nobody, ends with 0 */
  floods(bytes: number): Program;
  /** prints its environment, KEY=VALUE per line, and no other */
  printsEnvironment(): Program;
}

export interface RealPrograms {
  /** every byte from 0 to 255, in order */
  printsBinary(): Program;
  /** answers 'hello' to whoever connects to $PORT; prints 'ready' once it does */
  listens(): Program;
  /** prints 'ready', computes and holds memory until it is signalled */
  works(): Program;
  /** prints 'ready' once it has so many MB of memory, and goes on */
  takesMemory(megabytes: number): Program;
  /** writes so many MB to a file in its home, prints 'ready', and goes on */
  takesDisk(megabytes: number): Program;
  /** prints the content of a file below its home */
  prints(file: string): Program;
  /** the same of a file whose path begins with the value of a variable of its environment */
  printsBelow(variable: string, file: string): Program;
  /** … again and again, until it is signalled */
  follows(variable: string, file: string): Program;
}

export interface RuntimeHarness {
  name: string;
  /** a runtime that looks at the same machine each time; not started */
  open(): ContainerRuntime;
  programs: Programs;
  /** where programs really run */
  real?: RealPrograms;
  /** containers have networks of their own: PORT stays the container's port */
  ownNetwork?: boolean;
  /** an archive made by the harness: unpacks to `dir/file.txt` with "unpacked\n" */
  archive?(dir: string): Promise<string>;
  /** where images are known: one that is there, what it is made to run, and one that cannot be had */
  image?: { rootfs: string; expected: Partial<ImageDescription>; missing: string };
}

const LIMITS = { memoryMb: 64, diskMb: 64, maxPids: 64, cpuWeight: 1, cpuMilli: 0 };
let count = 0;

export const containerSpec = (more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  guid: `guid-${process.pid}-${++count}`,
  rootfs: 'preloaded:any',
  limits: LIMITS,
  ports: [],
  tags: {},
  ...more,
});

export const processSpec = (program: Program, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
  id: 'main',
  dir: '',
  user: 'vcap',
  ...program,
  ...more,
});

export const mustCreate = async (
  runtime: ContainerRuntime,
  more?: Partial<ContainerSpec>,
): Promise<Container> => {
  const created = await runtime.create(containerSpec(more));
  if (!created.ok) throw new Error(created.reason);
  return created.container;
};

export const mustRun = async (
  container: Container,
  program: Program,
  more?: Partial<ProcessSpec>,
): Promise<RunningProcess> => {
  const run = await container.run(processSpec(program, more));
  if (!run.ok) throw new Error(run.reason);
  return run.process;
};

export interface Collected {
  chunks: OutputChunk[];
  cursor: string;
  text(stream?: 'OUT' | 'ERR'): string;
  bytes(): Buffer;
  stop(): void;
}

export const collect = (process: RunningProcess, from = ''): Collected => {
  const chunks: OutputChunk[] = [];
  const bytes = (stream?: 'OUT' | 'ERR'): Buffer =>
    Buffer.concat(chunks.filter((one) => !stream || one.stream === stream).map((one) => one.data));
  const collected: Collected = {
    chunks,
    cursor: from,
    text: (stream) => bytes(stream).toString(),
    bytes,
    stop: () => undefined,
  };
  collected.stop = process.follow(from, {
    onChunk(chunk, cursor) {
      chunks.push(chunk);
      collected.cursor = cursor;
    },
  });
  return collected;
};

const ask = (port: number, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    connect(port, host)
      .on('data', (data) => (text += data.toString()))
      .on('end', () => resolve(text))
      .on('error', reject);
  });

interface Test {
  teardown(task: () => Promise<void>): unknown;
}

/** starts a runtime, and leaves no container and no runtime behind */
const withRuntime = async (test: Test, harness: RuntimeHarness): Promise<ContainerRuntime> => {
  const runtime = harness.open();
  await runtime.start();
  test.teardown(async () => {
    for (const container of await runtime.adopt()) await container.destroy();
    await runtime.stop();
  });
  return runtime;
};

const runningTests = (harness: RuntimeHarness): void => {
  const { programs } = harness;
  const { name } = harness;

  t.test(`${name} - who watches hears when it becomes healthy, and when it is no more`, async (t) => {
    const runtime = harness.open();
    const seen: boolean[] = [];
    const unwatch = runtime.watchHealth(() => seen.push(runtime.healthy()));
    await runtime.start();
    await eventually(() => seen.at(-1) === true);
    await runtime.stop();
    t.equal(seen.at(-1), false);
    unwatch();
    const { length } = seen;
    await runtime.start();
    await runtime.stop();
    t.equal(seen.length, length);
  });

  t.test(`${name} - a container is made once and known by its spec`, async (t) => {
    const runtime = await withRuntime(t, harness);
    const spec = containerSpec({ tags: { index: '3' }, ports: [8080, 2222] });
    const created = await runtime.create(spec);
    t.ok(created.ok);
    if (!created.ok) return;
    const info = created.container.info();
    t.match(info, { guid: spec.guid, tags: { index: '3' }, processes: [] });
    t.same(
      info.ports.map((port) => port.containerPort),
      [8080, 2222],
    );
    t.equal(new Set(info.ports.map((port) => port.hostPort)).size, 2);
    t.equal((await runtime.create(spec)).ok, false, 'not twice');
    t.equal((await runtime.create(containerSpec({ guid: '../up' }))).ok, false, 'no paths for guids');
    t.ok(runtime.healthy());
  });

  t.test(
    `${name} - both streams are read from the first byte, and the exit comes after all of it`,
    async (t) => {
      const container = await mustCreate(await withRuntime(t, harness));
      const main = await mustRun(container, programs.prints({ out: 'one\n', err: 'two\n', exitCode: 3 }));
      const seen = collect(main);
      t.same(await main.exited, { code: 3, signal: 0, outOfMemory: false, lost: false });
      t.equal(seen.text('OUT'), 'one\n');
      t.equal(seen.text('ERR'), 'two\n');
      t.match(seen.chunks[0]?.timestamp, /^\d{19}$/);
      const again = collect(main);
      await main.exited;
      t.equal(again.text('OUT'), 'one\n', 'a late reader gets all of it as well');
      t.same(container.info().processes, [
        { id: 'main', running: false, exit: { code: 3, signal: 0, outOfMemory: false, lost: false } },
      ]);
    },
  );

  t.test(`${name} - reading goes on from a cursor without loss or repetition`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const main = await mustRun(container, programs.prints({ out: 'first\n', err: 'second\n' }));
    const all = collect(main);
    await main.exited;
    let cursor = '';
    const stop = main.follow('', {
      onChunk(_chunk, at) {
        if (cursor === '') cursor = at;
      },
    });
    await main.exited;
    stop();
    const rest = collect(main, cursor);
    await main.exited;
    t.same(rest.chunks, all.chunks.slice(1));
  });

  t.test(`${name} - SIGTERM ends a process, and one that ignores it ends by SIGKILL`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const polite = await mustRun(container, programs.runs(), { id: 'polite' });
    const deaf = await mustRun(container, programs.ignoresTerm(), { id: 'deaf' });
    const outputs = [collect(polite), collect(deaf)];
    await eventually(() => outputs.every((one) => one.text().includes('ready')), { timeoutMs: 10_000 });
    await polite.signal('SIGTERM');
    await deaf.signal('SIGTERM');
    t.match(await polite.exited, { code: 143, signal: 15, lost: false });
    t.equal(container.info().processes.find((one) => one.id === 'deaf')?.running, true);
    await deaf.signal('SIGKILL');
    t.match(await deaf.exited, { code: 137, signal: 9, lost: false });
    await deaf.signal('SIGKILL');
    t.pass('a signal to what has ended does nothing');
  });

  t.test(`${name} - output that nobody reads stalls nothing and is bounded`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const main = await mustRun(container, programs.floods(20 * 1024 * 1024));
    t.match(await main.exited, { code: 0 });
    const seen = collect(main);
    await main.exited;
    t.ok(seen.bytes().length > 0, 'the end of it is kept');
    t.ok(seen.bytes().length < 12 * 1024 * 1024, 'the beginning is not');
  });

  t.test(`${name} - the environment is what was given and little more`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness), { ports: [8080] });
    const { env, ...program } = programs.printsEnvironment();
    const main = await mustRun(container, { ...program, env: { ...env, GREETING: 'hi\tyou', PORT: '8080' } });
    const seen = collect(main);
    await main.exited;
    const pairs = seen
      .text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    const found = Object.fromEntries(pairs) as Record<string, string>;
    t.equal(found['GREETING'], 'hi\tyou');
    const hostPort = String(container.info().ports[0]?.hostPort);
    t.equal(found['PORT'], harness.ownNetwork ? '8080' : hostPort, 'no network of its own: the host port');
    const known = new Set([
      'GREETING',
      'PORT',
      'HOME',
      'USER',
      'PATH',
      'TMPDIR',
      'LANG',
      'PWD',
      ...Object.keys(env),
    ]);
    t.same(
      Object.keys(found).filter((key) => !known.has(key)),
      [],
    );
  });

  t.test(`${name} - what cannot be started is refused with a reason`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const bad = async (more: Partial<ProcessSpec>): Promise<string> => {
      const run = await container.run(processSpec(programs.runs(), more));
      return run.ok ? 'started' : run.reason;
    };
    t.match(await bad({ id: '../x' }), /process id/);
    t.match(await bad({ path: '' }), /no program/);
    t.match(await bad({ env: { 'A=B': '1' } }), /environment variable/);
    t.match(await bad({ env: { A: 'b\0c' } }), /NUL/);
    await mustRun(container, programs.runs());
    t.match(await bad({}), /exists already/);
  });
};

const keepingTests = (harness: RuntimeHarness): void => {
  const { programs } = harness;
  const { name } = harness;

  t.test(`${name} - a later runtime finds containers, processes, exits and output`, async (t) => {
    const before = harness.open();
    await before.start();
    const container = await mustCreate(before, { tags: { kind: 'lrp' }, ports: [8080] });
    const main = await mustRun(container, programs.runs());
    const first = collect(main);
    await eventually(() => first.text().includes('ready'), { timeoutMs: 10_000 });
    await (
      await mustRun(container, programs.prints({ out: 'done\n', exitCode: 4 }), { id: 'setup-0' })
    ).exited;
    const { ports } = container.info();
    await before.stop();

    const runtime = await withRuntime(t, harness);
    const adopted = (await runtime.adopt()).find((one) => one.guid === container.guid);
    t.match(adopted?.info(), { tags: { kind: 'lrp' }, ports });
    t.equal(adopted?.info().processes.find((one) => one.id === 'main')?.running, true);
    t.equal(adopted?.info().processes.find((one) => one.id === 'setup-0')?.exit?.code, 4);
    const setup = adopted?.process('setup-0') as RunningProcess;
    const seen = collect(setup);
    t.match(await setup.exited, { code: 4 });
    t.equal(seen.text(), 'done\n');
    const fresh = await mustCreate(runtime, { ports: [8080] });
    t.not(fresh.info().ports[0]?.hostPort, ports[0]?.hostPort, 'its ports stay its own');
    const again = adopted?.process('main') as RunningProcess;
    await again.signal('SIGTERM');
    t.match(await again.exited, { code: 143, lost: false });
  });

  t.test(`${name} - destroy ends everything, forgets it, and may be repeated`, async (t) => {
    const runtime = await withRuntime(t, harness);
    const spec = containerSpec({ ports: [8080] });
    const container = await mustCreate(runtime, spec);
    const main = await mustRun(container, programs.ignoresTerm());
    const { exited } = main;
    await Promise.all([container.destroy(), container.destroy()]);
    await container.destroy();
    t.match(await exited, { code: 137 });
    t.equal((await runtime.adopt()).length, 0);
    t.equal((await container.run(processSpec(programs.runs(), { id: 'late' }))).ok, false);
    t.ok((await runtime.create(spec)).ok, 'the guid is free again');
  });

  t.test(`${name} - of processes that have ended nothing is kept when told so`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const first = await mustRun(container, programs.prints({ exitCode: 3 }), { id: 'probe-1' });
    await mustRun(container, programs.runs(), { id: 'probe-2' });
    await first.exited;
    await container.forget('probe');
    t.same(
      container.info().processes.map(({ id }) => id),
      ['probe-2'],
    );
    t.equal(container.process('probe-1'), undefined);
    t.match(await (await mustRun(container, programs.prints({ exitCode: 4 }), { id: 'probe-1' })).exited, {
      code: 4,
    });
  });

  t.test(`${name} - files are placed below home only, and read back within a limit`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const dir = await mkdtemp(join(tmpdir(), 'outcry-place-'));
    t.teardown(() => rm(dir, { recursive: true }));
    const file = join(dir, 'content');
    await writeFile(file, 'some text');
    const to = 'deep/er/file';
    t.same(await container.place({ file, to, unpack: false, user: 'vcap' }), { ok: true });
    t.same(
      await container.place({ file, to, unpack: false, user: 'vcap' }),
      { ok: true },
      'over an older one',
    );
    t.same(await container.readFile(to, 9), { ok: true, content: Buffer.from('some text') });
    t.same(await container.readFile(to, 8), { ok: false, reason: 'too-large' });
    t.same(await container.readFile('nothing', 8), { ok: false, reason: 'absent' });
    const copy = join(dir, 'copy');
    t.same(await container.copyOut({ path: to, to: copy, limitBytes: 9 }), { ok: true, bytes: 9 });
    t.equal(await readFile(copy, 'utf8'), 'some text');
    const refused = async (path: string, limitBytes: number): Promise<string> => {
      const copied = await container.copyOut({ path, to: join(dir, 'none-of-it'), limitBytes });
      return copied.ok ? 'copied' : copied.reason;
    };
    t.equal(await refused(to, 8), 'too-large');
    t.equal(await refused('nothing', 8), 'absent');
    t.equal(await refused('../../etc/passwd', 1e6), 'outside');
    t.not(await refused('deep', 1e6), 'copied');
    t.same((await readdir(dir)).sort(), ['content', 'copy'], 'nothing half done is left');
    t.equal((await container.place({ file, to: '../out', unpack: false, user: 'vcap' })).ok, false);
    t.equal((await container.place({ file: `${dir}/none`, to, unpack: false, user: 'vcap' })).ok, false);
  });
};

const realTests = (harness: RuntimeHarness, real: RealPrograms): void => {
  const { name } = harness;

  t.test(`${name} - bytes of every value come through`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const main = await mustRun(container, real.printsBinary());
    const seen = collect(main);
    await main.exited;
    t.same(
      [...seen.bytes()],
      Array.from({ length: 256 }, (_, i) => i),
    );
  });

  t.test(`${name} - an application is reached at its host port`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness), { ports: [8080] });
    const main = await mustRun(container, real.listens());
    const seen = collect(main);
    await eventually(() => seen.text().includes('ready'), { timeoutMs: 10_000 });
    const { address, ports } = container.info();
    t.equal(await ask(ports[0]?.hostPort ?? 0, address), 'hello');
  });

  t.test(`${name} - files of bindings are found by each process, as the latest has them`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const read = async (id: string, content: string): Promise<string> => {
      const { env, ...program } = real.printsBelow('SERVICE_BINDING_ROOT', 'db/deep/password');
      const root = { ...env, SERVICE_BINDING_ROOT: BINDINGS_ROOT };
      const files = [{ path: 'db/deep/password', content }];
      const process = await mustRun(container, { ...program, env: root }, { id, files });
      const seen = collect(process);
      t.match(await process.exited, { code: 0 });
      return seen.text();
    };
    t.equal(await read('first', 'sesame'), 'sesame');
    t.equal(await read('second', 'changed'), 'changed');
  });

  t.test(`${name} - credentials are found by processes that run, and by those that come`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const readBy = async (id: string): Promise<string> => {
      const { env, ...program } = real.printsBelow('CREDENTIALS', 'instance.crt');
      const process = await mustRun(
        container,
        { ...program, env: { ...env, CREDENTIALS: CREDENTIALS_ROOT } },
        { id },
      );
      const seen = collect(process);
      t.match(await process.exited, { code: 0 });
      return seen.text();
    };
    const put = async (content: string): Promise<void> => {
      t.same(await container.putCredentials([{ path: 'instance.crt', content }]), { ok: true });
    };
    await put('the first');
    const { env, ...program } = real.follows('CREDENTIALS', 'instance.crt');
    const main = await mustRun(container, { ...program, env: { ...env, CREDENTIALS: CREDENTIALS_ROOT } });
    const seen = collect(main);
    await eventually(() => seen.text().includes('the first'), { timeoutMs: 10_000 });
    t.equal(await readBy('early'), 'the first');
    await put('the second');
    await eventually(() => seen.text().includes('the second'), { timeoutMs: 10_000 });
    t.equal(await readBy('late'), 'the second');
  });

  t.test(`${name} - what a container takes can be measured`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const main = await mustRun(container, real.works());
    const seen = collect(main);
    await eventually(() => seen.text().includes('ready'), { timeoutMs: 10_000 });
    const busy = async (): Promise<true> => {
      const usage = await container.usage();
      const { cpuNs = 0, memoryBytes = 0 } = usage;
      // a virtual machine whose host is busy may count little of it: what matters is that it grows
      if (cpuNs <= 10e6 || memoryBytes <= 1e6) throw new Error(`it takes ${JSON.stringify(usage)}`);
      return true;
    };
    await eventually(busy, { timeoutMs: 30_000, what: 'CPU and memory' });
    await main.signal('SIGKILL');
    await main.exited;
    await eventually(async () => ((await container.usage()).memoryBytes ?? 0) === 0, { timeoutMs: 10_000 });
  });

  t.test(`${name} - who takes more memory than it may is ended, and only that`, async (t) => {
    const runtime = await withRuntime(t, harness);
    const limits = { ...LIMITS, memoryMb: 128 };
    const within = await mustRun(await mustCreate(runtime, { limits }), real.takesMemory(20));
    const above = await mustRun(await mustCreate(runtime, { limits }), real.takesMemory(300));
    t.match(await above.exited, { code: 137, signal: 9, outOfMemory: true, lost: false });
    const seen = collect(within);
    await eventually(() => seen.text().includes('ready'), { timeoutMs: 10_000 });
    await within.signal('SIGKILL');
    t.match(await within.exited, { code: 137, outOfMemory: false });
  });

  t.test(`${name} - who takes more disk than it may is ended, and only that`, async (t) => {
    const runtime = await withRuntime(t, harness);
    const limits = { ...LIMITS, memoryMb: 0, diskMb: 32 };
    const within = await mustRun(await mustCreate(runtime, { limits }), real.takesDisk(8));
    const above = await mustRun(await mustCreate(runtime, { limits }), real.takesDisk(100));
    t.match(await above.exited, { code: 137, signal: 9, outOfMemory: false, outOfDisk: true });
    const seen = collect(within);
    await eventually(() => seen.text().includes('ready'), { timeoutMs: 10_000 });
    await within.signal('SIGKILL');
    const { outOfDisk, code } = await within.exited;
    t.same({ outOfDisk, code }, { outOfDisk: undefined, code: 137 });
  });

  t.test(`${name} - an archive is unpacked for the application to read, a broken one refused`, async (t) => {
    const container = await mustCreate(await withRuntime(t, harness));
    const dir = await mkdtemp(join(tmpdir(), 'outcry-archive-'));
    t.teardown(() => rm(dir, { recursive: true }));
    const file = (await harness.archive?.(dir)) ?? '';
    t.same(await container.place({ file, to: '.', unpack: true, user: 'vcap' }), { ok: true });
    const main = await mustRun(container, real.prints('dir/file.txt'));
    const seen = collect(main);
    t.match(await main.exited, { code: 0 });
    t.equal(seen.text(), 'unpacked\n');
    const broken = join(dir, 'broken');
    await writeFile(broken, 'this is no archive');
    t.match(await container.place({ file: broken, to: '.', unpack: true, user: 'vcap' }), {
      ok: false,
      reason: 'neither a zip nor a tar archive',
    });
  });
};

const imageTests = (harness: RuntimeHarness): void => {
  const { name, image } = harness;

  t.test(`${name} - ${image ? 'an image is described, or why not' : 'knows no images'}`, async (t) => {
    const runtime = await withRuntime(t, harness);
    t.equal(runtime.describeImage !== undefined, image !== undefined);
    if (!runtime.describeImage || !image) return;
    const described = await runtime.describeImage(image.rootfs);
    t.ok(described.ok);
    if (described.ok) t.match(described.image, { id: /./, ...image.expected });
    const missing = await runtime.describeImage(image.missing);
    t.notOk(missing.ok);
    if (!missing.ok) t.match(missing.reason, /./);
    t.notOk((await runtime.describeImage('preloaded:any')).ok, 'a stack is not somebody’s image');
  });
};

export const containerRuntimeContract = (harness: RuntimeHarness): void => {
  imageTests(harness);
  runningTests(harness);
  keepingTests(harness);
  if (harness.real) realTests(harness, harness.real);
};
