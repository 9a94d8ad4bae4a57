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

/** One auction per instance. */
export const lrpAuctions = (start: LrpStart): LrpAuction[] => {
  const { instances, ...request } = start;
  return instances.map(({ index, placementId }) => ({ kind: 'lrp', request, index, placementId }));
};

export const taskAuction = (request: TaskStart): TaskAuction => ({
  kind: 'task',
  request,
  placementId: request.placementId,
});

/** What the cell is sent. */
export const lrpWork = ({ request, index, placementId }: LrpAuction): LrpWork => ({
  ...request,
  index,
  placementId,
});

export const taskWork = ({ request }: TaskAuction): TaskWork => request;
