/** What a process has used so far, as the kernel counts it. */
import { readFileSync, readdirSync } from 'node:fs';

const NS_PER_MS = 1e6;

const nsOf = (path: string): number => {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]);
  } catch {
    // a thread that has ended meanwhile
    return 0;
  }
};

export interface CpuTime {
  /** ms of all threads that live */
  all: number;
  /** ms of the thread that runs JavaScript */
  main: number;
}

export const cpuTimeOf = (pid: number): CpuTime => {
  const tasks = `/proc/${pid}/task`;
  const all = readdirSync(tasks).map((task) => nsOf(`${tasks}/${task}/schedstat`));
  return {
    all: all.reduce((sum, ns) => sum + ns, 0) / NS_PER_MS,
    main: nsOf(`${tasks}/${pid}/schedstat`) / NS_PER_MS,
  };
};

const MS_PER_TICK = 10;

/** ms that a process took, those of its children included that it has waited for */
export const cpuOfTree = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * MS_PER_TICK;
};

export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

export const titleOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '';

/** MB of its own, and its part of what it shares */
export const proportionalOf = (pid: number): number =>
  Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;

export interface Resident {
  /** MB */
  now: number;
  highest: number;
}

export const residentOf = (pid: number): Resident => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { now: megabytes('VmRSS'), highest: megabytes('VmHWM') };
};
