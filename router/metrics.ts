import { readdirSync } from 'node:fs';
import type { MetricSpec, Metrics, Sample } from '../common/ports/metrics.js';
import type { Endpoint } from './core/endpoint.js';
import type { TableChange } from './core/route-table.js';
import { STATUS_CLASSES } from './core/status-class.js';
import type { RouterCounters } from './proxy/counters.js';

/**
 * What is told of requests as they pass; `component` is who registered the route. On their path this is a step in a
 * map: everything else is read when somebody looks.
 */
export interface TrafficMetrics {
  /** a request is given to endpoints of a route */
  forwarded(component: string): void;
  /** a route was looked for, which took so many ms; undefined where that is not measured, as below */
  readonly lookedUp: ((ms: number) => void) | undefined;
  /** its answer is through, after so many ms, of which so many were the router's own */
  readonly answered: ((component: string, ms: number, ownMs: number) => void) | undefined;
  /** any request is through, the router's own answers included; `endpoint` is who was tried last */
  readonly through: ((ms: number, endpoint: Endpoint | undefined) => void) | undefined;
}

/** What is measured of every request. */
export interface TrafficMetricsRules {
  readonly perRequest: boolean;
  /** latency by source, which is an application as a rule */
  readonly perApp: boolean;
}

export interface TrafficSources {
  readonly rules: TrafficMetricsRules;
  readonly counters: Readonly<RouterCounters>;
  lostLogLines(): number;
}

/** What is told of the table as it changes. */
export interface RegistryMetrics {
  /** `latencyMs` from the registrar's change, where it says when that was */
  registered(component: string, change: TableChange, latencyMs: number | undefined): void;
  unregistered(component: string): void;
  pruned(endpoints: number): void;
  /** ms; undefined before the first message */
  sinceUpdate(): number | undefined;
}

export interface RegistrySources {
  routes(): number;
  /** ms on a monotonic clock */
  now(): number;
  /** messages of registrars on their way to the table */
  inbox(): { waiting(): number; dropped(): number };
}

/** gorouter's */
const LATENCY_BUCKETS_MS = [0.2, 0.4, 0.6, 0.8, 1, 1.8, 6, 14, 22, 100, 500, 1_000, 5_000, 10_000, 60_000];

const LOOKUP_BUCKETS_NS = [200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000];

const HTTP_BUCKETS_S = LATENCY_BUCKETS_MS.map((ms) => ms / 1_000);

const COUNTERS = {
  rejected_requests: {
    help: "Requests that the router refused itself, with 400 or 404: gorouter's bad requests.",
  },
  bad_gateways: { help: 'Requests that the router answered with 502.' },
  cancelled_requests: { help: 'Clients that left before their answer was through.' },
  empty_content_length_header: {
    help: 'Requests that were refused since their Content-Length was empty.',
  },
  backend_exhausted_conns: { help: 'Requests refused because every endpoint had its most connections.' },
  backend_invalid_id: {
    help: "Requests that failed since the endpoint's certificate names another instance.",
  },
  backend_invalid_tls_cert: { help: "Requests that failed since the endpoint's certificate is not trusted." },
  backend_tls_handshake_failed: { help: 'Requests that failed since no TLS came about with the endpoint.' },
  websocket_upgrades: { help: 'Connections that switched to another protocol.' },
  websocket_failures: { help: 'Requests to switch that failed.' },
} as const satisfies Partial<Record<keyof RouterCounters, MetricSpec>>;

const registerCounters = (metrics: Metrics, counters: Readonly<RouterCounters>): void => {
  const byStatus = {
    responses: { help: 'Answers of endpoints, by class of status.', labels: ['status_group'] },
    responses_route_services: {
      help: 'Answers of route services, by class of status; xxx: they gave none.',
      labels: ['status_group'],
    },
  } as const;
  const grouped = (prefix: 'responses' | 'responses.route_services'): Sample[] =>
    STATUS_CLASSES.map((group) => ({
      labels: { status_group: group },
      value: counters[`${prefix}.${group}`],
    }));
  metrics.counters<keyof typeof COUNTERS | keyof typeof byStatus>({ ...COUNTERS, ...byStatus }, () => ({
    ...counters,
    responses: grouped('responses'),
    responses_route_services: grouped('responses.route_services'),
  }));
};

/** Counts by the value of a label; cheap to add to. */
const createTally = (label: string) => {
  const counts = new Map<string, number>();
  return {
    add: (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1),
    samples: (): Sample[] => [...counts].map(([key, value]) => ({ labels: { [label]: key }, value })),
  };
};

/** In gorouter's words. */
const actionOf = ({ added, removed, claims }: TableChange): string => {
  if (added === 0) return claims.length > 0 ? 'endpoint-refused' : 'endpoint-not-updated';
  return removed > 0 ? 'endpoint-updated' : 'endpoint-added';
};

