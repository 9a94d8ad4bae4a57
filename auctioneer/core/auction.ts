import type { LrpStart, LrpWork, TaskStart, TaskWork } from '../../common/model/auction.js';

/** One instance or one task looking for a cell. LRPs and tasks share one code path. */
export type Auction = LrpAuction | TaskAuction;

/** What all instances of one request have in common: they share this object, so that a million of them fit in memory. */
export type LrpRequest = Omit<LrpStart, 'instances'>;

export interface LrpAuction {
  readonly kind: 'lrp';
  readonly request: LrpRequest;
  readonly index: number;
  readonly placementId: string;
}

export interface TaskAuction {
  readonly kind: 'task';
  readonly request: TaskStart;
  readonly placementId: string;
}

/** The process guid or the task guid. */
export const guidOf = ({
  kind,
  request,
}: Pick<LrpAuction, 'kind' | 'request'> | Pick<TaskAuction, 'kind' | 'request'>): string =>
  kind === 'lrp' ? request.processGuid : request.taskGuid;

/** `process_guid.index` or the task guid. */
export const auctionId = (auction: Auction): string =>
  auction.kind === 'lrp' ? `${guidOf(auction)}.${auction.index}` : guidOf(auction);

const requestOf = (start: LrpStart): LrpRequest => ({
  processGuid: start.processGuid,
  domain: start.domain,
  memoryMb: start.memoryMb,
  diskMb: start.diskMb,
  maxPids: start.maxPids,
  cpuMilli: start.cpuMilli,
  rootfs: start.rootfs,
  placementTags: start.placementTags,
  volumeDrivers: start.volumeDrivers,
  ...(start.hostPorts !== undefined && { hostPorts: start.hostPorts }),
});

/** One auction per instance. */
export const lrpAuctions = (start: LrpStart): LrpAuction[] => {
  const request = requestOf(start);
  return start.instances.map(({ index, placementId }) => ({ kind: 'lrp', request, index, placementId }));
};

export const taskAuction = (request: TaskStart): TaskAuction => ({
  kind: 'task',
  request,
  placementId: request.placementId,
});

/** The auctions of all that is asked, those of one request in a row. */
export const auctionsOf = (lrps: readonly LrpStart[], tasks: readonly TaskStart[]): Auction[] => {
  const auctions: Auction[] = [];
  for (const start of lrps) for (const auction of lrpAuctions(start)) auctions.push(auction);
  for (const task of tasks) auctions.push(taskAuction(task));
  return auctions;
};

/** What the cell is sent. */
export const lrpWork = ({ request, index, placementId }: LrpAuction): LrpWork => ({
  index,
  placementId,
  // last: before others it takes many times as long
  ...request,
});

export const taskWork = ({ request }: TaskAuction): TaskWork => request;
