/** A cell on a real Docker engine: what checks see through the engine's proxy, and what a lost engine costs. */
import t from 'tap';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import { createGroup } from '../../common/runtime/group.js';
import { decode } from '../../common/wire/codec.js';
import { SUBJECTS } from '../../common/wire/subjects.js';
import { assembleCellRep } from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { createDockerRuntime } from '../../cell-rep/runtimes/docker/runtime.js';
import { IMAGE_NODE, withDockerEngine } from '../support/docker-engine.js';
import type { DockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { createFakeBbs } from '../support/fake-bbs.js';
import { desiredLrp, lrpWork, runAction, workFor } from '../support/lrps.js';
import { NO_UPLOADS } from '../support/no-uploads.js';

/** Listens a good while after it has started, and says so just before. */
const SLOW_WEB = `
  const server = require('http').createServer((q, r) => r.end('hello'));
  setTimeout(() => {
    require('fs').writeFileSync('listening', 'yes');
    server.listen(process.env.PORT);
  }, 1500);
`;

const TCP = {
  checks: [{ tcpCheck: { port: 8080, connectTimeoutMs: 0, intervalMs: 500 } }],
  logSource: '',
  readinessChecks: [],
};

const startCell = async ({ socketPath, image }: DockerEngine) => {
  const clock = createSystemClock();
  const [bus, bbs, logger] = [createMemoryBus({ clock }), createFakeBbs(), createCaptureLogger()];
  const told: { version: number; placeable: boolean }[] = [];
  let capacity = 0;
  bus.client().subscribe(SUBJECTS.cellChanged, ({ payload }) => {
    const state = decode('CellState', payload);
    if (state.ok) told.push(state.value);
  });
  bus.client().subscribe(SUBJECTS.auctionCapacity, () => void (capacity += 1));
  const config = cellRepConfig.parse({ cell_id: 'cell-1', on_stop: 'stop-containers' }, 'test');
  if (!config.ok) throw new Error('config');
  const runtime = createDockerRuntime({
    cellId: 'cell-1',
    clock,
    logger,
    stacks: { cflinuxfs4: image },
    engine: { socketPath },
    ports: { first: 33_000, last: 33_499 },
  });
  const downloader = { fetch: async () => ({ ok: false as const, reason: 'none' }) };
  const rep = assembleCellRep({
    uploader: NO_UPLOADS,
    ...{ config: config.value, clock, random: createSystemRandom(), logger },
    ...{ bus: bus.client(), bbs, runtime, downloader },
  });
  const group = createGroup(rep.members, logger);
  await group.start();
  await eventually(() => rep.cell.state().placeable);
  const perform = (index: number) =>
    rep.cell.perform(
      workFor(rep.cell.state().incarnation, { lrps: [lrpWork({ index, placementId: `app.${index}` })] }),
      clock.monotonic(),
    );
  return { ...rep, group, runtime, bbs, logger, told, perform, capacity: () => capacity };
};

const suite = (engine: DockerEngine): void => {
  t.test('docker cell - runs when it listens, not when the engine takes connections for it', async (t) => {
    const cell = await startCell(engine);
    t.teardown(() => cell.group.stop());
    const { bbs, runtime } = cell;
    const run = { path: IMAGE_NODE, args: ['-e', SLOW_WEB], env: [{ name: 'PORT', value: '8080' }] };
    bbs.desired.set('app', desiredLrp({ action: runAction(run), checkDefinition: TCP }));
    cell.perform(0);
    await eventually(() => bbs.starts.length === 1, { what: 'running', timeoutMs: 20_000 });
    const [container] = await runtime.adopt();
    const { netInfo } = bbs.starts[0]!;
    t.same(await container?.readFile('listening', 10), { ok: true, content: Buffer.from('yes') });
    t.equal(await (await fetch(`http://${netInfo.address}:${netInfo.ports[0]?.hostPort}/`)).text(), 'hello');

    await engine.kill();
    await eventually(() => !cell.cell.state().placeable, { what: 'no work is taken', timeoutMs: 5_000 });
    const lost = await eventually(() => cell.told.find(({ placeable }) => !placeable));
    t.match(cell.perform(1).outcomes, [{ status: 'refused', reason: 'container runtime is unhealthy' }]);
    t.match(cell.logger.named('docker-runtime.engine-does-not-answer'), [
      { level: 'error', fields: { code: 'DOCKER_UNREACHABLE', where: engine.socketPath } },
    ]);
    const asked = cell.capacity();
    await engine.start();
    await eventually(() => cell.cell.state().placeable, { what: 'work is taken again', timeoutMs: 10_000 });
    await eventually(() => cell.told.some(({ placeable, version }) => placeable && version > lost.version));
    await eventually(() => cell.capacity() > asked, { what: 'work that waits is asked for' });
    t.notOk(
      bbs.calls.some((call) => call.startsWith('crash')),
      'what ran went on',
    );
    t.equal(await (await fetch(`http://${netInfo.address}:${netInfo.ports[0]?.hostPort}/`)).text(), 'hello');
  });

  t.test(
    'docker cell - a stop asked for while the engine is away is carried out when it is back',
    async (t) => {
      const cell = await startCell(engine);
      t.teardown(() => cell.group.stop());
      const { bbs } = cell;
      const run = { path: 'sh', args: ['-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'] };
      bbs.desired.set('app', desiredLrp({ action: runAction(run), ports: [] }));
      cell.perform(0);
      await eventually(() => bbs.starts.length === 1, { what: 'running' });
      await engine.kill();
      const { instanceGuid } = bbs.starts[0]!.instanceKey;
      const key = { processGuid: 'app', index: 0, domain: 'test' };
      cell.cell.stop({ ...key, instanceGuid, traceId: 'trace' });
      await eventually(() => cell.logger.named('docker-runtime.engine-does-not-answer').length === 1);
      t.equal(cell.cell.containers().length, 1);
      await engine.start();
      await eventually(() => cell.cell.containers().length === 0, { what: 'its end', timeoutMs: 20_000 });
      t.ok(bbs.calls.includes('remove app.0'), bbs.calls.join('\n'));
      t.same(await engine.client.listContainers({ all: true }), []);
    },
  );
};

await withDockerEngine(t, suite);
