/** Has the load process do jobs, and reads what each process used meanwhile. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { JobResult } from './bbs-jobs.js';
import type { JobOrder, LoadMessage } from './bbs-load.js';
import { cpuTimeOf } from './process-usage.js';
import type { CpuTime } from './process-usage.js';

export interface Measured extends JobResult {
  part: string;
  ms: number;
  bbs: CpuTime;
  load: CpuTime;
}

export interface Load {
  /** everything that the job timed, in order; `pid` is the BBS's */
  run(order: JobOrder, pid: number): Promise<Measured[]>;
  close(): void;
}

const minus = (a: CpuTime, b: CpuTime): CpuTime => ({ all: a.all - b.all, main: a.main - b.main });

const runJob = (child: ChildProcess, order: JobOrder, pid: number): Promise<Measured[]> => {
  const measured: Measured[] = [];
  const read = () => ({ bbs: cpuTimeOf(pid), load: cpuTimeOf(child.pid ?? 0) });
  let from = read();

  const end = ({ part, ms, result }: Extract<LoadMessage, { say: 'end' }>): void => {
    const now = read();
    const used = { bbs: minus(now.bbs, from.bbs), load: minus(now.load, from.load) };
    measured.push({ part, ms, ...result, ...used });
  };

  return new Promise((resolve, reject) => {
    const onMessage = (message: LoadMessage): void => {
      switch (message.say) {
        case 'begin':
          from = read();
          return void child.send('go');
        case 'end':
          return end(message);
        case 'done':
          child.off('message', onMessage);
          return resolve(measured);
        case 'failed':
          child.off('message', onMessage);
          return reject(new Error(message.reason));
      }
    };
    child.on('message', onMessage);
    child.once('exit', (code) => reject(new Error(`the load has ended (${code})`)));
    child.send(order);
  });
};

export const startLoad = (): Load => {
  const child = fork(fileURLToPath(new URL('./bbs-load.js', import.meta.url)), { execArgv: [] });
  return { run: (order, pid) => runJob(child, order, pid), close: () => child.disconnect() };
};
