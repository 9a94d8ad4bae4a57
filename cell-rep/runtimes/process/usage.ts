/** What a container takes of the machine, from /proc; nothing of it is known elsewhere than on Linux. */
import { closeSync, openSync, readSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import type { Clock } from '../../../common/ports/clock.js';
import type { ContainerUsage } from '../../core/container-runtime.js';
import type { ContainerContext } from './context.js';

/** One process of the machine. */
interface Taken {
  pid: number;
  uid: number;
  session: number;
  /** ns, with those of its children that have ended */
  cpuNs: number;
  /** resident: what it shares with others is counted in each */
  memoryBytes: number;
}

export type ProcessTable = () => Promise<readonly Taken[] | undefined>;

/** of `utime` and its like in /proc; what Linux tells programs since 2.6 */
const TICKS_PER_SECOND = 100;
const NS_PER_TICK = 1e9 / TICKS_PER_SECOND;
/** ms that a look at all processes serves for: containers are asked one after the other */
const FRESH_MS = 1_000;
/** processes looked at in one turn: nothing else shall wait for long */
const AT_ONCE = 100;
/** Looks after which it is asked again whose a process is that is nobody's who is looked for: its pid may be another's by now. */
const STRANGER_LOOKS = 5;
const UID = /^Uid:\t(\d+)/m;
const RSS = /^VmRSS:\s+(\d+) kB/m;
const PSS = /^Pss:\s+(\d+) kB/m;

/** What the kernel makes up when it is read takes no disk: waiting for it costs ten times as much as reading it. */
const buffer = Buffer.allocUnsafeSlow(8 * 1024);
/** Into the buffer; answers how many bytes. */
const fill = (path: string): number => {
  const file = openSync(path, 'r');
  try {
    return readSync(file, buffer, 0, buffer.length, 0);
  } finally {
    closeSync(file);
  }
};
const readNow = (path: string): string => buffer.toString('latin1', 0, fill(path));

/** What a look has learnt of a process that the next need not ask again. */
interface Acquaintance {
  /** ticks after boot when it began: a pid that is used again is somebody else's */
  started: number;
  uid: number;
  /** it had this user for two looks: what is about to become a container's has become it */
  settled: boolean;
  /** looks for which it is passed over */
  rest: number;
}

/** By pid. */
type Acquaintances = Map<string, Acquaintance>;

/** What of /proc/PID/stat is looked at. */
interface Stat {
  session: number;
  /** with those of its children that have ended */
  cpuTicks: number;
  /** ticks after boot */
  started: number;
  rssPages: number;
}

const [SPACE, CLOSING, ZERO] = [0x20, 0x29, 0x30];
/** of the fields after the name: its session, its and its children's times, when it began, and its memory */
const SESSION = 3;
const [TIMES_FROM, TIMES_TO] = [11, 14];
const STARTED = 19;
const RSS_PAGES = 21;

/**
 * Read from the bytes: hundreds of processes are looked at every second, and texts of their fifty fields would be most of
 * what a cell at rest allocates. The name may hold anything, and ends with the last bracket.
 */
const statOf = (pid: string): Stat => {
  const end = fill(`/proc/${pid}/stat`);
  const stat: Stat = { session: -1, cpuTicks: 0, started: -1, rssPages: 0 };
  let [field, value] = [0, 0];
  for (let at = buffer.lastIndexOf(CLOSING, end - 1) + 2; at < end && field <= RSS_PAGES; at += 1) {
    const byte = buffer[at] ?? SPACE;
    if (byte !== SPACE) {
      value = value * 10 + byte - ZERO;
      continue;
    }
    if (field === SESSION) stat.session = value;
    else if (field >= TIMES_FROM && field <= TIMES_TO) stat.cpuTicks += value;
    else if (field === STARTED) stat.started = value;
    else if (field === RSS_PAGES) stat.rssPages = value;
    field += 1;
    value = 0;
  }
  return stat;
};

/** Bytes of a page, which the kernel counts memory in: from two ways of telling how much this process has. */
const pageBytes = (): number => {
  const bytes = Number(RSS.exec(readNow('/proc/self/status'))?.[1] ?? 0) * 1024;
  const pages = statOf('self').rssPages;
  return bytes > 0 && pages > 0 ? 2 ** Math.round(Math.log2(bytes / pages)) : 4096;
};

/** Whose it is. To ask the kernel is twice as dear as all the rest, so what is settled is not asked again. */
const ownerOf = (pid: string, started: number, known: Acquaintance | undefined): Acquaintance => {
  const same = known?.started === started;
  if (same && known.settled) return known;
  const uid = Number(UID.exec(readNow(`/proc/${pid}/status`))?.[1] ?? -1);
  return { started, uid, settled: same && known.uid === uid, rest: 0 };
};

interface Looking {
  isWanted(uid: number): boolean;
  before: Acquaintances;
  now: Acquaintances;
  page: number;
}

/** undefined: it is none of those that are looked for, or it ended just now */
const takenBy = (pid: string, { isWanted, before, now, page }: Looking): Taken | undefined => {
  try {
    const known = before.get(pid);
    if (known !== undefined && known.rest > 0) {
      known.rest -= 1;
      now.set(pid, known);
      return undefined;
    }
    const { started, session, cpuTicks, rssPages } = statOf(pid);
    const owner = ownerOf(pid, started, known);
    now.set(pid, owner);
    if (!isWanted(owner.uid)) {
      if (owner.settled) owner.rest = STRANGER_LOOKS;
      return undefined;
    }
    const cpuNs = cpuTicks * NS_PER_TICK;
    return { pid: Number(pid), uid: owner.uid, session, cpuNs, memoryBytes: rssPages * page };
  } catch {
    return undefined;
  }
};

const lookAround = async (clock: Clock, looking: Looking): Promise<readonly Taken[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: Taken[] = [];
  for (let from = 0; from < pids.length; from += AT_ONCE) {
    if (from > 0) await clock.sleep(0);
    for (const pid of pids.slice(from, from + AT_ONCE)) {
      const one = takenBy(pid, looking);
      if (one) found.push(one);
    }
  }
  return found;
};

/**
 * Those processes of the machine that are a wanted user's, as they were at most a second ago; undefined where there is
 * no /proc.
 */
export const createProcessTable = (clock: Clock, isWanted: (uid: number) => boolean): ProcessTable => {
  let at = Number.NEGATIVE_INFINITY;
  let known: Promise<readonly Taken[] | undefined> = Promise.resolve(undefined);
  let before: Acquaintances = new Map();
  let page: number | undefined;

  const look = async (): Promise<readonly Taken[] | undefined> => {
    page ??= pageBytes();
    const looking: Looking = { isWanted, before, now: new Map(), page };
    const found = await lookAround(clock, looking);
    before = looking.now;
    return found;
  };

  return () => {
    if (process.platform !== 'linux' || clock.monotonic() - at < FRESH_MS) return known;
    at = clock.monotonic();
    known = look().catch(() => undefined);
    return known;
  };
};

/** Which processes are the container's: its user's, or those of the sessions it was started as. */
const ownProcesses = async (
  { record, processes }: ContainerContext,
  table: readonly Taken[],
): Promise<readonly Taken[]> => {
  if (record.uid >= 0) return table.filter(({ uid }) => uid === record.uid);
  const running = [...processes.values()].filter((one) => one.info().running);
  const known = await Promise.all(running.map((one) => one.identity()));
  const sessions = new Set(known.map((one) => one?.leader.pid));
  return table.filter(({ session }) => sessions.has(session));
};

/** Bytes that a process has for itself, and its part of what it shares; resident where the kernel does not say. */
const ownBytes = async ({ pid, memoryBytes }: Taken): Promise<number> => {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
  const kilobytes = PSS.exec(text)?.[1];
  return kilobytes === undefined ? memoryBytes : Number(kilobytes) * 1024;
};

const sumOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);

/**
 * Whether the container's processes have more memory than `limitBytes`. What they share is counted once, as a cgroup
 * would; that is dear to ask, and asked only when it may be too much otherwise.
 */
export const isOverMemory = async (container: ContainerContext, limitBytes: number): Promise<boolean> => {
  const own = await ownProcesses(container, (await container.cell.processTable()) ?? []);
  if (sumOf(own.map(({ memoryBytes }) => memoryBytes)) <= limitBytes) return false;
  return sumOf(await Promise.all(own.map(ownBytes))) > limitBytes;
};

export const usageOf = async (
  container: ContainerContext,
  disk: () => Promise<number | undefined>,
): Promise<ContainerUsage> => {
  const table = await container.cell.processTable();
  const diskBytes = await disk();
  const onDisk = diskBytes === undefined ? {} : { diskBytes };
  if (table === undefined) return onDisk;
  const own = await ownProcesses(container, table);
  return {
    ...onDisk,
    cpuNs: sumOf(own.map(({ cpuNs }) => cpuNs)),
    memoryBytes: sumOf(own.map(({ memoryBytes }) => memoryBytes)),
  };
};
