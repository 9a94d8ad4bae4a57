import type { CellPresence } from '../../common/model/cell.js';
import type { Cancel, Clock } from '../../common/ports/clock.js';
import type { Logger } from '../../common/ports/logger.js';
import { fromJson } from '../../common/wire/codec.js';
import type { BbsConfig } from '../config.js';
import type { Cells } from '../core/actual-lrps.js';
import { decided } from '../core/decision.js';
import type { LeaseRow } from '../core/decision.js';
import { isMassDisappearance } from '../core/presence.js';
import { endedLease } from '../core/leases.js';
import type { BbsStore } from '../store/schema.js';
import { CELL_PREFIX } from './hearing.js';
import type { Hearing } from './hearing.js';
import { values } from './rows.js';
import type { Transactions } from './transactions.js';

/** The presence in a lease's value; undefined when it is none. */
export const presenceOf = (value: string): CellPresence | undefined => {
  try {
    const parsed = fromJson('CellPresence', JSON.parse(value));
    return parsed.ok ? parsed.value : undefined;
  } catch {
    return undefined;
  }
};

export interface PresenceListener {
  /** the cell is there: `anew` when its lease has just begun, else heard for the first time since this BBS is active */
  appeared(cellId: string, anew: boolean): void;
  disappeared(cellIds: readonly string[]): void;
  /** tasks on these cells have failed */
  lost(cellIds: readonly string[]): void;
}

/** Leases as time passes. In doubt a cell is neither present nor gone (design §8.6). */
export interface Presence extends Cells {
  present(cellId: string): boolean;
  /** gone for so long, and not in a mass, that its tasks have failed */
  lost(cellId: string): boolean;
  knows(name: string): boolean;
  /** a holder has been heard; told while it is being decided */
  heard(name: string): void;
  /** … and its lease is durable. `was`: as before it was heard; free = nobody's */
  confirmed(name: string, was: { free: boolean; known: boolean }): void;
  /** a lease is being given up; told while it is being decided */
  releasing(name: string): void;
  /** … and that is durable */
  released(name: string): void;
  listen(listener: PresenceListener): void;
  start(): void;
  stop(): void;
}

export interface PresenceOptions {
  store: BbsStore;
  transactions: Transactions;
  hearing: Hearing;
  clock: Clock;
  logger: Logger;
  config: BbsConfig;
}

const leaseName = (cellId: string): string => CELL_PREFIX + cellId;
const isCell = (name: string): boolean => name.startsWith(CELL_PREFIX);
const cellOf = (name: string): string => name.slice(CELL_PREFIX.length);
const isHeld = (lease: LeaseRow | undefined): boolean => lease !== undefined && lease.owner !== '';

/** Cells whose lease ended while this BBS was active, and whether so many vanished together that it proves nothing. */
const createDepartures = ({
  clock,
  logger,
  config,
}: Pick<PresenceOptions, 'clock' | 'logger' | 'config'>) => {
  /** monotonic ms of the end */
  const endedAt = new Map<string, number>();
  const vanishedAt = new Map<string, number>();
  const doubtedUntil = new Map<string, number>();
  const ttl = config.presenceTtlMs;

  return {
    endedAt: (cellId: string) => endedAt.get(cellId),
    isDoubted: (cellId: string) => (doubtedUntil.get(cellId) ?? -Infinity) > clock.monotonic(),
    cells: () => endedAt.keys(),
    returned(cellId: string): void {
      for (const map of [endedAt, vanishedAt, doubtedUntil]) map.delete(cellId);
    },
    left: (cellId: string) => void endedAt.set(cellId, clock.monotonic()),
    /** `remaining` cells are still there */
    vanished(cellIds: readonly string[], remaining: number): void {
      const now = clock.monotonic();
      for (const cellId of cellIds) {
        endedAt.set(cellId, now);
        vanishedAt.set(cellId, now);
      }
      const recent = [...vanishedAt].filter(([, at]) => now - at <= ttl).map(([cellId]) => cellId);
      const total = recent.length + remaining;
      if (!isMassDisappearance(recent.length, total)) return;
      logger.error('presence.mass-disappearance', { cells: recent.length, total, within_ms: ttl });
      for (const cellId of recent) doubtedUntil.set(cellId, now + config.massVanishHoldMs);
    },
  };
};

type Departures = ReturnType<typeof createDepartures>;

