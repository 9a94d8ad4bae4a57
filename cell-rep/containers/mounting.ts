import type { BindMount, VolumeDriver, VolumeRequest } from '../core/volumes.js';

export type MountsResult = { ok: true; mounts: BindMount[] } | { ok: false; reason: string };

/** Asks each volume's driver where it is. */
export const mountVolumes = async (
  drivers: ReadonlyMap<string, VolumeDriver>,
  requests: readonly VolumeRequest[],
): Promise<MountsResult> => {
  const mounts: BindMount[] = [];
  for (const request of requests) {
    const driver = drivers.get(request.driver);
    if (driver === undefined)
      return { ok: false, reason: `this cell has no volume driver ${request.driver}` };
    const mounted = await driver.mount(request);
    if (!mounted.ok) return mounted;
    mounts.push(mounted.mount);
  }
  return { ok: true, mounts };
};
