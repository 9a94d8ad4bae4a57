/** When a cell is heard, and when it takes work. */
import type { Cell } from '../containers/cell.js';
import type { PresenceStatus } from './presence.js';

/** What a cell is asked by its id, or as one of all cells. */
interface Hearing {
  start(): void;
  stop(): void;
}

/**
 * Only the cell that holds the presence is heard and answers: one that took another's id would answer in its place,
 * and take its instances for lost.
 */
export const createEar = (hearings: readonly Hearing[]) => {
  let opened = false;
  let allowed = false;
  let hears = false;
  const settle = (): void => {
    const should = opened && allowed;
    if (should === hears) return;
    hears = should;
    for (const hearing of hearings) {
      if (should) hearing.start();
      else hearing.stop();
    }
  };
  return {
    open(): void {
      opened = true;
      settle();
    },
    close(): void {
      opened = false;
      settle();
    },
    allow(yes: boolean): void {
      allowed = yes;
      settle();
    },
  };
};

/** Failures in a row after which the cell counts as kept out: one may be a BBS that is being started again. */
const FAILED_SYNCS = 2;

/**
 * When the cell takes work: it holds its id, and can claim what it is given. One that alone is kept out by the BBS, by
 * its certificate perhaps, while its presence is renewed over the bus, would otherwise take work, being empty, and do
 * none of it. (With the BBS away nobody gives work.)
 */
export const createGate = (cell: Cell) => {
  let status: PresenceStatus = 'unknown';
  let synced = false;
  let failures = 0;
  let stopping = false;
  const reason = (): string => {
    if (stopping) return 'cell is stopping';
    if (status !== 'held') return 'another cell has this id';
    const keptOut = failures >= (synced ? FAILED_SYNCS : 1);
    return keptOut ? 'the bulletin board does not answer this cell' : '';
  };
  const settle = (): void => cell.close(reason());
  return {
    presence(now: PresenceStatus): void {
      status = now;
      settle();
    },
    synced(yes: boolean): void {
      synced ||= yes;
      failures = yes ? 0 : failures + 1;
      settle();
    },
    stop(): void {
      stopping = true;
      settle();
    },
  };
};
