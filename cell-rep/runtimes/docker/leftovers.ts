/** Containers of a data directory in an engine that no cell will adopt any more. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type Docker from 'dockerode';
import { unless } from './engine-error.js';
import { cellLabel, guidLabel } from './names.js';

const GONE = 404;

/** Without links, also of what is not there yet. */
const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
};

/** Several data directories may share an engine: by this, each finds its own, whatever links lead to it. */
export const prefixOf = (dataDir: string): string =>
  `outcry-${createHash('sha256')
    .update(realPath(resolve(dataDir)))
    .digest('hex')
    .slice(0, 12)}`;

/** Removes what belongs to cells other than those to keep; answers how many containers it was. */
export const removeOfCells = async (
  docker: Docker,
  prefix: string,
  keep: readonly string[],
): Promise<number> => {
  const filters = { label: [cellLabel(prefix)] };
  const isLeft = (labels: Record<string, string>): boolean => !keep.includes(labels[cellLabel(prefix)] ?? '');
  const [containers, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters: JSON.stringify(filters) as unknown as typeof filters }),
  ]);
  const left = containers.filter(({ Labels }) => isLeft(Labels));
  await Promise.all(
    left.map(({ Id }) => unless([GONE], docker.getContainer(Id).remove({ force: true, v: true }))),
  );
  const volumes = (Volumes ?? []).filter(({ Labels }) => isLeft(Labels ?? {}));
  await Promise.all(volumes.map(({ Name }) => unless([GONE], docker.getVolume(Name).remove())));
  const labels = [...left.map(({ Labels }) => Labels), ...volumes.map(({ Labels }) => Labels ?? {})];
  return new Set(labels.map((one) => one[guidLabel(prefix)])).size;
};
