/** Content that goes into a container and comes out of it, through a container that is never started. */
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import type { Container as EngineContainer } from 'dockerode';
import type { VolumeMountedFile } from '../../../common/model/action.js';
import { pipeToNewFile } from '../../../common/runtime/new-file.js';
import { readTarStream } from '../../archive/tar.js';
import { unpack } from '../../archive/unpack.js';
import { bindingPath } from '../../core/binding-files.js';
import type {
  CopyOutRequest,
  CopyOutResult,
  PlacedContent,
  PlaceResult,
  ReadFileResult,
} from '../../core/container-runtime.js';
import type { CellContext } from './context.js';
import { HOME } from './create-options.js';
import { reasonOf, statusOf } from './engine-error.js';
import { firstFile, packEntries, writeTar } from './tar.js';
import type { Owner, TarEntry } from './tar.js';

/** links followed on the way to a file */
const MOST_LINKS = 8;
const GO_DIRECTORY = 2 ** 31;
const GO_LINK = 2 ** 27;
/** of headers around a file */
const TAR_OVERHEAD = 16 * 1024;
const PASSWD_BYTES = 1024 * 1024;

const has = (mode: number, flag: number): boolean => Math.floor(mode / flag) % 2 === 1;

interface PathStat {
  size: number;
  /** as Go's FileMode */
  mode: number;
  linkTarget: string;
}

export const statOf = async (container: EngineContainer, path: string): Promise<PathStat> => {
  const answer = (await container.infoArchive({ path })) as IncomingMessage;
  answer.resume(); // nothing comes, but unread it would hold its connection for ever
  const text = String(answer.headers['x-docker-container-path-stat'] ?? '');
  return JSON.parse(Buffer.from(text, 'base64').toString()) as PathStat;
};

const fetchFile = async (
  container: EngineContainer,
  path: string,
  limitBytes: number,
): Promise<ReadFileResult> => {
  const pieces: Buffer[] = [];
  let total = 0;
  for await (const piece of await container.getArchive({ path })) {
    pieces.push(piece as Buffer);
    total += (piece as Buffer).length;
    if (total > limitBytes + TAR_OVERHEAD) return { ok: false, reason: 'too-large' };
  }
  const content = firstFile(Buffer.concat(pieces));
  if (content === undefined) return { ok: false, reason: 'unreadable' };
  return content.length > limitBytes ? { ok: false, reason: 'too-large' } : { ok: true, content };
};

interface RegularFile {
  path: string;
  size: number;
}

/** Where links lead in the end, resolved by the engine, within the container; undefined when that is no regular file. */
const followLinks = async (container: EngineContainer, path: string): Promise<RegularFile | undefined> => {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const stat = await statOf(container, at);
    if (has(stat.mode, GO_DIRECTORY)) return undefined;
    if (!has(stat.mode, GO_LINK)) return { path: at, size: stat.size };
    at = stat.linkTarget;
  }
  return undefined;
};

const readLinked = async (
  container: EngineContainer,
  path: string,
  limitBytes: number,
): Promise<ReadFileResult> => {
  const file = await followLinks(container, path);
  if (!file) return { ok: false, reason: 'unreadable' };
  if (file.size > limitBytes) return { ok: false, reason: 'too-large' };
  return fetchFile(container, file.path, limitBytes);
};

const saveFile = async (container: EngineContainer, path: string, to: string): Promise<boolean> => {
  for await (const entry of readTarStream(Readable.from(await container.getArchive({ path })))) {
    if (entry.kind !== 'file') return false;
    await pipeToNewFile([Readable.from(entry.content)], to);
    return true;
  }
  return false;
};

const copyLinked = async (
  container: EngineContainer,
  path: string,
  { to, limitBytes }: CopyOutRequest,
): Promise<CopyOutResult> => {
  const file = await followLinks(container, path);
  if (!file) return { ok: false, reason: 'unreadable' };
  if (file.size > limitBytes) return { ok: false, reason: 'too-large' };
  const saved = await saveFile(container, file.path, to);
  return saved ? { ok: true, bytes: (await stat(to)).size } : { ok: false, reason: 'unreadable' };
};

export const isBelowHome = (path: string): boolean => `${posix.resolve(HOME, path)}/`.startsWith(`${HOME}/`);

