/**
 * The load on a BBS, a process of its own: bench/bbs.ts forks it, names a job, and is told when what is timed begins and
 * ends.
 */
import type { Endpoint } from '../common/runtime/endpoint.js';
import { JOBS } from './bbs-jobs.js';
import type { Job, JobResult } from './bbs-jobs.js';

export interface JobOrder {
  name: string;
  endpoint: Endpoint;
  /** tells rounds apart: no two make the same guids */
  round: number;
  /** requests, seconds or whatever the job counts */
  size: number;
}

export type LoadMessage =
  /** waits for `go`; `part` names what is timed */
  | { say: 'begin'; part: string }
  | { say: 'end'; part: string; ms: number; result: JobResult }
  | { say: 'done' }
  | { say: 'failed'; reason: string };

const tell = (message: LoadMessage): void => void process.send?.(message);

let go: () => void = () => undefined;

const timed: Parameters<Job>[1] = async (part, work) => {
  await new Promise<void>((resolve) => {
    go = resolve;
    tell({ say: 'begin', part });
  });
  const from = performance.now();
  const result = await work();
  tell({ say: 'end', part, ms: performance.now() - from, result });
};

const run = async (order: JobOrder): Promise<void> => {
  const job = JOBS[order.name];
  if (!job) throw new Error(`no job ${order.name}`);
  await job(order, timed);
};

process.on('message', (message: 'go' | JobOrder) => {
  if (message === 'go') return go();
  run(message).then(
    () => tell({ say: 'done' }),
    (error: unknown) =>
      tell({ say: 'failed', reason: error instanceof Error ? (error.stack ?? '') : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
