/** What a container takes, as the engine counts it. */
import type { Container as EngineContainer, ContainerStats } from 'dockerode';
import type { ContainerUsage } from '../../core/container-runtime.js';
import type { Parts } from './parts.js';

/** of page cache that the kernel gives back when it is asked: no use of the application's; cgroup 2, cgroup 1 */
const RECLAIMABLE = ['inactive_file', 'total_inactive_file'] as const;

export const usageOfStats = (stats: ContainerStats): ContainerUsage => {
  const { usage } = stats.memory_stats;
  const details = stats.memory_stats.stats as unknown as Record<string, number> | undefined;
  const cache = RECLAIMABLE.map((name) => details?.[name]).find((one) => one !== undefined) ?? 0;
  const networks = Object.values(stats.networks ?? {});
  return {
    cpuNs: stats.cpu_stats.cpu_usage.total_usage,
    ...(usage !== undefined && { memoryBytes: Math.max(0, usage - cache) }),
    ...(networks.length > 0 && {
      rxBytes: networks.reduce((sum, one) => sum + one.rx_bytes, 0),
      txBytes: networks.reduce((sum, one) => sum + one.tx_bytes, 0),
    }),
  };
};

/** At once: without `one-shot` the engine waits for a second look, which only percents need. */
export const containerUsage = async (container: EngineContainer): Promise<ContainerUsage> => {
  const options = { stream: false, 'one-shot': true } as { stream: false };
  return usageOfStats(await container.stats(options));
};

interface Measured {
  usage(): Promise<ContainerUsage | undefined>;
}

/** Of the engine container that has the network, nothing else counts. */
export const networkUsage = ({ network }: Pick<Parts, 'network'>): Measured => ({
  async usage() {
    const all = network && (await containerUsage(network).catch(() => undefined));
    const { rxBytes, txBytes } = all ?? {};
    return rxBytes === undefined || txBytes === undefined ? undefined : { rxBytes, txBytes };
  },
});

const sum = (left: number, right: number): number => left + right;

/** The network is one for all, and those that joined it may tell of it as well. */
const KINDS = {
  cpuNs: sum,
  memoryBytes: sum,
  rxBytes: (left: number, right: number) => Math.max(left, right),
  txBytes: (left: number, right: number) => Math.max(left, right),
} as const;

/** Of all processes together, and their network. */
export const usageOf = async (
  parts: readonly Measured[],
  diskBytes: number | undefined,
): Promise<ContainerUsage> => {
  const all = (await Promise.all(parts.map((one) => one.usage()))).filter((one) => one !== undefined);
  const total: ContainerUsage = diskBytes === undefined ? {} : { diskBytes };
  for (const [kind, join] of Object.entries(KINDS) as [keyof typeof KINDS, typeof sum][]) {
    const told = all.map((one) => one[kind]).filter((one) => one !== undefined);
    if (told.length > 0) total[kind] = told.reduce(join, 0);
  }
  return total;
};
