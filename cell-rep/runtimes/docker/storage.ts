/** What the engine's storage can do about disk limits. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type Docker from 'dockerode';
import { unless } from './engine-error.js';

export interface Storage {
  /** layers of containers are held to a size by the driver */
  layerQuota: boolean;
  /** that size is one of the image and the layer together */
  countsImage: boolean;
  /** so are volumes, which homes are */
  homeQuota: boolean;
  /** the engine's directory; '' = not known yet */
  root: string;
  /** it is on this machine, and ours to read: what is in volumes can be measured */
  readable: boolean;
}

export const UNKNOWN_STORAGE: Storage = {
  layerQuota: false,
  countsImage: false,
  homeQuota: false,
  root: '',
  readable: false,
};

/** Drivers that take a size whatever lies below them; overlay2 does where volumes do: on xfs with pquota. */
const SIZED_DRIVERS = ['btrfs', 'zfs'];
const GONE = 404;
const MEGABYTE = 1024 * 1024;

/** `more`: bytes beyond them */
export const sizeOption = (megabytes: number, more = 0): { size: string } => ({
  size: String(megabytes * MEGABYTE + more),
});

/** Found out by asking for a volume of a size: the engine refuses what it could not hold to it. */
const volumesHaveQuota = async (docker: Docker, probe: string): Promise<boolean> => {
  await unless([GONE], docker.getVolume(probe).remove());
  try {
    await docker.createVolume({ Name: probe, DriverOpts: sizeOption(1) });
  } catch {
    return false;
  }
  await unless([GONE], docker.getVolume(probe).remove());
  return true;
};

const isReadable = (dir: string): Promise<boolean> =>
  access(dir, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/** `probe`: name of a volume that is nobody's. */
export const learnStorage = async (
  docker: Docker,
  info: { Driver: string; DockerRootDir: string },
  probe: string,
): Promise<Storage> => {
  const homeQuota = await volumesHaveQuota(docker, probe);
  const { Driver: driver, DockerRootDir: root } = info;
  const layerQuota = SIZED_DRIVERS.includes(driver) || (driver === 'overlay2' && homeQuota);
  return { layerQuota, countsImage: driver === 'btrfs', homeQuota, root, readable: await isReadable(root) };
};

/** As the cell says it. */
export const diskLimitText = ({ layerQuota, homeQuota, root, readable }: Storage): string => {
  if (layerQuota && homeQuota) return 'quota: what is full takes no more';
  const polled = 'polled: what takes more is ended';
  const homes = readable ? polled : `not limited: ${root} cannot be read here`;
  const layers = layerQuota ? 'quota' : polled;
  return layers === homes ? polled : `layers: ${layers}; homes: ${homes}`;
};
