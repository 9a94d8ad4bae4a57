/** What the load process can do. Everything that is asked is made before the clock runs. */
import type { Endpoint } from '../common/runtime/endpoint.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { desireRequest, desiredLrpOf } from './bbs-requests.js';
import { openLane, requestOf } from './http-lanes.js';
import type { Answer, Lane } from './http-lanes.js';

export interface JobArgs {
  endpoint: Endpoint;
  round: number;
  size: number;
}

export interface JobResult {
  /** done as they should be */
  ops: number;
  failed: number;
  /** ms */
  p50?: number;
  p99?: number;
  bytes?: number;
  note?: string;
}

export type Timed = (part: string, work: () => Promise<JobResult>) => Promise<void>;
export type Job = (args: JobArgs, timed: Timed) => Promise<void>;

const LANES = 64;

const openLanes = (endpoint: Endpoint, count = LANES): Promise<Lane[]> =>
  Promise.all(Array.from({ length: count }, () => openLane(endpoint)));

/** The board's answer to a change that was made is an empty message; an error would be in it. */
const isDone = ({ status, bytes }: Answer): boolean => status === 200 && bytes === 0;

const at = (sorted: Float64Array, part: number): number =>
  Math.round((sorted[Math.floor((sorted.length - 1) * part)] ?? 0) * 100) / 100;

/** All requests, each lane asking the next as soon as it has its answer. */
const askAll = async (lanes: readonly Lane[], requests: readonly Buffer[]): Promise<JobResult> => {
  const times = new Float64Array(requests.length);
  let [next, ops] = [0, 0];
  const work = async (lane: Lane): Promise<void> => {
    for (let mine = next++; mine < requests.length; mine = next++) {
      const from = performance.now();
      const answer = await lane.ask(requests[mine] as Buffer);
      times[mine] = performance.now() - from;
      ops += Number(isDone(answer) || requests[0] === requests[1]);
    }
  };
  await Promise.all(lanes.map(work));
  times.sort();
  return { ops, failed: requests.length - ops, p50: at(times, 0.5), p99: at(times, 0.99) };
};

const guidOf = (round: number, index: number): string =>
  `${String(round).padStart(8, '0')}-0000-4000-8000-${String(index).padStart(12, '0')}`;

const desire: Job = async ({ endpoint, round, size }, timed) => {
  const lanes = await openLanes(endpoint);
  const requests = Array.from({ length: size }, (_, index) =>
    desireRequest(desiredLrpOf(guidOf(round, index))),
  );
  await timed('desire', () => askAll(lanes, requests));
  for (const lane of lanes) lane.close();
};

const ping: Job = async ({ endpoint, size }, timed) => {
  const lanes = await openLanes(endpoint);
  const request = requestOf(BBS_ROUTES.Ping, Buffer.alloc(0));
  const requests = Array.from({ length: size }, () => request);
  await timed('ping', () => askAll(lanes, requests));
  for (const lane of lanes) lane.close();
};

export const JOBS: Readonly<Record<string, Job>> = { desire, ping };
