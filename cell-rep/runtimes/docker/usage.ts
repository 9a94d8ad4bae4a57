/** What a container takes, as the engine counts it. */
import type { Container as EngineContainer, ContainerStats } from 'dockerode';
import type { ContainerUsage } from '../../core/container-runtime.js';
import type { EngineProcess } from './process.js';

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

const KINDS = ['cpuNs', 'memoryBytes', 'rxBytes', 'txBytes'] as const;

/** Of all processes together; the network is told by the one that has it. */
export const usageOf = async (
  processes: readonly EngineProcess[],
  diskBytes: number | undefined,
): Promise<ContainerUsage> => {
  const all = (await Promise.all(processes.map((one) => one.usage()))).filter((one) => one !== undefined);
  const total: ContainerUsage = diskBytes === undefined ? {} : { diskBytes };
  for (const kind of KINDS) {
    const told = all.map((one) => one[kind]).filter((one) => one !== undefined);
    if (told.length > 0) total[kind] = told.reduce((sum, one) => sum + one, 0);
  }
  return total;
};
