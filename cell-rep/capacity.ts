import { existsSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';

const MB = 1024 * 1024;

/** MB that the machine keeps for itself */
const KEPT_MEMORY_MB = 1024;
const LEAST_MB = 1024;

export interface CellCapacity {
  memoryMb: number;
  diskMb: number;
}

export interface CellShare {
  /** of how many equal parts of the machine this is one */
  cells: number;
  /** where the cell's data are */
  dir: string;
  /** containers are processes below this one, and share the limits of its cgroup: not those of an engine */
  inOwnCgroup: boolean;
}

/** Bytes: what the machine has, or what a cgroup leaves this process of it; 0 = there is no limit, or none is known. */
export const memoryOf = (machine: number, limit: number): number =>
  limit > 0 && limit < machine ? limit : machine;

/** MB of memory for one of `cells` cells, of so many bytes. */
export const memoryShare = (bytes: number, cells: number): number =>
  Math.floor(Math.max(LEAST_MB, bytes / MB - KEPT_MEMORY_MB) / cells);

/** The nearest directory that is there: one to be made lies on the same disk. */
const existing = (dir: string): string => (existsSync(dir) ? dir : existing(dirname(dir)));

/** What one of `cells` cells on this machine may give away: an equal part of its memory and of the free disk. */
export const capacityPerCell = ({ cells, dir, inOwnCgroup }: CellShare): CellCapacity => {
  const { bavail, bsize } = statfsSync(existing(dir));
  const memory = memoryOf(totalmem(), inOwnCgroup ? process.constrainedMemory() : 0);
  return {
    memoryMb: memoryShare(memory, cells),
    diskMb: Math.max(LEAST_MB, Math.floor((bavail * bsize) / MB / cells)),
  };
};
