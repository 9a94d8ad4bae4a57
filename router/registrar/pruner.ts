import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import type { TableChange } from '../core/route-table.js';
import type { RegistryMetrics } from '../metrics.js';

export interface PrunerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  prune(): TableChange;
  readonly intervalMs: number;
  readonly metrics: Pick<RegistryMetrics, 'pruned'>;
}

/** Removes endpoints that nobody vouches for any more. */
export const createPruner = (options: PrunerOptions): Member => {
  const { clock, logger, intervalMs, metrics } = options;
  let cancel: Cancel | undefined;

  const prune = (): void => {
    const { removed } = options.prune();
    metrics.pruned(removed);
    if (removed > 0) logger.info('pruned-routes', { endpoints: removed });
  };

  return {
    name: 'router-pruner',
    start() {
      cancel = clock.every(intervalMs, prune);
    },
    stop() {
      cancel?.();
    },
  };
};
