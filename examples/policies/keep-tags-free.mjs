// A policy for `outcry auction run` and for the auctioneer (`policy: {module: …}`): cells with optional tags, such as
// those with a GPU, are kept free for work that wants them. docs/auction.md tells what a policy is given.

/** A tag that this work has no use for costs more than anything below. */
const UNWANTED_TAG = 1_000_000;
/** Another instance of the same process on the cell: spread first, as Diego does. */
const INSTANCE = 1_000;
/** Containers that are starting compete for the machine: wait for none that can be avoided. */
const STARTING = 0.25;

/** The share of a resource in use when the work is there. */
const useAfter = (available, need, total) => 1 - (available - need) / total;

/**
 * The lowest score wins; ties fall to the lower cell index. Pure: the same answer for the same question. Asked only of
 * cells that match and have room.
 */
export const score = (cell, work) => {
  const unwanted = cell.optionalPlacementTags.filter((tag) => !work.placementTags.includes(tag));
  const use =
    (useAfter(cell.available.memoryMb, work.memoryMb, cell.total.memoryMb) +
      useAfter(cell.available.diskMb, work.diskMb, cell.total.diskMb) +
      useAfter(cell.available.containers, 1, cell.total.containers)) /
    3;
  const crowd = work.kind === 'lrp' ? cell.instances : cell.tasks;
  return unwanted.length * UNWANTED_TAG + crowd * INSTANCE + cell.starting * STARTING + use;
};
