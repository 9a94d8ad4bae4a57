/** The whole system as processes on a simulated Mesos, for bench/mesos.ts, and what each process takes. */
import { join } from 'node:path';
import { packageRoot } from '../common/runtime/package-root.js';
import type { Endpoint } from '../common/runtime/endpoint.js';
import { startProcessSystem } from '../test/support/processes.js';
import type { ProcessSystem } from '../test/support/processes.js';
import { childrenOf, cpuOfTree, cpuTimeOf } from './process-usage.js';

/** shared: all in one process, with simulated containers · processes: as Mesos starts them, with real ones */
export type ExecutorKind = 'shared' | 'processes';

export interface MesosBench {
  readonly system: ProcessSystem;
  readonly endpoint: Endpoint;
  readonly bridge: number;
  /** ms of CPU so far, by process; `executors` = all that lives below the simulated Mesos */
  cpu(): Record<string, number>;
}

export interface MesosBenchOptions {
  executors: ExecutorKind;
  agents: number;
  /** the auctioneer's; its default when absent */
  strategy?: string;
  /** what Node.js is given for the component, as `--cpu-prof` */
  execArgv(component: string): readonly string[];
}

const SIMULATED = join(packageRoot(), 'dist/bench/mesos-simulated.js');

const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');

/** 0, and nobody, of a process that has ended meanwhile. */
const ofLiving = <T>(of: () => T, none: T): T => {
  try {
    return of();
  } catch (error) {
    if (isGone(error)) return none;
    throw error;
  }
};

/** What has ended below it counts by whoever has waited for it. */
const cpuBelow = (pid: number): number =>
  ofLiving(() => childrenOf(pid), [])
    .map((child) => ofLiving(() => cpuOfTree(child), 0) + cpuBelow(child))
    .reduce((sum, ms) => sum + ms, 0);

const loadCpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const start = ({ executors, agents, strategy, execArgv }: MesosBenchOptions): Promise<ProcessSystem> => {
  process.env['OUTCRY_BENCH_EXECUTORS_ARGV'] = JSON.stringify(execArgv('executors'));
  return startProcessSystem({
    cells: 0,
    natsServers: 1,
    mesos: { agents, zones: 1 },
    ...(strategy !== undefined && { auctioneer: { policy: { strategy } } }),
    command(name, [node = '', ...args]) {
      if (node !== process.execPath) return [node, ...args];
      const [program = '', ...rest] = args;
      const chosen = name === 'mesos' && executors === 'shared' ? SIMULATED : program;
      return [node, ...execArgv(name), chosen, ...rest];
    },
  });
};

export const withMesos = async <T>(
  options: MesosBenchOptions,
  use: (bench: MesosBench) => Promise<T>,
): Promise<T> => {
  const system = await start(options);
  try {
    const names = [...system.natsServers, ...system.components];
    const result = await use({
      system,
      endpoint: { socketPath: join(system.dir, 'control/run/bbs.sock') },
      bridge: system.pid('mesos-bridge'),
      cpu: () => ({
        ...Object.fromEntries(names.map((name) => [name, cpuTimeOf(system.pid(name)).all])),
        executors: cpuBelow(system.pid('mesos')),
        load: loadCpu(),
      }),
    });
    const defects = system.defects();
    if (defects.length > 0) console.error(defects.slice(0, 5).join('\n'));
    return result;
  } finally {
    await system.close();
  }
};

export const minus = (
  after: Record<string, number>,
  before: Record<string, number>,
): Record<string, number> =>
  Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)]));
