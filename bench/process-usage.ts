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
