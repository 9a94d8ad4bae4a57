/**
 * How long a BBS takes from the start of its process to its first answer, with 250,000 actual LRPs on its board, and what
 * memory it takes then, while it converges all of them for the first time, and while somebody lists all of them. Timed:
 * the whole of `outcry bbs --config FILE`, which is Node.js, the program, the file, and the socket. CPU time is that of all
 * its threads. The same with an empty board beside it, in turn. Not timed: making the file.
 *
 * `npm run bench:bbs-start [-- INSTANCES [ROUNDS]]`.
 */
import { readFileSync } from 'node:fs';
import { Client } from 'undici';
import { createSeededRandom } from '../common/adapters/seeded-random.js';
import type { ActualLrp } from '../common/model/lrp.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { newUnclaimed } from '../bbs/core/rows.js';
import { context, desiredLrp, netInfo } from '../test/support/bbs.js';
import { openFile } from '../test/support/bbs-kill.js';
import { createBbsProcess } from '../test/support/bbs-process.js';
import type { BbsProcess } from '../test/support/bbs-process.js';
import { machine, printTable } from './harness.js';

const INSTANCES = Number(process.argv[3] ?? 250_000);
const ROUNDS = Number(process.argv[4] ?? 5);
/** of one process */
const EACH = 10;
const CELLS = 1_000;
const TOGETHER = 100;

const random = createSeededRandom(7);

const instance = (processGuid: string, index: number, app: number): ActualLrp => ({
  ...newUnclaimed({ processGuid, index, domain: 'cf-apps' }, { ...context(), newGuid: random.uuid }),
  ...netInfo(`10.0.${app % 250}.${index}`),
  state: 'RUNNING',
  instanceGuid: random.uuid(),
  cellId: `cell-${(app * 7 + index) % CELLS}`,
  metricTags: {
    source_id: processGuid.slice(0, 36),
    organization_name: 'org',
    space_name: 'space',
    app_name: `app-${app}`,
    process_type: 'web',
    instance_id: String(index),
  },
  routable: true,
  availabilityZone: `z${app % 3}`,
});

/** A board of running instances, as Cloud Foundry names them. */
const fill = async (dir: string, instances: number): Promise<void> => {
  const store = await openFile(dir);
  const apps = Math.ceil(instances / EACH);
  for (let from = 0; from < apps; from += TOGETHER) {
    await store.transact((tables) => {
      for (let app = from; app < Math.min(from + TOGETHER, apps); app += 1) {
        const processGuid = `${random.uuid()}-${random.uuid()}`;
        const modificationTag = { epoch: random.uuid(), index: 0 };
        const routes = {
          'cf-router': JSON.stringify([{ hostnames: [`app-${app}.example.com`], port: 8080 }]),
        };
        tables.desired_lrps.put(
          processGuid,
          desiredLrp({ processGuid, domain: 'cf-apps', instances: EACH, modificationTag, routes }),
        );
        for (let index = 0; index < EACH; index += 1) {
          const row = instance(processGuid, index, app);
          tables.actual_lrps.put(`${processGuid}/${index}/ORDINARY`, row);
        }
      }
      return { value: undefined, events: [] };
    });
  }
  await store.close();
};

interface Usage {
  /** MB */
  resident: number;
  highest: number;
  /** s of all threads */
  cpu: number;
}

const TICKS_PER_SECOND = 100;

const usageOf = (pid: number): Usage => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const cpu = (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND;
  return { resident: megabytes('VmRSS'), highest: megabytes('VmHWM'), cpu };
};

/** Reads everything that is listed, as a client does that is about to use it; MB that it took. */
const listAll = async ({ socketPath }: BbsProcess): Promise<number> => {
  const client = new Client('http://bbs', { socketPath, headersTimeout: 0, bodyTimeout: 0 });
  const { body } = await client.request({ path: BBS_ROUTES.ActualLRPs, method: 'POST', body: '{}' });
  let bytes = 0;
  for await (const chunk of body) bytes += (chunk as Buffer).length;
  await client.close();
  return Math.round(bytes / 2 ** 20);
};

/** Until its CPU rests: the first pass of convergence is over. */
const settle = async (pid: number): Promise<void> => {
  for (let last = -1; ;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { cpu } = usageOf(pid);
    if (cpu - last < 0.03) return;
    last = cpu;
  }
};

interface Measured {
  /** ms */
  answers: number;
  cpu: number;
  started: number;
  converged: number;
  listed: number;
}

const measure = async (bbs: BbsProcess, lists: boolean): Promise<Measured> => {
  const from = performance.now();
  await bbs.start();
  const answers = performance.now() - from;
  const pid = bbs.pid() ?? 0;
  const begun = usageOf(pid);
  if (lists) await settle(pid);
  const converged = usageOf(pid);
  if (lists) await listAll(bbs);
  const listed = usageOf(pid);
  await bbs.kill();
  return {
    answers,
    cpu: begun.cpu,
    started: begun.highest,
    converged: converged.highest,
    listed: listed.highest,
  };
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;

const round = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits;

const report = (name: string, runs: readonly Measured[]) => ({
  name,
  runs: runs.length,
  median: round(median(runs.map(({ answers }) => answers))),
  least: round(Math.min(...runs.map(({ answers }) => answers))),
  cpu: round(median(runs.map(({ cpu }) => cpu)), 2),
  startedMb: Math.max(...runs.map(({ started }) => started)),
  convergedMb: Math.max(...runs.map(({ converged }) => converged)),
  listedMb: Math.max(...runs.map(({ listed }) => listed)),
});

const boards = [0, INSTANCES].map((instances) => ({
  instances,
  bbs: createBbsProcess(),
  runs: [] as Measured[],
}));
try {
  for (const { instances, bbs } of boards) await fill(`${bbs.dataDir}/db`, instances);
  for (let at = 0; at <= ROUNDS; at += 1) {
    for (const { bbs, runs } of boards) {
      const measured = await measure(bbs, at === ROUNDS);
      // the first reads the file from the disk
      if (at > 0) runs.push(measured);
    }
  }
  const results = boards.map(({ instances, runs }) => report(`${instances}`, runs));
  console.log(JSON.stringify({ bench: 'bbs-start', ...machine(), results }));
  printTable([
    ['instances', 'ms to the first answer', 'least', 'CPU s', 'MB then', 'converged', 'listed'],
    ...results.map((one) => [
      one.name,
      one.median,
      one.least,
      one.cpu,
      one.startedMb,
      one.convergedMb,
      one.listedMb,
    ]),
  ]);
} finally {
  for (const { bbs } of boards) await bbs.close();
}
