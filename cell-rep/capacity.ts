import { existsSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';

const MB = 1024 * 1024;

/** MB that the machine keeps for itself */
const KEPT_MEMORY_MB = 1024;
const LEAST_DISK_MB = 1024;

export interface CellCapacity {
  memoryMb: number;
  diskMb: number;
}

/** The nearest directory that is there: one to be made lies on the same disk. */
const existing = (dir: string): string => (existsSync(dir) ? dir : existing(dirname(dir)));

/** What one of `cells` cells on this machine may give away: an equal part of its memory and of the free disk. */
export const capacityPerCell = (cells: number, dir: string): CellCapacity => {
  const memory = Math.max(KEPT_MEMORY_MB, totalmem() / MB - KEPT_MEMORY_MB);
  const { bavail, bsize } = statfsSync(existing(dir));
  return {
    memoryMb: Math.floor(memory / cells),
    diskMb: Math.max(LEAST_DISK_MB, Math.floor((bavail * bsize) / MB / cells)),
  };
};
