/** Who a process number belongs to: numbers are used again, so a start time goes with each. */
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';

export interface ProcessIdentity {
  pid: number;
  /** as supervisor.pl notes it: clock ticks since boot (Linux), the start date (macOS); '-' = not known */
  startTime: string;
  /** '-' = not known */
  bootId: string;
}

interface Stat {
  state: string;
  session: number;
  startTime: string;
}

const readStat = (pid: number): Stat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '?', session: Number(fields[3]), startTime: fields[19] ?? '-' };
  } catch {
    return undefined;
  }
};

const exec = promisify(execFile);

const macStartTime = async (pid: number): Promise<string | undefined> => {
  try {
    const { stdout } = await exec('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { env: { LC_ALL: 'C' } });
    return stdout.trim().replace(/\s+/g, '_');
  } catch {
    return undefined;
  }
};

let boot: string | undefined;
/** changes with every start of the machine; '-' where there is none */
export const bootId = (): string => {
  try {
    boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    boot = '-';
  }
  return boot;
};

/** Whether that very process still is there; a zombie is not. */
export const isAlive = async (identity: ProcessIdentity): Promise<boolean> => {
  if (identity.bootId !== bootId()) return false;
  if (process.platform === 'linux') {
    const stat = readStat(identity.pid);
    return stat !== undefined && !'ZXx'.includes(stat.state) && stat.startTime === identity.startTime;
  }
  return (await macStartTime(identity.pid)) === identity.startTime;
};

/** Signals a process group; false when there is none. */
export const signalGroup = (leader: number, signal: NodeJS.Signals): boolean => {
  try {
    process.kill(-leader, signal);
    return true;
  } catch {
    return false;
  }
};

const membersOf = (session: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = readStat(pid);
      return stat?.session === session && !'ZXx'.includes(stat.state);
    });

/** The live members of a session that is known by its leader; none when the leader's number is another's by now. */
const sessionMembers = (leader: ProcessIdentity): number[] => {
  if (leader.bootId !== bootId()) return [];
  const holder = readStat(leader.pid);
  return holder && holder.startTime !== leader.startTime ? [] : membersOf(leader.pid);
};

/**
 * Ends what is left of a session whose supervisor vanished. On Linux also members that left the process group, and
 * also when the leader is gone (its number is not given out while a member lives). Answers whether something was left.
 */
export const killSession = async (leader: ProcessIdentity): Promise<boolean> => {
  if (process.platform !== 'linux') return (await isAlive(leader)) && signalGroup(leader.pid, 'SIGKILL');
  const members = sessionMembers(leader);
  for (const pid of members) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone by itself
    }
  }
  return members.length > 0;
};