/** What can be said of a cell now. */
const createKnowledge = (options: PresenceOptions, departures: Departures) => {
  const { store, hearing, clock, config } = options;
  const { leases } = store.committed;

  /** ms since the cell has been known to be gone */
  const goneFor = (cellId: string): number | undefined => {
    if (isHeld(leases.get(leaseName(cellId)))) return undefined;
    const at = departures.endedAt(cellId);
    if (at !== undefined) return clock.monotonic() - at;
    // never heard of while active: gone once it has had a TTL to say otherwise
    const listening = hearing.listening();
    const since = listening === undefined ? -1 : listening - config.presenceTtlMs;
    return since > 0 ? since : undefined;
  };

  return {
    gone: (cellId: string) => goneFor(cellId) !== undefined,
    present: (cellId: string) => isHeld(leases.get(leaseName(cellId))) && hearing.knows(leaseName(cellId)),
    lost: (cellId: string) =>
      (goneFor(cellId) ?? -1) >= config.presenceTtlMs && !departures.isDoubted(cellId),
    count(): number {
      let count = 0;
      for (const lease of values(leases)) if (isHeld(lease) && isCell(lease.name)) count += 1;
      return count;
    },
  };
};

/** Ends what has been silent for its TTL; resolves with the names. */
const createSweep = (options: PresenceOptions, departures: Departures, count: () => number) => {
  const { store, transactions, hearing } = options;
  const isOver = (lease: LeaseRow): boolean => isHeld(lease) && hearing.silence(lease.name) > lease.ttlMs;

  const end = (leases: readonly LeaseRow[]): void => {
    const cells = leases
      .map((lease) => lease.name)
      .filter(isCell)
      .map(cellOf);
    for (const { name } of leases) hearing.forget(name);
    if (cells.length > 0) departures.vanished(cells, count() - cells.length);
  };

  return async (): Promise<string[]> => {
    const over = [...values(store.committed.leases)].filter(isOver).map((lease) => lease.name);
    if (over.length === 0) return [];
    const ended: string[] = [];
    const result = await transactions.run('expire-leases', '', (tables) => {
      // looked at again on pending state: a renewal may be on its way
      const leases = over.flatMap((name) => tables.leases.get(name) ?? []).filter(isOver);
      ended.push(...leases.map((lease) => lease.name));
      end(leases);
      return decided(undefined, {
        changes: leases.map((lease) => ({ table: 'leases', put: endedLease(lease) })),
      });
    });
    // when the commit failed the leases are held as before, and the next look finds them again
    return result.ok ? ended : [];
  };
};

const createAnnouncements = ({ logger }: PresenceOptions, departures: Departures) => {
  const listeners: PresenceListener[] = [];
  /** gone cells whose tasks have been told to be lost */
  const told = new Set<string>();
  return {
    listen: (listener: PresenceListener) => void listeners.push(listener),
    appeared(cellId: string, anew: boolean): void {
      told.delete(cellId);
      logger.info('presence.cell-appeared', { cellId, anew });
      for (const listener of listeners) listener.appeared(cellId, anew);
    },
    disappeared(names: readonly string[]): void {
      const cells = names.filter(isCell).map(cellOf);
      if (cells.length === 0) return;
      for (const cellId of cells) logger.info('presence.cell-disappeared', { cellId });
      for (const listener of listeners) listener.disappeared(cells);
    },
    lost(isLost: (cellId: string) => boolean): void {
      const lost = [...departures.cells()].filter((cellId) => !told.has(cellId) && isLost(cellId));
      if (lost.length === 0) return;
      for (const cellId of lost) told.add(cellId);
      for (const listener of listeners) listener.lost(lost);
    },
  };
};

export const createPresence = (options: PresenceOptions): Presence => {
  const { store, hearing, clock, config } = options;
  const departures = createDepartures(options);
  const knowledge = createKnowledge(options, departures);
  const announcements = createAnnouncements(options, departures);
  const sweep = createSweep(options, departures, knowledge.count);
  let cancel: Cancel = () => undefined;
  let lastTick = 0;

  const tick = async (): Promise<void> => {
    const now = clock.monotonic();
    const gap = now - lastTick - config.leaseTickMs;
    lastTick = now;
    if (gap > 0) hearing.forgive(values(store.committed.leases), gap);
    announcements.disappeared(await sweep());
    announcements.lost(knowledge.lost);
  };

  return {
    gone: knowledge.gone,
    present: knowledge.present,
    lost: knowledge.lost,
    heard: hearing.heard,
    knows: hearing.knows,
    confirmed(name, was) {
      if (!isCell(name) || (was.known && !was.free)) return;
      departures.returned(cellOf(name));
      announcements.appeared(cellOf(name), was.free);
    },
    releasing(name) {
      hearing.forget(name);
      if (isCell(name)) departures.left(cellOf(name));
    },
    released: (name) => announcements.disappeared([name]),
    listen: announcements.listen,
    start() {
      hearing.start();
      lastTick = clock.monotonic();
      cancel = clock.every(config.leaseTickMs, tick);
    },
    stop() {
      cancel();
      hearing.stop();
    },
  };
};
