import type { Bus } from '../common/ports/bus.js';
import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { createActiveApps } from './active-apps.js';
import { createAccessLog } from './access-log/access-log.js';
import type { RouterConfig } from './config.js';
import type { AccessRecord } from './core/access-line.js';
import type { BalancingRules } from './core/balancing.js';
import type { RouteKey } from './core/route-key.js';
import { createRequestReader } from './core/request-headers.js';
import { createResponseWriter } from './core/response-headers.js';
import type { RouteTable } from './core/route-table.js';
import { openErrorPage } from './error-page-file.js';
import { createTrafficMetrics } from './metrics.js';
import { createCounters } from './proxy/counters.js';
import type { RouterCounters } from './proxy/counters.js';
import { createDeadlines } from './proxy/deadlines.js';
import { createRouteServices } from './proxy/route-services.js';
import { createServiceSignatures } from './proxy/service-signature.js';
import { createProxy } from './proxy/server.js';
import type { Proxy } from './proxy/server.js';
import { createUpstreams } from './proxy/upstreams.js';
import { openServedCertificates } from './served-certificates.js';
import { NO_FIGURES, createFigures } from './status/figures.js';
import type { FiguresSnapshot } from './status/figures.js';

/** What serves requests in one process, by a table that somebody else feeds. */
export interface Traffic {
  /** what is started before the table is fed, and stopped last */
  readonly first: readonly Member[];
  readonly proxy: Member;
  address: Proxy['address'];
  tlsAddress: Proxy['tlsAddress'];
  replaceCertificates: Proxy['replaceCertificates'];
  /** serves on for a while, lets go of clients, and resolves when no request is under way any more */
  drain(): Promise<void>;
  /** upstreams that no route uses any more */
  retire(keys: readonly string[]): void;
  counters(): Readonly<RouterCounters>;
  figures(): FiguresSnapshot;
  lostLogLines(): number;
}

export interface TrafficOptions {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** for the logs of applications */
  readonly bus: Pick<Bus, 'publish' | 'connected'>;
  readonly metrics: Metrics;
  readonly table: RouteTable;
  /** what load balancers' probes are told */
  readonly isHealthy: () => boolean;
  /** told of endpoints that turned out to be somebody else, after they left the table */
  readonly onEvicted?: (key: RouteKey, address: string) => void;
}

const balancingRules = ({ balancing, endpoints }: RouterConfig, random: Random): BalancingRules => ({
  ...balancing,
  maxConnections: endpoints.maxConnections,
  failureMarkMs: endpoints.failureMarkMs,
  fraction: random.fraction,
});

/** The table, telling of what the proxy evicts. */
const watched = (table: RouteTable, onEvicted: NonNullable<TrafficOptions['onEvicted']>): RouteTable => ({
  ...table,
  evict(key, entry, now) {
    const change = table.evict(key, entry, now);
    if (change.removed > 0) onEvicted(key, entry.endpoint.address);
    return change;
  },
});

export const createTraffic = (options: TrafficOptions): Traffic => {
  const { config, clock, random, logger, onEvicted } = options;
  const counters = createCounters();
  const upstreams = createUpstreams({
    endpoints: config.endpoints,
    clock,
  });
  const accessLog = createAccessLog({
    config: config.accessLog,
    bus: options.bus,
    clock,
    logger: logger.session('access-log'),
    index: config.registrar.index,
  });
  const figures = config.status.legacyPages ? createFigures() : undefined;
  const activeApps =
    config.activeAppsMs > 0 ? createActiveApps({ ...options, intervalMs: config.activeAppsMs }) : undefined;
  const ended = (record: AccessRecord): void => {
    accessLog.ended(record);
    activeApps?.ended(record);
    figures?.ended(record, clock.monotonic());
  };
  const certificates = openServedCertificates({
    rules: config.listeners,
    clock,
    logger: logger.session('certificates'),
    replace: (pairs) => proxy.replaceCertificates(pairs),
  });
  const proxy = createProxy({
    config: { ...config, listeners: certificates.rules },
    clock,
    random,
    logger: logger.session('proxy'),
    table: onEvicted ? watched(options.table, onEvicted) : options.table,
    balancing: balancingRules(config, random),
    readRequest: createRequestReader(config.requests),
    responses: createResponseWriter(config.responses),
    errorPage: openErrorPage(config.errorPageFile),
    upstreams,
    serviceUpstreams: createUpstreams({ endpoints: config.routeServices.endpoints, clock }),
    services: createRouteServices({
      rules: config.routeServices,
      table: options.table,
      signatures: createServiceSignatures(config.routeServices, clock, random),
    }),
    deadlines: {
      http1: createDeadlines(clock, config.endpoints.timeoutMs),
      http2: createDeadlines(clock, config.endpoints.http2TimeoutMs),
    },
    counters,
    metrics: createTrafficMetrics(options.metrics, {
      rules: config.metrics,
      counters,
      lostLogLines: accessLog.dropped,
    }),
    accessLog: { ended },
    isHealthy: options.isHealthy,
  });
  return {
    first: [accessLog.member, certificates.member, ...(activeApps ? [activeApps.member] : [])],
    proxy: proxy.member,
    address: proxy.address,
    tlsAddress: proxy.tlsAddress,
    replaceCertificates: proxy.replaceCertificates,
    drain: proxy.drain,
    retire: upstreams.retire,
    counters: () => counters,
    figures: () => figures?.snapshot(clock.monotonic()) ?? NO_FIGURES,
    lostLogLines: accessLog.dropped,
  };
};
