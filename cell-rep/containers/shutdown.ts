import { within } from '../waiting/pause.js';
import type { Cell } from './cell.js';
import type { CellContext } from './context.js';

/** Stops every container in parallel, gracefully, and tells the BBS; gives up waiting after `timeoutMs`. */
export const stopContainers = async (options: {
  cell: Cell;
  context: CellContext;
  timeoutMs: number;
}): Promise<void> => {
  const { cell, context } = options;
  const all = cell.containers();
  context.logger.info('stopping-containers', { containers: all.length });
  const stopped = await within(
    context.clock,
    options.timeoutMs,
    Promise.all(all.map((one) => one.stop('shutdown'))),
  );
  if (stopped === undefined) {
    const left = cell.containers().map(({ identity }) => identity.guid);
    context.logger.error('failed-to-cleanup-all-containers', { left });
  }
};

/** Leaves every container running for the next start to adopt. */
export const leaveContainers = async (cell: Cell): Promise<void> => {
  await Promise.all(cell.containers().map((one) => one.detach()));
};
