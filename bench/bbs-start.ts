/**
 * How long a BBS takes from the start of its process to its first answer, with 250,000 actual LRPs on its board, and what
 * memory it takes then, while it converges all of them for the first time, and while somebody lists all of them. Timed:
 * the whole of `outcry bbs --config FILE`, which is Node.js, the program, the file, and the socket. CPU time is that of all
 * its threads. The same with an empty board beside it, in turn. Not timed: making the file.
 *
 * `npm run bench:bbs-start [-- INSTANCES [ROUNDS]]`.
 */
import { Client } from 'undici';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { createBbsProcess } from '../test/support/bbs-process.js';
import type { BbsProcess } from '../test/support/bbs-process.js';
import { fillBoard } from './bbs-board-file.js';
import { machine, median, printTable, round } from './harness.js';
import { cpuTimeOf, residentOf } from './process-usage.js';

const INSTANCES = Number(process.argv[3] ?? 250_000);
const ROUNDS = Number(process.argv[4] ?? 5);

interface Usage {
  /** MB, the most so far */
  highest: number;
  /** s of all threads */
  cpu: number;
}

const usageOf = (pid: number): Usage => ({
  highest: residentOf(pid).highest,
  cpu: cpuTimeOf(pid).all / 1_000,
});

/** Reads everything that is listed, as a client does that is about to use it; MB that it took. */
const listAll = async ({ socketPath }: BbsProcess, contentType: string): Promise<number> => {
  const client = new Client('http://bbs', { socketPath, headersTimeout: 0, bodyTimeout: 0 });
  const { body } = await client.request({
    path: BBS_ROUTES.ActualLRPs,
    method: 'POST',
    headers: { 'content-type': contentType },
    body: '',
  });
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
  if (lists) {
    for (const form of ['application/x-protobuf', 'application/json']) {
      const megabytes = await listAll(bbs, form);
      console.log(`${form}: ${megabytes} MB listed, ${usageOf(pid).highest} MB at most`);
    }
  }
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
  for (const { instances, bbs } of boards) await fillBoard(`${bbs.dataDir}/db`, instances);
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
