import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import type { Member } from '../../common/runtime/group.js';
import type { RouteTable } from '../core/route-table.js';
import type { RegistryMetrics } from '../metrics.js';

export interface PrunerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly table: RouteTable;
  readonly intervalMs: number;
  /** told of upstreams that no route uses any more */
  readonly onRetired: (keys: readonly string[]) => void;
  readonly metrics: Pick<RegistryMetrics, 'pruned'>;
}

/** Removes endpoints that nobody vouches for any more. */
export const createPruner = (options: PrunerOptions): Member => {
  const { clock, logger, table, intervalMs, onRetired, metrics } = options;
  let cancel: Cancel | undefined;

  const prune = (): void => {
    const { removed, retired } = table.prune(clock.monotonic());
    onRetired(retired);
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
