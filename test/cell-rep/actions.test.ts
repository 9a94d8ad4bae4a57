import t from 'tap';
import type { Action, ActionList } from '../../common/model/action.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import type { Downloader } from '../../cell-rep/actions/downloader.js';
import { runAction } from '../../cell-rep/actions/interpreter.js';
import type { StepContext, StepResult } from '../../cell-rep/actions/step.js';
import { createContainerMemory } from '../../cell-rep/containers/memory.js';
import type { FakeContainer, FakeProcess } from '../support/fake-runtime.js';
import { createFakeRuntime } from '../support/fake-runtime.js';
import { runAction as run } from '../support/lrps.js';
import { NO_UPLOADS } from '../support/no-uploads.js';

interface Stage {
  clock: FakeClock;
  container: FakeContainer;
  lines: string[];
  context: StepContext;
  /** starts the action; `stop` asks it to end */
  act(action: Action): { result: Promise<StepResult>; stop(): void };
  process(id: string): FakeProcess;
}

const stage = async (downloader?: Downloader): Promise<Stage> => {
  const clock = createFakeClock();
  const runtime = createFakeRuntime();
  const limits = { memoryMb: 0, diskMb: 0, maxPids: 0, cpuWeight: 0, cpuMilli: 0 };
  await runtime.create({ guid: 'c', rootfs: '', limits, ports: [], tags: {} });
  const container = runtime.containers.get('c') as FakeContainer;
  const lines: string[] = [];
  const context: StepContext = {
    uploader: NO_UPLOADS,
    container,
    clock,
    log: {
      line: (source, stream, text) => void lines.push(`${source} ${stream} ${text}`),
      follow: () => ({ finish: () => undefined, detach: () => undefined }),
      bytes: () => 0,
      flush: () => undefined,
      close: () => undefined,
    },
    logSource: 'LOG',
    downloader: downloader ?? { fetch: async () => ({ ok: false, reason: 'no network' }) },
    memory: createContainerMemory(() => undefined),
    graceMs: () => 10_000,
    files: [],
    exitedOnTimeout: () => undefined,
    environment: () => ({}),
    detached: new AbortController().signal,
  };
  return {
    clock,
    container,
    lines,
    context,
    act(action) {
      const controller = new AbortController();
      const result = runAction({ action, id: 'main', signal: controller.signal }, context);
      return { result, stop: () => controller.abort() };
    },
    process: (id) => container.processes.get(id) as FakeProcess,
  };
};

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const list = (...actions: Action[]): ActionList => ({ actions, logSource: '' });

t.test('actions - serial goes one by one and stops at the first failure', async (t) => {
  const { act, process, container } = await stage();
  const { result } = act({ serial: list(run(), run(), run()) });
  await settle();
  t.same([...container.processes.keys()], ['main-0']);
  process('main-0').exit();
  await settle();
  process('main-1').exit({ code: 4 });
  t.match(await result, { ok: false, reason: 'APP/PROC/WEB: Exited with status 4' });
  t.same([...container.processes.keys()], ['main-0', 'main-1']);
});

t.test('actions - parallel waits for all and tells every reason', async (t) => {
  const { act, process } = await stage();
  const { result } = act({ parallel: list(run({ logSource: 'A' }), run({ logSource: 'B' }), run()) });
  await settle();
  process('main-0').exit({ code: 1 });
  await settle();
  t.same(process('main-1').signals, []);
  process('main-1').exit({ code: 2 });
  process('main-2').exit();
  t.match(await result, { ok: false, reason: 'A: Exited with status 1; B: Exited with status 2' });
});

t.test('actions - codependent: even exit 0 of one ends the others and fails', async (t) => {
  const { act, process } = await stage();
  const { result } = act({ codependent: list(run(), run()) });
  await settle();
  process('main-1').exit();
  t.match(await result, { ok: false, reason: 'Codependent step exited' });
  t.same(process('main-0').signals, ['SIGTERM']);
});

