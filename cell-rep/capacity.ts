import { existsSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { Logger } from '../common/ports/logger.js';
import type { CellRepConfig } from './config.js';
import type { ContainerRuntime } from './core/container-runtime.js';

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

/** The configuration of a cell that promises no more containers than its runtime can have. */
export const withinRuntime = async (
  config: CellRepConfig,
  runtime: Pick<ContainerRuntime, 'mostContainers'>,
  logger: Logger,
): Promise<CellRepConfig> => {
  const most = await runtime.mostContainers?.();
  const { total } = config;
  if (most === undefined || most >= total.containers) return config;
  logger.warn('fewer-containers-than-configured', { configured: total.containers, containers: most });
  return { ...config, total: { ...total, containers: most } };
};
