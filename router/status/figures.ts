import type { AccessRecord } from '../core/access-line.js';

/** What has been served lately, for `/varz`: may be summed over processes. */
export interface FiguresSnapshot {
  /** ms, of the latest answers */
  readonly latencies: readonly number[];
  /** requests by application id, in the last whole minute */
  readonly apps: Readonly<Record<string, number>>;
}

export interface Figures {
  ended(record: AccessRecord, endedAt: number): void;
  snapshot(now: number): FiguresSnapshot;
}

const SAMPLES = 1024;
const MINUTE_MS = 60_000;

/** `now` and `endedAt` are ms on one monotonic clock. */
export const createFigures = (): Figures => {
  const samples = new Float64Array(SAMPLES);
  let taken = 0;
  let minuteBegan = 0;
  let current = new Map<string, number>();
  let last = new Map<string, number>();

  const turn = (now: number): void => {
    if (now - minuteBegan < MINUTE_MS) return;
    last = now - minuteBegan < 2 * MINUTE_MS ? current : new Map();
    current = new Map();
    minuteBegan = now;
  };

  return {
    ended({ beganAt, endpoint }, endedAt) {
      turn(endedAt);
      samples[taken % SAMPLES] = endedAt - beganAt;
      taken += 1;
      if (endpoint?.app) current.set(endpoint.app, (current.get(endpoint.app) ?? 0) + 1);
    },
    snapshot(now) {
      turn(now);
      return {
        latencies: [...samples.subarray(0, Math.min(taken, SAMPLES))],
        // before a minute is over, what there is
        apps: Object.fromEntries(last.size > 0 ? last : current),
      };
    },
  };
};

export const mergeFigures = (all: readonly FiguresSnapshot[]): FiguresSnapshot => {
  const apps = new Map<string, number>();
  for (const one of all) {
    for (const [app, count] of Object.entries(one.apps)) apps.set(app, (apps.get(app) ?? 0) + count);
  }
  return { latencies: all.flatMap(({ latencies }) => latencies), apps: Object.fromEntries(apps) };
};

const PERCENTILES = [50, 75, 90, 95, 99] as const;

/** Seconds by percentile, as gorouter shows them. */
export const percentiles = (latencies: readonly number[]): Record<string, number> => {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (part: number): number =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) / 1000;
  return {
    ...Object.fromEntries(PERCENTILES.map((percent) => [String(percent), at(percent / 100)])),
    samples: sorted.length,
  };
};

export interface BusiestApp {
  readonly application_id: string;
  /** requests per minute */
  readonly rpm: number;
  readonly rps: number;
}

export const busiestApps = (apps: FiguresSnapshot['apps'], most = 10): BusiestApp[] =>
  Object.entries(apps)
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([application_id, rpm]) => ({ application_id, rpm, rps: rpm / 60 }));
