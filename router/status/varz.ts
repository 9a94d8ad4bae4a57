import { cpus } from 'node:os';
import { STATUS_CLASSES } from '../core/status-class.js';
import type { RouterCounters } from '../proxy/counters.js';
import type { Credentials } from './credentials.js';
import { busiestApps, percentiles } from './figures.js';
import type { ComponentFigures, FiguresSnapshot } from './figures.js';

export interface VarzSources {
  readonly index: number;
  readonly id: string;
  /** `host:port` of the listener that shows it */
  readonly host: string;
  readonly credentials: Credentials;
  /** ms since the epoch, and ms */
  readonly startedAt: number;
  readonly uptimeMs: number;
  readonly routes: number;
  readonly endpoints: number;
  /** since somebody registered or unregistered anything; undefined = never */
  readonly msSinceUpdate: number | undefined;
  readonly counters: Readonly<RouterCounters>;
  readonly figures: FiguresSnapshot;
  /** requests per second over 1, 5 and 15 minutes */
  readonly rate: readonly number[];
  /** the same for what one component registered */
  rateOf(component: string): readonly number[];
}

const uptimeText = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  const [minutes, hours, days] = [seconds / 60, seconds / 3600, seconds / 86_400].map(Math.floor);
  return `${days}d:${(hours ?? 0) % 24}h:${(minutes ?? 0) % 60}m:${seconds % 60}s`;
};

/** % of one core since the start */
const cpuShare = (uptimeMs: number): number => {
  const { user, system } = process.cpuUsage();
  return uptimeMs > 0 ? Math.round((user + system) / 10 / uptimeMs) : 0;
};

const componentOf = (
  { requests, responses, latencies }: ComponentFigures,
  rate: readonly number[],
): object => ({
  requests,
  rate,
  ...Object.fromEntries(STATUS_CLASSES.map((group, at) => [`responses_${group}`, responses[at] ?? 0])),
  latency: percentiles(latencies),
});

const componentsOf = ({ figures, rateOf }: VarzSources): object =>
  Object.fromEntries(
    Object.entries(figures.components).map(([name, one]) => [name, componentOf(one, rateOf(name))]),
  );

/** gorouter's component record. */
export const varzOf = (sources: VarzSources): object => {
  const { counters, figures, uptimeMs } = sources;
  return {
    type: 'Router',
    index: sources.index,
    uuid: sources.id,
    host: sources.host,
    credentials: [sources.credentials.user, sources.credentials.pass],
    start: new Date(sources.startedAt).toISOString(),
    uptime: uptimeText(uptimeMs),
    num_cores: cpus().length,
    mem: Math.round(process.memoryUsage.rss() / 1024),
    cpu: cpuShare(uptimeMs),
    urls: sources.routes,
    droplets: sources.endpoints,
    requests: counters.total_requests,
    bad_requests: counters.rejected_requests,
    bad_gateways: counters.bad_gateways,
    requests_per_sec: sources.rate[0] ?? 0,
    responses_2xx: counters['responses.2xx'],
    responses_3xx: counters['responses.3xx'],
    responses_4xx: counters['responses.4xx'],
    responses_5xx: counters['responses.5xx'],
    responses_xxx: counters['responses.xxx'],
    latency: percentiles(figures.latencies),
    rate: sources.rate,
    tags: { component: componentsOf(sources) },
    top10_app_requests: busiestApps(figures.apps),
    ms_since_last_registry_update: sources.msSinceUpdate ?? -1,
  };
};
