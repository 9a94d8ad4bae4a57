/** A cell on a real Docker engine: every action, what limits hold, and many containers over an engine that comes and goes. */
import t from 'tap';
import type { Test } from 'tap';
import type { Action } from '../../common/model/action.js';
import {
  downloadFrom,
  hashOf,
  list,
  progress,
  sh,
  startTransferServer,
  timed,
  uploadTo,
} from '../support/action-programs.js';
import { startDockerCell } from '../support/docker-cell.js';
import { IMAGE_NODE, withDockerEngine } from '../support/docker-engine.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { runAction } from '../support/lrps.js';
import type { ProcessCell } from '../support/process-cell.js';

const WEB = `
  require('http').createServer((q, r) => r.end('here')).listen(8080, () => console.log('listening'));
`;

/** Starts whatever it can, as fast as it can, and never gives up. */
const BOMB = `
  const { spawn } = require('child_process');
  const go = () => {
    spawn('sleep', ['100']).on('error', () => undefined);
    setTimeout(go, 1);
  };
  go();
`;

const node = (script: string): Action =>
  runAction({ path: IMAGE_NODE, args: ['-e', script], user: '', logSource: 'APP' });

/** that the cell and the engine have in each container */
const OWN_PIDS = 2;
const LIVES = sh('trap "exit 7" TERM; sleep 600 & wait');

const HTTP = {
  checks: [{ httpCheck: { port: 8080, path: '/', requestTimeoutMs: 0, intervalMs: 500 } }],
  logSource: '',
  readinessChecks: [],
};

/** Number of calls that begin so. */
const calls = ({ bbs }: ProcessCell, beginning: string): number =>
  bbs.calls.filter((call) => call.startsWith(beginning)).length;

