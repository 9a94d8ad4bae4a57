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
import type { RouteSnapshot, RouteTable } from './core/route-table.js';
import { createRegistryMetrics } from './metrics.js';
import { createCounters } from './proxy/counters.js';
import type { RouterCounters } from './proxy/counters.js';
import { createLocalFeed } from './registrar/feed.js';
import { createPruner } from './registrar/pruner.js';
import { createRegistrar } from './registrar/registrar.js';
import { mergeFigures } from './status/figures.js';
import { createStatus } from './status/server.js';
import type { Status } from './status/server.js';
import { createTraffic } from './traffic.js';
import type { Traffic } from './traffic.js';
import { createCrew } from './workers/crew.js';
import { sumCounters } from './workers/reports.js';
import { createCrewFeed, evictEverywhere, tableSteps } from './workers/crew-feed.js';

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
  /** of this process: nothing is counted where workers serve */
  counters(): Readonly<RouterCounters>;
  /** of all processes */
  counted(): Promise<Readonly<RouterCounters>>;
  health(): Health;
  /** as SIGUSR1 has it: unhealthy from now on, and resolves when it may be stopped */
  drain(): Promise<void>;
  /** ports of the status listeners */
  statusPorts: Status['ports'];
  /** processes that serve its requests, where this one does not */
  workers(): number[];
}

type Serving = ReturnType<typeof serveHere>;

interface Shared extends RouterAssembly {
  readonly metrics: Metrics;
  readonly table: RouteTable;
  readonly isHealthy: () => boolean;
}

/** Requests are served by this process. */
const serveHere = (shared: Shared) => {
  const traffic = createTraffic(shared);
  return {
    feed: createLocalFeed({ ...shared, onRetired: traffic.retire }),
    first: traffic.first,
    last: [traffic.proxy],
    address: traffic.address,
    tlsAddress: traffic.tlsAddress,
    replaceCertificates: traffic.replaceCertificates,
    drain: traffic.drain,
    stateChanged: (): void => undefined,
    counters: (): Readonly<RouterCounters> => ({ ...traffic.counters() }),
    counted: async (): Promise<Readonly<RouterCounters>> => traffic.counters(),
    figures: async () => traffic.figures(),
    workers: (): number[] => [],
  };
};

/** … or by several, which this one keeps alive and feeds. */
const serveByWorkers = (shared: Shared): Serving => {
  const { clock, config, table, metrics } = shared;
  const crew = createCrew({
    ...shared,
    table: () => tableSteps(table),
    onEvicted: (key, address) => evictEverywhere({ clock, table, crew }, key, address),
  });
  metrics.include(async () => (await crew.reports()).map((report) => report.metrics));
  return {
    feed: createCrewFeed({ clock, table, crew, refuseClaims: config.registrar.refuseClaims }),
    first: [],
    last: [crew.member],
    address: crew.address,
    tlsAddress: crew.tlsAddress,
    replaceCertificates: crew.replaceCertificates,
    drain: crew.drain,
    stateChanged: crew.tellState,
    counters: createCounters,
    counted: async () => sumCounters((await crew.reports()).map(({ counters }) => counters)),
    figures: async () => mergeFigures((await crew.reports()).map(({ figures }) => figures)),
    workers: crew.pids,
  };
};

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
  const shared = { ...options, metrics, logger, table, isHealthy: () => whyNot() === '' };
  const serving = config.workers > 1 ? serveByWorkers(shared) : serveHere(shared);
  bus.onConnection(serving.stateChanged);
  const registry = createRegistryMetrics(metrics, {
    routes: table.routeCount,
    now: clock.monotonic,
    inbox: () => registrar.inbox,
  });
  const registrar = createRegistrar({
    ...{ clock, bus, id, feed: serving.feed, metrics: registry },
    config: config.registrar,
    sharding: config.table.sharding,
    logger: logger.session('registrar'),
  });
  const pruner = createPruner({
    ...{ clock, prune: serving.feed.prune, metrics: registry },
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
      counters: serving.counted,
      figures: serving.figures,
    },
  });
  const ready: Member = {
    ...phase.member,
    async start() {
      await phase.member.start();
      serving.stateChanged();
    },
  };
  return {
    members: [status.member, ...serving.first, registrar.member, pruner, ...serving.last, ready],
    id,
    address: serving.address,
    tlsAddress: serving.tlsAddress,
    replaceCertificates: serving.replaceCertificates,
    routes: table.snapshot,
    counters: serving.counters,
    counted: serving.counted,
    // without the bus it serves the routes that it has: that is no reason to take it away
    health: () =>
      healthOf([whyNot(), bus.denied()], {
        listening: serving.address() !== undefined,
        bus: bus.connected(),
        routes: table.routeCount(),
      }),
    drain() {
      draining = true;
      serving.stateChanged();
      return serving.drain();
    },
    statusPorts: status.ports,
    workers: serving.workers,
  };
};
