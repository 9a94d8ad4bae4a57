import type { Bus } from '../common/ports/bus.js';
import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { createPhase, healthOf } from '../common/runtime/health.js';
import type { Health } from '../common/runtime/health.js';
import { createAccessLog } from './access-log/access-log.js';
import type { RouterConfig } from './config.js';
import type { BalancingRules } from './core/balancing.js';
import { createRequestReader } from './core/request-headers.js';
import { createResponseWriter } from './core/response-headers.js';
import { createRouteTable } from './core/route-table.js';
import type { RouteSnapshot } from './core/route-table.js';
import { createRouterMetrics } from './metrics.js';
import { createCounters } from './proxy/counters.js';
import type { RouterCounters } from './proxy/counters.js';
import { createProxy } from './proxy/server.js';
import { createUpstreams } from './proxy/upstreams.js';
import { createPruner } from './registrar/pruner.js';
import { createRegistrar } from './registrar/registrar.js';

export interface RouterAssembly {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly bus: Bus;
  /** none are kept when absent */
  readonly metrics?: Metrics;
}

export interface AssembledRouter {
  readonly members: readonly Member[];
  /** as in its start message and acknowledgements */
  readonly id: string;
  /** where it listens; undefined before start and after stop */
  address(): { host: string; port: number } | undefined;
  /** the table as it is now */
  routes(): RouteSnapshot[];
  counters(): Readonly<RouterCounters>;
  health(): Health;
}

const balancingRules = ({ balancing, endpoints }: RouterConfig, random: Random): BalancingRules => ({
  ...balancing,
  maxConnections: endpoints.maxConnections,
  failureMarkMs: endpoints.failureMarkMs,
  fraction: random.fraction,
});

/** Puts a router together. Routes are collected before the listener opens, and until it has closed. */
export const assembleRouter = (options: RouterAssembly): AssembledRouter => {
  const { config, clock, random, bus } = options;
  const logger = options.logger.session('router');
  const id = `${config.registrar.index}-${random.uuid()}`;
  const counters = createCounters();
  const table = createRouteTable({
    fraction: random.fraction,
    emptyPoolMs: config.table.emptyPoolMs,
    refuseClaims: config.registrar.refuseClaims,
  });
  const upstreams = createUpstreams({
    endpoints: config.endpoints,
    clock,
  });
  const metrics = createRouterMetrics(options.metrics ?? NO_METRICS, {
    counters,
    routes: table.routeCount,
    now: clock.monotonic,
    inbox: () => registrar.inbox,
    lostLogLines: () => accessLog.dropped(),
  });
  const accessLog = createAccessLog({
    config: config.accessLog,
    bus,
    clock,
    logger: logger.session('access-log'),
    index: config.registrar.index,
  });
  const phase = createPhase('router');
  const registration = { clock, table, metrics, onRetired: upstreams.retire };
  const registrar = createRegistrar({
    ...registration,
    config: config.registrar,
    sharding: config.table.sharding,
    bus,
    id,
    logger: logger.session('registrar'),
  });
  const proxy = createProxy({
    config,
    clock,
    random,
    logger: logger.session('proxy'),
    table,
    balancing: balancingRules(config, random),
    readRequest: createRequestReader(config.requests),
    responses: createResponseWriter(config.responses),
    upstreams,
    counters,
    metrics,
    accessLog,
  });
  return {
    members: [
      accessLog.member,
      registrar.member,
      createPruner({
        ...registration,
        intervalMs: config.table.pruneIntervalMs,
        logger: logger.session('pruner'),
      }),
      proxy.member,
      phase.member,
    ],
    id,
    address: proxy.address,
    routes: table.snapshot,
    counters: () => ({ ...counters }),
    // without the bus it serves the routes that it has: that is no reason to take it away
    health: () =>
      healthOf([phase.whyNot(), bus.denied()], {
        listening: proxy.address() !== undefined,
        bus: bus.connected(),
        routes: table.routeCount(),
      }),
  };
};
