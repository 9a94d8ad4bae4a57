import { statfsSync } from 'node:fs';
import { totalmem } from 'node:os';

const MB = 1024 * 1024;

/** MB that the machine keeps for itself */
const KEPT_MEMORY_MB = 1024;

export interface CellCapacity {
  memoryMb: number;
  diskMb: number;
  containers: number;
}

/** What one of `cells` cells on this machine may give away: an equal part of its memory and of the free disk. */
export const capacityPerCell = (cells: number, dir: string): CellCapacity => {
  const memory = Math.max(KEPT_MEMORY_MB, totalmem() / MB - KEPT_MEMORY_MB);
  const { bavail, bsize } = statfsSync(dir);
  return {
    memoryMb: Math.floor(memory / cells),
    diskMb: Math.max(1024, Math.floor((bavail * bsize) / MB / cells)),
    containers: 250,
  };
};
