/** Executors as real processes of this machine, started as an agent without isolation starts them. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chown, mkdir, appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import type { CommandInfo } from '../../protocol/messages.js';
import type { ExecutorLauncher, LaunchFailure, LaunchRequest, RunningExecutor } from '../agent/launcher.js';
import { DESTROYED, rawStatus } from '../agent/waitpid.js';
import { choosesAccounts, findAccount } from './accounts.js';
import type { Account } from './accounts.js';
import { fetchUris } from './fetch-uris.js';
import { findExecutor, killTree, send } from './process-tree.js';

const failedLaunch = (status: number, message: string): Result<never, LaunchFailure> =>
  err({ status, state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message });

const noDirectory = ({ sandbox }: LaunchRequest, why: string): Result<never, LaunchFailure> =>
  err({
    status: -1,
    state: 'TASK_DROPPED',
    reason: 'REASON_EXECUTOR_TERMINATED',
    message: `Failed to create executor directory '${sandbox}': ${why}`,
  });

/** What runs, as the first process of the container: a shell that stays, where the command asks for one. */
const argumentsOf = (command: CommandInfo): readonly [file: string, args: string[], argv0?: string] => {
  if (command.shell !== false)
    return ['/bin/sh', ['-c', '/bin/sh -c "$1"; exit $?', 'sh', command.value ?? '']];
  const [first, ...rest] = command.arguments;
  return [command.value ?? '', rest, first ?? command.value ?? ''];
};

const openOutput = (sandbox: string): number[] =>
  ['stdout', 'stderr'].map((name) => openSync(join(sandbox, name), 'a', 0o644));

const start = (request: LaunchRequest, account: Account | undefined): ChildProcess => {
  const [file, args, argv0] = argumentsOf(request.executor.command ?? { uris: [], arguments: [] });
  const output = openOutput(request.sandbox);
  try {
    return spawn(file, args, {
      cwd: request.sandbox,
      env: { ...request.environment },
      stdio: ['ignore', ...output],
      detached: true,
      ...(argv0 !== undefined && { argv0 }),
      ...account,
    });
  } finally {
    output.forEach((fd) => closeSync(fd));
  }
};

/** The shell's own answers for a command that is not there, or is none. */
const STATUS_OF: Readonly<Record<string, number>> = { ENOENT: 127 << 8, EACCES: 126 << 8 };

const watch = (child: ChildProcess, sandbox: string): RunningExecutor => {
  const top = child.pid ?? 0;
  let destroyed = false;
  let ended = false;
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true;
      const status = destroyed ? DESTROYED : rawStatus(code, signal);
      void killTree({ top, ended, dir: sandbox }).then(() => resolve(status));
    });
  });
  return {
    pid: top,
    exited,
    signal(signal) {
      if (!ended) void findExecutor(top).then((pid) => ended || send(pid, signal));
    },
    destroy() {
      if (ended) return;
      destroyed = true;
      void killTree({ top, ended, dir: sandbox });
    },
  };
};

const settled = (child: ChildProcess): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise((resolve) => {
    child.once('spawn', () => resolve(undefined));
    child.once('error', resolve);
  });

const makeSandbox = async (request: LaunchRequest, account: Account | undefined): Promise<void> => {
  await mkdir(request.sandbox, { recursive: true });
  if (account) await chown(request.sandbox, account.uid, account.gid);
};

export interface ProcessLauncher extends ExecutorLauncher {
  /** ends every executor; resolves when nothing is left of them */
  close(): Promise<void>;
}

interface Parts {
  readonly running: Set<RunningExecutor>;
  readonly closing: AbortController;
}

const fetchInto = async (request: LaunchRequest, { closing }: Parts): Promise<string | undefined> => {
  try {
    await fetchUris(request.executor.command?.uris ?? [], request.sandbox, closing.signal);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    await appendFile(join(request.sandbox, 'stderr'), `Failed to fetch: ${why}\n`).catch(() => undefined);
    return `Failed to launch container: Failed to fetch all URIs for container '${request.containerId}': exited with status 1`;
  }
};

const launch = async (
  request: LaunchRequest,
  parts: Parts,
): Promise<Result<RunningExecutor, LaunchFailure>> => {
  const account = choosesAccounts() ? findAccount(request.user) : undefined;
  if (choosesAccounts() && account === undefined) {
    const { user } = request;
    return noDirectory(request, `Failed to chown directory to '${user}': No such user '${user}'`);
  }
  try {
    await makeSandbox(request, account);
  } catch (error) {
    return noDirectory(request, (error as Error).message);
  }
  const unfetched = await fetchInto(request, parts);
  if (unfetched !== undefined) return failedLaunch(256, unfetched);
  if (parts.closing.signal.aborted) return failedLaunch(DESTROYED, 'the agent ends');
  const child = start(request, account);
  const failure = await settled(child);
  if (failure) return failedLaunch(STATUS_OF[failure.code ?? ''] ?? 256, `Failed to launch container: ${failure.message}`);
  const executor = watch(child, request.sandbox);
  parts.running.add(executor);
  void executor.exited.then(() => parts.running.delete(executor));
  // a close that came while it started has not seen it
  if (parts.closing.signal.aborted) executor.destroy();
  return ok(executor);
};

export const createProcessLauncher = (): ProcessLauncher => {
  const parts: Parts = { running: new Set(), closing: new AbortController() };
  const launching = new Set<Promise<unknown>>();
  return {
    async launch(request) {
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
