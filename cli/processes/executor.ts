import type { Context } from '../context.js';
import { loadExecutor, loadExecutorSupervisor } from './components.js';

/** Said to the process that does the work, by the one that keeps it. */
export const WORKER = '--worker';

/** Runs this process as a Mesos executor. The exit status is for Mesos. */
export const runMesosCell = async ({ env, note }: Context, isWorker: boolean): Promise<number> => {
  if (isWorker) {
    const { runExecutor } = await loadExecutor();
    await runExecutor(env);
    return 0;
  }
  const { superviseExecutor } = await loadExecutorSupervisor();
  const script = process.argv[1] ?? '';
  return superviseExecutor({ variables: env, script, args: ['cell', '--mesos', WORKER], note });
};
