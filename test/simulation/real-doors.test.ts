import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { assembleAuctioneer } from '../../auctioneer/assemble.js';
import { auctioneerConfig } from '../../auctioneer/config.js';
import { assembleBbs } from '../../bbs/assemble.js';
import { bbsConfig } from '../../bbs/config.js';
import { createBbsClient } from '../../bbs/index.js';
import { assembleCellRep } from '../../cell-rep/assemble.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { createSimulatedRuntime, createSimulatedWorld } from '../../cell-rep/runtimes/simulated/runtime.js';
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import type { ActualLrp } from '../../common/model/lrp.js';
import { createGroup } from '../../common/runtime/group.js';
import type { Group, Member } from '../../common/runtime/group.js';
import { createSqliteEngine } from '../../common/store/sqlite-engine.js';
import { desiredLrp, must, taskDefinition } from '../support/bbs.js';
import { eventually } from '../support/eventually.js';
import { chosenSeed } from '../support/simulation.js';
import { NO_UPLOADS } from '../support/no-uploads.js';

const seed = chosenSeed();
t.comment(`OUTCRY_SEED=${seed}`);

const CELLS = 4;
/** Work that was on its way to a cell which stopped is asked for again by convergence: every 30 s. */
const PATIENCE = { timeoutMs: 75_000 };

