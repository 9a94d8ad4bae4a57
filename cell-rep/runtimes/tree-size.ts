/** How much disk directories take, looked at now and then: a walk over a big tree is dear. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../common/ports/clock.js';

/** ms that a size counts as known */
const FRESH_MS = 60_000;
/** bytes of a block in `stat.blocks` */
const BLOCK = 512;

/** Blocks below a directory, links not followed; undefined when it cannot be read. Files that go meanwhile are none. */
const countBlocks = async (dir: string): Promise<number | undefined> => {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return undefined;
  let blocks = 0;
  // one after the other: nothing waits for the answer, and others need the disk
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) blocks += (await countBlocks(path)) ?? 0;
    else blocks += (await lstat(path).catch(() => undefined))?.blocks ?? 0;
  }
  return blocks;
};

/** Bytes of disk below a directory, as `countBlocks`. */
export const treeBytes = async (dir: string): Promise<number | undefined> => {
  const blocks = await countBlocks(dir);
  return blocks === undefined ? undefined : blocks * BLOCK;
};

/**
 * Answers at once with what is known, and looks again in the background when that is old; the first time it looks
 * before it answers. undefined: none of the directories can be read.
 */
export const createTreeMeter = (
  dirs: readonly string[],
  clock: Clock,
): (() => Promise<number | undefined>) => {
  let known: number | undefined;
  let at = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    at = clock.monotonic();
    const counts = (await Promise.all(dirs.map(countBlocks))).filter((count) => count !== undefined);
    known = counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0) * BLOCK;
    looking = undefined;
  };

  return async () => {
    const isFirst = at === Number.NEGATIVE_INFINITY;
    if (clock.monotonic() - at >= FRESH_MS) looking ??= look();
    if (isFirst) await looking;
    return known;
  };
};
