/**
 * User ids for containers, when the platform runs as root: one each, from a range. A claim is a file in a directory
 * of the machine, so that several cells, and several installations, never share one.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { link, mkdir, readFile, readdir, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface UserRange {
  /** first user id (and group id) */
  base: number;
  count: number;
}

/** Above what Debian gives to people, daemons and systemd's dynamic users; below what user namespaces take. */
export const DEFAULT_USERS: UserRange = { base: 200_000, count: 100_000 };
export const USER_CLAIMS = '/var/lib/outcry/users';

export interface UserPool {
  /** @param owner the container's directory; it must exist while the claim holds */
  take(owner: string): Promise<number | undefined>;
  release(uid: number): Promise<void>;
  /** to be called first: removes claims whose container's directory is no more */
  sweep(): Promise<void>;
}

/** In a user namespace not every id exists: moves the range to where 10,000 of them do. */
export const fitUserRange = (range: UserRange, uidMap: string): UserRange => {
  const mapped = uidMap
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((fields) => fields.length === 3)
    .map(([inside = 0, , count = 0]) => ({ from: inside, to: inside + count }));
  if (mapped.length === 0) return range;
  if (mapped.some((part) => part.from <= range.base && part.to >= range.base + range.count)) return range;
  const widest = mapped.sort((a, b) => b.to - b.from - (a.to - a.from))[0];
  const base = Math.max(widest?.from ?? 0, 20_000);
  return { base, count: Math.max(0, Math.min(10_000, (widest?.to ?? 0) - base)) };
};

export const readUidMap = (): string =>
  existsSync('/proc/self/uid_map') ? readFileSync('/proc/self/uid_map', 'utf8') : '';

const isFree = async (path: string, owner: string): Promise<boolean> => {
  try {
    await writeFile(path, owner, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

export const createUserPool = (options: {
  range: UserRange;
  /** the cell's container root: cells begin at different places of the range */
  root: string;
  claims: string;
}): UserPool => {
  const { range, claims } = options;
  const pathOf = (uid: number): string => join(claims, String(uid));
  let next = createHash('sha256').update(options.root).digest().readUInt32BE(0) % Math.max(1, range.count);

  /** moves it aside first: another cell may be doing the same, and its new claim must not be lost */
  const dropIfStale = async (uid: number): Promise<void> => {
    const owner = await readFile(pathOf(uid), 'utf8');
    if (owner === '' || existsSync(owner)) return;
    const aside = `${pathOf(uid)}.${process.pid}.stale`;
    await rename(pathOf(uid), aside);
    if ((await readFile(aside, 'utf8')) !== owner) await link(aside, pathOf(uid));
    await unlink(aside);
  };

  return {
    async take(owner) {
      for (let left = range.count; left > 0; left -= 1) {
        const uid = range.base + next;
        next = (next + 1) % range.count;
        if (await isFree(pathOf(uid), owner)) return uid;
      }
      return undefined;
    },
    release: (uid) => unlink(pathOf(uid)).catch(() => undefined),
    async sweep() {
      await mkdir(claims, { recursive: true, mode: 0o700 });
      for (const name of await readdir(claims)) {
        if (/^\d+$/.test(name)) await dropIfStale(Number(name)).catch(() => undefined);
      }
    },
  };
};
