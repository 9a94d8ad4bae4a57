/** The whole system as processes, for bench/cell.ts: a NATS server, BBS, auctioneer, router, API, and one cell. */
import { join } from 'node:path';
import { packageRoot } from '../common/runtime/package-root.js';
import { startProcessSystem } from '../test/support/processes.js';
import type { ProcessSystem } from '../test/support/processes.js';
import { editConfig } from '../test/support/processes-tls.js';
import { childrenOf, cpuOfTree, cpuTimeOf, titleOf } from './process-usage.js';

export type RuntimeKind = 'process' | 'simulated';

export const CELL = 'cell-1';

export interface BenchSystem {
  readonly system: ProcessSystem;
  readonly endpoint: { socketPath: string };
  readonly rep: number;
  /** of the process runtime; 0 = there is none */
  readonly helper: number;
  /** ms of CPU so far, by component; `containers` = helper, supervisors that have ended and what they ran */
  cpu(): Record<string, number>;
}

const SIMULATED = join(packageRoot(), 'dist/bench/cell-simulated.js');

const helperOf = (rep: number): number =>
  childrenOf(rep).find((pid) => titleOf(pid) === 'outcry-helper') ?? 0;

/** Room is never what is waited for. */
const roomy = (containers: number) => (config: Record<string, unknown>) => ({
  ...config,
  memory: '1000G',
  disk: '1000G',
  max_containers: containers,
});

export interface SystemOptions {
  runtime: RuntimeKind;
  containers: number;
  /** what Node.js is given for the component, as `--cpu-prof` */
  execArgv(component: string): readonly string[];
}

const start = ({ runtime, containers, execArgv }: SystemOptions): Promise<ProcessSystem> =>
  startProcessSystem({
    cells: 1,
    natsServers: 1,
    async prepare(dir) {
      editConfig(join(dir, CELL, 'cell.yml'), roomy(containers));
      return { socketPath: join(dir, 'control/run/bbs.sock') };
    },
    command(name, [node = '', program = '', ...args]) {
      if (node !== process.execPath) return [node, program, ...args];
      const chosen = name === CELL && runtime === 'simulated' ? SIMULATED : program;
      return [node, ...execArgv(name), chosen, ...args];
    },
  });

export const withSystem = async <T>(
  options: SystemOptions,
  use: (bench: BenchSystem) => Promise<T>,
): Promise<T> => {
  const system = await start(options);
  try {
    const rep = system.pid(CELL);
    const helper = helperOf(rep);
    const names = [...system.natsServers, ...system.components];
    const result = await use({
      system,
      rep,
      helper,
      endpoint: { socketPath: join(system.dir, 'control/run/bbs.sock') },
      cpu: () => ({
        ...Object.fromEntries(names.map((name) => [name, cpuTimeOf(system.pid(name)).all])),
        containers: helper === 0 ? 0 : cpuOfTree(helper),
      }),
    });
    const defects = system.defects();
    if (defects.length > 0) throw new Error(defects.slice(0, 5).join('\n'));
    return result;
  } finally {
    await system.close();
  }
};
