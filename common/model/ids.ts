/** Ids that become bus subject tokens or Diego guids: letters, digits, `_` and `-`. */
const TOKEN = /^[A-Za-z0-9_-]+$/;

export const isToken = (text: string): boolean => TOKEN.test(text);

/** Identity of an actual LRP's slot within the auction: `process_guid.index`, as Diego prints it. */
export const slotId = (processGuid: string, index: number): string => `${processGuid}.${index}`;

/**
 * The idempotency key of one placement attempt (design §8.1): the same for every auctioneer that
 * handles the same request. LRPs: the slot and the modification tag of the UNCLAIMED row.
 */
export const lrpPlacementId = (
  slot: { processGuid: string; index: number },
  tag: ModificationTagLike,
): string => `${slotId(slot.processGuid, slot.index)}@${tag.epoch}.${tag.index}`;

/** Tasks: the guid and how often the task has been rejected. */
export const taskPlacementId = (taskGuid: string, rejectionCount: number): string =>
  `${taskGuid}@${rejectionCount}`;

interface ModificationTagLike {
  readonly epoch: string;
  readonly index: number;
}
