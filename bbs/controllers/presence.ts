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
  /** a holder has been heard */
  heard(name: string): void;
  /** … and its lease is durable; `wasFree` when it has just been taken, `wasKnown` as of before it was heard */
  confirmed(name: string, was: { free: boolean; known: boolean }): void;
  knows(name: string): boolean;
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

/** Cells whose lease ended while this BBS was active, and whether so many ended with it that it proves nothing. */
const createDepartures = ({
  clock,
  logger,
  config,
}: Pick<PresenceOptions, 'clock' | 'logger' | 'config'>) => {
  /** monotonic ms of the end */
  const endedAt = new Map<string, number>();
  const doubtedUntil = new Map<string, number>();
  const ttl = config.presenceTtlMs;

  return {
    endedAt: (cellId: string) => endedAt.get(cellId),
    isDoubted: (cellId: string) => (doubtedUntil.get(cellId) ?? -Infinity) > clock.monotonic(),
    cells: () => endedAt.keys(),
    returned(cellId: string): void {
      endedAt.delete(cellId);
      doubtedUntil.delete(cellId);
    },
    /** `left` cells are still there */
    ended(cellIds: readonly string[], left: number): void {
      const now = clock.monotonic();
      for (const cellId of cellIds) endedAt.set(cellId, now);
      const recent = [...endedAt].filter(([, at]) => now - at <= ttl).map(([cellId]) => cellId);
      if (!isMassDisappearance(recent.length, recent.length + left)) return;
      const total = recent.length + left;
      logger.error('presence.mass-disappearance', { cells: recent.length, total, within_ms: ttl });
      for (const cellId of recent) doubtedUntil.set(cellId, now + config.massVanishHoldMs);
    },
  };
};

export const createPresence = (options: PresenceOptions): Presence => {
  const { store, transactions, hearing, clock, logger, config } = options;
  const { committed } = store;
  const departures = createDepartures(options);
  const listeners: PresenceListener[] = [];
  /** gone cells whose tasks have been told to be lost */
  const told = new Set<string>();
  let cancel: Cancel = () => undefined;
  let lastTick = 0;

  const row = (cellId: string): LeaseRow | undefined => committed.leases.get(leaseName(cellId));
  const isHeld = (lease: LeaseRow | undefined): boolean => lease !== undefined && lease.owner !== '';

  /** ms since the cell has been known to be gone */
  const goneFor = (cellId: string): number | undefined => {
    if (isHeld(row(cellId))) return undefined;
    const at = departures.endedAt(cellId);
    if (at !== undefined) return clock.monotonic() - at;
    // never heard of while active: gone once it has had a TTL to say otherwise
    const listening = hearing.listening();
    const since = listening === undefined ? -1 : listening - config.presenceTtlMs;
    return since > 0 ? since : undefined;
  };

  const isLost = (cellId: string): boolean =>
    (goneFor(cellId) ?? -1) >= config.presenceTtlMs && !departures.isDoubted(cellId);

  const presentCells = (): number => {
    let count = 0;
    for (const lease of values(committed.leases)) if (isHeld(lease) && isCell(lease.name)) count += 1;
    return count;
  };

  const depart = (names: readonly string[]): void => {
    const cells = names.filter(isCell).map(cellOf);
    for (const name of names) hearing.forget(name);
    if (cells.length === 0) return;
    departures.ended(cells, presentCells());
    for (const cellId of cells) logger.info('presence.cell-disappeared', { cellId });
    for (const listener of listeners) listener.disappeared(cells);
  };

  const isOver = (lease: LeaseRow): boolean => isHeld(lease) && hearing.silence(lease.name) > lease.ttlMs;

  /** Ends what has been silent for its TTL. Decided again on pending state: a renewal may have come in between. */
  const sweep = async (): Promise<void> => {
    const over = [...values(committed.leases)].filter(isOver).map((lease) => lease.name);
    if (over.length === 0) return;
    const ended: string[] = [];
    const result = await transactions.run('expire-leases', '', (tables) => {
      const leases = over.flatMap((name) => tables.leases.get(name) ?? []).filter(isOver);
      ended.push(...leases.map((lease) => lease.name));
      return decided(undefined, {
        changes: leases.map((lease) => ({ table: 'leases', put: endedLease(lease) })),
      });
    });
    // on a failed commit the rows are what they were: the next look finds them again
    if (result.ok) depart(ended);
  };

  const tellLost = (): void => {
    const lost = [...departures.cells()].filter((cellId) => !told.has(cellId) && isLost(cellId));
    if (lost.length === 0) return;
    for (const cellId of lost) told.add(cellId);
    for (const listener of listeners) listener.lost(lost);
  };

  const tick = async (): Promise<void> => {
    const now = clock.monotonic();
    const gap = now - lastTick - config.leaseTickMs;
    lastTick = now;
    if (gap > 0) hearing.forgive(values(committed.leases), gap);
    await sweep();
    tellLost();
  };

  return {
    gone: (cellId) => goneFor(cellId) !== undefined,
    present: (cellId) => isHeld(row(cellId)) && hearing.knows(leaseName(cellId)),
    lost: isLost,
    heard: hearing.heard,
    knows: hearing.knows,
    confirmed(name, was) {
      if (!isCell(name) || (was.known && !was.free)) return;
      const cellId = cellOf(name);
      departures.returned(cellId);
      told.delete(cellId);
      logger.info('presence.cell-appeared', { cellId, anew: was.free });
      for (const listener of listeners) listener.appeared(cellId, was.free);
    },
    released: (name) => depart([name]),
    listen: (listener) => void listeners.push(listener),
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
