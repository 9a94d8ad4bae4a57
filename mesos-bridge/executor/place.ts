/**
 * Where an executor keeps what Mesos must not see. Its sandbox is shown by the agent to whoever may look at the agent;
 * credentials, and plans of containers with their variables, are therefore elsewhere.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutcryError } from '../../common/model/errors.js';
import { fileReason } from '../../common/model/file-reason.js';
import { writeWhole } from '../../common/runtime/whole-file.js';
import type { EnrolledDoor, Enrolment } from '../core/enrolment.js';

export interface ExecutorPlace {
  /** of all executors of this account on this machine */
  readonly base: string;
  /** of this one; mode 0700 */
  readonly dir: string;
  /** of its rep: notes, containers of the process runtime */
  readonly cellDir: string;
  /** notes on its tasks */
  readonly tasksDir: string;
  /** the cell's configuration; there once it has enrolled */
  readonly configFile: string;
}

const ROOT_BASE = '/var/lib/outcry/executors';

const baseOf = (dataDir: string | undefined, uid: number): string =>
  dataDir ?? (uid === 0 ? ROOT_BASE : join(tmpdir(), `outcry-executors-${uid}`));

export const placeIn = (base: string, name: string): ExecutorPlace => {
  const dir = join(base, name);
  return {
    base,
    dir,
    cellDir: join(dir, 'cell'),
    tasksDir: join(dir, 'tasks'),
    configFile: join(dir, 'cell.json'),
  };
};

/** Its place, whatever life of it asks. */
export const placeOf = (dataDir: string | undefined, executorId: string): ExecutorPlace => {
  const name = createHash('sha256').update(executorId).digest('hex').slice(0, 16);
  return placeIn(baseOf(dataDir, process.getuid?.() ?? 0), name);
};

/** Somebody else's directory under a name that can be guessed is refused. */
const makePrivate = async (path: string): Promise<void> => {
  const unsafe = (reason: string): OutcryError => new OutcryError('EXECUTOR_PLACE_UNSAFE', { path, reason });
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unsafe(fileReason(error));
  }
  const found = await lstat(path);
  if (!found.isDirectory()) throw unsafe('it is no directory');
  if (found.uid !== (process.getuid?.() ?? found.uid)) throw unsafe('it is of another account');
  if ((found.mode & 0o022) !== 0) throw unsafe('others may write there');
};

/** EXECUTOR_PLACE_UNSAFE when it cannot be this account's alone. */
export const makePlace = async ({ base, dir, cellDir, tasksDir }: ExecutorPlace): Promise<void> => {
  for (const path of [base, dir, cellDir, tasksDir]) await makePrivate(path);
};

export const removePlace = ({ dir }: ExecutorPlace): Promise<void> =>
  rm(dir, { recursive: true, force: true });

/** Places of others, whether they live or not. */
export const otherPlaces = async ({ base, dir }: ExecutorPlace): Promise<ExecutorPlace[]> => {
  const names = await readdir(base).catch(() => []);
  return names.map((name) => placeIn(base, name)).filter((place) => place.dir !== dir);
};

/** What the cell's configuration says of itself; the bridge says the rest. */
export interface OwnKeys {
  readonly cell_id: string;
  readonly address: string;
}

const doorKeys = async (dir: string, name: string, door: EnrolledDoor): Promise<object> => {
  if ('socket' in door) return { socket: door.socket };
  const file = (what: string): string => join(dir, `${name}.${what}`);
  await writeWhole(file('crt'), door.cert);
  await writeWhole(file('key'), door.key);
  await writeWhole(file('ca'), door.ca);
  return { url: door.url, tls: { cert: file('crt'), key: file('key'), ca: file('ca') } };
};

const writeNats = async (dir: string, { ca, ...access }: Enrolment['nats']): Promise<string> => {
  const path = join(dir, 'nats.json');
  if (ca !== undefined) await writeWhole(join(dir, 'nats.ca'), ca);
  await writeWhole(path, JSON.stringify({ ...access, ...(ca !== undefined && { ca: 'nats.ca' }) }));
  return path;
};

/** Writes what was handed over as the files that a cell's configuration names; the configuration last. */
export const keepEnrolment = async (
  { dir, cellDir, configFile }: ExecutorPlace,
  { nats, bbs, blobs, cell }: Enrolment,
  own: OwnKeys,
): Promise<void> => {
  const config = {
    on_stop: 'stop-containers',
    ...own,
    ...cell,
    component: 'cell',
    // whatever the bridge says: as this cell its work is found
    cell_id: own.cell_id,
    data_dir: cellDir,
    nats: await writeNats(dir, nats),
    bbs: await doorKeys(dir, 'bbs', bbs),
    ...(blobs && { blobs: await doorKeys(dir, 'blobs', blobs) }),
  };
  await writeWhole(configFile, JSON.stringify(config, null, 2));
};
