/** Programs that outlived a supervisor which was killed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Clock } from '../../common/ports/clock.js';
import { stopInOrder } from './stop-order.js';
import type { Program } from './supervisor.js';

/** A program as it was started: a later start may have others, or give them other words. */
export interface Started extends Omit<Program, 'name' | 'cwd'> {
  readonly pid: number;
}

export interface PidFile {
  remember(program: Program, pid: number): void;
  forget(name: string): void;
  /** names of what is in it, in the order in which they were started */
  names(): string[];
  read(name: string): Started | undefined;
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const parse = (text: string): Record<string, Started> => {
  try {
    return (JSON.parse(text) as Record<string, Started> | null) ?? {};
  } catch {
    return {};
  }
};

/** What is running, by the programs' names, in one file. */
export const createPidFile = (path: string): PidFile => {
  const started = parse(readText(path));
  const write = (): void => {
    writeFileSync(`${path}.new`, JSON.stringify(started), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  return {
    remember({ name, cwd: _cwd, ...program }, pid) {
      started[name] = { pid, ...program };
      write();
    },
    forget(name) {
      delete started[name];
      write();
    },
    names: () => Object.keys(started),
    read: (name) => started[name],
  };
};

/** What a process runs; '' when there is none of that number. */
const commandOf = (pid: number): string => {
  if (existsSync('/proc/self/cmdline')) return readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
};

/** The number may have been given to somebody else since: only the same program in the same words is ours. */
const isOurs = ({ pid, command, args }: Started): boolean => {
  const found = commandOf(pid);
  return found.includes(command) && args.every((word) => found.includes(word));
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // it has ended since it was looked at
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const POLL_MS = 50;

const stopOne = async (started: Started, clock: Clock): Promise<void> => {
  if (!isOurs(started)) return;
  // its own stop would end what its next life is to adopt
  send(started.pid, started.adopts ? 'SIGKILL' : 'SIGTERM');
  const until = clock.monotonic() + started.graceMs;
  while (isOurs(started)) {
    if (clock.monotonic() > until) send(started.pid, 'SIGKILL');
    await clock.sleep(POLL_MS);
  }
};

/** Ends what an earlier supervisor left running, in the order of its stop; what cells ran runs on. */
export const stopLeftovers = async ({ pids, clock }: { pids: PidFile; clock: Clock }): Promise<void> => {
  const left = pids.names().flatMap((name) => {
    const started = pids.read(name);
    return started ? [{ name, ...started }] : [];
  });
  await stopInOrder(left, async ({ name, ...started }) => {
    await stopOne(started, clock);
    pids.forget(name);
  });
};
