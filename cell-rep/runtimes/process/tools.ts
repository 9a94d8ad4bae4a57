/**
 * The platform's own Node, for applications that need one. Where it was installed in a closed home (root's nvm, say)
 * containers' users cannot reach it: then they get a copy.
 */
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isPassable } from './container-root.js';

export const TOOLS = '/var/lib/outcry/tools';

const NPM = join('lib', 'node_modules', 'npm');
const COMMANDS = { npm: 'npm-cli.js', npx: 'npx-cli.js' };

const exists = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;

const copyTo = async (dir: string, node: string): Promise<void> => {
  await mkdir(join(dir, 'bin'), { recursive: true });
  await cp(node, join(dir, 'bin', 'node'));
  await chmod(join(dir, 'bin', 'node'), 0o755);
  const npm = join(dirname(dirname(node)), NPM);
  if (!(await exists(npm))) return;
  await cp(npm, join(dir, NPM), { recursive: true });
  for (const [name, script] of Object.entries(COMMANDS)) {
    await symlink(join('..', NPM, 'bin', script), join(dir, 'bin', name));
  }
};

/** All or nothing, and nobody in the way: several cells may want the same at once. */
const provide = async (dir: string, node: string): Promise<void> => {
  if (await exists(dir)) return;
  const making = await mkdtemp(`${dir}.`);
  try {
    await copyTo(making, node);
    await chmod(making, 0o755);
    await rename(making, dir);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    if (!(await exists(dir))) throw error;
  }
};

/**
 * The directory of `node` (and `npm`) as everybody can reach it.
 * @param node the program that runs the platform
 */
export const reachableNode = async (node: string, tools: string): Promise<string> => {
  const { mode, size, mtimeMs } = await stat(node);
  if ((mode & 0o005) === 0o005 && (await isPassable(dirname(node)))) return dirname(node);
  const name = createHash('sha256').update(`${node} ${size} ${mtimeMs}`).digest('hex').slice(0, 12);
  await mkdir(tools, { recursive: true });
  await chmod(tools, 0o755);
  await provide(join(tools, name), node);
  return join(tools, name, 'bin');
};
