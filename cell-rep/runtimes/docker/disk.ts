/** What a container takes of the engine's disk: its home, and what its processes wrote elsewhere. */
import type Docker from 'dockerode';
import { treeBytes } from '../tree-size.js';
import type { GuardedDisk, MeasuredDisk } from '../disk-guard.js';
import { reasonOf } from './engine-error.js';
import type { Parts } from './parts.js';
import type { Storage } from './storage.js';

interface DiskParts {
  docker: Docker;
  storage: Storage;
  /** of the home */
  volume: string;
  /** of its processes, also of those that have ended */
  engineIds: readonly string[];
}

const homeBytes = async ({ docker, storage, volume }: DiskParts): Promise<number | undefined> => {
  if (!storage.readable) return undefined;
  return treeBytes((await docker.getVolume(volume).inspect()).Mountpoint);
};

interface Inspected {
  GraphDriver: { Name: string; Data?: { UpperDir?: string } | null };
  SizeRw?: number;
}

/** Counted here where it can be: the engine takes the length of sparse files for what they take. */
const layerBytes = async ({ docker, storage }: DiskParts, id: string): Promise<number | undefined> => {
  const container = docker.getContainer(id);
  const { GraphDriver } = (await container.inspect()) as Inspected;
  const dir = storage.readable ? GraphDriver.Data?.UpperDir : undefined;
  const counted = dir === undefined ? undefined : await treeBytes(dir);
  if (counted !== undefined) return counted;
  const sized = (await container.inspect({ size: true } as object)) as unknown as Inspected;
  return sized.SizeRw;
};

/** undefined when nothing of it can be measured. */
const measureDisk = async (parts: DiskParts): Promise<MeasuredDisk | undefined> => {
  const unknown = (): undefined => undefined;
  const home = await homeBytes(parts).catch(unknown);
  const layers: (number | undefined)[] = [];
  for (const id of parts.engineIds) layers.push(await layerBytes(parts, id).catch(unknown));
  const known = layers.filter((one) => one !== undefined);
  if (home === undefined && known.length === 0) return undefined;
  const written = known.reduce((sum, one) => sum + one, 0);
  const { homeQuota, layerQuota } = parts.storage;
  return {
    bytes: (home ?? 0) + written,
    unheld: (homeQuota ? 0 : (home ?? 0)) + (layerQuota ? 0 : written),
  };
};

const MEGABYTE = 1024 * 1024;

/** Measured now and then, and killed when it takes more than it may. */
export const guardDisk = (parts: Parts): GuardedDisk => {
  const { cell, record, processes } = parts;
  const { docker, disks, logger, names } = cell;
  const { guid, limits } = record.spec;
  return disks.add(guid, {
    limit: limits.diskMb * MEGABYTE,
    measure: () =>
      measureDisk({
        docker,
        storage: cell.storage(),
        volume: names.volume(guid),
        engineIds: [...processes.values()].map(({ engineId }) => engineId),
      }),
    onOver() {
      parts.overDisk = true;
      logger.warn('container-out-of-disk', { guid, limitMb: limits.diskMb });
      for (const one of processes.values()) {
        one.kill().catch((error: unknown) => logger.warn('kill-failed', { guid, reason: reasonOf(error) }));
      }
    },
  });
};
