/**
 * A simulated Mesos with large agents, whose executors live in a process of their own beside it: bench/mesos-system.ts
 * starts it in the place of `outcry mesos simulate`, with the same words.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ok } from '../common/model/result.js';
import { packageRoot } from '../common/runtime/package-root.js';
import type { ExecutorLauncher } from '../mesos-bridge/simulator/agent/launcher.js';
import { simulateMesos } from '../mesos-bridge/simulate.js';

export type HostOrder =
  | {
      readonly kind: 'start';
      readonly containerId: string;
      readonly environment: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'end'; readonly containerId: string };

/** an executor has ended, with that waitpid status */
export interface HostReport {
  readonly containerId: string;
  readonly status: number;
}

/** Room is never what is waited for. */
const ROOM = { cpus: 64, mem: 262_144, disk: 1_000_000 };

const createHostLauncher = (host: ChildProcess): ExecutorLauncher => {
  const ends = new Map<string, (status: number) => void>();
  const order = (one: HostOrder): void => void host.send(one);
  host.on('message', ({ containerId, status }: HostReport) => {
    ends.get(containerId)?.(status);
    ends.delete(containerId);
  });
  return {
    launch: async ({ containerId, environment }) => {
      const exited = new Promise<number>((resolve) => ends.set(containerId, resolve));
      const end = (): void => order({ kind: 'end', containerId });
      order({ kind: 'start', containerId, environment });
      return ok({
        pid: undefined,
        exited,
        signal: (signal) => (signal === 'SIGKILL' || signal === 'SIGTERM') && end(),
        destroy: end,
      });
    },
  };
};

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: 'string', default: '1' },
    zones: { type: 'string', default: '1' },
    port: { type: 'string', default: '0' },
    data: { type: 'string', default: '' },
  },
});

const options: string[] = JSON.parse(process.env['OUTCRY_BENCH_EXECUTORS_ARGV'] ?? '[]') as string[];
const host = fork(join(packageRoot(), 'dist/bench/mesos-executors.js'), [join(values.data, 'places')], {
  execArgv: options,
});
const simulation = await simulateMesos({
  ...ROOM,
  dir: values.data,
  agents: Number(values.agents),
  zones: Number(values.zones),
  port: Number(values.port),
  launcher: createHostLauncher(host),
});
process.once('SIGTERM', () => {
  // executors that are asked to end would take their time over it
  host.disconnect();
  void simulation.stop().finally(() => process.exit());
});
