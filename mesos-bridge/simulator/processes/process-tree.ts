/** Who belongs to a container, on a machine without control groups of its own: told from /proc. */
import { readFile, readdir, readlink } from 'node:fs/promises';

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** undefined: it has gone meanwhile, or is only waited for */
const readProcess = async (pid: number): Promise<Process | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  if (stat === undefined) return undefined;
  const end = stat.lastIndexOf(')');
  const [state, ...numbers] = stat.slice(end + 2).split(' ');
  const [parent = 0, group = 0, session = 0] = numbers.map(Number);
  if (state === 'Z') return undefined;
  return { pid, name: stat.slice(stat.indexOf('(') + 1, end), parent, group, session };
};

const readProcesses = async (): Promise<Process[]> => {
  const names = await readdir('/proc').catch(() => []);
  const found = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => readProcess(+name)),
  );
  return found.filter((one) => one !== undefined);
};

const worksBelow = async ({ pid }: Process, dir: string): Promise<boolean> => {
  const at = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  return at === dir || at.startsWith(`${dir}/`);
};

export interface Container {
  /** process, group and session */
  readonly top: number;
  /** `top` itself has ended and was waited for */
  readonly ended: boolean;
  readonly dir: string;
}

/**
 * Those that `top` started, that are of its group or session, or that work below `dir`: what has left group
 * and session of its own accord still works there.
 */
const membersOf = async ({ top, ended, dir }: Container): Promise<Process[]> => {
  const all = await readProcesses();
  const below = await Promise.all(all.map((one) => worksBelow(one, dir)));
  // its number is given away again only when neither group nor session of it is left
  const own = ended && all.some(({ pid }) => pid === top) ? undefined : top;
  const members = new Set(
    all.filter(
      ({ pid, group, session }, at) => [pid, group, session].includes(own ?? -1) || below[at] === true,
    ),
  );
  for (let before = -1; before !== members.size;) {
    before = members.size;
    const [pids, sessions] = [new Set<number>(), new Set<number>()];
    for (const { pid, session } of members) {
      pids.add(pid);
      if (pids.has(session)) sessions.add(session);
    }
    for (const one of all) if (pids.has(one.parent) || sessions.has(one.session)) members.add(one);
  }
  return [...members].filter(({ pid }) => pid !== process.pid);
};

/** No error: it has gone meanwhile. */
export const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // gone
  }
};

/** A process that starts others while it is being killed is met again in the next round. */
const ROUNDS = 20;

/** Kills what belongs to the container, until nothing is left of it. */
export const killTree = async (container: Container): Promise<void> => {
  if (!container.ended) send(-container.top, 'SIGKILL');
  for (let round = 0; round < ROUNDS; round += 1) {
    const members = await membersOf(container);
    if (members.length === 0) return;
    for (const { pid } of members) send(pid, 'SIGKILL');
  }
};

/** The sandbox that a process was started in, by its environment; undefined: it is none of an agent's, or not ours to ask */
const sandboxOf = async (pid: number): Promise<string | undefined> => {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return /(?:^|\0)MESOS_SANDBOX=([^\0]*)/.exec(environment)?.[1];
};

/** Kills executors that a killed simulator has left, by their sandboxes below `workDir`; answers how many processes those were. */
export const killLeftExecutors = async (workDir: string): Promise<number> => {
  const all = (await readProcesses()).filter(({ pid }) => pid !== process.pid);
  const sandboxes = await Promise.all(all.map(({ pid }) => sandboxOf(pid)));
  const left = all.flatMap(({ pid }, at) => {
    const dir = sandboxes[at];
    return dir?.startsWith(`${workDir}/`) === true ? [{ top: pid, ended: false, dir }] : [];
  });
  for (const container of left) await killTree(container);
  return left.length;
};

/** The executor below the shells that started it. */
export const findExecutor = async (top: number): Promise<number> => {
  const all = await readProcesses();
  let found = all.find(({ pid }) => pid === top);
  for (let next = found; next !== undefined;) {
    found = next;
    const parent: Process = next;
    next = parent.name === 'sh' ? all.find((one) => one.parent === parent.pid) : undefined;
  }
  return found?.pid ?? top;
};
