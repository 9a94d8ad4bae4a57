import { ok } from '../../../common/model/result.js';
import type { Clock } from '../../../common/ports/clock.js';
import type { Random } from '../../../common/ports/random.js';
import type { ExecutorDoor } from '../agent/executor-door.js';
import type { ExecutorLauncher, RunningExecutor } from '../agent/launcher.js';
import { DESTROYED } from '../agent/waitpid.js';
import { startBuiltInExecutor } from './built-in-executor.js';
import { failedLaunch, prepareSandbox } from './sandbox.js';

export interface BuiltInLaunchers {
  /** for the agent behind this door */
  launcherFor(door: ExecutorDoor): ExecutorLauncher;
  close(): Promise<void>;
}

export const createBuiltInLaunchers = (ground: { clock: Clock; random: Random }): BuiltInLaunchers => {
  const running = new Set<RunningExecutor>();
  const closing = new AbortController();
  return {
    launcherFor: (door) => ({
      async launch(request) {
        const prepared = await prepareSandbox(request, closing.signal);
        if (!prepared.ok) return prepared;
        if (closing.signal.aborted) return failedLaunch(DESTROYED, 'the agent ends');
        const executor = startBuiltInExecutor(request, { ...ground, door, account: prepared.value });
        running.add(executor);
        void executor.exited.then(() => running.delete(executor));
        return ok(executor);
      },
    }),
    async close() {
      closing.abort();
      const ends = [...running].map((executor) => {
        executor.destroy();
        return executor.exited;
      });
      await Promise.all(ends);
    },
  };
};
