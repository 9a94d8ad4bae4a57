/** How much of the processors a container gets, as the engine is told. */
import type { HostConfig } from 'dockerode';
import { coresOf } from '../../core/cpu-cores.js';
import type { ContainerLimits } from '../../core/container-runtime.js';

/** Diego's shares at weight 100 */
const WEIGHT_SHARES = 1024;
/**
 * Shares of a whole core among those that asked for so much of one: fine enough for thousandths, and so many that
 * weights, which ask for nothing, take what these leave.
 */
const CORE_SHARES = 65_536;
/** the kernel's bounds */
const LEAST_SHARES = 2;
const MOST_SHARES = 262_144;

/** µs; the kernel takes quotas of 1 ms and more, periods of up to 1 s */
const PERIOD = 100_000;
const LONG_PERIOD = 1_000_000;

const bounded = (shares: number): number => Math.min(MOST_SHARES, Math.max(LEAST_SHARES, Math.round(shares)));

/**
 * The kernel spreads a container's shares over the cores that it keeps busy: so that its part of the core it has with
 * others is right, it has as many for each of its own.
 */
const sharesOf = ({ cpuMilli, cpus }: ContainerLimits): number => {
  if (cpus?.fragment === undefined) return bounded((CORE_SHARES * cpuMilli) / 1000);
  return bounded((CORE_SHARES * cpus.fragment.milli * coresOf(cpus).length) / 1000);
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
}

export const cpuOptions = (limits: ContainerLimits, rules: CpuRules): HostConfig => {
  const { cpuMilli, cpuWeight, cpus } = limits;
  const cores = cpus === undefined ? rules.sharedCores : coresOf(cpus).join(',');
  const placed = cores === '' ? {} : { CpusetCpus: cores };
  if (cpuMilli === 0) {
    return { ...placed, ...(cpuWeight > 0 && { CpuShares: bounded((WEIGHT_SHARES * cpuWeight) / 100) }) };
  }
  return { ...placed, CpuShares: sharesOf(limits), ...(rules.hardCap && quotaOf(cpuMilli)) };
};
