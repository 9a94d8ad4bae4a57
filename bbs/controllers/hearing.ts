import type { Bus } from '../../common/ports/bus.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { LeaseRow } from '../core/decision.js';

export const CELL_PREFIX = 'cell/';

/**
 * For how long the holders of leases could have been heard and were not, in monotonic ms. Time in which
 * the bus was down, before this BBS was active, or in which this process slept does not count.
 */
export interface Hearing {
  start(): void;
  stop(): void;
  heard(name: string): void;
  /** whether the holder has been heard since this BBS is active */
  knows(name: string): boolean;
  silence(name: string): number;
  /** how long cells could have been heard by now; undefined while they cannot */
  listening(): number | undefined;
  /** after a gap in this process's own time, the leases for which it is long begin anew */
  forgive(rows: Iterable<LeaseRow>, gapMs: number): void;
  forget(name: string): void;
}

export const createHearing = ({ clock, bus }: { clock: Clock; bus: Bus }): Hearing => {
  const known = new Set<string>();
  /** silence counts from here */
  const quietSince = new Map<string, number>();
  let activeSince = clock.monotonic();
  /** presences come over the bus; undefined while it is down */
  let connectedSince: number | undefined;
  let cancel: Cancel = () => undefined;

  const connection = (up: boolean): void => {
    connectedSince = up ? clock.monotonic() : undefined;
  };

  const audibleSince = (name: string): number | undefined =>
    name.startsWith(CELL_PREFIX) ? connectedSince : activeSince;

  return {
    start() {
      activeSince = clock.monotonic();
      connection(bus.connected());
      cancel = bus.onConnection(connection);
    },
    stop: () => cancel(),
    heard(name) {
      known.add(name);
      quietSince.set(name, clock.monotonic());
    },
    knows: (name) => known.has(name),
    silence(name) {
      const from = audibleSince(name);
      return from === undefined ? 0 : clock.monotonic() - Math.max(from, quietSince.get(name) ?? from);
    },
    listening: () => (connectedSince === undefined ? undefined : clock.monotonic() - connectedSince),
    forgive(rows, gapMs) {
      const now = clock.monotonic();
      for (const row of rows) if (row.owner !== '' && gapMs > row.ttlMs / 3) quietSince.set(row.name, now);
    },
    forget(name) {
      known.delete(name);
      quietSince.delete(name);
    },
  };
};