const registerRegistry = (metrics: Metrics, { routes, now, inbox }: RegistrySources): RegistryMetrics => {
  const registrations = metrics.counter('registry_message', {
    help: 'Registrations that were read, by who sent them and what they changed.',
    labels: ['component', 'action'],
  });
  const unregistrations = metrics.counter('unregistry_message', {
    help: 'Unregistrations that were read, by who sent them.',
    labels: ['component'],
  });
  const pruned = metrics.counter('routes_pruned', {
    help: 'Endpoints that were removed because nobody registered them again in time.',
  });
  const latency = metrics.histogram('route_registration_latency', {
    help: "From an endpoint's change, where its registration says when that was, to the table.",
    unit: 'ms',
    buckets: LATENCY_BUCKETS_MS,
  });
  let lastUpdate: number | undefined;
  const sinceUpdate = (): number | undefined => (lastUpdate === undefined ? undefined : now() - lastUpdate);
  const state = {
    total_routes: { help: 'Routes in the table.' },
    ms_since_last_registry_update: {
      help: 'Time since the last registration or unregistration was read.',
      unit: 'ms',
    },
    buffered_messages: { help: "Registrars' messages that wait for their turn." },
  } as const;
  metrics.gauges(state, () => ({
    total_routes: routes(),
    buffered_messages: inbox().waiting(),
    ms_since_last_registry_update: sinceUpdate(),
  }));
  return {
    sinceUpdate,
    registered(component, change, latencyMs): void {
      lastUpdate = now();
      if (change.added > 0 && latencyMs !== undefined) latency.observe(Math.max(0, latencyMs));
      registrations.increment({ component, action: actionOf(change) });
    },
    unregistered(component: string): void {
      lastUpdate = now();
      unregistrations.increment({ component });
    },
    pruned: (endpoints: number): void => pruned.increment({}, endpoints),
  };
};

const registerLosses = (metrics: Metrics, { inbox }: Pick<RegistrySources, 'inbox'>): void => {
  const losses = {
    total_dropped_messages: { help: "Registrars' messages that were dropped, since too many waited." },
  } as const;
  metrics.counters(losses, () => ({ total_dropped_messages: inbox().dropped() }));
};

const NOT_MEASURED = { lookedUp: undefined, answered: undefined } as const;

/** Where the system tells. */
const openFiles = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
};

const registerPerRequest = (metrics: Metrics): Pick<TrafficMetrics, 'answered' | 'lookedUp'> => {
  const latency = metrics.histogram('latency', {
    help: 'Time from a request that was given to endpoints to the end of its answer; switched protocols are left out.',
    unit: 'ms',
    labels: ['component'],
    buckets: LATENCY_BUCKETS_MS,
  });
  const own = metrics.histogram('gorouter_time', {
    help: "The router's own part of it: without what endpoints took.",
    unit: 'ms',
    buckets: LATENCY_BUCKETS_MS,
  });
  const lookup = metrics.histogram('route_lookup_time', {
    help: "Time to find a request's route in the table.",
    unit: 'ns',
    buckets: LOOKUP_BUCKETS_NS,
  });
  return {
    lookedUp: (ms) => lookup.observe(ms * 1e6),
    answered(component, ms, ownMs) {
      latency.observe(ms, { component });
      own.observe(ownMs);
    },
  };
};

/** What answers of the router's own count for, and those of endpoints that name no source: gorouter's. */
const NO_SOURCE = 'gorouter';

const registerPerApp = (metrics: Metrics): TrafficMetrics['through'] => {
  const latency = metrics.histogram('http_latency_seconds', {
    help: "Time from a request to the end of its answer, by the tag source_id of its endpoint; the router's own answers count for gorouter.",
    unit: 's',
    labels: ['source_id'],
    buckets: HTTP_BUCKETS_S,
  });
  return (ms, endpoint) =>
    latency.observe(ms / 1_000, { source_id: endpoint?.tags['source_id'] || NO_SOURCE });
};

/** Registers what the requests of one process are measured by, under the names of gorouter's Prometheus endpoint. */
export const createTrafficMetrics = (metrics: Metrics, sources: TrafficSources): TrafficMetrics => {
  const requests = createTally('component');
  const total = {
    help: 'Requests given to endpoints, by who registered their route.',
    labels: ['component'],
  };
  metrics.counters({ total_requests: total }, () => ({ total_requests: requests.samples() }));
  registerCounters(metrics, sources.counters);
  metrics.counters(
    {
      access_log_lines_dropped: {
        help: 'Lines of the access log that were given up: disk or bus was away or too slow.',
      },
    },
    () => ({ access_log_lines_dropped: sources.lostLogLines() }),
  );
  metrics.gauges({ file_descriptors: { help: 'Files and connections that are open.' } }, () => ({
    file_descriptors: openFiles(),
  }));
  return {
    forwarded: requests.add,
    ...(sources.rules.perRequest ? registerPerRequest(metrics) : NOT_MEASURED),
    through: sources.rules.perApp ? registerPerApp(metrics) : undefined,
  };
};

/** The same of its table. */
export const createRegistryMetrics = (metrics: Metrics, sources: RegistrySources): RegistryMetrics => {
  metrics.gauges({ uptime: { help: 'Time since the router was started.', unit: 's' } }, () => ({
    uptime: process.uptime(),
  }));
  registerLosses(metrics, sources);
  return registerRegistry(metrics, sources);
};
