/** What of a cell's configuration its runtime goes by. */
import type { ReportProblem } from '../common/runtime/config.js';
import { parseCores } from './core/cpu-cores.js';
import { parseEngine } from './runtimes/docker/engine-address.js';
import type { EngineAddress } from './runtimes/docker/engine-address.js';

/** `docker` of a configuration file. */
export interface UserDocker {
  engine: string;
  network: string;
  prefix: string;
  stacks: Record<string, string>;
  registries: string[];
  cpu_cores: string;
  cpu_hard_cap: boolean;
  sysctls: string[];
}

interface UserRuntime {
  runtime: 'process' | 'docker';
  address: string;
  host_ports: { first: number; last: number };
  docker: UserDocker;
  cpu_milli: number;
}

/** What runs containers, and with what. */
export interface RuntimeConfig {
  kind: 'process' | 'docker';
  /** where containers' host ports are opened, and told to routers */
  address: string;
  ports: { first: number; last: number };
  docker: {
    engine: EngineAddress;
    network: string;
    /** '' = derived from the data directory */
    prefix: string;
    /** image of each stack, by its name */
    stacks: Record<string, string>;
    /** fetched from though they are at loopback or link-local addresses */
    registries: string[];
    /** that work may be pinned to; none = weights alone */
    cpuCores: number[];
    cpuHardCap: boolean;
    /** that work may set: names, or beginnings as `net.ipv4.*` */
    sysctls: string[];
  };
}

const engineAt = (engine: string, report: ReportProblem): EngineAddress => {
  try {
    return parseEngine(engine);
  } catch (error) {
    report('docker.engine', (error as Error).message);
    return {};
  }
};

/** None when the machine's CPU is not given out by cores. */
const coresOf = (
  { runtime, docker: { cpu_cores: list }, cpu_milli: milli }: UserRuntime,
  report: ReportProblem,
): number[] => {
  if (list === '') return [];
  const cores = parseCores(list);
  if (cores === undefined) report('docker.cpu_cores', 'must be a list of cores, as 0-3,8');
  else if (runtime !== 'docker') report('docker.cpu_cores', 'needs runtime: docker');
  else if (milli > cores.length * 1000)
    report('cpu_milli', `must be at most ${cores.length * 1000}, which docker.cpu_cores are`);
  return cores ?? [];
};

/** What of a configuration says how containers are run; what is wrong with it is reported. */
export const runtimeOf = (full: UserRuntime, report: ReportProblem): RuntimeConfig => {
  const { runtime, address, host_ports: ports, docker } = full;
  const { engine, network, prefix, stacks, registries, sysctls } = docker;
  return {
    kind: runtime,
    address,
    ports,
    docker: {
      ...{ network, prefix, stacks, registries, sysctls },
      engine: engineAt(engine, report),
      cpuCores: coresOf(full, report),
      cpuHardCap: docker.cpu_hard_cap,
    },
  };
};
