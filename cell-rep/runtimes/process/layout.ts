/**
 * A container's directory. Only `home` and `tmp` belong to the container's user; the rest is the platform's.
 *
 *     <root>/<guid>/             0711
 *       container.json           0600  what it is; `destroyed.json` once it is being removed
 *       home/  tmp/              0700  the container's user
 *       bindings/            0750  files of service bindings, once a process has some; its user may read them
 *       credentials/         0750  certificate and key, where the cell makes any; its user may read them
 *       proc-<id>/               0700  of one process: state, out.0, out.1 (supervise.pl)
 *       stage-<n>/               0700  content on its way into home
 */
import { chmod, readFile, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerPort, ContainerSpec } from '../../core/container-runtime.js';
import type { Helper } from './helper.js';

const IN_PARALLEL = 16;

export interface ContainerRecord {
  spec: ContainerSpec;
  /** -1 = the platform's own account */
  uid: number;
  ports: ContainerPort[];
}

export interface Layout {
  dir: string;
  home: string;
  tmp: string;
  bindings: string;
  credentials: string;
  record: string;
  destroyed: string;
}

export const layoutOf = (root: string, guid: string): Layout => {
  const dir = join(root, guid);
  return {
    dir,
    home: join(dir, 'home'),
    tmp: join(dir, 'tmp'),
    bindings: join(dir, 'bindings'),
    credentials: join(dir, 'credentials'),
    record: join(dir, 'container.json'),
    destroyed: join(dir, 'destroyed.json'),
  };
};

type MakeResult = { ok: true } | { ok: false; exists: boolean; reason: string };

/** By the helper; nothing is left of one that failed. */
export const makeContainer = async (
  helper: Pick<Helper, 'request'>,
  layout: Layout,
  record: ContainerRecord,
): Promise<MakeResult> => {
  const attempt = () => helper.request('make', layout.dir, String(record.uid), JSON.stringify(record));
  let reply = await attempt();
  if (!reply.ok && reply.lost) {
    await removeTree(layout.dir);
    reply = await attempt();
  }
  if (reply.ok) return reply;
  const exists = reply.reason === 'exists';
  if (!exists) await removeTree(layout.dir);
  return { ok: false, exists, reason: reply.reason };
};

export type Found =
  | { kind: 'container'; record: ContainerRecord }
  /** half made or half removed; `uid` when it is known */
  | { kind: 'remains'; uid: number };

const parseRecord = async (path: string): Promise<ContainerRecord | undefined> => {
  try {
    const record = JSON.parse(await readFile(path, 'utf8')) as ContainerRecord;
    return typeof record.spec?.guid === 'string' && typeof record.uid === 'number' ? record : undefined;
  } catch {
    return undefined;
  }
};

export const readContainer = async (layout: Layout): Promise<Found> => {
  const record = await parseRecord(layout.record);
  if (record) return { kind: 'container', record };
  return { kind: 'remains', uid: (await parseRecord(layout.destroyed))?.uid ?? -1 };
};

const PROCESS = 'proc-';

export const processDir = (layout: Layout, id: string): string => join(layout.dir, PROCESS + id);

export const listProcessIds = async (layout: Layout): Promise<string[]> => {
  const names = await listDirectories(layout.dir);
  return names.filter((name) => name.startsWith(PROCESS)).map((name) => name.slice(PROCESS.length));
};

export const listDirectories = async (dir: string): Promise<string[]> => {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
};

const removeEntry = async (path: string, isDirectory: boolean): Promise<void> =>
  isDirectory ? removeTree(path) : unlink(path);

const empty = async (dir: string): Promise<void> => {
  const entries = await readdir(dir, { withFileTypes: true });
  for (let at = 0; at < entries.length; at += IN_PARALLEL) {
    const some = entries.slice(at, at + IN_PARALLEL);
    await Promise.all(some.map((entry) => removeEntry(join(dir, entry.name), entry.isDirectory())));
  }
};

const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/** Removes a tree, directories that their owner closed to himself too. Nobody may be writing into it any more. */
export const removeTree = async (dir: string): Promise<void> => {
  try {
    await empty(dir).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
      await chmod(dir, 0o700);
      await empty(dir);
    });
    await rmdir(dir);
  } catch (error) {
    if (!ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
};
