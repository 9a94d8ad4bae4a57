import type { Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { within } from '../waiting/pause.js';
import type { Cell } from './cell.js';
import type { ManagedContainer } from './managed.js';

/** Leaves what is here running for the next start to adopt. */
export const leaveContainers = async (cell: Pick<Cell, 'containers'>): Promise<void> => {
  await Promise.all(cell.containers().map((one) => one.detach()));
};

/**
 * Ends every container in parallel, gracefully, and tells the BBS. What is not settled after `timeoutMs` is let go,
 * so that nothing goes on behind a rep that has stopped: the next start ends it, and tells what is untold.
 */
export const endContainers = async (options: {
  cell: Pick<Cell, 'containers'>;
  clock: Clock;
  logger: Logger;
  timeoutMs: number;
  end(container: ManagedContainer): Promise<void>;
}): Promise<void> => {
  const { cell, clock, logger, timeoutMs, end } = options;
  const all = cell.containers();
  logger.info('stopping-containers', { containers: all.length });
  if ((await within(clock, timeoutMs, Promise.all(all.map(end)))) !== undefined) return;
  const left = cell.containers().map(({ identity }) => identity.guid);
  logger.error('failed-to-cleanup-all-containers', { left });
  await leaveContainers(cell);
};
