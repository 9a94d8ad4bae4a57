/** A process of this machine with all that it starts, in a directory of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok } from '../../../common/model/result.js';
import type { Result } from '../../../common/model/result.js';
import type { RunningExecutor } from '../agent/launcher.js';
import { DESTROYED, rawStatus } from '../agent/waitpid.js';
import type { Account } from './accounts.js';
import { findExecutor, killTree, send } from './process-tree.js';

export interface ContainerSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly argv0?: string;
  /** its directory, with its output in `stdout` and `stderr` */
  readonly sandbox: string;
  /** all of it */
  readonly environment: Readonly<Record<string, string>>;
  /** absent: this process's own */
  readonly account?: Account | undefined;
}

/** A running process, with what a command's own executor may do to it besides. */
export interface RunningContainer extends RunningExecutor {
  readonly pid: number;
  /** to its whole group */
  terminate(): void;
}

const openOutput = (sandbox: string): number[] =>
  ['stdout', 'stderr'].map((name) => openSync(join(sandbox, name), 'a', 0o644));

const start = (spec: ContainerSpec): ChildProcess => {
  const output = openOutput(spec.sandbox);
  try {
    return spawn(spec.file, [...spec.args], {
      cwd: spec.sandbox,
      env: { ...spec.environment },
      stdio: ['ignore', ...output],
      detached: true,
      ...(spec.argv0 !== undefined && { argv0: spec.argv0 }),
      ...spec.account,
    });
  } finally {
    output.forEach((fd) => closeSync(fd));
  }
};

const watch = (child: ChildProcess, top: number, dir: string): RunningContainer => {
  let destroyed = false;
  let ended = false;
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true;
      const status = destroyed ? DESTROYED : rawStatus(code, signal);
      void killTree({ top, ended, dir }).then(() => resolve(status));
    });
  });
  return {
    pid: top,
    exited,
    signal(signal) {
      if (!ended) void findExecutor(top).then((pid) => ended || send(pid, signal));
    },
    terminate() {
      if (!ended) send(-top, 'SIGTERM');
    },
    destroy() {
      if (ended) return;
      destroyed = true;
      void killTree({ top, ended, dir });
    },
  };
};

/** The shell's own answers for a command that is not there, or is none. */
const STATUS_OF: Readonly<Record<string, number>> = { ENOENT: 127 << 8, EACCES: 126 << 8 };

export interface StartFailure {
  /** raw waitpid status */
  readonly status: number;
  readonly message: string;
}

export const startContainer = (spec: ContainerSpec): Promise<Result<RunningContainer, StartFailure>> =>
  new Promise((resolve) => {
    const child = start(spec);
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(err({ status: STATUS_OF[error.code ?? ''] ?? 256, message: error.message })),
    );
    if (child.pid !== undefined) resolve(ok(watch(child, child.pid, spec.sandbox)));
  });
