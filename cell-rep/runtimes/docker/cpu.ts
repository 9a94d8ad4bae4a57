/** How much of the processors a container gets, as the engine is told. */
import type { HostConfig } from 'dockerode';
import { coresOf } from '../../core/cpu-cores.js';
import type { ContainerLimits } from '../../core/container-runtime.js';
import { boundedShares, sharesOfCores } from './cpu-scale.js';
import type { CpuScale } from './cpu-scale.js';

/** Diego's shares at weight 100 */
const WEIGHT_SHARES = 1024;
/** µs; the kernel takes quotas of 1 ms and more, periods of up to 1 s */
const PERIOD = 100_000;
const LONG_PERIOD = 1_000_000;

/**
 * The kernel spreads a container's shares over the cores that it keeps busy: so that its part of the core it has with
 * others is right, it has as many for each of its own.
 */
const sharesOf = ({ cpuMilli, cpus }: ContainerLimits, scale: CpuScale): number => {
  const milli = cpus?.fragment === undefined ? cpuMilli : cpus.fragment.milli * coresOf(cpus).length;
  return sharesOfCores(milli, scale);
};

const quotaOf = (cpuMilli: number): HostConfig => {
  const period = cpuMilli < 10 ? LONG_PERIOD : PERIOD;
  return { CpuPeriod: period, CpuQuota: (cpuMilli * period) / 1000 };
};

export interface CpuRules {
  /** more than was asked for is not given even when nobody else wants it */
  hardCap: boolean;
  /** where what asked for no cores may run, as a list; '' = anywhere */
  sharedCores: string;
  scale: CpuScale;
}

export const cpuOptions = (limits: ContainerLimits, rules: CpuRules): HostConfig => {
  const { cpuMilli, cpuWeight, cpus } = limits;
  const cores = cpus === undefined ? rules.sharedCores : coresOf(cpus).join(',');
  const placed = cores === '' ? {} : { CpusetCpus: cores };
  if (cpuMilli === 0) {
    return {
      ...placed,
      ...(cpuWeight > 0 && { CpuShares: boundedShares((WEIGHT_SHARES * cpuWeight) / 100) }),
    };
  }
  return { ...placed, CpuShares: sharesOf(limits, rules.scale), ...(rules.hardCap && quotaOf(cpuMilli)) };
};
