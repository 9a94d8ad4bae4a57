import { lrpPlacementId, taskPlacementId } from '../../common/model/ids.js';
import type { LrpStart, TaskStart } from '../../common/model/auction.js';
import type {
  ActualLrp,
  ActualLrpInstanceKey,
  ActualLrpKey,
  ActualLrpNetInfo,
  DesiredLrp,
  VolumeMount,
} from '../../common/model/lrp.js';
import type { Task } from '../../common/model/task.js';
import type { Context } from './decision.js';

/** All rows of one index of one process, and what is desired of the process. */
export interface Slot {
  desired: DesiredLrp | undefined;
  ordinary: ActualLrp | undefined;
  suspect: ActualLrp | undefined;
  evacuating: ActualLrp | undefined;
}

/** The table's key: at most one row of each presence per slot follows from it. */
export const actualLrpRowKey = (row: Pick<ActualLrp, 'processGuid' | 'index' | 'presence'>): string =>
  `${row.processGuid}/${row.index}/${row.presence}`;

export const emptyNetInfo = (): ActualLrpNetInfo => ({
  address: '',
  ports: [],
  instanceAddress: '',
  preferredAddress: 'UNKNOWN',
  instanceIpv6Address: '',
});

const NO_INSTANCE: ActualLrpInstanceKey = { instanceGuid: '', cellId: '' };

export const keyOf = ({ processGuid, index, domain }: ActualLrpKey): ActualLrpKey => ({
  processGuid,
  index,
  domain,
});

export const hasInstance = (row: ActualLrpInstanceKey): boolean =>
  row.instanceGuid !== '' || row.cellId !== '';

export const sameInstance = (a: ActualLrpInstanceKey, b: ActualLrpInstanceKey): boolean =>
  a.instanceGuid === b.instanceGuid && a.cellId === b.cellId;

export const isPlaced = (row: ActualLrp): boolean => row.state === 'CLAIMED' || row.state === 'RUNNING';

/** Written out in full, since this is made by the hundred thousand. */
export const newUnclaimed = ({ processGuid, index, domain }: ActualLrpKey, ctx: Context): ActualLrp => ({
  processGuid,
  index,
  domain,
  instanceGuid: '',
  cellId: '',
  address: '',
  ports: [],
  instanceAddress: '',
  preferredAddress: 'UNKNOWN',
  instanceIpv6Address: '',
  crashCount: 0,
  crashReason: '',
  state: 'UNCLAIMED',
  placementError: '',
  since: ctx.now,
  modificationTag: { epoch: ctx.newGuid(), index: 0 },
  presence: 'ORDINARY',
  internalRoutes: [],
  metricTags: {},
  routable: false,
  availabilityZone: '',
});

/** The row with `patch` and the next modification tag. `since` moves only when the patch says so. */
export const changed = (row: ActualLrp, patch: Partial<ActualLrp>): ActualLrp => ({
  ...row,
  ...patch,
  modificationTag: { epoch: row.modificationTag.epoch, index: row.modificationTag.index + 1 },
});

/** The row without the instance it had. */
export const givenUp = (row: ActualLrp, ctx: Context): ActualLrp =>
  changed(row, {
    ...NO_INSTANCE,
    ...emptyNetInfo(),
    state: 'UNCLAIMED',
    since: ctx.now,
    internalRoutes: [],
    metricTags: {},
    routable: false,
    availabilityZone: '',
  });

const volumeDrivers = (mounts: readonly VolumeMount[]): string[] => [
  ...new Set(mounts.map((mount) => mount.driver)),
];

/** A request to auction these UNCLAIMED rows of one process. */
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
