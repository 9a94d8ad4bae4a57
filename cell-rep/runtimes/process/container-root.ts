import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

export interface ContainerRootOptions {
  dataDir: string;
  cellId: string;
  /** containers get users of their own, who must be able to reach their homes */
  isRoot: boolean;
  /** where containers go when `dataDir` is closed to other users; default /var/lib/outcry */
  fallback?: string;
}

/** Own directories on the way: passable, not listable. */
const PASSABLE = 0o711;
const OTHERS_EXECUTE = 0o001;

/** Whether every user may go through a directory and all above it. */
export const isPassable = async (dir: string): Promise<boolean> => {
  for (let at = resolve(dir); ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (!found || (found.mode & OTHERS_EXECUTE) === 0) return false;
    if (at === dirname(at)) return true;
  }
};

const makePassable = async (base: string, ...parts: string[]): Promise<string> => {
  await mkdir(base, { recursive: true });
  let at = base;
  for (const part of parts) {
    at = join(at, part);
    await mkdir(at, { recursive: true });
    await chmod(at, PASSABLE);
  }
  return at;
};

const hashedName = (dataDir: string): string =>
  createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12);

/**
 * Where a cell keeps its containers; made when absent. As root a data directory that others cannot pass (a home of
 * mode 0700, say) is no place for them: then they live below /var/lib/outcry, under a name derived from it.
 */
export const chooseContainerRoot = async (options: ContainerRootOptions): Promise<string> => {
  const { dataDir, cellId, isRoot, fallback = '/var/lib/outcry' } = options;
  if (!isRoot || (await isPassable(dataDir))) return makePassable(dataDir, 'cells', cellId, 'containers');
  const parts = [basename(fallback), hashedName(dataDir), 'cells', cellId, 'containers'];
  return makePassable(dirname(fallback), ...parts);
};

/** Roots that hold something, by cell: of cells that are not to start any more, too. */
export const findContainerRoots = async (
  dataDir: string,
  fallback = '/var/lib/outcry',
): Promise<{ cellId: string; root: string }[]> => {
  const list = (dir: string): Promise<string[]> => readdir(dir).catch(() => []);
  const found: { cellId: string; root: string }[] = [];
  for (const base of [dataDir, join(fallback, hashedName(dataDir))]) {
    for (const cellId of await list(join(base, 'cells'))) {
      const root = join(base, 'cells', cellId, 'containers');
      if ((await list(root)).length > 0) found.push({ cellId, root });
    }
  }
  return found;
};

const HASHED = /^[0-9a-f]{12}$/;

/** Removes a container root and the directories above it that are ours, as far as they are empty. */
export const removeContainerRoot = async (root: string): Promise<void> => {
  const cells = dirname(dirname(root));
  const ours = [root, dirname(root), cells];
  if (HASHED.test(basename(dirname(cells)))) ours.push(dirname(cells));
  try {
    for (const dir of ours) await rmdir(dir);
  } catch {
    // not empty: something else is kept there
  }
};
