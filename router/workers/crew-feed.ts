import type { Clock } from '../../common/ports/clock.js';
import type { RouteKey } from '../core/route-key.js';
import type { RouteTable } from '../core/route-table.js';
import type { TableFeed } from '../registrar/feed.js';
import type { Crew } from './crew.js';
import type { TableStep } from './messages.js';

export interface CrewFeedOptions {
  readonly clock: Clock;
  /** what all workers' tables are made from */
  readonly table: RouteTable;
  readonly crew: Pick<Crew, 'step' | 'settled'>;
  readonly refuseClaims: boolean;
}

/**
 * Ages and claims are looked after here, once; workers hear of changes alone, not of the registrations that only say
 * that all is as it was.
 */
export const createCrewFeed = ({ clock, table, crew, refuseClaims }: CrewFeedOptions): TableFeed => {
  let last = 0;
  const step = (one: TableStep): void => void (last = crew.step(one));

  return {
    register(endpoint, keys) {
      const change = table.register(endpoint, keys, clock.monotonic());
      const refused = new Set(refuseClaims ? change.claims.map(({ key }) => key.host + key.path) : []);
      const taken = keys.filter(({ host, path }) => !refused.has(host + path));
      if (change.added > 0) step({ do: 'register', endpoint, keys: taken });
      return change;
    },
    unregister(address, keys, done) {
      const change = table.unregister(address, keys, clock.monotonic());
      if (change.removed > 0) step({ do: 'unregister', address, keys });
      crew.settled(last, done);
      return change;
    },
    prune() {
      return table.prune(clock.monotonic(), (key, address) =>
        step({ do: 'unregister', address, keys: [key] }),
      );
    },
    suspend: table.suspend,
    resume: () => table.resume(clock.monotonic()),
  };
};

/** The whole table, for a worker that has nothing of it. */
export function* tableSteps(table: RouteTable): Generator<TableStep> {
  for (const { key, entries } of table.pools()) {
    for (const { endpoint } of entries) yield { do: 'register', endpoint, keys: [key] };
  }
}

/** What one worker found holds for all. */
export const evictEverywhere = (
  { clock, table, crew }: Omit<CrewFeedOptions, 'refuseClaims'>,
  key: RouteKey,
  address: string,
): void => {
  const entry = table.entry(key, address);
  if (!entry) return;
  table.evict(key, entry, clock.monotonic());
  crew.step({ do: 'evict', address, keys: [key] });
};
