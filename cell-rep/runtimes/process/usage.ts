/** What a container takes of the machine, from /proc; nothing of it is known elsewhere than on Linux. */
import { readFile, readdir } from 'node:fs/promises';
import type { Clock } from '../../../common/ports/clock.js';
import type { ContainerUsage } from '../../core/container-runtime.js';
import type { ContainerContext } from './context.js';

/** One process of the machine. */
interface Taken {
  uid: number;
  session: number;
  /** ns, with those of its children that have ended */
  cpuNs: number;
  memoryBytes: number;
}

/** of `utime` and its like in /proc; what Linux tells programs since 2.6 */
const TICKS_PER_SECOND = 100;
const NS_PER_TICK = 1e9 / TICKS_PER_SECOND;
/** ms that a look at all processes serves for: containers are asked one after the other */
const FRESH_MS = 1_000;
/** processes looked at at once: nothing else shall wait for its turn */
const AT_ONCE = 32;
const UID = /^Uid:\t(\d+)/m;
const RSS = /^VmRSS:\s+(\d+) kB/m;

const takenBy = async (pid: string): Promise<Taken | undefined> => {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    const text = await readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const ticks = fields.slice(11, 15).reduce((sum, one) => sum + one, 0);
    return {
      uid: Number(UID.exec(status)?.[1] ?? -1),
      session: fields[3] ?? -1,
      cpuNs: ticks * NS_PER_TICK,
      memoryBytes: Number(RSS.exec(status)?.[1] ?? 0) * 1024,
    };
  } catch {
    return undefined; // it ended just now
  }
};

const lookAround = async (): Promise<readonly Taken[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: Taken[] = [];
  for (let from = 0; from < pids.length; from += AT_ONCE) {
    const some = await Promise.all(pids.slice(from, from + AT_ONCE).map(takenBy));
    found.push(...some.filter((one) => one !== undefined));
  }
  return found;
};

/** All processes of the machine, as they were at most a second ago; undefined where there is no /proc. */
export const createProcessTable = (clock: Clock): (() => Promise<readonly Taken[] | undefined>) => {
  let at = Number.NEGATIVE_INFINITY;
  let known: Promise<readonly Taken[] | undefined> = Promise.resolve(undefined);
  return () => {
    if (process.platform !== 'linux' || clock.monotonic() - at < FRESH_MS) return known;
    at = clock.monotonic();
    known = lookAround().catch(() => undefined);
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
    cpuNs: own.reduce((sum, { cpuNs }) => sum + cpuNs, 0),
    memoryBytes: own.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
  };
};
