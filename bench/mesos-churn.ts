/** Many instances that run, some of which are always being replaced: what the bridge takes meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { desiredLrp, must } from '../test/support/bbs.js';
import { eventually } from '../test/support/eventually.js';
import { runAction } from '../test/support/lrps.js';
import { minus } from './mesos-system.js';
import type { MesosBench } from './mesos-system.js';
import { residentOf } from './process-usage.js';

export interface ChurnOrder {
  instances: number;
  /** so many of them are replaced in a minute, 0 to 1 */
  share: number;
  /** for which it is watched */
  seconds: number;
}

export interface ChurnResult {
  instances: number;
  replaced: number;
  seconds: number;
  /** MB resident of the bridge, at the end and at its highest */
  bridgeMb: number;
  bridgeMostMb: number;
  /** ms of CPU from the first request until all run */
  startCpu: Record<string, number>;
  /** s until all run */
  startSeconds: number;
  /** ms of CPU while it was watched, by process */
  cpu: Record<string, number>;
}

const PER_PROCESS = 100;
const PATIENCE_MS = 300_000;
/** between looks at all of them, which cost something */
const LOOK_MS = 1_000;
const FOREVER_S = 1_000_000;
const DOMAIN = 'apps';

const guidOf = (process: number): string => `churn-${process}`;

const lrp = (process: number, instances: number) =>
  desiredLrp({
    processGuid: guidOf(process),
    domain: DOMAIN,
    instances,
    memoryMb: 16,
    diskMb: 16,
    ports: [],
    routes: {},
    action: runAction({ path: '/bin/sleep', args: [String(FOREVER_S)] }),
  });

const allRun = ({ system }: MesosBench, instances: number): Promise<unknown> =>
  eventually(
    async () => {
      await sleep(LOOK_MS);
      const rows = must(await system.bbs.actualLrps({}));
      return rows.filter(({ state }) => state === 'RUNNING').length === instances;
    },
    { timeoutMs: PATIENCE_MS, what: `${instances} instances run` },
  );

/** One after the other, evenly over the time; each is replaced since it is still desired. */
const replace = async (
  { system }: MesosBench,
  { instances, share, seconds }: ChurnOrder,
): Promise<number> => {
  const count = Math.round(instances * share * (seconds / 60));
  const from = performance.now();
  for (let nth = 0; nth < count; nth += 1) {
    const due = from + (nth / count) * seconds * 1_000;
    await sleep(Math.max(0, due - performance.now()));
    // a step that meets all processes, and none of their instances twice
    const at = Math.floor((nth * instances) / count);
    const key = {
      processGuid: guidOf(Math.floor(at / PER_PROCESS)),
      index: at % PER_PROCESS,
      domain: DOMAIN,
    };
    must(await system.bbs.retireActualLrp(key, ''));
  }
  await sleep(Math.max(0, from + seconds * 1_000 - performance.now()));
  return count;
};

export const runChurn = async (bench: MesosBench, order: ChurnOrder): Promise<ChurnResult> => {
  const { instances, seconds } = order;
  const { bbs } = bench.system;
  const [first, from] = [bench.cpu(), performance.now()];
  for (let nth = 0; nth * PER_PROCESS < instances; nth += 1)
    must(await bbs.desireLrp(lrp(nth, Math.min(PER_PROCESS, instances - nth * PER_PROCESS)), ''));
  await allRun(bench, instances);
  const startSeconds = (performance.now() - from) / 1_000;
  const startCpu = minus(bench.cpu(), first);
  const before = bench.cpu();
  const replaced = await replace(bench, order);
  const cpu = minus(bench.cpu(), before);
  const { now: bridgeMb, highest: bridgeMostMb } = residentOf(bench.bridge);
  await allRun(bench, instances);
  return { instances, replaced, seconds, bridgeMb, bridgeMostMb, startCpu, startSeconds, cpu };
};
