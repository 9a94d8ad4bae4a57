/** Volumes that are directories below one that the operator names: `ID` is `ROOT/ID`. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { MountResult, VolumeDriver, VolumeRequest } from '../core/volumes.js';

export interface DirectoryVolumes {
  /** absolute */
  root: string;
  /** whatever is asked for */
  readOnly: boolean;
}

/** One name: below a volume there may be links, made by applications. */
const ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/;

interface MountConfig {
  readonly?: unknown;
}

/** Of the work's `mount_config` one thing is known. */
const configOf = (text: string): { readOnly: boolean } | { problem: string } => {
  try {
    const { readonly = false, ...others } = JSON.parse(text || '{}') as MountConfig;
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) return { problem: `mount_config has ${unknown}, which is not known` };
    return typeof readonly === 'boolean'
      ? { readOnly: readonly }
      : { problem: 'mount_config.readonly is true or false' };
  } catch {
    return { problem: 'mount_config is no JSON object' };
  }
};

const isDirectory = async (path: string): Promise<boolean> => (await stat(path)).isDirectory();

export const createDirectoryVolumes = ({ root, readOnly }: DirectoryVolumes): VolumeDriver => {
  /** undefined: there is no such directory, or it is elsewhere */
  const find = async (id: string): Promise<string | undefined> => {
    try {
      const path = await realpath(join(root, id));
      const isBelow = dirname(path) === (await realpath(root));
      return isBelow && (await isDirectory(path)) ? path : undefined;
    } catch {
      return undefined;
    }
  };
  return {
    async mount(request: VolumeRequest): Promise<MountResult> {
      const { containerDir: target, driver, volumeId } = request;
      const config = configOf(request.mountConfig);
      if ('problem' in config) return { ok: false, reason: `${driver}: ${config.problem}` };
      const source = ID.test(volumeId) ? await find(volumeId) : undefined;
      if (source === undefined) return { ok: false, reason: `${driver}: there is no volume "${volumeId}"` };
      const mount = { source, target, readOnly: readOnly || request.readOnly || config.readOnly };
      return { ok: true, mount };
    },
  };
};

/** Of a configuration, by name. */
export const directoryVolumes = (
  volumes: Record<string, DirectoryVolumes>,
): ReadonlyMap<string, VolumeDriver> =>
  new Map(Object.entries(volumes).map(([name, one]) => [name, createDirectoryVolumes(one)]));