t.test('actions - timeout ends its action and says so; a restart does not give it more', async (t) => {
  const { act, process, clock, context } = await stage();
  const timeout = { timeout: { action: run(), timeoutMs: 1500, logSource: '' } };
  const { result } = act(timeout);
  await clock.advance(1000);
  t.same(process('main-0').signals, []);
  await clock.advance(600);
  t.match(await result, { ok: false, reason: 'exceeded 1.5s timeout; APP/PROC/WEB: Exited with status 143' });
  t.equal(context.memory.startedAt('main', 0) > 0, true);
});

t.test('actions - try swallows, emitProgress tells', async (t) => {
  const { act, process, lines } = await stage();
  const progress = {
    action: run(),
    startMessage: 'Compiling',
    successMessage: 'Compiled',
    failureMessagePrefix: 'Compiling failed',
    logSource: 'STG',
  };
  const { result } = act({ try: { action: { emitProgress: progress }, logSource: '' } });
  await settle();
  process('main-0-0').exit({ code: 3 });
  t.same(await result, { ok: true });
  t.same(lines, [
    'STG OUT Compiling',
    'APP/PROC/WEB OUT Exit status 3',
    'STG ERR Compiling failed: APP/PROC/WEB: Exited with status 3',
  ]);
  const { result: failed } = act({ emitProgress: { ...progress, action: run({ logSource: 'B' }) } });
  await settle();
  process('main-0').exit({ code: 4 });
  t.match(await failed, { ok: false, reason: 'B: Exited with status 4' }, 'the prefix is for the log');
});

t.test('actions - a download is fetched, placed, and not done twice', async (t) => {
  let fetched = 0;
  const { act, lines, context } = await stage({
    async fetch() {
      fetched += 1;
      return { ok: true, file: '/f', bytes: 2048, release: () => undefined };
    },
  });
  const download = {
    artifact: 'droplet',
    from: 'http://x/d',
    to: '.',
    cacheKey: '',
    logSource: '',
    user: 'vcap',
    checksumAlgorithm: '',
    checksumValue: '',
  };
  t.same(await act({ download }).result, { ok: true });
  t.same(await act({ download }).result, { ok: true });
  t.equal(fetched, 1);
  t.ok(context.memory.isDone('main'));
  t.same(lines, ['LOG OUT Downloading droplet...', 'LOG OUT Downloaded droplet (2.0K)']);
});

t.test('actions - failed downloads, uploads and empty actions say why', async (t) => {
  const { act } = await stage();
  const download = {
    artifact: '',
    from: 'http://x/d',
    to: '.',
    cacheKey: '',
    logSource: '',
    user: '',
    checksumAlgorithm: '',
    checksumValue: '',
  };
  t.same(await act({ download }).result, { ok: false, reason: 'Downloading failed: no network' });
  t.match(await act({ upload: { artifact: '', from: '', to: '', logSource: '', user: '' } }).result, {
    ok: false,
  });
  t.same(await act({}).result, { ok: false, reason: 'invalid action type' });
});

t.test('actions - a process that even SIGKILL does not end is reported', async (t) => {
  const { act, process, clock } = await stage();
  const { result, stop } = act(run());
  await settle();
  process('main').signal = async () => undefined;
  stop();
  await clock.advance(11_500);
  t.match(await result, { ok: false, reason: 'process did not exit' });
});

t.test('download - a file that comes when nobody wants it any more is given back', async (t) => {
  let released = 0;
  let arrive: (() => void) | undefined;
  const { act } = await stage({
    fetch: async () => {
      await new Promise<void>((resolve) => (arrive = resolve));
      return { ok: true, file: '/f', bytes: 1, release: () => (released += 1) };
    },
  });
  const download = {
    artifact: 'a',
    from: 'http://x/y',
    to: '.',
    cacheKey: 'k',
    logSource: '',
    user: '',
    checksumAlgorithm: '',
    checksumValue: '',
  };
  const { result, stop } = act({ download });
  stop();
  arrive?.();
  t.match(await result, { ok: false });
  t.equal(released, 1);
});
