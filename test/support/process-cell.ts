/** A cell of real processes or containers, with a board that the test keeps. */
import { createCaptureLogger } from '../../common/adapters/capture-logger.js';
import { createMemoryBus } from '../../common/adapters/memory-bus.js';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { createSystemRandom } from '../../common/adapters/system-random.js';
import type { LogBatch } from '../../common/model/logs.js';
import type { DesiredLrp } from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import { createGroup } from '../../common/runtime/group.js';
import { createDownloader } from '../../cell-rep/actions/download.js';
import { createUploader } from '../../cell-rep/actions/upload.js';
import { assembleCellRep } from '../../cell-rep/assemble.js';
import type { CellRep } from '../../cell-rep/assemble.js';
import type { ContainerRuntime } from '../../cell-rep/core/container-runtime.js';
import { cellRepConfig } from '../../cell-rep/config.js';
import { eventually } from './eventually.js';
import { createFakeBbs } from './fake-bbs.js';
import type { FakeBbs } from './fake-bbs.js';
import { desiredLrp, lrpWork, pendingTask, taskWork, workFor } from './lrps.js';
import { makeRoot, openRuntime, removeRoot } from './process-runtime.js';

export interface SeenLine {
  sourceType: string;
  stream: 'OUT' | 'ERR';
  timestamp: string;
  bytes: Buffer;
}

export interface ProcessCell {
  rep: CellRep;
  bbs: FakeBbs;
  /** of all log guids, as they came */
  lines: SeenLine[];
  /** `SOURCE STREAM text` of each */
  texts(): string[];
  startTask(task: Partial<Task>): void;
  startLrp(lrp: Partial<DesiredLrp>): void;
  /** runs a task to its end */
  complete(task: Partial<Task>): Promise<FakeBbs['completions'][number]>;
  /** runs an LRP until it crashes: the reason */
  crash(lrp: Partial<DesiredLrp>): Promise<string>;
  stop(): Promise<void>;
}

export interface ProcessCellOptions {
  config?: Record<string, unknown>;
  outputFileBytes?: number;
  /** default: the process runtime */
  runtime?: ContainerRuntime;
  /** told of each batch instead of `lines` keeping its lines */
  onBatch?(batch: LogBatch): void;
}

export const startProcessCell = async (options: ProcessCellOptions = {}): Promise<ProcessCell> => {
  const root = await makeRoot();
  const [bus, bbs, clock, random] = [
    createMemoryBus(),
    createFakeBbs(),
    createSystemClock(),
    createSystemRandom(),
  ];
  const logger = createCaptureLogger();
  const lines: SeenLine[] = [];
  const keep = (batch: LogBatch): void => {
    for (const { payload, ...line } of batch.lines)
      lines.push({ ...line, bytes: Buffer.from(payload, 'base64') });
  };
  const onBatch = options.onBatch ?? keep;
  bus
    .client()
    .subscribe('log.>', ({ payload }) => onBatch(JSON.parse(Buffer.from(payload).toString()) as LogBatch));
  const given = { cell_id: 'cell-1', data_dir: `${root}/rep`, on_stop: 'stop-containers', ...options.config };
  const parsed = cellRepConfig.parse(given, 'test');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const transfers = { clock, random, logger, allowLoopback: true };
  const downloader = createDownloader({ ...transfers, cacheDir: `${root}/downloads` });
  const uploader = createUploader(transfers);
  const { outputFileBytes = 1024 * 1024 } = options;
  const runtime = options.runtime ?? openRuntime(root, { outputFileBytes });
  const common = { config: parsed.value, clock, random, logger, bus: bus.client(), bbs };
  const rep = assembleCellRep({ ...common, runtime, downloader, uploader });
  const group = createGroup(rep.members, logger);
  await group.start();
  await eventually(() => rep.cell.state().placeable);
  let count = 0;

  const startTask = (task: Partial<Task>): void => {
    const taskGuid = task.taskGuid ?? `task-${++count}`;
    bbs.allTasks.set(taskGuid, pendingTask({ ...task, taskGuid }));
    const work = taskWork({ taskGuid, placementId: taskGuid });
    rep.cell.perform(workFor(rep.cell.state().incarnation, { tasks: [work] }), clock.monotonic());
  };
  const startLrp = (lrp: Partial<DesiredLrp>): void => {
    const processGuid = lrp.processGuid ?? `app-${++count}`;
    bbs.desired.set(processGuid, desiredLrp({ ...lrp, processGuid }));
    const work = lrpWork({ processGuid, placementId: processGuid });
    rep.cell.perform(workFor(rep.cell.state().incarnation, { lrps: [work] }), clock.monotonic());
  };
  return {
    rep,
    bbs,
    lines,
    texts: () => lines.map(({ sourceType, stream, bytes }) => `${sourceType} ${stream} ${bytes.toString()}`),
    startTask,
    startLrp,
    async complete(task) {
      const taskGuid = `task-${++count}`;
      startTask({ ...task, taskGuid });
      const find = () => bbs.completions.find((one) => one.taskGuid === taskGuid);
      await eventually(() => find() !== undefined, { timeoutMs: 60_000, what: `the end of ${taskGuid}` });
      return find() as FakeBbs['completions'][number];
    },
    async crash(lrp) {
      const processGuid = `app-${++count}`;
      const beginning = `crash ${processGuid}.0: `;
      startLrp({ ...lrp, processGuid });
      const find = () => bbs.calls.find((call) => call.startsWith(beginning));
      await eventually(() => find() !== undefined, {
        timeoutMs: 60_000,
        what: `the crash of ${processGuid}`,
      });
      return (find() ?? '').slice(beginning.length);
    },
    async stop() {
      await group.stop();
      await Promise.all([downloader.close(), uploader.close()]);
      await removeRoot(root);
    },
  };
};