/** The components behind their real doors: SQLite, a unix socket, files, and the machine's own time. */
const openSystem = async () => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-doors-'));
  const [clock, random, logger] = [createSystemClock(), createSeededRandom(seed), createCaptureLogger()];
  const bus = createMemoryBus({ clock, logger });
  const ground = { clock, random, logger };
  const socketPath = join(dir, 'bbs.sock');
  const bbs = createBbsClient({ endpoint: { socketPath }, clock, logger });
  const worlds = Array.from({ length: CELLS }, createSimulatedWorld);
  const groups = new Map<string, Group>();

  const start = async (name: string, members: readonly Member[]): Promise<void> => {
    const group = createGroup(members, logger);
    groups.set(name, group);
    await group.start();
  };
  const stop = (name: string): Promise<void> => groups.get(name)?.stop() ?? Promise.resolve();

  const startBbs = (): Promise<void> => {
    const config = must(bbsConfig.parse({ listen: { socket: socketPath }, presence_ttl: '6s' }, 'test'));
    const engine = createSqliteEngine({ dir: join(dir, 'db') });
    return start('bbs', assembleBbs({ ...ground, config, bus: bus.client(), engine }).members);
  };
  const startRep = (at: number): Promise<void> => {
    const name = `cell-${at + 1}`;
    const own = { data_dir: join(dir, name), zone: `z${at % 2}`, memory: '2G', disk: '16G' };
    const times = { presence_ttl: '6s', presence_interval: '1s', polling_interval: '2s' };
    const config = must(cellRepConfig.parse({ cell_id: name, cell_index: at, ...own, ...times }, 'test'));
    const world = worlds[at] as (typeof worlds)[number];
    const runtime = createSimulatedRuntime({ clock, random, world });
    const downloader = { fetch: () => Promise.reject(new Error('nothing to download here')) };
    return start(
      name,
      assembleCellRep({
        ...ground,
        config,
        bus: bus.client(),
        bbs,
        runtime,
        downloader,
        uploader: NO_UPLOADS,
      }).members,
    );
  };

  await startBbs();
  const config = must(auctioneerConfig.parse({}, 'test'));
  await start('auctioneer', assembleAuctioneer({ ...ground, config, bus: bus.client(), bbs }).members);
  for (let at = 0; at < CELLS; at += 1) await startRep(at);
  return {
    bbs,
    worlds,
    logger,
    startBbs,
    startRep,
    stop,
    async close() {
      for (const group of [...groups.values()].reverse()) await group.stop();
      await bbs.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

type System = Awaited<ReturnType<typeof openSystem>>;

const containersOf = ({ worlds }: System): string[] =>
  worlds.flatMap((world) => [...world.containers.keys()]).sort();

/** The rows that run, once they are as many as wanted and each has its container. */
const running = async (system: System, count: number): Promise<ActualLrp[]> => {
  const rows = must(await system.bbs.actualLrps({}));
  if (rows.length !== count || rows.some(({ state }) => state !== 'RUNNING')) {
    throw new Error(rows.map(({ state, presence }) => `${state} ${presence}`).join());
  }
  return rows.sort((a, b) => (a.instanceGuid < b.instanceGuid ? -1 : 1));
};

t.test(
  'real doors - the BBS and reps come and go under work; nothing is lost, nothing restarts',
  async (t) => {
    const system = await openSystem();
    t.teardown(system.close);
    const { bbs } = system;
    /** what a listener knows: it reads once per gap, and then only listens */
    let known = new Map<string, string>();
    let gaps = 0;
    const keyOf = (row: ActualLrp): string => `${row.processGuid}/${row.index}/${row.presence}`;
    const tagOf = ({ modificationTag: { epoch, index }, state }: ActualLrp): string =>
      `${epoch} ${index} ${state}`;
    bbs.subscribe({
      onGap() {
        gaps += 1;
        // what may have been missed is read again; what is told meanwhile is newer
        const before = known;
        void bbs.actualLrps({}).then((read) => {
          if (!read.ok || known !== before) return;
          for (const row of read.value) {
            const [epoch, index] = (known.get(keyOf(row)) ?? '').split(' ');
            const { modificationTag: tag } = row;
            if (epoch !== tag.epoch || Number(index) < tag.index) known.set(keyOf(row), tagOf(row));
          }
        });
      },
      onEvent(event) {
        if (event.kind === 'actual_lrp_instance_created')
          known.set(keyOf(event.actualLrp), tagOf(event.actualLrp));
        if (event.kind === 'actual_lrp_instance_changed') known.set(keyOf(event.after), tagOf(event.after));
      },
    });

    const acknowledged = new Set<string>();
    const pushAll = async (from: number, to: number): Promise<void> => {
      for (let app = from; app < to; app += 1) {
        const processGuid = `app-${app}`;
        const lrp = desiredLrp({ processGuid, instances: 3, memoryMb: 32, diskMb: 32 });
        // asked until answered, as people do
        await eventually(async () => {
          const result = await bbs.desireLrp(lrp, 'people');
          return result.ok || result.error.type === 'ResourceExists';
        }, PATIENCE);
        acknowledged.add(processGuid);
      }
    };
    await pushAll(0, 10);
    const first = await eventually(() => running(system, 30), PATIENCE);
    const definition = taskDefinition({ memoryMb: 32 });
    must(await bbs.desireTask({ taskGuid: 'task', domain: 'tasks', definition }, 'people'));
    await eventually(async () => must(await bbs.task('task')).state === 'Running', PATIENCE);

    for (let time = 0; time < 3; time += 1) {
      const work = pushAll(10 + time * 5, 15 + time * 5);
      await system.stop('bbs');
      await system.startBbs();
      await work;
    }
    for (const at of [0, 2]) {
      await system.stop(`cell-${at + 1}`);
      await system.startRep(at);
    }
    const rows = await eventually(() => running(system, 75), PATIENCE);
    const desired = must(await bbs.desiredLrps({})).map(({ processGuid }) => processGuid);
    t.same(new Set(desired), acknowledged, 'all that was acknowledged is there');
    const guids = new Set(rows.map(({ instanceGuid }) => instanceGuid));
    t.ok(
      first.every(({ instanceGuid }) => guids.has(instanceGuid)),
      'the first instances are the ones they were',
    );
    await eventually(() => containersOf(system).length === 76, PATIENCE);
    t.same(containersOf(system), [...guids, 'task'].sort(), 'one container each, and the task');
    t.equal(must(await bbs.task('task')).state, 'Running');

    // one for the opening; breaks that follow each other within a second are one
    t.ok(gaps >= 2, `the listener was told that it may have missed something: ${gaps}`);
    known = new Map(rows.map((row) => [keyOf(row), tagOf(row)]));
    must(await bbs.updateDesiredLrp('app-0', { instances: 5 }, 'people'));
    const after = await eventually(() => running(system, 77), PATIENCE);
    await eventually(() => known.size === 77, PATIENCE);
    await eventually(() => after.every((row) => known.get(keyOf(row)) === tagOf(row)), PATIENCE);
    const defects = system.logger.events.filter(
      ({ level, event }) => level === 'error' && !event.includes('lost'),
    );
    t.same(defects, []);
  },
);