const suite = async (engine: DockerEngine): Promise<void> => {
  const server = await startTransferServer();
  const { archive, asked, base, uploads } = server;
  const cell = await startDockerCell(engine);
  t.teardown(async () => {
    await cell.stop();
    await server.close();
  });
  const sum = { checksumAlgorithm: 'sha256' as const, checksumValue: hashOf('sha256', archive) };
  const cached = (): Action => downloadFrom(base, { cacheKey: 'parts', ...sum });
  /** The applications' own: each has a container for its network as well. */
  const running = async (): Promise<string[]> => {
    const all = await engine.client.listContainers({ filters: { label: ['outcry.role=process'] } });
    return all.map(({ Id, Created }) => `${Id} ${Created}`).sort();
  };

  /** All of them, as those that were told to end. */
  const crashedOnce = async (t: Test, names: readonly string[]): Promise<void> => {
    const told = (): string[] =>
      cell.bbs.calls.filter((call) => names.some((name) => call.startsWith(`crash ${name}.0`))).sort();
    await eventually(() => told().length >= names.length, { timeoutMs: 60_000, what: 'all crashed' });
    const gone = () => cell.rep.cell.containers().length === 0;
    await eventually(gone, { timeoutMs: 60_000, what: 'all gone' });
    t.same(told(), names.map((name) => `crash ${name}.0: APP: Exited with status 7`).sort());
    t.same(await engine.client.listContainers({ all: true }), []);
  };

  t.test('docker cell - a task through every action', async (t) => {
    const steps = list(
      progress(cached()),
      timed(sh('cat dir/file.txt > a'), 60_000),
      { try: { action: sh('exit 3'), logSource: '' } },
      { try: { action: { codependent: list(sh('exec sleep 60'), sh('exit 0')) }, logSource: '' } },
      { parallel: list(sh('echo b > b'), sh('sleep 0.2; echo c > c')) },
      sh('cat a b c > out'),
      uploadTo(base),
    );
    t.match(await cell.complete({ action: { serial: steps }, resultFile: 'out' }), {
      failed: false,
      result: 'unpacked\nb\nc\n',
    });
    t.equal(uploads.get('/out')?.toString(), 'unpacked\nb\nc\n');
    await eventually(() => cell.texts().some((text) => text.includes('Uploaded')));
    t.same(
      cell.texts().filter((text) => /^(STG|P) /.test(text)),
      [
        'P OUT begin',
        'STG OUT Downloading parts...',
        `STG OUT Downloaded parts (${archive.length}B)`,
        'P OUT done',
        'STG OUT Uploading result...',
        'STG OUT Uploaded result (13B)',
      ],
    );
  });

  t.test('docker cell - an instance through every action', async (t) => {
    const fetched = asked.filter((one) => one.startsWith('GET')).length;
    const prepare = list(
      cached(),
      { try: { action: sh('exit 3'), logSource: '' } },
      { parallel: list(sh('cat dir/file.txt > up'), sh('mkdir made')) },
      uploadTo(base, { from: 'up', to: `${base}/up` }),
    );
    const lives = 'trap "exit 0" TERM; echo serving; sleep 60 & wait';
    const action = {
      codependent: list(sh(lives), progress(timed(sh(lives.replace('exit 0', 'exit 9')), 1_500))),
    };
    const reason = await cell.crash({ setup: { serial: prepare }, action, ports: [] });
    t.equal(reason, 'exceeded 1.5s timeout; APP: Exited with status 9');
    t.equal(uploads.get('/up')?.toString(), 'unpacked\n');
    t.equal(asked.filter((one) => one.startsWith('GET')).length, fetched, 'the cache had it');
    t.ok(cell.texts().includes(`P ERR broken: ${reason}`));
  });

  t.test('docker cell - what cannot be fetched, kept or sent says why', async (t) => {
    const reason = async (action: Action): Promise<string> => (await cell.complete({ action })).failureReason;
    t.equal(await reason(downloadFrom(base, { from: `${base}/none` })), 'Downloading failed: status 404');
    t.match(
      await reason(downloadFrom(base, { ...sum, checksumValue: 'abc' })),
      /^Downloading failed: checksum mismatch: sha256 is \w+, expected abc$/,
    );
    const refused = list(sh('echo x > out'), uploadTo(base, { to: `${base}/refuse` }));
    t.equal(await reason({ serial: refused }), 'Failed to upload payload for result: status 403');
    t.match(await reason(uploadTo(base)), /^Failed to establish stream from container for result: /);
  });

  t.test('docker cell - out of memory is its reason to crash', async (t) => {
    const eats = node('const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));');
    t.equal(await cell.crash({ action: eats, memoryMb: 64 }), 'APP: Exited with status 137 (out of memory)');
    t.match(await cell.complete({ action: eats, memoryMb: 64 }), {
      failed: true,
      failureReason: 'APP: Exited with status 137 (out of memory)',
    });
  });

  t.test('docker cell - a fork bomb is held, and disturbs nobody', async (t) => {
    const most = 64;
    cell.startLrp({ processGuid: 'web', action: node(WEB), checkDefinition: HTTP, ports: [8080] });
    await eventually(() => cell.bbs.starts.some(({ key }) => key.processGuid === 'web'), {
      timeoutMs: 30_000,
    });
    cell.startTask({ taskGuid: 'bomb', action: node(BOMB), maxPids: most, memoryMb: 256 });
    const [found] = await eventually(
      async () => {
        const all = await engine.client.listContainers({
          filters: { label: ['outcry.guid=bomb', 'outcry.role=process'] },
        });
        return all.length > 0 && all;
      },
      { what: 'the bomb', timeoutMs: 20_000 },
    );
    const bomb = engine.client.getContainer(found?.Id ?? '');
    const seen = await eventually(
      async () => {
        const { pids_stats: pids } = await bomb.stats({ stream: false });
        return (pids?.current ?? 0) > most - 3 && pids;
      },
      { what: 'it has taken what it may', timeoutMs: 30_000 },
    );
    t.ok((seen.current ?? 0) <= most + OWN_PIDS);
    const { netInfo } = cell.bbs.starts.find(({ key }) => key.processGuid === 'web')!;
    const url = `http://${netInfo.address}:${netInfo.ports[0]?.hostPort}/`;
    t.equal(await (await fetch(url)).text(), 'here', 'its neighbour answers');
    t.match(await cell.complete({ action: sh('echo done > r'), resultFile: 'r' }), { result: 'done\n' });
    t.notOk(
      cell.bbs.calls.some((call) => call.startsWith('crash web')),
      'and is healthy',
    );
    cell.rep.cell.cancel({ traceId: '', taskGuid: 'bomb' });
    await eventually(() => cell.rep.cell.container('bomb') === undefined, {
      timeoutMs: 30_000,
      what: 'it is gone',
    });
    cell.rep.cell.stop({
      ...{ traceId: '', processGuid: 'web', index: 0, domain: 'test' },
      instanceGuid: cell.bbs.starts.find(({ key }) => key.processGuid === 'web')!.instanceKey.instanceGuid,
    });
    await eventually(() => cell.bbs.calls.includes('remove web.0'), { timeoutMs: 20_000 });
  });

  t.test('docker cell - fifty containers at a time, over an engine that restarts', async (t) => {
    const names = Array.from({ length: 50 }, (_, at) => `many-${at}`);
    const began = performance.now();
    for (const processGuid of names) cell.startLrp({ processGuid, action: LIVES, ports: [], memoryMb: 16 });
    const started = (): number => calls(cell, 'start many-');
    await eventually(() => started() === names.length, { timeoutMs: 120_000, what: 'all run' });
    t.comment(`50 run after ${Math.round(performance.now() - began)} ms`);
    const before = await running();
    t.equal(before.length, names.length);

    await engine.stop();
    await engine.start();
    await eventually(() => cell.rep.cell.state().placeable, {
      timeoutMs: 30_000,
      what: 'the engine is back',
    });
    t.same(await running(), before, 'with live-restore nothing restarts');
    t.equal(calls(cell, 'crash many-'), 0);

    await engine.stop();
    await engine.start({ liveRestore: false });
    await crashedOnce(t, names);
    t.equal(started(), names.length, 'none is started again by the cell');
  });

  t.test('docker cell - an engine that takes its containers with it: each crash is told once', async (t) => {
    const names = Array.from({ length: 5 }, (_, at) => `taken-${at}`);
    for (const processGuid of names) cell.startLrp({ processGuid, action: LIVES, ports: [], memoryMb: 16 });
    await eventually(() => calls(cell, 'start taken-') === names.length, {
      timeoutMs: 60_000,
      what: 'all run',
    });
    await engine.stop();
    await engine.start();
    await crashedOnce(t, names);
  });
};

await withDockerEngine(t, suite);
