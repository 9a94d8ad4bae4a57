import type { LrpWork, TaskWork } from '../../common/model/auction.js';
import type { Wanted } from './find.js';

/** How much of an agent work takes. */
export interface NeedOptions {
  /** MB added to every LRP */
  readonly proxyMemoryMb: number;
  /** thousandths of a CPU for each GB of memory, for work that does not say how much CPU it needs; 0 = none */
  readonly cpuMilliPerGb: number;
  /** and at least so many */
  readonly leastTaskCpuMilli: number;
  /** the executor's own */
  readonly executor: Wanted;
}

export const NEED_DEFAULTS: NeedOptions = {
  proxyMemoryMb: 0,
  cpuMilliPerGb: 100,
  leastTaskCpuMilli: 10,
  executor: { scalars: { cpus: 100, mem: 128_000, disk: 64_000 } },
};

/** Work as the auction chose it, and how many host ports it wants. */
export type ChosenWork =
  (LrpWork & { readonly hostPorts?: number; readonly instanceGuid?: string }) | TaskWork;

export const isLrp = (work: ChosenWork): work is Exclude<ChosenWork, TaskWork> => 'processGuid' in work;

const cpusOf = (
  { cpuMilli, memoryMb }: ChosenWork,
  { cpuMilliPerGb, leastTaskCpuMilli }: NeedOptions,
): number => {
  if (cpuMilli > 0) return cpuMilli;
  return cpuMilliPerGb === 0 ? 0 : Math.max(leastTaskCpuMilli, Math.ceil((memoryMb * cpuMilliPerGb) / 1024));
};

/** What a Mesos task takes of its agent for this work: real amounts, and never a constant. */
export const needOf = (work: ChosenWork, options: NeedOptions): Wanted => {
  const memoryMb = work.memoryMb + (isLrp(work) ? options.proxyMemoryMb : 0);
  return {
    scalars: { cpus: cpusOf(work, options), mem: memoryMb * 1000, disk: work.diskMb * 1000 },
    ports: isLrp(work) ? (work.hostPorts ?? 0) : 0,
  };
};

/** MB for which so much CPU suffices, for work that does not say how much it needs. */
export const memoryForCpus = (
  cpuMilli: number,
  { cpuMilliPerGb, leastTaskCpuMilli }: NeedOptions,
): number => {
  if (cpuMilliPerGb === 0) return Infinity;
  return cpuMilli < leastTaskCpuMilli ? 0 : Math.floor((cpuMilli * 1024) / cpuMilliPerGb);
};
