/** Content that goes into a container and comes out of it. */
import { chmod, chown, copyFile, mkdtemp, rmdir } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { unpack } from '../../archive/unpack.js';
import type { PlacedContent, PlaceResult, ReadFileResult } from '../../core/container-runtime.js';
import type { ContainerContext } from './context.js';
import { removeTree } from './layout.js';

const inside = (home: string, path: string): string | undefined => {
  const target = resolve(home, path);
  const below = relative(home, target);
  return below.startsWith('..') || isAbsolute(below) ? undefined : target;
};

const stage = async (
  { cell, record }: ContainerContext,
  content: PlacedContent,
  dir: string,
): Promise<PlaceResult> => {
  const tree = join(dir, 'tree');
  if (content.unpack) {
    const owner = record.uid >= 0 ? { uid: record.uid, gid: record.uid } : {};
    return unpack({ file: content.file, to: tree, limits: cell.archiveLimits, ...owner });
  }
  await copyFile(content.file, tree);
  await chmod(tree, 0o644);
  if (record.uid >= 0) await chown(tree, record.uid, record.uid);
  return { ok: true };
};

/** Written where the container's user cannot reach, then moved into its home with no more than that user's rights. */
export const placeInto = async (
  container: ContainerContext,
  content: PlacedContent,
): Promise<PlaceResult> => {
  const { cell, layout, record } = container;
  const user = String(record.uid);
  const target = inside(layout.home, content.to);
  if (target === undefined) return { ok: false, reason: `${content.to} is outside of the container's home` };
  try {
    const dir = await mkdtemp(join(layout.dir, 'stage-'));
    const staged = await stage(container, content, dir);
    if (!staged.ok) {
      await removeTree(dir);
      return staged;
    }
    // moving out of a directory takes the right to write to it. From here on its user may change what is in it:
    // no removing of trees by us any more, what a failed move leaves stays until destroy
    if (record.uid >= 0) await chown(dir, record.uid, record.uid);
    const moved = await cell.helper.request('merge', user, user, join(dir, 'tree'), target);
    await rmdir(dir).catch(() => undefined);
    return moved.ok ? { ok: true } : { ok: false, reason: moved.reason };
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
};

/** Read with no more than the container's user's rights. A path that is not absolute is below its home. */
export const readFrom = async (
  { cell, layout, record }: ContainerContext,
  path: string,
  limitBytes: number,
): Promise<ReadFileResult> => {
  const user = String(record.uid);
  if (path.includes('\0')) return { ok: false, reason: 'unreadable' };
  const target = isAbsolute(path) ? path : inside(layout.home, path);
  if (target === undefined) return { ok: false, reason: 'unreadable' };
  const reply = await cell.helper.request('read', user, user, target, String(limitBytes));
  if (reply.ok) return { ok: true, content: Buffer.from(reply.rest) };
  const known = reply.reason === 'absent' || reply.reason === 'too-large';
  return { ok: false, reason: known ? (reply.reason as 'absent' | 'too-large') : 'unreadable' };
};
