/**
 * How long a Docker container takes to start through a cell, against `docker run -d` of the same image and command on
 * the same engine, which is the bench's own. What is timed:
 *
 * - through a cell: from work handed to a rep on the bus until the BBS tells that the instance is RUNNING. In it: the
 *   rep's admission and its notes on disk, two durable commits of the BBS (claim, start) over its unix socket, the
 *   container's volume, limits, own init and bounded log, and its start. Not in it: desiring the LRP and the auction.
 * - docker run: from the start of the command until it has printed the container's id and ended.
 * - the engine alone: two requests, create and start, from this process; what is left of `docker run` without the
 *   command's own start.
 *
 * OUTCRY_BENCH_ROUNDS sets the number of rounds (30).
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assembleBbs } from '../bbs/assemble.js';
import { bbsConfig } from '../bbs/config.js';
import { createBbsClient } from '../bbs/index.js';
import { assembleCellRep } from '../cell-rep/assemble.js';
import { cellRepConfig } from '../cell-rep/config.js';
import { createDockerRuntime } from '../cell-rep/runtimes/docker/runtime.js';
import { silentLogger } from '../common/adapters/capture-logger.js';
import { createMemoryBus } from '../common/adapters/memory-bus.js';
import { createSystemClock } from '../common/adapters/system-clock.js';
import { createSystemRandom } from '../common/adapters/system-random.js';
import type { Bus } from '../common/ports/bus.js';
import { createGroup } from '../common/runtime/group.js';
import { createSqliteEngine } from '../common/store/sqlite-engine.js';
import { decode, encode } from '../common/wire/codec.js';
import { ANY_BBS_EVENT, cellSubject } from '../common/wire/subjects.js';
import { desiredLrp, must } from '../test/support/bbs.js';
import { startDockerEngine } from '../test/support/docker-engine.js';
import type { DockerEngine } from '../test/support/docker-engine.js';
import { eventually } from '../test/support/eventually.js';
import { lrpWork, runAction, workFor } from '../test/support/lrps.js';
import { alternate, machine, printTable } from './harness.js';
import type { Contender, Figures } from './harness.js';
import { NO_UPLOADS } from '../test/support/no-uploads.js';

const exec = promisify(execFile);
const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 30);
const WARM_UP = 5;
const CELL = 'cell-1';
const COMMAND = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'];
const TIMEOUT_MS = 30_000;

/** Resolves when the BBS tells that an instance of that process is RUNNING, or is no more. */
const createEvents = (bus: Bus) => {
  const running = new Map<string, () => void>();
  const removed = new Map<string, () => void>();
  bus.subscribe(ANY_BBS_EVENT, ({ payload }) => {
    const event = decode('BbsEvent', payload);
    if (!event.ok) return;
    const { value } = event;
    if (value.kind === 'actual_lrp_instance_changed' && value.after.state === 'RUNNING') {
      running.get(value.after.processGuid)?.();
    }
    if (value.kind === 'actual_lrp_instance_removed') removed.get(value.actualLrp.processGuid)?.();
  });
  const seen = (which: Map<string, () => void>, guid: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${guid}: not within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
      which.set(guid, () => {
        clearTimeout(late);
        which.delete(guid);
        resolve();
      });
    });
  return { running: (guid: string) => seen(running, guid), removed: (guid: string) => seen(removed, guid) };
};

const startSystem = async (engine: DockerEngine, dir: string) => {
  const clock = createSystemClock();
  const [random, logger, bus] = [createSystemRandom(), silentLogger, createMemoryBus({ clock })];
  const socketPath = join(dir, 'bbs.sock');
  const store = createSqliteEngine({ dir });
  const config = must(bbsConfig.parse({ listen: { socket: socketPath } }, 'bench'));
  const board = assembleBbs({ clock, random, logger, bus, engine: store, config });
  const bbs = createBbsClient({ endpoint: { socketPath }, clock, logger });
  const rep = assembleCellRep({
    uploader: NO_UPLOADS,
    ...{ clock, random, logger, bus, bbs },
    config: must(
      cellRepConfig.parse({ cell_id: CELL, data_dir: join(dir, 'rep'), on_stop: 'stop-containers' }, 'bench'),
    ),
    runtime: createDockerRuntime({
      ...{ cellId: CELL, clock, logger },
      stacks: { cflinuxfs4: engine.image },
      engine: { socketPath: engine.socketPath },
      prefix: 'outcry-bench',
    }),
    downloader: { fetch: async () => ({ ok: false, reason: 'none' }) },
  });
  const group = createGroup([...board.members, ...rep.members], logger);
  await group.start();
  await eventually(() => rep.cell.state().placeable);
  return {
    ...{ bus, bbs, rep },
    async stop() {
      await group.stop();
      await bbs.close();
      await bus.close();
    },
  };
};

