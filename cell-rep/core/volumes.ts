import type { VolumeMount } from '../../common/model/lrp.js';

/** What an application wants to find at a place in its container. */
export interface VolumeRequest {
  driver: string;
  /** absolute */
  containerDir: string;
  readOnly: boolean;
  volumeId: string;
  /** the driver's own: JSON */
  mountConfig: string;
}

/** A directory of the cell's machine, as a container finds it. */
export interface BindMount {
  source: string;
  target: string;
  readOnly: boolean;
}

export type MountResult = { ok: true; mount: BindMount } | { ok: false; reason: string };

/** Port: what knows volumes. The operator names them; adapters in `../volumes/`. */
export interface VolumeDriver {
  mount(request: VolumeRequest): Promise<MountResult>;
}

export type VolumeRequests = { ok: true; requests: VolumeRequest[] } | { ok: false; reason: string };

/** places that are the kernel's */
const KERNEL = /^\/(proc|sys|dev)(\/|$)/;

const isPlace = (dir: string): boolean =>
  /^(\/[^/\0]+)+$/.test(dir) && !/\/\.{1,2}(\/|$)/.test(dir) && !KERNEL.test(dir);

const problem = ({ containerDir, dedicated, driver, mode, shared }: VolumeMount): string => {
  if (dedicated !== undefined || shared === undefined) return `${driver}: only shared volumes are known here`;
  if (mode !== 'r' && mode !== 'rw') return `${driver}: bad mode "${mode}"`;
  return isPlace(containerDir) ? '' : `${driver}: nothing is mounted at "${containerDir}"`;
};

const toRequest = ({ containerDir, driver, mode, shared }: VolumeMount): VolumeRequest => ({
  driver,
  containerDir,
  readOnly: mode === 'r',
  volumeId: shared?.volumeId ?? '',
  mountConfig: shared?.mountConfig ?? '',
});

export const volumeRequests = (mounts: readonly VolumeMount[]): VolumeRequests => {
  const reason = mounts.map(problem).find((one) => one !== '');
  if (reason !== undefined) return { ok: false, reason };
  const places = new Set(mounts.map(({ containerDir }) => containerDir));
  if (places.size < mounts.length) return { ok: false, reason: 'two volumes have the same container_dir' };
  return { ok: true, requests: mounts.map(toRequest) };
};
