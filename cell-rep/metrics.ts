import { DURATION_BUCKETS_NS } from '../common/ports/metrics.js';
import type { Metrics } from '../common/ports/metrics.js';
import type { LedgerCounts } from './core/ledger.js';
import type { Demand } from './core/resources.js';

/** What is told of a rep's work as it does it. All times in ms. */
export interface CellMetrics {
  containerCreated(outcome: { ok: boolean; ms: number }): void;
  containerDestroyed(outcome: { ok: boolean; ms: number }): void;
  /** key and certificate of one */
  credentialsCreated(outcome: { ok: boolean; ms: number }): void;
  /** an LRP's or a task's container has ended, however it did */
  containerCompleted(): void;
  bulkSynced(ms: number): void;
  /** instances that an evacuation gave up */
  stranded(count: number): void;
  /** a process was there still when it should have ended by SIGKILL */
  exitedOnTimeout(): void;
  /** an instance has said more than it may, and was told so */
  logLimitExceeded(): void;
}

/** What is told of the route emitter's messages. */
export interface RouteMetrics {
  /** routes that are new, or new to routers */
  registered(count: number): void;
  unregistered(count: number): void;
  /** registrations that were only repeated */
  synced(count: number): void;
  /** messages that went out, whatever they said */
  emitted(count: number): void;
}

export interface CellSources {
  total(): Demand;
  used(): Demand;
  available(): Demand;
  counts(): LedgerCounts;
  containers(): number;
  runtimeHealthy(): boolean;
  /** why the cell takes no work; '' = it does */
  whyClosed(): string;
  routes(): number;
}

const NS_PER_MS = 1e6;

const CAPACITY = {
  CapacityTotalMemory: { help: 'Memory that the cell gives to containers.', unit: 'MiB' },
  CapacityTotalDisk: { help: 'Disk that the cell gives to containers.', unit: 'MiB' },
  CapacityTotalContainers: { help: 'Containers that the cell takes.' },
  CapacityRemainingMemory: { help: 'Memory that is not booked.', unit: 'MiB' },
  CapacityRemainingDisk: { help: 'Disk that is not booked.', unit: 'MiB' },
  CapacityRemainingContainers: { help: 'Containers that the cell still takes.' },
  CapacityAllocatedMemory: { help: 'Memory that is booked, whether it is used or not.', unit: 'MiB' },
  CapacityAllocatedDisk: { help: 'Disk that is booked, whether it is used or not.', unit: 'MiB' },
  ContainerCount: { help: 'Containers in the books of the cell, reserved ones included.' },
  StartingContainerCount: { help: 'Containers that are reserved, or being made, or not healthy yet.' },
} as const;

const registerCapacity = (metrics: Metrics, sources: CellSources): void =>
  metrics.gauges(CAPACITY, () => {
    const total = sources.total();
    const [used, available] = [sources.used(), sources.available()];
    return {
      CapacityTotalMemory: total.memoryMb,
      CapacityTotalDisk: total.diskMb,
      CapacityTotalContainers: total.containers,
      CapacityRemainingMemory: available.memoryMb,
      CapacityRemainingDisk: available.diskMb,
      CapacityRemainingContainers: available.containers,
      CapacityAllocatedMemory: used.memoryMb,
      CapacityAllocatedDisk: used.diskMb,
      ContainerCount: sources.containers(),
      StartingContainerCount: sources.counts().startingContainerCount,
    };
  });

const registerCondition = (metrics: Metrics, { runtimeHealthy, whyClosed }: CellSources): void => {
  const condition = {
    GardenHealthCheckFailed: { help: '1 while the container runtime, Garden in Diego, is not ready.' },
    CellUnhealthy: { help: '1 while the cell takes no work, for whatever reason.' },
  };
  metrics.gauges(condition, () => ({
    GardenHealthCheckFailed: Number(!runtimeHealthy()),
    CellUnhealthy: Number(!runtimeHealthy() || whyClosed() !== ''),
  }));
};

