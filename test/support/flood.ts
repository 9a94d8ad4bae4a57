/** Applications that write as fast as they can, on a cell of this process: what becomes of them, of it, and of their output. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { LogBatch } from '../../common/model/logs.js';
import { runAction } from './lrps.js';
import { startProcessCell } from './process-cell.js';

export interface FloodOptions {
  apps: number;
  /** of each application, in lines of `line` */
  megabytes: number;
  line: string;
  /** of each task; -1 none */
  bytesPerSecond: number;
}

export interface Flood {
  /** MB per second that the slowest application could write */
  slowestMbPerSecond: number;
  /** ms that the cell's process was busy with one thing at most */
  longestTurnMs: number;
  /** MB by which the process grew at most */
  grownMb: number;
  /** that came through, of the applications */
  lines: number;
  bytes: number;
  /** texts of the lines that the platform added, their amounts as N, and how often each came */
  notices: Record<string, number>;
  failures: string[];
}

const MIB = 1024 * 1024;

const watchProcess = () => {
  const delays = monitorEventLoopDelay({ resolution: 10 });
  const before = process.memoryUsage().rss;
  let most = before;
  delays.enable();
  return {
    look: (): void => void (most = Math.max(most, process.memoryUsage().rss)),
    end() {
      delays.disable();
      return { longestTurnMs: Math.round(delays.max / 1e6), grownMb: Math.round((most - before) / MIB) };
    },
  };
};

const count = (line: string) => {
  const seen = { lines: 0, bytes: 0, notices: {} as Record<string, number> };
  const expected = Buffer.from(line).toString('base64').length;
  const onBatch = ({ lines }: LogBatch): void => {
    for (const { payload } of lines) {
      const text = payload.length === expected ? '' : Buffer.from(payload, 'base64').toString();
      if (/missing|exceeded/.test(text)) {
        const notice = text.replace(/[\d.]+ [kM]B/, 'N');
        seen.notices[notice] = (seen.notices[notice] ?? 0) + 1;
      } else if (text === '') {
        seen.lines += 1;
        seen.bytes += line.length + 1;
      }
    }
  };
  return { seen, onBatch };
};

/** Each application writes how long it took, ms, into its result. */
const floods = (megabytes: number, line: string) => {
  const script =
    `from=$(date +%s%N); yes "$0" | head -c ${megabytes * MIB}; ` +
    'echo $((($(date +%s%N) - from) / 1000000)) > took';
  return { action: runAction({ path: '/bin/sh', args: ['-c', script, line], user: '' }), resultFile: 'took' };
};

export const flood = async (options: FloodOptions): Promise<Flood> => {
  const { apps, megabytes, line, bytesPerSecond } = options;
  const { seen, onBatch } = count(line);
  const watched = watchProcess();
  const look = (batch: LogBatch): void => {
    watched.look();
    onBatch(batch);
  };
  const cell = await startProcessCell({ outputFileBytes: 4 * MIB, onBatch: look });
  const task = { ...floods(megabytes, line), logRateLimit: { bytesPerSecond } };
  const ended = await Promise.all(Array.from({ length: apps }, () => cell.complete(task)));
  const ofProcess = watched.end();
  await cell.stop();
  const slowestMs = Math.max(1, ...ended.map(({ result }) => Number(result)));
  return {
    ...seen,
    ...ofProcess,
    slowestMbPerSecond: Math.round((megabytes * 1000) / slowestMs),
    failures: ended.filter(({ failed }) => failed).map(({ failureReason }) => failureReason),
  };
};
