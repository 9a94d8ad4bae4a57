import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createFakeClock } from '../../common/adapters/fake-clock.js';
import type { FakeClock } from '../../common/adapters/fake-clock.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import type { MemoryBus } from '../../common/adapters/memory-bus.js';
import { createPrometheusMetrics } from '../../common/adapters/prometheus-metrics.js';
import { createSeededRandom } from '../../common/adapters/seeded-random.js';
import type { WorkReply } from '../../common/model/auction.js';
import type { LogBatch } from '../../common/model/logs.js';
import type { Metrics } from '../../common/ports/metrics.js';
import type { Member } from '../../common/runtime/group.js';
import { createGroup } from '../../common/runtime/group.js';
import type { Downloader } from '../../cell-rep/actions/downloader.js';
import type { ContainerNotes } from '../../cell-rep/containers/memory.js';
import { assembleCellRep } from '../../cell-rep/assemble.js';
import type { CellRep } from '../../cell-rep/assemble.js';
import type { CredentialIssuer } from '../../cell-rep/core/credentials.js';
import type { ContainerWatcher, Grants } from '../../cell-rep/index.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import type { FakeBbs } from './fake-bbs.js';
import { createFakeBbs } from './fake-bbs.js';
import type { FakeContainer, FakeRuntime } from './fake-runtime.js';
import { createFakeRuntime } from './fake-runtime.js';
import { lrpWork, taskWork, workFor } from './lrps.js';
import { NO_UPLOADS } from './no-uploads.js';

/** What outlives a rep: time, bus, board, containers. */
export interface RepWorld {
  clock: FakeClock;
  bus: MemoryBus;
  bbs: FakeBbs;
  runtime: FakeRuntime;
  logger: ReturnType<typeof createCaptureLogger>;
  /** text of every line published, as `SOURCE STREAM text` */
  lines: string[];
  timestamps: string[];
  downloads: string[];
}

export interface RunningRep extends RepWorld {
  rep: CellRep;
  metrics: Metrics;
  /** its own end of the bus */
  connection: MemoryBus;
  stop(): Promise<void>;
  /** moves time on in small steps until the condition holds */
  until(check: () => boolean, what: string, stepMs?: number): Promise<void>;
  workLrp(over?: Parameters<typeof lrpWork>[0]): WorkReply;
  workTask(over?: Parameters<typeof taskWork>[0]): WorkReply;
  only(): FakeContainer;
}

export const createWorld = (): RepWorld => {
  const clock = createFakeClock();
  const bus = createMemoryBus({ clock });
  const world: RepWorld = {
    clock,
    bus,
    bbs: createFakeBbs(),
    runtime: createFakeRuntime(),
    logger: createCaptureLogger(),
    lines: [],
    timestamps: [],
    downloads: [],
  };
  bus.client().subscribe('log.>', ({ payload }) => {
    const batch = JSON.parse(Buffer.from(payload).toString()) as LogBatch;
    for (const { sourceType, stream, payload: text, timestamp } of batch.lines) {
      world.lines.push(`${sourceType} ${stream} ${Buffer.from(text, 'base64').toString()}`);
      world.timestamps.push(timestamp);
    }
  });
  return world;
};

const configure = (over: Record<string, unknown>) => {
  const parsed = cellRepConfig.parse({ cell_id: 'cell-1', memory: '1G', disk: '1G', ...over }, 'test');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
};

let seed = 1;

/** A rep on a world, started and present at the board. */
export const startRep = async (
  world: RepWorld = createWorld(),
  config: Record<string, unknown> = {},
  extra: {
    downloader?: Downloader;
    notes?: ContainerNotes;
    credentials?: CredentialIssuer;
    watcher?: ContainerWatcher;
    grants?: Grants;
  } = {},
): Promise<RunningRep> => {
  const { clock, runtime, bbs } = world;
  seed += 1;
  const downloader: Downloader = extra.downloader ?? {
    async fetch(action) {
      world.downloads.push(action.from);
      return { ok: true, file: '/tmp/file', bytes: 1, release: () => undefined };
    },
  };
  const metrics = createPrometheusMetrics({ logger: world.logger });
  const connection = world.bus.client();
  const rep = assembleCellRep({
    uploader: NO_UPLOADS,
    metrics,
    config: configure(config),
    clock,
    random: createSeededRandom(seed),
    logger: world.logger,
    bus: connection,
    bbs,
    runtime,
    downloader,
    ...(extra.notes && { notes: extra.notes }),
    ...(extra.credentials && { credentials: extra.credentials }),
    ...(extra.watcher && { watcher: extra.watcher }),
    ...(extra.grants && { grants: extra.grants }),
  });
  const group = createGroup(rep.members as Member[], world.logger);
  await group.start();
  const until = async (check: () => boolean, what: string, stepMs = 10): Promise<void> => {
    const deadline = performance.now() + 5_000;
    while (!check()) {
      if (performance.now() > deadline)
        throw new Error(
          `never: ${what}; calls: ${bbs.calls.filter((call) => !call.startsWith('lease')).join(' | ')}`,
        );
      await clock.advance(stepMs);
    }
  };
  const give = (work: Parameters<typeof workFor>[1]): WorkReply =>
    rep.cell.perform(workFor(rep.cell.state().incarnation, work), clock.monotonic());
  const running: RunningRep = {
    ...world,
    rep,
    metrics,
    connection,
    stop: () => group.stop(),
    until,
    workLrp: (over) => give({ lrps: [lrpWork(over)] }),
    workTask: (over) => give({ tasks: [taskWork(over)] }),
    only() {
      const [container] = [...runtime.containers.values()];
      if (container === undefined) throw new Error('no container');
      return container;
    },
  };
  if (!bbs.away) await until(() => rep.cell.whyClosed() === '', 'presence');
  return running;
};
