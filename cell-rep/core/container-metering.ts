import type { ContainerUsage } from './container-runtime.js';

/** One look at a container. */
export interface Look {
  /** ms, monotonic */
  at: number;
  /** s since the epoch */
  seconds: number;
  usage: ContainerUsage;
  /** of its own output that passed so far */
  logBytes: number;
}

/** What is kept of a container from one look to the next. */
export interface Meter {
  last: Look;
  /** ns of CPU in all looks; never less than before, though processes that end may take theirs with them */
  usedNs: number;
  spikeStart: number;
  spikeEnd: number;
  /** since the look before; absent at the first, and where a look knew nothing */
  cpuMilli?: number;
  logRate?: number;
}

const NS_PER_MS = 1e6;

/** A spike ends once it takes no more than its entitlement. */
const spikeOf = (before: Meter, cpuMilli: number | undefined, entitledMilli: number, seconds: number) => {
  const { spikeStart, spikeEnd } = before;
  const isOver = cpuMilli !== undefined && cpuMilli > entitledMilli;
  const isOpen = spikeStart > 0 && spikeEnd === 0;
  if (isOver && !isOpen) return { spikeStart: before.last.seconds, spikeEnd: 0 };
  return isOpen && !isOver ? { spikeStart, spikeEnd: seconds } : { spikeStart, spikeEnd };
};

/** Puts a look after those before. `entitledMilli`: the share of the cell's CPU that is the container's. */
export const advance = (before: Meter | undefined, look: Look, entitledMilli: number): Meter => {
  const { cpuNs } = look.usage;
  if (before === undefined) return { last: look, usedNs: cpuNs ?? 0, spikeStart: 0, spikeEnd: 0 };
  const ms = look.at - before.last.at;
  if (ms <= 0) return before;
  const earlier = before.last.usage.cpuNs;
  const knows = cpuNs !== undefined && earlier !== undefined;
  const tookNs = knows ? Math.max(0, cpuNs - earlier) : 0;
  const cpuMilli = knows ? Math.round((tookNs * 1000) / (ms * NS_PER_MS)) : undefined;
  return {
    last: look,
    usedNs: before.usedNs + tookNs,
    logRate: Math.round(((look.logBytes - before.last.logBytes) * 1000) / ms),
    ...(cpuMilli !== undefined && { cpuMilli }),
    ...spikeOf(before, cpuMilli, entitledMilli, look.seconds),
  };
};

/** milli-CPU: what was asked for, else the share of the cell that its memory is. */
export const entitlement = (
  asked: { cpuMilli: number; memoryMb: number },
  cell: { cpuMilli: number; memoryMb: number },
): number => {
  if (asked.cpuMilli > 0) return asked.cpuMilli;
  return cell.memoryMb === 0 ? 0 : (asked.memoryMb / cell.memoryMb) * cell.cpuMilli;
};
