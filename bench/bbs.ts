import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createBbsProcess } from '../test/support/bbs-process.js';
import type { BbsProcess } from '../test/support/bbs-process.js';
import type { JobResult } from './bbs-jobs.js';
import type { JobOrder, LoadMessage } from './bbs-load.js';
import { machine, printTable } from './harness.js';
import { cpuTimeOf, residentOf } from './process-usage.js';
import type { CpuTime } from './process-usage.js';

const ROUNDS = Number(process.env['OUTCRY_BENCH_ROUNDS'] ?? 5);

const LOAD = fileURLToPath(new URL('./bbs-load.js', import.meta.url));

interface Measured extends JobResult {
  part: string;
  ms: number;
  bbs: CpuTime;
  load: CpuTime;
}

const minus = (a: CpuTime, b: CpuTime): CpuTime => ({ all: a.all - b.all, main: a.main - b.main });

const runJob = (load: ChildProcess, bbs: BbsProcess, order: JobOrder): Promise<Measured[]> => {
  const measured: Measured[] = [];
  const read = () => ({ bbs: cpuTimeOf(bbs.pid() ?? 0), load: cpuTimeOf(load.pid ?? 0) });
  let from = read();
  return new Promise((resolve, reject) => {
    const onMessage = (message: LoadMessage): void => {
      switch (message.say) {
        case 'begin':
          from = read();
          return void load.send('go');
        case 'end': {
          const now = read();
          const { part, ms, result } = message;
          return void measured.push({
            part,
            ms,
            ...result,
            bbs: minus(now.bbs, from.bbs),
            load: minus(now.load, from.load),
          });
        }
        case 'done':
          load.off('message', onMessage);
          return resolve(measured);
        case 'failed':
          load.off('message', onMessage);
          return reject(new Error(message.reason));
      }
    };
    load.on('message', onMessage);
    load.send(order);
  });
};

const bbs = createBbsProcess({ execArgv: (process.env['BBS_ARGV'] ?? '').split(' ').filter(Boolean) });
const load = fork(LOAD);
try {
  await bbs.start();
  const all: Measured[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const measured = await runJob(load, bbs, {
      name: process.env['JOB'] ?? 'desire',
      endpoint: { socketPath: bbs.socketPath },
      round,
      size: 10_000,
    });
    if (round > 0) all.push(...measured);
  }
  console.log(JSON.stringify({ bench: 'bbs', ...machine(), all }));
  printTable([
    ['part', 'ops/s', 'failed', 'p50', 'p99', 'us/op bbs', 'us/op main', 'us/op load'],
    ...all.map((m) => [
      m.part,
      Math.round((m.ops / m.ms) * 1000),
      m.failed,
      m.p50 ?? '',
      m.p99 ?? '',
      Math.round((m.bbs.all / m.ops) * 1000),
      Math.round((m.bbs.main / m.ops) * 1000),
      Math.round((m.load.all / m.ops) * 1000),
    ]),
  ]);
  console.log(residentOf(bbs.pid() ?? 0));
} finally {
  load.disconnect();
  await bbs.kill('SIGTERM');
  await bbs.close();
}