/** As the engine sees it, which is root within the container. A path that is not absolute is below the home. */
export const readFrom = async (
  container: EngineContainer,
  path: string,
  limitBytes: number,
): Promise<ReadFileResult> => {
  if (path.includes('\0') || (!posix.isAbsolute(path) && !isBelowHome(path))) {
    return { ok: false, reason: 'unreadable' };
  }
  try {
    return await readLinked(container, posix.resolve(HOME, path), limitBytes);
  } catch (error) {
    return { ok: false, reason: statusOf(error) === 404 ? 'absent' : 'unreadable' };
  }
};

/** As `readFrom`, into a file of this machine. */
export const copyOutOf = async (
  container: EngineContainer,
  request: CopyOutRequest,
): Promise<CopyOutResult> => {
  const { path } = request;
  if (path.includes('\0')) return { ok: false, reason: 'unreadable' };
  if (!posix.isAbsolute(path) && !isBelowHome(path)) return { ok: false, reason: 'outside' };
  try {
    return await copyLinked(container, posix.resolve(HOME, path), request);
  } catch (error) {
    await rm(request.to, { force: true });
    return { ok: false, reason: statusOf(error) === 404 ? 'absent' : 'unreadable' };
  }
};

const ROOT_OWNED = { mtime: 0, uid: 0, gid: 0 };

async function* fileEntries(dir: string, files: readonly VolumeMountedFile[]): AsyncGenerator<TarEntry> {
  const root = dir.slice(1);
  yield { kind: 'directory', name: root, mode: 0o755, ...ROOT_OWNED };
  for (const { path, content } of files) {
    const parts = (bindingPath(path) ?? '').split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const name = posix.join(root, ...parts.slice(0, depth));
      yield { kind: 'directory', name, mode: 0o755, ...ROOT_OWNED };
    }
    yield { kind: 'text', name: posix.join(root, ...parts), mode: 0o444, text: content, ...ROOT_OWNED };
  }
}

/** Files that everybody in the container may read, below a directory of ours there, whether it runs or not. */
export const placeFiles = async (
  container: EngineContainer,
  dir: string,
  files: readonly VolumeMountedFile[],
): Promise<void> => {
  const archive = Readable.from(packEntries(fileEntries(dir, files)), { objectMode: false });
  await container.putArchive(archive, { path: '/' });
};

/** The ids of a user, by the container's own list; '' is root. */
const ownerOf = async (container: EngineContainer, user: string): Promise<Owner | undefined> => {
  const [name = '', group] = user.split(':');
  if (name === '') return { uid: 0, gid: 0 };
  const list = await readFrom(container, '/etc/passwd', PASSWD_BYTES);
  const lines = list.ok ? list.content.toString().split('\n') : [];
  const found = lines
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name || fields[2] === name);
  if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  return /^\d+$/.test(name) ? { uid: Number(name), gid: Number(group ?? name) || 0 } : undefined;
};

const stage = async (cell: CellContext, content: PlacedContent, to: string): Promise<PlaceResult> => {
  if (content.unpack) return unpack({ file: content.file, to, limits: cell.archiveLimits });
  await copyFile(content.file, to);
  return { ok: true };
};

/** Unpacked here under our own rules, never by the engine's. */
export const placeInto = async (
  cell: CellContext,
  container: EngineContainer,
  content: PlacedContent,
): Promise<PlaceResult> => {
  if (content.to.includes('\0') || !isBelowHome(content.to)) {
    return { ok: false, reason: `${content.to} is outside of the container's home` };
  }
  const dir = await mkdtemp(join(tmpdir(), 'outcry-place-'));
  try {
    const tree = join(dir, 'tree');
    const staged = await stage(cell, content, tree);
    if (!staged.ok) return staged;
    const owner = await ownerOf(container, content.user);
    if (!owner) return { ok: false, reason: `the image has no user ${content.user}` };
    const name = posix.relative(HOME, posix.resolve(HOME, content.to)) || '.';
    const archive = Readable.from(writeTar(tree, name, owner), { objectMode: false });
    await container.putArchive(archive, { path: HOME, noOverwriteDirNonDir: '1' });
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
