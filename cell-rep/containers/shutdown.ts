import { within } from '../waiting/pause.js';
import type { Cell } from './cell.js';
import type { CellContext } from './context.js';

/** Leaves what is here running for the next start to adopt. */
export const leaveContainers = async (cell: Cell): Promise<void> => {
  await Promise.all(cell.containers().map((one) => one.detach()));
};

/**
 * Stops every container in parallel, gracefully, and tells the BBS. What is not settled after `timeoutMs` is let go,
 * so that nothing goes on behind a rep that has stopped: the next start ends it, and tells what is untold.
 */
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
  if (stopped !== undefined) return;
  const left = cell.containers().map(({ identity }) => identity.guid);
  context.logger.error('failed-to-cleanup-all-containers', { left });
  await leaveContainers(cell);
};
