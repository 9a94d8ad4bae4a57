/** What really runs on a cell, whatever the platform says of it: the machine's processes, and every start of one. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { createFileNotes } from '../../cell-rep/containers/file-notes.js';
import { chooseContainerRoot } from '../../cell-rep/runtimes/process/container-root.js';
import { silentLogger } from '../../common/adapters/capture-logger.js';
import type { EnvironmentVariable } from '../../common/model/action.js';

/** One process of a container that lives: pid and the kernel's start time of it. */
export interface Alive {
  pid: number;
  startTime: string;
}

export interface Witness {
  /** in the command line of every program that is watched: `sh -c SCRIPT MARK STEP GUID`, GUID '' for instances */
  readonly mark: string;
  /** of every program that is watched */
  readonly env: EnvironmentVariable[];
  /** how often each `GUID STEP` was started */
  starts(): ReadonlyMap<string, number>;
  /** by `GUID STEP` */
  alive(): Map<string, Alive>;
  /** where the runtime and the rep keep something of a container, by its guid */
  kept(): Promise<Map<string, string>>;
  close(): void;
}

export interface WitnessOptions {
  mark: string;
  /** the rep's */
  dataDir: string;
  cellId: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Of `/proc/PID/stat`: the parent, and when it started. */
const statOf = (pid: number): { parent: number; startTime: string } => {
  const fields = read(`/proc/${pid}/stat`).split(') ').pop()?.split(' ') ?? [];
  return { parent: Number(fields[1] ?? 0), startTime: fields[19] ?? '' };
};

const wordsOf = (pid: number): string[] => read(`/proc/${pid}/cmdline`).split('\0');

const instanceGuidOf = (pid: number): string =>
  /(?:^|\0)INSTANCE_GUID=([^\0]*)/.exec(read(`/proc/${pid}/environ`))?.[1] ?? '';

/** Containers' processes are this machine's, whichever runtime made them. */
const aliveWith = (mark: string): Map<string, Alive> => {
  const found = new Map<string, Alive>();
  const isMarked = (pid: number): boolean => wordsOf(pid)[3] === mark;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !isMarked(pid)) continue;
    const { parent, startTime } = statOf(pid);
    // a shell that is about to become another program
    if (startTime === '' || isMarked(parent)) continue;
    const [, , , , step = '', guid = ''] = wordsOf(pid);
    found.set(`${guid || instanceGuidOf(pid)} ${step}`, { pid, startTime });
  }
  return found;
};

/** Whether the process has said what SIGUSR1 is to do. */
export const catchesUsr1 = ({ pid }: Alive): boolean =>
  (BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '0'}`) & 0x200n) !== 0n;

const notedIn = async (dataDir: string): Promise<string[]> => {
  const notes = await createFileNotes(join(dataDir, 'containers'), silentLogger).load();
  return notes.map(({ guid }) => guid);
};

const keptIn = (places: Record<string, readonly string[]>): Map<string, string> => {
  const kept = new Map<string, string>();
  for (const [place, guids] of Object.entries(places))
    for (const guid of guids.filter((one) => one !== ''))
      kept.set(guid, kept.has(guid) ? `${kept.get(guid)}, ${place}` : place);
  return kept;
};

/** Programs write a file per start into a directory that is open to every user. */
export const watchProcesses = async ({ mark, dataDir, cellId }: WitnessOptions): Promise<Witness> => {
  const dir = mkdtempSync(join(tmpdir(), 'outcry-witness-'));
  await chmod(dir, 0o1777);
  const isRoot = process.getuid?.() === 0;
  const root = await chooseContainerRoot({ dataDir, cellId, isRoot });
  return {
    mark,
    env: [{ name: 'WITNESS', value: dir }],
    starts() {
      const counts = new Map<string, number>();
      for (const name of readdirSync(dir)) {
        const [guid = '', step = ''] = name.split('.');
        counts.set(`${guid} ${step}`, (counts.get(`${guid} ${step}`) ?? 0) + 1);
      }
      return counts;
    },
    alive: () => aliveWith(mark),
    kept: async () => keptIn({ directory: readdirSync(root), notes: await notedIn(dataDir) }),
    close: () => rmSync(dir, { recursive: true }),
  };
};

/** The value of the label whose name ends so: the beginning is the cell's. */
const labelled = (labels: Record<string, string> | undefined, end: string): string =>
  Object.entries(labels ?? {}).find(([name]) => name.endsWith(end))?.[1] ?? '';

interface EngineEvent {
  Actor: { Attributes: Record<string, string> };
}

/** The engine tells of every start. */
export const watchEngine = async (
  client: Docker,
  { mark, dataDir }: Pick<WitnessOptions, 'mark' | 'dataDir'>,
): Promise<Witness> => {
  const counts = new Map<string, number>();
  const events = await client.getEvents({ filters: { type: ['container'], event: ['start'] } });
  let rest = '';
  events.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((one) => one !== '')) {
      const labels = (JSON.parse(line) as EngineEvent).Actor.Attributes;
      // what has a container's network may be made anew
      if (labelled(labels, '.role') !== 'process') continue;
      const key = `${labelled(labels, '.guid')} ${labelled(labels, '.process')}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  });
  return {
    mark,
    env: [],
    starts: () => counts,
    alive: () => aliveWith(mark),
    async kept() {
      const [containers, { Volumes }] = await Promise.all([
        client.listContainers({ all: true }),
        client.listVolumes(),
      ]);
      const guids = (all: { Labels: Record<string, string> }[]): string[] =>
        all.map(({ Labels }) => labelled(Labels, '.guid'));
      return keptIn({ container: guids(containers), volume: guids(Volumes), notes: await notedIn(dataDir) });
    },
    close: () => (events as unknown as { destroy(): void }).destroy(),
  };
};
