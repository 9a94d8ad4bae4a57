import type { LrpStart, TaskStart } from './auction.js';
import { lrpPlacementId, taskPlacementId } from './ids.js';
import type { ActualLrp, DesiredLrp, VolumeMount } from './lrp.js';
import type { Task } from './task.js';

const volumeDrivers = (mounts: readonly VolumeMount[]): string[] => [
  ...new Set(mounts.map((mount) => mount.driver)),
];

const hostPorts = (ports: readonly number[]): Pick<LrpStart, 'hostPorts'> =>
  ports.length === 0 ? {} : { hostPorts: new Set(ports).size };

/** A request to auction these rows of one process. */
export const lrpStart = (desired: DesiredLrp, rows: readonly ActualLrp[]): LrpStart => ({
  processGuid: desired.processGuid,
  domain: desired.domain,
  instances: rows.map((row) => ({
    index: row.index,
    placementId: lrpPlacementId(row, row.modificationTag),
  })),
  rootfs: desired.rootfs,
  placementTags: desired.placementTags,
  volumeDrivers: volumeDrivers(desired.volumeMounts),
  memoryMb: desired.memoryMb,
  diskMb: desired.diskMb,
  maxPids: desired.maxPids,
  cpuMilli: desired.cpuMilli,
  ...hostPorts(desired.ports),
});

export const taskStart = (task: Task): TaskStart => ({
  taskGuid: task.taskGuid,
  domain: task.domain,
  placementId: taskPlacementId(task.taskGuid, task.rejectionCount),
  rootfs: task.rootfs,
  placementTags: task.placementTags,
  volumeDrivers: volumeDrivers(task.volumeMounts),
  memoryMb: task.memoryMb,
  diskMb: task.diskMb,
  maxPids: task.maxPids,
  cpuMilli: task.cpuMilli,
});
