/** Content that goes into a container and comes out of it. */
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  realpath,
  rename,
  rmdir,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { VolumeMountedFile } from '../../../common/model/action.js';
import { unpack } from '../../archive/unpack.js';
import { bindingPath } from '../../core/binding-files.js';
import type {
  CopyOutRequest,
  CopyOutResult,
  PlacedContent,
  PlaceResult,
  ReadFileResult,
} from '../../core/container-runtime.js';
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

const COPY_REASONS = new Set(['absent', 'too-large', 'outside']);

/** What `readFrom` reads, as long as it lies, wherever links lead, below home or tmp: the rest is the machine's. */
export const copyOutOf = async (
  { cell, layout, record }: ContainerContext,
  { path, to, limitBytes }: CopyOutRequest,
): Promise<CopyOutResult> => {
  if (path.includes('\0')) return { ok: false, reason: 'unreadable' };
  const target = isAbsolute(path) ? path : inside(layout.home, path);
  if (target === undefined) return { ok: false, reason: 'outside' };
  await writeFile(to, '', { flag: 'wx', mode: 0o600 });
  const user = String(record.uid);
  const roots = await Promise.all([layout.home, layout.tmp].map((dir) => realpath(dir)));
  const fields = [user, user, target, String(limitBytes), resolve(to), ...roots];
  const reply = await cell.helper.request('copy', ...fields);
  if (reply.ok) return { ok: true, bytes: Number(reply.rest.toString()) };
  await unlink(to).catch(() => undefined);
  const known = COPY_REASONS.has(reply.reason);
  return { ok: false, reason: known ? (reply.reason as 'absent' | 'too-large' | 'outside') : 'unreadable' };
};

/** Ours, so that nobody can put a link in our way; their user's group may read them. */
export const writeFiles = async (
  { record }: ContainerContext,
  dir: string,
  files: readonly VolumeMountedFile[],
): Promise<void> => {
  await mkdir(dir, { recursive: true });
  if (record.uid >= 0) await chown(dir, -1, record.uid);
  await chmod(dir, 0o750);
  for (const { path, content } of files) {
    const name = bindingPath(path);
    if (name === undefined) throw new Error(`bad path: ${JSON.stringify(path)}`);
    await writeOne(dir, name.split('/'), content);
  }
};

/** Modes are set, since those of making are cut by the umask. */
const writeOne = async (root: string, parts: string[], content: string): Promise<void> => {
  for (let depth = 1; depth < parts.length; depth += 1) {
    const dir = join(root, ...parts.slice(0, depth));
    await mkdir(dir, { recursive: true });
    await chmod(dir, 0o755);
  }
  const file = join(root, ...parts);
  // another process may be reading the older one
  await writeFile(`${file}.new`, content);
  await chmod(`${file}.new`, 0o444);
  await rename(`${file}.new`, file);
};
