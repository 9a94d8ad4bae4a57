/** Programs that outlived a supervisor which was killed. */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Clock } from '../../common/ports/clock.js';
import type { Program } from './supervisor.js';

export interface PidFile {
  remember(name: string, pid: number): void;
  forget(name: string): void;
  read(name: string): number | undefined;
}

const parse = (text: string): Record<string, number> => {
  try {
    return JSON.parse(text) as Record<string, number>;
  } catch {
    return {};
  }
};

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Process ids by the program's name, in one file. */
export const createPidFile = (path: string): PidFile => {
  const before = parse(readText(path));
  const pids: Record<string, number> = { ...before };
  const write = (): void => {
    writeFileSync(`${path}.new`, JSON.stringify(pids), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  return {
    remember(name, pid) {
      pids[name] = pid;
      write();
    },
    forget(name) {
      delete pids[name];
      write();
    },
    read: (name) => before[name],
  };
};

/** What a process runs; '' when there is none of that number. */
const commandOf = (pid: number): string => {
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
};

/** The number may have been given to somebody else since: only the same program in the same words is ours. */
const isOurs = (pid: number, { command, args }: Program): boolean => {
  const found = commandOf(pid);
  return found.includes(command) && args.every((word) => found.includes(word));
};

const POLL_MS = 50;

/** Ends what an earlier supervisor left of this program, as a stop would have. */
export const stopLeftover = async (
  program: Program,
  { pids, clock }: { pids: PidFile; clock: Clock },
): Promise<void> => {
  const pid = pids.read(program.name);
  if (pid === undefined || !isOurs(pid, program)) return;
  process.kill(pid, 'SIGTERM');
  const until = clock.monotonic() + program.graceMs;
  while (isOurs(pid, program)) {
    if (clock.monotonic() > until) process.kill(pid, 'SIGKILL');
    await clock.sleep(POLL_MS);
  }
};
