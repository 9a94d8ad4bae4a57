import type { Bus } from '../common/ports/bus.js';
import type { Clock } from '../common/ports/clock.js';
import type { Logger } from '../common/ports/logger.js';
import { NO_METRICS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { Random } from '../common/ports/random.js';
import type { Member } from '../common/runtime/group.js';
import { createPhase, healthOf } from '../common/runtime/health.js';
import type { Health } from '../common/runtime/health.js';
import type { RouterConfig } from './config.js';
import { createRouteTable } from './core/route-table.js';
import type { RouteSnapshot } from './core/route-table.js';
import { createRegistryMetrics } from './metrics.js';
import type { RouterCounters } from './proxy/counters.js';
import { createPruner } from './registrar/pruner.js';
import { createRegistrar } from './registrar/registrar.js';
import { createStatus } from './status/server.js';
import type { Status } from './status/server.js';
import { createTraffic } from './traffic.js';
import type { Traffic } from './traffic.js';

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
  /** the same for TLS */
  tlsAddress: Traffic['tlsAddress'];
  /** shows these certificates to clients from the next connection on; throws when one cannot be used */
  replaceCertificates: Traffic['replaceCertificates'];
  /** the table as it is now */
  routes(): RouteSnapshot[];
  counters(): Readonly<RouterCounters>;
  health(): Health;
  /** as SIGUSR1 has it: unhealthy from now on, and resolves when it may be stopped */
  drain(): Promise<void>;
  /** ports of the status listeners */
  statusPorts: Status['ports'];
}

/** Puts a router together. Routes are collected before the listener opens, and until it has closed. */
export const assembleRouter = (options: RouterAssembly): AssembledRouter => {
  const { config, clock, random, bus } = options;
  const metrics = options.metrics ?? NO_METRICS;
  const logger = options.logger.session('router');
  const id = `${config.registrar.index}-${random.uuid()}`;
  const table = createRouteTable({
    fraction: random.fraction,
    emptyPoolMs: config.table.emptyPoolMs,
    refuseClaims: config.registrar.refuseClaims,
  });
  const phase = createPhase('router');
  let draining = false;
  const whyNot = (): string => (draining ? 'router is draining' : phase.whyNot());
  const traffic = createTraffic({
    ...{ config, clock, random, logger, bus, metrics, table },
    isHealthy: () => whyNot() === '',
  });
  const registry = createRegistryMetrics(metrics, {
    routes: table.routeCount,
    now: clock.monotonic,
    inbox: () => registrar.inbox,
  });
  const registration = { clock, table, metrics: registry, onRetired: traffic.retire };
  const registrar = createRegistrar({
    ...registration,
    config: config.registrar,
    sharding: config.table.sharding,
    bus,
    id,
    logger: logger.session('registrar'),
  });
  const pruner = createPruner({
    ...registration,
    intervalMs: config.table.pruneIntervalMs,
    logger: logger.session('pruner'),
  });
  const status = createStatus({
    config: config.status,
    clock,
    random,
    logger: logger.session('status'),
    sources: {
      id,
      index: config.registrar.index,
      whyNot,
      pools: table.pools,
      routeCount: table.routeCount,
      endpointCount: table.endpointCount,
      msSinceUpdate: registry.sinceUpdate,
      counters: async () => traffic.counters(),
      figures: async () => traffic.figures(),
    },
  });
  return {
    members: [status.member, ...traffic.first, registrar.member, pruner, traffic.proxy, phase.member],
    id,
    address: traffic.address,
    tlsAddress: traffic.tlsAddress,
    replaceCertificates: traffic.replaceCertificates,
    routes: table.snapshot,
    counters: () => ({ ...traffic.counters() }),
    // without the bus it serves the routes that it has: that is no reason to take it away
    health: () =>
      healthOf([whyNot(), bus.denied()], {
        listening: traffic.address() !== undefined,
        bus: bus.connected(),
        routes: table.routeCount(),
      }),
    drain() {
      draining = true;
      return traffic.drain();
    },
    statusPorts: status.ports,
  };
};
