import type { RootfsProvider } from '../../common/model/cell.js';
import type { MesosBridgeConfig } from '../config.js';
import type { BookOptions } from '../core/book.js';
import { EXECUTOR_DEFAULTS } from '../core/executors.js';
import { OFFER_TIMES } from '../core/offer-book.js';
import { SIGNAL_DEFAULTS } from '../core/demand-signal.js';
import type { ExecutorTemplate } from './executor-info.js';

/** `preloaded:a`, `preloaded:b`, `docker` → a fixed set for the one, anything for the other. */
export const rootfsProvidersOf = (rootfs: readonly string[]): Record<string, RootfsProvider> => {
  const providers: Record<string, RootfsProvider> = {};
  for (const text of rootfs) {
    const at = text.indexOf(':');
    const scheme = at === -1 ? text : text.slice(0, at);
    const known = providers[scheme];
    if (at === -1) providers[scheme] = { type: 'arbitrary' };
    else if (known === undefined) providers[scheme] = { type: 'fixed_set', set: [text.slice(at + 1)] };
    else if (known.type === 'fixed_set') known.set.push(text.slice(at + 1));
  }
  return providers;
};

/** Below these an offer is of no use to any work. */
const LEAST_CPU_MILLI = 10;
const LEAST_MEMORY_MB = 32;

/** How the books are kept, by the configuration. */
export const bookOptions = (
  config: MesosBridgeConfig,
  { needs }: Pick<ExecutorTemplate, 'needs'>,
  incarnation: string,
): BookOptions => ({
  offers: {
    rules: {
      roles: [config.framework.role],
      remoteRegions: false,
      gpuAgents: false,
      constraints: config.cells.constraints.agents,
      leastCpuMilli: LEAST_CPU_MILLI,
      leastMemoryMb: LEAST_MEMORY_MB,
    },
    times: { ...OFFER_TIMES, holdMs: config.holdMs, refuseUnusedMs: config.refuseMs },
    signal: { ...SIGNAL_DEFAULTS, lingerMs: config.holdMs },
  },
  bids: {
    proxyMemoryMb: 0,
    cpuMilliPerGb: config.cells.cpuPerGb,
    leastTaskCpuMilli: LEAST_CPU_MILLI,
    executor: { scalars: needs },
    rootfsProviders: rootfsProvidersOf(config.cells.rootfs),
    volumeDrivers: [],
    maxContainers: config.cells.maxContainers,
    placementTags: config.cells.placementTags,
    zoneAttribute: config.cells.zoneAttribute,
    defaultZone: '',
    tags: config.cells.tagAttributes.map((attribute) => ({ attribute, required: false })),
    incarnation,
  },
  perProcess: config.cells.constraints.perProcess,
  executors: { ...EXECUTOR_DEFAULTS, idleMs: config.executor.idleMs, minimumWarm: config.executor.warm },
});