type System = Awaited<ReturnType<typeof startSystem>>;

/** The next LRP is desired before its turn comes: what is timed begins with its work. */
const throughCell = async ({ bus, bbs, rep }: System, ports: number[]): Promise<Contender> => {
  const events = createEvents(bus);
  let count = 0;
  const desire = async (): Promise<string> => {
    const processGuid = `bench-${ports.length}-${(count += 1)}`;
    const [path = '', ...args] = COMMAND;
    const lrp = desiredLrp({ processGuid, ports, action: runAction({ path, args }) });
    must(await bbs.desireLrp(lrp, 'bench'));
    return processGuid;
  };
  let next = await desire();
  return {
    name: 'a cell',
    async run() {
      const processGuid = next;
      const running = events.running(processGuid);
      const work = workFor(rep.cell.state().incarnation, {
        lrps: [lrpWork({ processGuid, domain: 'apps', placementId: processGuid })],
      });
      await bus.request(cellSubject(CELL, 'work'), encode('Work', work), { timeoutMs: TIMEOUT_MS });
      await running;
      return processGuid;
    },
    async clean(processGuid) {
      const removed = events.removed(processGuid);
      must(await bbs.removeDesiredLrp(processGuid, 'bench'));
      await removed;
      await eventually(() => rep.cell.containers().length === 0);
      next = await desire();
    },
  };
};

const dockerRun = ({ socketPath, image, client }: DockerEngine, ports: number[]): Contender => {
  const published = ports.map((port) => `--publish=127.0.0.1::${port}`);
  return {
    name: 'docker run -d',
    async run() {
      const args = ['-H', `unix://${socketPath}`, 'run', '-d', ...published, image, ...COMMAND];
      return (await exec('docker', args)).stdout.trim();
    },
    async clean(id) {
      await client.getContainer(id).remove({ force: true, v: true });
    },
  };
};

const engineAlone = ({ image, client }: DockerEngine, ports: number[]): Contender => {
  const keys = ports.map((port) => `${port}/tcp`);
  const bindings = Object.fromEntries(keys.map((key) => [key, [{ HostIp: '127.0.0.1', HostPort: '' }]]));
  return {
    name: 'the engine alone',
    async run() {
      const container = await client.createContainer({
        Image: image,
        Cmd: COMMAND,
        ExposedPorts: Object.fromEntries(keys.map((key) => [key, {}])),
        HostConfig: { PortBindings: bindings },
      });
      await container.start();
      return container.id;
    },
    async clean(id) {
      await client.getContainer(id).remove({ force: true, v: true });
    },
  };
};

interface Comparison {
  what: string;
  figures: Figures[];
  /** of the medians, cell to docker run: 1.2 = a cell takes a fifth more */
  ratio: number;
}

const compare = async (what: string, engine: DockerEngine, ports: number[]): Promise<Comparison> => {
  const dir = await mkdtemp(join(tmpdir(), 'outcry-bench-'));
  const system = await startSystem(engine, dir);
  try {
    const contenders = [
      await throughCell(system, ports),
      dockerRun(engine, ports),
      engineAlone(engine, ports),
    ];
    const figures = await alternate(contenders, { rounds: ROUNDS, warmUp: WARM_UP });
    const [cell = 0, docker = 0] = figures.map(({ median }) => median);
    return { what, figures, ratio: Math.round((cell / docker) * 100) / 100 };
  } finally {
    await system.stop();
    await rm(dir, { recursive: true, force: true });
  }
};

const engine = await startDockerEngine();
try {
  const { Version } = await engine.client.version();
  const comparisons = [await compare('without ports', engine, []), await compare('one port', engine, [8080])];
  console.log(JSON.stringify({ bench: 'docker', ...machine(), engine: Version, comparisons }));
  printTable([
    ['container', 'started by', 'runs', 'median ms', '90 % ms', 'least ms', 'cell : docker run'],
    ...comparisons.flatMap(({ what, figures, ratio }) =>
      figures.map(({ name, runs, median, p90, least }, at) => [
        ...[what, name, runs, median, p90, least],
        at === 0 ? ratio : '',
      ]),
    ),
  ]);
} finally {
  await engine.close();
}
