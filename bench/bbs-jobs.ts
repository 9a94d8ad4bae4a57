/** What the load process can do. Everything that is asked is made before the clock runs. */
import type { Endpoint } from '../common/runtime/endpoint.js';
import { encode } from '../common/wire/codec.js';
import { BBS_ROUTES } from '../common/wire/routes.js';
import { presences } from './bbs-board-file.js';
import {
  bulkRequest,
  claimRequest,
  desireRequest,
  desiredLrpOf,
  listRequest,
  removeDesiredRequest,
  removeRequest,
  startRequest,
} from './bbs-requests.js';
import type { Place, Report } from './bbs-requests.js';
import { openStreams } from './bbs-streams.js';
import { openLane, requestOf } from './http-lanes.js';
import type { Answer, Lane } from './http-lanes.js';

export interface JobArgs {
  endpoint: Endpoint;
  /** tells rounds apart: no two make the same guids */
  round: number;
  /** requests, rounds or seconds, whatever the job counts */
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

const withLanes = async (
  endpoint: Endpoint,
  use: (lanes: readonly Lane[]) => Promise<void>,
  count = LANES,
): Promise<void> => {
  const lanes = await Promise.all(Array.from({ length: count }, () => openLane(endpoint)));
  try {
    await use(lanes);
  } finally {
    for (const lane of lanes) lane.close();
  }
};

/** The board's answer to a change that was made is an empty message; an error would be in it. */
const isDone = ({ status, bytes }: Answer): boolean => status === 200 && bytes === 0;
const isAnswered = ({ status }: Answer): boolean => status === 200;

const at = (sorted: Float64Array, part: number): number =>
  Math.round((sorted[Math.floor((sorted.length - 1) * part)] ?? 0) * 100) / 100;

/** All requests, each lane asking the next as soon as it has its answer. */
const askAll = async (
  lanes: readonly Lane[],
  requests: readonly Buffer[],
  isRight = isDone,
): Promise<JobResult> => {
  const times = new Float64Array(requests.length);
  let [next, ops] = [0, 0];
  const work = async (lane: Lane): Promise<void> => {
    for (let mine = next++; mine < requests.length; mine = next++) {
      const from = performance.now();
      const answer = await lane.ask(requests[mine] as Buffer);
      times[mine] = performance.now() - from;
      ops += Number(isRight(answer));
    }
  };
  await Promise.all(lanes.map(work));
  times.sort();
  return { ops, failed: requests.length - ops, p50: at(times, 0.5), p99: at(times, 0.99) };
};

/** What has to be there before anything is timed. */
const prepare = async (lanes: readonly Lane[], requests: readonly Buffer[]): Promise<void> => {
  const { failed } = await askAll(lanes, requests);
  if (failed > 0) throw new Error(`${failed} of ${requests.length} requests that prepare a round failed`);
};

const guidOf = (round: number, index: number): string =>
  `${String(round).padStart(8, '0')}-0000-4000-8000-${String(index).padStart(12, '0')}`;

const ping: Job = ({ endpoint, size }, timed) =>
  withLanes(endpoint, async (lanes) => {
    const request = requestOf(BBS_ROUTES.Ping, Buffer.alloc(0));
    const requests = Array.from({ length: size }, () => request);
    await timed('ping', () => askAll(lanes, requests, isAnswered));
  });

const desire: Job = ({ endpoint, round, size }, timed) =>
  withLanes(endpoint, async (lanes) => {
    const requests = Array.from({ length: size }, (_, index) =>
      desireRequest(desiredLrpOf(guidOf(round, index))),
    );
    await timed('desire', () => askAll(lanes, requests));
  });

/** instances of one process */
const EACH = 100;

const placesOf = (processGuid: string, process: number): Place[] =>
  Array.from({ length: EACH }, (_, index) => ({
    processGuid,
    index,
    instanceKey: {
      instanceGuid: guidOf(90_000_000 + process, index),
      cellId: `cell-${(process * EACH + index) % 1_000}`,
    },
  }));

const desiredOf = (round: number, instances: number) =>
  Array.from({ length: instances / EACH }, (_, process) => desiredLrpOf(guidOf(round, process), EACH));

/** The life of instances, step by step; what was desired of them is gone before they are. */
const transitions: Job = ({ endpoint, round, size }, timed) =>
  withLanes(endpoint, async (lanes) => {
    const desired = desiredOf(round, size);
    const places = desired.flatMap(({ processGuid }, process) => placesOf(processGuid, process));
    await prepare(lanes, desired.map(desireRequest));
    const [claims, starts, removals] = [claimRequest, startRequest, removeRequest].map((one) =>
      places.map((place) => one(place)),
    );
    await timed('claim', () => askAll(lanes, claims ?? []));
    await timed('start', () => askAll(lanes, starts ?? []));
    await prepare(
      lanes,
      desired.map(({ processGuid }) => removeDesiredRequest(processGuid)),
    );
    await timed('remove', () => askAll(lanes, removals ?? []));
  });

/** transitions in a request, as reps send them at the most, and requests at a time: those of sixteen cells */
const BULK = { each: 250, lanes: 64 };

/** An answer to each of them, in which nothing is said: an error would be in it. */
const isBulkDone = ({ status, bytes }: Answer): boolean => status === 200 && bytes === 2 * BULK.each;

/** The same life, reported many at a time. */
const bulk: Job = ({ endpoint, round, size }, timed) =>
  withLanes(
    endpoint,
    async (lanes) => {
      const desired = desiredOf(round, size);
      const places = desired.flatMap(({ processGuid }, process) => placesOf(processGuid, process));
      const together = places.flatMap((_, nth) =>
        nth % BULK.each === 0 ? [places.slice(nth, nth + BULK.each)] : [],
      );
      const requests = (report: Report): Buffer[] => together.map((some) => bulkRequest(report, some));
      const ask = async (report: Report): Promise<void> => {
        const made = requests(report);
        await timed(report, async () => {
          const asked = await askAll(lanes, made, isBulkDone);
          return { ...asked, ops: asked.ops * BULK.each, failed: asked.failed * BULK.each };
        });
      };
      await prepare(lanes, desired.map(desireRequest));
      await ask('claim');
      await ask('start');
      await prepare(
        lanes,
        desired.map(({ processGuid }) => removeDesiredRequest(processGuid)),
      );
      await ask('remove');
    },
    BULK.lanes,
  );

/** `size` times everything, one after the other. */
const list: Job = ({ endpoint, size }, timed) =>
  withLanes(
    endpoint,
    async ([lane]) => {
      if (!lane) return;
      const request = listRequest();
      for (let nth = 0; nth < size; nth += 1) {
        await timed('list', async () => {
          const { status, bytes } = await lane.ask(request);
          return { ops: 1, failed: Number(status !== 200), bytes };
        });
      }
    },
    1,
  );

/** Every cell says that it is there. */
const cells: Job = ({ endpoint }, timed) =>
  withLanes(endpoint, async (lanes) => {
    const requests = presences().map((lease) =>
      requestOf(BBS_ROUTES.AcquireLease, encode('LeaseRequest', lease)),
    );
    await timed('cells', () => askAll(lanes, requests, isAnswered));
  });

const SUBSCRIBERS = 100;
const CHANGES_PER_SECOND = 1_000;
/** instances that change */
const CHANGING = 1_000;
const ADDRESSES = ['10.0.16.4', '10.0.16.5'];
const TICK_MS = 10;
/** until all have heard everything */
const PATIENCE_MS = 10_000;

/** Requests at their rate, whether or not those before have been answered. */
const askSteadily = async (lanes: readonly Lane[], requests: readonly Buffer[]): Promise<number> => {
  const idle = [...lanes];
  const from = performance.now();
  let [next, done, failed] = [0, 0, 0];
  while (done < requests.length) {
    const due = Math.min(requests.length, ((performance.now() - from) * CHANGES_PER_SECOND) / 1_000);
    for (let lane = idle.pop(); lane; lane = next < due ? idle.pop() : undefined) {
      if (next >= due) {
        idle.push(lane);
        break;
      }
      const mine = lane;
      void lane.ask(requests[next++] as Buffer).then((answer) => {
        done += 1;
        failed += Number(!isDone(answer));
        idle.push(mine);
      });
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  return failed;
};

/** `size` seconds of changes, heard by many. */
const subscribers: Job = ({ endpoint, round, size }, timed) =>
  withLanes(endpoint, async (lanes) => {
    const desired = desiredOf(round, CHANGING);
    const places = desired.flatMap(({ processGuid }, process) => placesOf(processGuid, process));
    await prepare(lanes, desired.map(desireRequest));
    await prepare(
      lanes,
      places.map((place) => startRequest(place)),
    );
    const changes = Array.from({ length: size * CHANGES_PER_SECOND }, (_, nth) =>
      startRequest(places[nth % CHANGING] as Place, ADDRESSES[(Math.floor(nth / CHANGING) + 1) % 2]),
    );
    const streams = await openStreams(endpoint, BBS_ROUTES.LRPInstanceEventStream, SUBSCRIBERS);
    await timed('subscribers', async () => {
      const failed = await askSteadily(lanes, changes);
      const heard = await streams.heard(changes.length, PATIENCE_MS);
      const missing = heard.filter(({ events }) => events !== changes.length).length;
      const note = `${SUBSCRIBERS} subscribers heard ${Math.min(...heard.map(({ events }) => events))} to ${Math.max(...heard.map(({ events }) => events))} of ${changes.length} each`;
      const bytes = heard.reduce((sum, one) => sum + one.bytes, 0);
      return { ops: changes.length, failed: failed + missing, bytes, note };
    });
    streams.close();
  });

export const JOBS: Readonly<Record<string, Job>> = {
  ping,
  desire,
  transitions,
  bulk,
  list,
  cells,
  subscribers,
};
