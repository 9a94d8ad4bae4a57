/**
 * User ids for containers, when the platform runs as root: one each, from a range. Cells claim blocks of them by files
 * in a directory of the machine, so that several cells, and several installations, never share one.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface UserRange {
  /** first user id (and group id) */
  base: number;
  count: number;
}

/**
 * Ids that nobody else gives out: above people's, daemons', the subordinate ids of user namespaces (100,000 to
 * 600,100,000 on Debian), systemd's containers (to 1,879,048,191) and the ids that SSSD makes of a directory's users
 * (200,000 to 2,000,200,000); below systemd's foreign ones (from 2,147,352,576). A container's end kills all of its
 * user's processes, so that a shared id would kill a stranger's.
 */
export const DEFAULT_USERS: UserRange = { base: 2_001_000_000, count: 100_000 };
export const USER_CLAIMS = '/var/lib/outcry/users';

export interface UserPool {
  /** finds what this cell claimed in an earlier life, and drops claims of cells that are no more; to be called first */
  open(): Promise<void>;
  take(): Promise<number | undefined>;
  /** marks a user as taken: a container of an earlier life has it */
  keep(uid: number): void;
  release(uid: number): void;
  /** a container has it now */
  isTaken(uid: number): boolean;
}

/** Claims are made for so many users at a time: containers are many and short-lived, claims are files. */
export const USERS_PER_CLAIM = 100;

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

const claim = async (path: string, owner: string): Promise<boolean> => {
  try {
    await writeFile(path, owner, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    await unlink(path).catch(() => undefined); // made, and then the disk was full
    throw error;
  }
};

export interface UserPoolOptions {
  range: UserRange;
  /** the cell's container root; its claims hold while it exists */
  root: string;
  /** where the machine's claims are kept: a file per block, named by its first user, holding the root */
  claims: string;
}

/**
 * One cell at a time looks and unlinks: between the two, another could have dropped the claim and a third made its own.
 * A cell that dies in between leaves its guard, and the block, unused.
 */
const dropIfStale = async (path: string): Promise<void> => {
  const isStale = async (): Promise<boolean> => {
    const owner = await readFile(path, 'utf8').catch(() => '');
    return owner !== '' && !existsSync(owner);
  };
  const guard = `${path}.dropping`;
  if (!(await isStale()) || !(await claim(guard, String(process.pid)))) return;
  try {
    if (await isStale()) await unlink(path);
  } finally {
    await unlink(guard);
  }
};

const readClaims = async ({ claims, root }: UserPoolOptions): Promise<number[]> => {
  await mkdir(claims, { recursive: true, mode: 0o700 });
  const own: number[] = [];
  for (const name of (await readdir(claims)).filter((one) => /^\d+$/.test(one))) {
    const path = join(claims, name);
    await dropIfStale(path).catch(() => undefined);
    if ((await readFile(path, 'utf8').catch(() => '')) === root) own.push(Number(name));
  }
  return own;
};

/** Claims the first free block from a place that differs from cell to cell. */
const claimBlock = async ({ range, root, claims }: UserPoolOptions): Promise<number | undefined> => {
  const blocks = Math.floor(range.count / USERS_PER_CLAIM);
  const start = createHash('sha256').update(root).digest().readUInt32BE(0);
  for (let i = 0; i < blocks; i += 1) {
    const first = range.base + ((start + i) % blocks) * USERS_PER_CLAIM;
    if (await claim(join(claims, String(first)), root)) return first;
  }
  return undefined;
};

export const createUserPool = (options: UserPoolOptions): UserPool => {
  const taken = new Set<number>();
  /** the longest unused first: a user's number rests as long as can be */
  const free = new Set<number>();
  let claiming: Promise<boolean> | undefined;

  const addBlock = (first: number): void => {
    for (let uid = first; uid < first + USERS_PER_CLAIM; uid += 1) if (!taken.has(uid)) free.add(uid);
  };
  const claimMore = async (): Promise<boolean> => {
    try {
      const first = await claimBlock(options);
      if (first !== undefined) addBlock(first);
      return first !== undefined;
    } finally {
      claiming = undefined;
    }
  };

  return {
    async open() {
      for (const first of await readClaims(options)) addBlock(first);
    },
    async take() {
      while (free.size === 0) if (!(await (claiming ??= claimMore()))) return undefined;
      const [uid] = free;
      if (uid === undefined) return undefined;
      free.delete(uid);
      taken.add(uid);
      return uid;
    },
    keep(uid) {
      taken.add(uid);
      free.delete(uid);
    },
    isTaken: (uid) => taken.has(uid),
    release(uid) {
      if (taken.delete(uid)) free.add(uid);
    },
  };
};
