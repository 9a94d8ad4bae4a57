/** Executors as real processes of this machine, started as an agent without isolation starts them. */
import { ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import type { CommandInfo } from '../../protocol/messages.js';
import type { ExecutorLauncher, LaunchFailure, LaunchRequest, RunningExecutor } from '../agent/launcher.js';
import { DESTROYED } from '../agent/waitpid.js';
import { startContainer } from './container.js';
import type { ContainerSpec } from './container.js';
import { failedLaunch, prepareSandbox } from './sandbox.js';

type Program = Pick<ContainerSpec, 'file' | 'args' | 'argv0'>;

/** What runs, as the first process of the container: a shell that stays, where the command asks for one. */
const programOf = (command: CommandInfo | undefined): Program => {
  const value = command?.value ?? '';
  if (command?.shell !== false)
    return { file: '/bin/sh', args: ['-c', '/bin/sh -c "$1"; exit $?', 'sh', value] };
  const [argv0 = value, ...args] = command.arguments;
  return { file: value, args, argv0 };
};

export interface ProcessLauncher extends ExecutorLauncher {
  /** ends every executor; resolves when nothing is left of them */
  close(): Promise<void>;
}

interface Parts {
  readonly running: Set<RunningExecutor>;
  readonly closing: AbortController;
}

const launch = async (
  request: LaunchRequest,
  { running, closing }: Parts,
): Promise<Result<RunningExecutor, LaunchFailure>> => {
  const { executor: info, sandbox, environment } = request;
  const prepared = await prepareSandbox(request, closing.signal);
  if (!prepared.ok) return prepared;
  if (closing.signal.aborted) return failedLaunch(DESTROYED, 'the agent ends');
  const account = prepared.value;
  const started = await startContainer({ ...programOf(info.command), sandbox, environment, account });
  if (!started.ok) return failedLaunch(started.error.status, started.error.message);
  const executor = started.value;
  running.add(executor);
  void executor.exited.then(() => running.delete(executor));
  return ok(executor);
};

export const createProcessLauncher = (): ProcessLauncher => {
  const parts: Parts = { running: new Set(), closing: new AbortController() };
  const launching = new Set<Promise<unknown>>();
  return {
    launch(request) {
      const launched = launch(request, parts);
      launching.add(launched);
      return launched.finally(() => launching.delete(launched));
    },
    async close() {
      parts.closing.abort();
      await Promise.allSettled(launching);
      const ends = [...parts.running].map((executor) => {
        executor.destroy();
        return executor.exited;
      });
      await Promise.all(ends);
    },
  };
};
