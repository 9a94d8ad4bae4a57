/** How much disk directories take. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

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
