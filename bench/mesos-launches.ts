/** Tasks that are asked for at a steady rate, whether the system keeps up or not, from each request to RUNNING. */
import { encode } from '../common/wire/codec.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { taskDefinition } from '../test/support/bbs.js';
import { eventually } from '../test/support/eventually.js';
import { runAction } from '../test/support/lrps.js';
import { openLane, requestOf } from './http-lanes.js';
import type { Lane } from './http-lanes.js';
import { minus } from './mesos-system.js';
import type { MesosBench } from './mesos-system.js';

export interface LaunchOrder {
  /** tells rounds apart */
  round: string;
  /** launches a second */
  rate: number;
  seconds: number;
  /** for which each task runs */
  runSeconds: number;
}

export interface LaunchResult {
  launches: number;
  failed: number;
  /** ms from the moment at which a request was due to the news that the task runs */
  p50: number;
  p99: number;
  most: number;
  /** from the first request to the last RUNNING */
  perSecond: number;
  /** ms of CPU from the first request to the last result, by process */
  cpu: Record<string, number>;
}

const LANES = 16;
const TICK_MS = 5;
const PATIENCE_MS = 240_000;

const definition = ({ runSeconds }: LaunchOrder) =>
  taskDefinition({
    memoryMb: 16,
    diskMb: 16,
    logGuid: 'bench',
    action: runAction({ path: '/bin/sleep', args: [String(runSeconds)] }),
  });

/** Asks on the first lane that is free, in order. */
const createDesk = (lanes: readonly Lane[]) => {
  const [free, waiting] = [[...lanes], [] as Buffer[]];
  const pump = (): void => {
    while (free.length > 0 && waiting.length > 0) {
      const [lane, request] = [free.pop() as Lane, waiting.shift() as Buffer];
      void lane.ask(request).then(({ status }) => {
        if (status !== 200) throw new Error(`the BBS answers ${status}`);
        free.push(lane);
        pump();
      });
    }
  };
  return (request: Buffer): void => {
    waiting.push(request);
    pump();
  };
};

interface Watch {
  /** ms, by task */
  due: Map<string, number>;
  ran: Map<string, number>;
  /** whether it failed, by task: the BBS tells again of results that nobody takes up */
  ended: Map<string, boolean>;
}

/** Notes when each task runs and ends; resolves when its stream is open. */
const listen = async ({ system }: MesosBench, watch: Watch): Promise<() => void> => {
  let end: () => void = () => undefined;
  await new Promise<void>((resolve) => {
    end = system.bbs.subscribe({
      onGap: resolve,
      onEvent(event) {
        if (event.kind !== 'task_changed' || !watch.due.has(event.after.taskGuid)) return;
        const { taskGuid, state, failed } = event.after;
        if (state === 'Running') watch.ran.set(taskGuid, performance.now());
        if (state === 'Completed') watch.ended.set(taskGuid, failed);
      },
    });
  });
  return end;
};

/** One after the other when it is due, however long the others take. */
const atTheirTimes = (
  requests: ReadonlyMap<string, Buffer>,
  rate: number,
  each: (guid: string, due: number) => void,
) =>
  new Promise<void>((resolve) => {
    const guids = [...requests.keys()];
    const from = performance.now();
    let next = 0;
    const timer = setInterval(() => {
      for (; next < guids.length && from + (next / rate) * 1_000 <= performance.now(); next += 1)
        each(guids[next] ?? '', from + (next / rate) * 1_000);
      if (next < guids.length) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });

const at = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor((sorted.length - 1) * part)] ?? NaN;

export const runLaunches = async (bench: MesosBench, order: LaunchOrder): Promise<LaunchResult> => {
  const { rate, seconds, round } = order;
  const wanted = definition(order);
  const guids = Array.from({ length: rate * seconds }, (_, nth) => `bench-${round}-${nth}`);
  const requests = new Map(
    guids.map((taskGuid) => [
      taskGuid,
      requestOf(
        BBS_ROUTES.DesireTask,
        encode('DesireTaskRequest', { taskGuid, domain: 'bench', definition: wanted }),
      ),
    ]),
  );
  const lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(bench.endpoint)));
  const ask = createDesk(lanes);
  const watch: Watch = { due: new Map(), ran: new Map(), ended: new Map() };
  const stopListening = await listen(bench, watch);
  const [before, from] = [bench.cpu(), performance.now()];
  await atTheirTimes(requests, rate, (guid, due) => {
    watch.due.set(guid, due);
    ask(requests.get(guid) as Buffer);
  });
  await eventually(() => watch.ended.size === guids.length, {
    timeoutMs: PATIENCE_MS,
    what: `${guids.length} tasks end`,
  }).catch((error: unknown) => {
    throw new Error(`${watch.ran.size} ran, ${watch.ended.size} ended`, { cause: error });
  });
  const cpu = minus(bench.cpu(), before);
  stopListening();
  lanes.forEach((lane) => lane.close());
  const took = [...watch.ran].map(([guid, ms]) => ms - (watch.due.get(guid) ?? NaN)).sort((a, b) => a - b);
  const last = Math.max(...watch.ran.values());
  return {
    launches: guids.length,
    failed: [...watch.ended.values()].filter(Boolean).length,
    p50: at(took, 0.5),
    p99: at(took, 0.99),
    most: at(took, 1),
    perSecond: (guids.length / (last - from)) * 1_000,
    cpu,
  };
};
