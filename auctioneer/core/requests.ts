import type { AuctionRequest, LrpStart, TaskStart } from '../../common/model/auction.js';
import { isAmount } from './amounts.js';
import { type Auction, lrpAuctions, taskAuction } from './auction.js';

/** Largest index and number of instances in one request. */
export const MAX_INDICES = 100_000;

const amountProblem = (request: LrpStart | TaskStart): string | undefined => {
  for (const field of ['memoryMb', 'diskMb', 'maxPids', 'cpuMilli'] as const) {
    const amount = request[field];
    if (!isAmount(amount)) return `invalid ${field}: ${amount}`;
  }
  return request.rootfs === '' ? 'rootfs is empty' : undefined;
};

const lrpProblem = (start: LrpStart): string | undefined => {
  if (start.processGuid === '') return 'process guid is empty';
  if (start.domain === '') return 'domain is empty';
  if (start.instances.length === 0) return 'no indices';
  if (start.instances.length > MAX_INDICES) return `more than ${MAX_INDICES} indices`;
  const bad = start.instances.find(({ index }) => !isAmount(index));
  if (bad !== undefined) return `invalid index: ${bad.index}`;
  const isNameless = start.instances.some(({ placementId }) => placementId === '');
  return isNameless ? 'placement id is empty' : amountProblem(start);
};

const taskProblem = (start: TaskStart): string | undefined => {
  if (start.taskGuid === '') return 'task guid is empty';
  if (start.domain === '') return 'domain is empty';
  return start.placementId === '' ? 'placement id is empty' : amountProblem(start);
};

export interface Admitted {
  auctions: Auction[];
  dropped: { id: string; reason: string }[];
}

/** Checks item by item: a bad one does not sink the others. */
export const admit = (request: AuctionRequest): Admitted => {
  const admitted: Admitted = { auctions: [], dropped: [] };
  for (const start of request.lrps) {
    const reason = lrpProblem(start);
    if (reason === undefined) for (const auction of lrpAuctions(start)) admitted.auctions.push(auction);
    else admitted.dropped.push({ id: start.processGuid, reason });
  }
  for (const start of request.tasks) {
    const reason = taskProblem(start);
    if (reason === undefined) admitted.auctions.push(taskAuction(start));
    else admitted.dropped.push({ id: start.taskGuid, reason });
  }
  return admitted;
};
