import type {
  ActualLrp,
  ActualLrpInstanceKey,
  ActualLrpKey,
  ActualLrpNetInfo,
  DesiredLrp,
} from '../../common/model/lrp.js';
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

/** What a row's key says of it besides its process. */
export const placeInKey = (key: string): { index: number; presence: string } => {
  const end = key.lastIndexOf('/');
  return { index: Number(key.slice(key.lastIndexOf('/', end - 1) + 1, end)), presence: key.slice(end + 1) };
};

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

/** The row without the instance it had. What else that one said of itself stays, as at Diego, until the next one runs. */
export const givenUp = (row: ActualLrp, ctx: Context): ActualLrp =>
  changed(row, { ...NO_INSTANCE, ...emptyNetInfo(), state: 'UNCLAIMED', since: ctx.now });
