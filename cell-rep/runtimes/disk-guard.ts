/**
 * Ends containers that take more disk than they may, where the storage does not stop them. A walk over a home is dear,
 * so one is looked at only when so much was written to their file system as would put it over its limit.
 */
import { statfs } from 'node:fs/promises';
import type { Cancel, Clock } from '../../common/ports/clock.js';

/** ms between looks at the file system */
const EVERY_MS = 2_000;
/** ms that what was measured last is told to whoever asks */
const FRESH_MS = 60_000;

export interface GuardedDisk {
  /** bytes that it takes, as of lately; undefined = nobody can say */
  bytes(): Promise<number | undefined>;
}

export interface MeasuredDisk {
  bytes: number;
  /** of them, what the storage does not hold to a size by itself */
  unheld: number;
}

export interface Guarded {
  /** bytes; 0 = it may take what there is */
  limit: number;
  /** now; undefined = cannot be measured */
  measure(): Promise<MeasuredDisk | undefined>;
  /** it takes more than its limit: told with every look that finds it so */
  onOver(): void;
}

interface Ward extends Guarded {
  known: MeasuredDisk | undefined;
  /** ms, monotonic */
  at: number;
  /** bytes written by anybody since it was looked at */
  grown: number;
  looking?: Promise<void>;
}

export interface DiskGuard {
  add(guid: string, guarded: Guarded): GuardedDisk;
  remove(guid: string): void;
  /** `root`: a directory of the file system that they are on */
  start(root: string): void;
  stop(): void;
}

/** Of the file system; undefined when it cannot be asked. */
const usedBytes = async (root: string): Promise<number | undefined> => {
  try {
    const { blocks, bfree, bsize } = await statfs(root);
    return (blocks - bfree) * bsize;
  } catch {
    return undefined;
  }
};

const look = (ward: Ward, clock: Clock): Promise<void> => {
  const measure = async (): Promise<void> => {
    Object.assign(ward, { at: clock.monotonic(), grown: 0 });
    ward.known = await ward.measure().catch(() => undefined);
    delete ward.looking;
    if (ward.limit > 0 && (ward.known?.unheld ?? 0) > ward.limit) ward.onOver();
  };
  ward.looking ??= measure();
  return ward.looking;
};

/** What was written since may have put it over its limit. */
const isDue = ({ limit, known, grown }: Ward): boolean =>
  limit > 0 && grown > 0 && (known?.unheld ?? 0) + grown > limit;

export const createDiskGuard = (clock: Clock): DiskGuard => {
  const wards = new Map<string, Ward>();
  let cancel: Cancel | undefined;
  let used: number | undefined;

  const round = async (root: string): Promise<void> => {
    const now = await usedBytes(root);
    // where it was not known, all may have been written meanwhile: everything is looked at
    const grown = Math.max(0, (now ?? 0) - (used ?? 0));
    used = now;
    for (const ward of wards.values()) ward.grown += grown;
    // one after the other: others need the disk
    for (const ward of wards.values()) if (isDue(ward)) await look(ward, clock);
  };

  return {
    add(guid, guarded) {
      const ward: Ward = { ...guarded, known: undefined, at: Number.NEGATIVE_INFINITY, grown: 0 };
      wards.set(guid, ward);
      return {
        async bytes() {
          const isFirst = ward.at === Number.NEGATIVE_INFINITY;
          const looking = clock.monotonic() - ward.at >= FRESH_MS ? look(ward, clock) : undefined;
          if (isFirst) await looking;
          return ward.known?.bytes;
        },
      };
    },
    remove: (guid) => void wards.delete(guid),
    start(root) {
      used = undefined;
      cancel = clock.every(EVERY_MS, () => round(root));
    },
    stop: () => cancel?.(),
  };
};
