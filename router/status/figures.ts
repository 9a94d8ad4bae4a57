import type { AccessRecord } from '../core/access-line.js';
import { STATUS_CLASSES, statusClass } from '../core/status-class.js';

/** What has been served lately, for `/varz`: may be summed over processes. */
export interface FiguresSnapshot {
  /** ms, of the latest answers */
  readonly latencies: readonly number[];
  /** requests by application id, in the last whole minute */
  readonly apps: Readonly<Record<string, number>>;
  /** what was served for each component that registers routes */
  readonly components: Readonly<Record<string, ComponentFigures>>;
}

export const NO_FIGURES: FiguresSnapshot = { latencies: [], apps: {}, components: {} };

export interface ComponentFigures {
  readonly requests: number;
  /** by class of status, in the order of `STATUS_CLASSES` */
  readonly responses: readonly number[];
  /** ms, of the latest answers */
  readonly latencies: readonly number[];
}

export interface Figures {
  ended(record: AccessRecord, endedAt: number): void;
  snapshot(now: number): FiguresSnapshot;
}

const SAMPLES = 1024;
const MINUTE_MS = 60_000;
/** components are few; somebody who names a new one in each registration shall not fill the memory */
const MOST_COMPONENTS = 100;

/** The latest of many measurements. */
const createSamples = () => {
  const samples = new Float64Array(SAMPLES);
  let taken = 0;
  return {
    add(ms: number): void {
      samples[taken % SAMPLES] = ms;
      taken += 1;
    },
    all: (): number[] => [...samples.subarray(0, Math.min(taken, SAMPLES))],
  };
};

const createComponents = () => {
  const known = new Map<
    string,
    { requests: number; responses: number[]; samples: ReturnType<typeof createSamples> }
  >();
  return {
    add(component: string, status: number, ms: number): void {
      let one = known.get(component);
      if (!one) {
        if (known.size >= MOST_COMPONENTS) return;
        one = { requests: 0, responses: STATUS_CLASSES.map(() => 0), samples: createSamples() };
        known.set(component, one);
      }
      one.requests += 1;
      const group = STATUS_CLASSES.indexOf(statusClass(status));
      one.responses[group] = (one.responses[group] ?? 0) + 1;
      one.samples.add(ms);
    },
    all: (): FiguresSnapshot['components'] =>
      Object.fromEntries(
        [...known].map(([name, { requests, responses, samples }]) => [
          name,
          { requests, responses: [...responses], latencies: samples.all() },
        ]),
      ),
  };
};

/** `now` and `endedAt` are ms on one monotonic clock. */
export const createFigures = (): Figures => {
  const samples = createSamples();
  const components = createComponents();
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
    ended({ beganAt, endpoint, status }, endedAt) {
      turn(endedAt);
      samples.add(endedAt - beganAt);
      const component = endpoint?.tags['component'];
      if (component) components.add(component, status, endedAt - beganAt);
      if (endpoint?.app) current.set(endpoint.app, (current.get(endpoint.app) ?? 0) + 1);
    },
    snapshot(now) {
      turn(now);
      return {
        latencies: samples.all(),
        // before a minute is over, what there is
        apps: Object.fromEntries(last.size > 0 ? last : current),
        components: components.all(),
      };
    },
  };
};

const NONE: ComponentFigures = { requests: 0, responses: STATUS_CLASSES.map(() => 0), latencies: [] };

const addComponent = (a: ComponentFigures, b: ComponentFigures): ComponentFigures => ({
  requests: a.requests + b.requests,
  responses: a.responses.map((count, at) => count + (b.responses[at] ?? 0)),
  latencies: [...a.latencies, ...b.latencies],
});

export const mergeFigures = (all: readonly FiguresSnapshot[]): FiguresSnapshot => {
  const apps = new Map<string, number>();
  const components = new Map<string, ComponentFigures>();
  for (const one of all) {
    for (const [name, figures] of Object.entries(one.components)) {
      components.set(name, addComponent(components.get(name) ?? NONE, figures));
    }
    for (const [app, count] of Object.entries(one.apps)) apps.set(app, (apps.get(app) ?? 0) + count);
  }
  return {
    latencies: all.flatMap(({ latencies }) => latencies),
    apps: Object.fromEntries(apps),
    components: Object.fromEntries(components),
  };
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
