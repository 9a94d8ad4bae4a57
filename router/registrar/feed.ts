import type { Clock } from '../../common/ports/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import type { RouteKey } from '../core/route-key.js';
import type { RouteTable, TableChange } from '../core/route-table.js';

/** What registrars and age do to the table, or to all tables where several processes serve. */
export interface TableFeed {
  register(endpoint: Endpoint, keys: readonly RouteKey[]): TableChange;
  /** `done` when no request can be written to it any more by these routes, in any process */
  unregister(address: string, keys: readonly RouteKey[], done: () => void): TableChange;
  prune(): TableChange;
  /** see `RouteTable` */
  suspend(): void;
  resume(): void;
}

export interface LocalFeedOptions {
  readonly clock: Clock;
  readonly table: RouteTable;
  /** told of upstreams that no route uses any more */
  readonly onRetired: (keys: readonly string[]) => void;
}

/** The table is this process's own. */
export const createLocalFeed = ({ clock, table, onRetired }: LocalFeedOptions): TableFeed => {
  const settle = (change: TableChange): TableChange => {
    onRetired(change.retired);
    return change;
  };
  return {
    register: (endpoint, keys) => settle(table.register(endpoint, keys, clock.monotonic())),
    unregister(address, keys, done) {
      const change = settle(table.unregister(address, keys, clock.monotonic()));
      done();
      return change;
    },
    prune: () => settle(table.prune(clock.monotonic())),
    suspend: table.suspend,
    resume: () => table.resume(clock.monotonic()),
  };
};