/** A pair of durations, of what went well and of what did not. */
const registerPair = (metrics: Metrics, names: { ok: string; failed: string }, what: string) => {
  const duration = (name: string, help: string) =>
    metrics.histogram(name, { help, unit: 'ns', buckets: DURATION_BUCKETS_NS });
  const succeeded = duration(names.ok, `Time in which the runtime ${what} a container.`);
  const failed = duration(
    names.failed,
    `Time until the runtime failed where it should have ${what} a container.`,
  );
  return ({ ok, ms }: { ok: boolean; ms: number }): void => (ok ? succeeded : failed).observe(ms * NS_PER_MS);
};

const registerCredentials = (metrics: Metrics) => {
  const duration = metrics.histogram('CredCreationSucceededDuration', {
    help: 'Time in which a key and a certificate were made for an instance.',
    unit: 'ns',
    buckets: DURATION_BUCKETS_NS,
  });
  const succeeded = metrics.counter('CredCreationSucceededCount', {
    help: 'Certificates that were made for instances.',
  });
  const failed = metrics.counter('CredCreationFailedCount', {
    help: 'Certificates of instances that could not be made.',
  });
  return ({ ok, ms }: { ok: boolean; ms: number }): void => {
    if (!ok) return failed.increment();
    succeeded.increment();
    duration.observe(ms * NS_PER_MS);
  };
};

const registerContainers = (metrics: Metrics): CellMetrics => {
  const completed = metrics.counter('ContainerCompletedCount', {
    help: 'Containers that ended, well or not, stopped ones included.',
  });
  const late = metrics.counter('ContainerExitedOnTimeoutCount', {
    help: 'Processes that were there still a second after SIGKILL.',
  });
  const noisy = metrics.counter('AppInstanceExceededLogRateLimitCount', {
    help: 'Times that an instance was told that it has exceeded its limit of log bytes or lines per second.',
  });
  const bulk = metrics.histogram('RepBulkSyncDuration', {
    help: 'Time of one comparison of the cell with what the BBS has of it.',
    unit: 'ns',
    buckets: DURATION_BUCKETS_NS,
  });
  let stranded = 0;
  const evacuation = {
    StrandedEvacuatingActualLRPs: {
      help: 'Instances without a replacement that runs when the time to evacuate was over.',
    },
  };
  metrics.gauges(evacuation, () => ({ StrandedEvacuatingActualLRPs: stranded }));
  const pair = (name: string, what: string) => {
    const names = { ok: `${name}SucceededDuration`, failed: `${name}FailedDuration` };
    return registerPair(metrics, names, what);
  };
  return {
    containerCreated: pair('GardenContainerCreation', 'made'),
    containerDestroyed: pair('GardenContainerDestruction', 'destroyed'),
    credentialsCreated: registerCredentials(metrics),
    containerCompleted: () => completed.increment(),
    bulkSynced: (ms) => bulk.observe(ms * NS_PER_MS),
    stranded: (count) => void (stranded = count),
    exitedOnTimeout: () => late.increment(),
    logLimitExceeded: () => noisy.increment(),
  };
};

const registerRoutes = (metrics: Metrics, routes: () => number): RouteMetrics => {
  const state = {
    RoutesTotal: { help: 'Routes of instances here that are registered.' },
    HTTPRouteCount: { help: 'The HTTP ones among them; there are no others yet.' },
  };
  metrics.gauges(state, () => ({ RoutesTotal: routes(), HTTPRouteCount: routes() }));
  const counter = (name: string, help: string) => {
    const counts = metrics.counter(name, { help });
    return (count: number): void => counts.increment({}, count);
  };
  return {
    registered: counter('RoutesRegistered', 'Routes that were registered anew, or with other data.'),
    unregistered: counter('RoutesUnregistered', 'Routes that were unregistered.'),
    synced: counter('RoutesSynced', 'Registrations that were repeated, as routers expect it.'),
    emitted: counter('HTTPRouteNATSMessagesEmitted', 'Messages on routes that went to the bus.'),
  };
};

/** Registers what a rep and its route emitter measure. */
export const createCellMetrics = (
  metrics: Metrics,
  sources: CellSources,
): CellMetrics & { routes: RouteMetrics } => {
  registerCapacity(metrics, sources);
  registerCondition(metrics, sources);
  return { ...registerContainers(metrics), routes: registerRoutes(metrics, sources.routes) };
};
