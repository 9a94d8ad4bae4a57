/** Tasks through the whole system, so many on their way at a time. */
import type { Task } from '../common/model/task.js';
import { encode } from '../common/wire/codec.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { must, taskDefinition } from '../test/support/bbs.js';
import type { BenchSystem } from './cell-system.js';
import { openLane, requestOf } from './http-lanes.js';
import type { Lane } from './http-lanes.js';

export interface TasksOrder {
  /** tells rounds apart */
  round: number;
  tasks: number;
  /** desired and without a result, at most */
  onTheirWay: number;
}

export interface TasksResult {
  tasks: number;
  ms: number;
  failed: number;
  /** ms from the desire to the news of the result */
  p50: number;
  p99: number;
  /** ms of CPU meanwhile, by component; `load` is this process */
  cpu: Record<string, number>;
}

const LANES = 16;
const DOMAIN = 'bench';
const PATIENCE_MS = 300_000;

const definition = taskDefinition({ memoryMb: 16, diskMb: 16, logGuid: 'bench' });

const desireTask = (taskGuid: string): Buffer =>
  requestOf(BBS_ROUTES.DesireTask, encode('DesireTaskRequest', { taskGuid, domain: DOMAIN, definition }));

interface Flight {
  sent: Map<string, number>;
  times: number[];
  failed: number;
}

/** Desires one as soon as there is room for it on the way; resolves when the last has its result. */
const fly = async (
  lanes: readonly Lane[],
  requests: ReadonlyMap<string, Buffer>,
  order: TasksOrder,
  bench: BenchSystem,
) => {
  const flight: Flight = { sent: new Map(), times: [], failed: 0 };
  const waiting = [...requests];
  const free = [...lanes];
  let fail: (error: unknown) => void = () => undefined;
  let done: () => void = () => undefined;
  const landed = new Promise<void>((resolve, reject) => ([done, fail] = [resolve, reject]));

  const pump = (): void => {
    while (waiting.length > 0 && free.length > 0 && flight.sent.size < order.onTheirWay) {
      const [guid, request] = waiting.shift() as [string, Buffer];
      const lane = free.pop() as Lane;
      flight.sent.set(guid, performance.now());
      lane.ask(request).then(() => {
        free.push(lane);
        pump();
      }, fail);
    }
  };
  const onResult = ({ taskGuid, failed }: Task): void => {
    const from = flight.sent.get(taskGuid);
    if (from === undefined) return;
    flight.sent.delete(taskGuid);
    flight.times.push(performance.now() - from);
    flight.failed += Number(failed);
    if (flight.times.length === requests.size) return done();
    pump();
  };
  const late = setTimeout(
    () => fail(new Error(`${flight.times.length} of ${requests.size} tasks within ${PATIENCE_MS} ms`)),
    PATIENCE_MS,
  );
  const opened = new Promise<void>((resolve) => {
    const end = bench.system.bbs.subscribe({
      onGap: resolve,
      onEvent: (event) =>
        event.kind === 'task_changed' && event.after.state === 'Completed' && onResult(event.after),
    });
    void landed.finally(end).catch(() => undefined);
  });
  await opened;
  pump();
  await landed.finally(() => clearTimeout(late));
  return flight;
};

/** Whoever asked for them has their results: they go. */
const forget = async ({ system: { bbs } }: BenchSystem, guids: readonly string[]): Promise<void> => {
  const left = [...guids];
  const work = async (): Promise<void> => {
    for (let guid = left.pop(); guid !== undefined; guid = left.pop()) {
      must(await bbs.resolvingTask(guid, ''));
      must(await bbs.deleteTask(guid, ''));
    }
  };
  await Promise.all(Array.from({ length: LANES }, work));
};

const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor((sorted.length - 1) * part)] ?? NaN;

const minus = (a: Record<string, number>, b: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(a).map(([name, ms]) => [name, ms - (b[name] ?? 0)]));

const loadCpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

export const runTasks = async (bench: BenchSystem, order: TasksOrder): Promise<TasksResult> => {
  const guids = Array.from({ length: order.tasks }, (_, nth) => `bench-${order.round}-${nth}`);
  const requests = new Map(guids.map((guid) => [guid, desireTask(guid)]));
  const lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(bench.endpoint)));
  const read = () => ({ ...bench.cpu(), load: loadCpu() });
  const [before, from] = [read(), performance.now()];
  const { times, failed } = await fly(lanes, requests, order, bench);
  const ms = performance.now() - from;
  const cpu = minus(read(), before);
  lanes.forEach((lane) => lane.close());
  await forget(bench, guids);
  times.sort((a, b) => a - b);
  return { tasks: order.tasks, ms, failed, p50: at(times, 0.5), p99: at(times, 0.99), cpu };
};
