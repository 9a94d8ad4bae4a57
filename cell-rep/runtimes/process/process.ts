/** One process of a container: its directory, its supervisor, who follows it. */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../common/ports/clock.js';
import type { Logger } from '../../../common/ports/logger.js';
import type { ExitStatus, OutputReader, ProcessInfo, RunningProcess } from '../../core/container-runtime.js';
import { isAlive, killSession, signalGroup } from './identity.js';
import type { ProcessIdentity } from './identity.js';
import { createFollower } from './output.js';
import type { Follower } from './output.js';

/** How often output is looked for where nobody tells of it. */
const POLL_MS = 1_000;
/** … and where a watch does, which may miss some when very much happens at a time */
const SLOW_POLL_MS = 15_000;
const KILL_TRIES = 100;
const KILL_PAUSE_MS = 20;

/** what of a container was too much, so that its processes were killed */
export type Excess = 'memory' | 'disk';

const LOST: SupervisedExit = { code: 255, signal: 0, outOfMemory: false, lost: true, clean: false };

/** `clean`: the supervisor knows that no descendant of the process lives on */
export type SupervisedExit = ExitStatus & { clean: boolean };

export interface SupervisorIdentity {
  supervisor: number;
  /** the process itself, leader of its session and group */
  leader: ProcessIdentity;
}

export interface SupervisedProcess {
  readonly dir: string;
  readonly running: RunningProcess;
  readonly info: () => ProcessInfo;
  /** resolves with the exit status, however it came; whatever followers got */
  readonly ended: Promise<SupervisedExit>;
  /** the supervisor is no more: finds out how the process ended, unless it is told, and ends what is left of it */
  supervisorGone(exit?: string): Promise<void>;
  identity(): Promise<SupervisorIdentity | undefined>;
  /** its supervisor is known to be no more, and had not got to start anything */
  neverBegan(): Promise<boolean>;
  /** ends what runs without a supervisor */
  endSession(): Promise<void>;
  /** kills it, since its container takes too much; whoever asks how it ended, in a later life too, is told why */
  condemn(excess: Excess): Promise<void>;
  /** stops following, for good */
  close(): void;
}

interface State {
  condemned?: Excess;
  identity?: SupervisorIdentity;
  exit?: SupervisedExit;
}

const parseStarted = (line: string): SupervisorIdentity | undefined => {
  const [, supervisor, pid, startTime, bootId] = line.split(' ');
  if (bootId === undefined || startTime === undefined) return undefined;
  return { supervisor: Number(supervisor), leader: { pid: Number(pid), startTime, bootId } };
};

const parseExit = (text: string): SupervisedExit | undefined => {
  try {
    const { code, signal, lost, clean } = JSON.parse(text) as Partial<SupervisedExit>;
    if (typeof code !== 'number' || typeof signal !== 'number') return undefined;
    return { code, signal, outOfMemory: false, lost: lost === true, clean: clean === true };
  } catch {
    return undefined;
  }
};

const SIGKILL = 9;

const because = (exit: SupervisedExit, excess: Excess | undefined): SupervisedExit => {
  if (exit.signal !== SIGKILL || excess === undefined) return exit;
  return excess === 'memory' ? { ...exit, outOfMemory: true } : { ...exit, outOfDisk: true };
};

const parseCondemned = (line: string | undefined): Excess | undefined => {
  const word = line?.slice(CONDEMNED.length);
  return word === 'memory' || word === 'disk' ? word : undefined;
};

const CONDEMNED = 'condemned ';

const stateFile = (dir: string): string => join(dir, 'state');

export const readState = async (dir: string): Promise<State> => {
  const text = await readFile(stateFile(dir), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1); // what has no end yet is still being written
  const started = lines.find((line) => line.startsWith('started '));
  const ended = lines.find((line) => line.startsWith('ended '));
  const condemned = parseCondemned(lines.find((line) => line.startsWith(CONDEMNED)));
  const identity = started === undefined ? undefined : parseStarted(started);
  const exit = ended === undefined ? undefined : parseExit(ended.slice('ended '.length));
  return {
    ...(identity && { identity }),
    ...(exit && { exit: because(exit, condemned) }),
    ...(condemned && { condemned }),
  };
};

/** For the supervisor that could not do it itself; begins on a line of its own whatever was written before. */
const writeExit = (dir: string, exit: SupervisedExit): Promise<void> =>
  appendFile(stateFile(dir), `\nended ${JSON.stringify(exit)}\n`);

/** Ends what a vanished supervisor left; its kill may take a moment to be done. */
const endSession = async (leader: ProcessIdentity, clock: Clock): Promise<void> => {
  for (let tries = 0; tries < KILL_TRIES && (await killSession(leader)); tries += 1) {
    await clock.sleep(KILL_PAUSE_MS);
  }
};

interface Followers {
  add(from: string, reader: OutputReader): () => void;
  /** nothing will be written any more; resolves when each follower has been given all there is */
  drain(): Promise<void>;
  close(): void;
}

/** not its supervisor's notes; a platform that does not say what has changed is believed that it is output */
const isOutput = (name: string | null): boolean => name?.startsWith('out.') ?? true;

/** Tells of output in a directory, and now and then without any. */
const createWatch = (dir: string, clock: Clock, wake: () => void): { begin(): void; end(): void } => {
  let watcher: FSWatcher | undefined;
  let stopPoll: (() => void) | undefined;
  const poll = (): void => {
    stopPoll?.();
    stopPoll = clock.every(watcher ? SLOW_POLL_MS : POLL_MS, wake);
  };
  const endWatcher = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  return {
    begin() {
      if (stopPoll) return;
      try {
        watcher = watch(dir, { persistent: false }, (_, name) => isOutput(name) && wake());
        watcher.on('error', () => {
          endWatcher();
          if (stopPoll) poll();
        });
      } catch {
        // too many watches, say: the poll serves
      }
      poll();
    },
    end() {
      endWatcher();
      stopPoll?.();
      stopPoll = undefined;
    },
  };
};

const createFollowers = (dir: string, clock: Clock, logger: Logger): Followers => {
  const followers = new Set<Follower>();
  let over = false;
  const watching = createWatch(dir, clock, () => {
    for (const follower of followers) void follower.wake();
  });
  /** the last reading: its file can be closed afterwards */
  const last = (follower: Follower): Promise<void> => follower.wake().then(() => follower.stop());

  return {
    add(from, reader) {
      const onError = (error: unknown): void => logger.error('output-reading-failed', { dir, error });
      const follower = createFollower({ dir, from, reader, onError });
      followers.add(follower);
      if (!over) watching.begin();
      void (over ? last(follower) : follower.wake());
      return () => {
        follower.stop();
        followers.delete(follower);
        if (followers.size === 0) watching.end();
      };
    },
    async drain() {
      over = true;
      watching.end();
      await Promise.all([...followers].map(last));
    },
    close() {
      for (const follower of followers) follower.stop();
      followers.clear();
      watching.end();
    },
  };
};

export interface SupervisedProcessOptions {
  id: string;
  dir: string;
  clock: Clock;
  logger: Logger;
  /** known already, when the process ended in an earlier life */
  exit?: SupervisedExit;
}

const toStatus = ({ code, signal, outOfMemory, outOfDisk, lost }: SupervisedExit): ExitStatus => ({
  code,
  signal,
  outOfMemory,
  ...(outOfDisk && { outOfDisk }),
  lost,
});

export const createSupervisedProcess = (options: SupervisedProcessOptions): SupervisedProcess => {
  const { dir, clock, logger } = options;
  const followers = createFollowers(dir, clock, logger);
  let exit = options.exit;
  let known: SupervisorIdentity | undefined;
  let condemned = false;
  let finish: (status: SupervisedExit) => void = () => undefined;
  const ended = new Promise<SupervisedExit>((resolve) => (finish = resolve));
  if (exit) finish(exit);

  const identity = async (): Promise<SupervisorIdentity | undefined> =>
    (known ??= (await readState(dir)).identity);

  const endOwn = async (): Promise<void> => {
    const who = await identity();
    if (who) await endSession(who.leader, clock);
  };

  const settle = async (told: string): Promise<void> => {
    // why it was killed stands in its file
    let status = (condemned ? undefined : parseExit(told)) ?? (await readState(dir)).exit;
    if (!status) {
      logger.warn('supervisor-lost', { dir });
      await endOwn();
      status = LOST;
      await writeExit(dir, status).catch(() => undefined); // the container may be on its way out
    }
    exit = status;
    void followers.drain();
    finish(status);
  };
  let settling: Promise<void> | undefined;

  const running: RunningProcess = {
    id: options.id,
    // asked for anew each time: followers that came late are waited for as well
    get exited() {
      return ended.then(async (status) => {
        await followers.drain();
        return toStatus(status);
      });
    },
    follow: (from, reader) => followers.add(from, reader),
    async signal(signal) {
      if (exit) return;
      const who = await identity();
      if (who && (await isAlive(who.leader))) signalGroup(who.leader.pid, signal);
    },
  };

  const condemn = async (excess: Excess): Promise<void> => {
    if (exit || condemned) return;
    condemned = true;
    logger.warn('process-takes-too-much', { dir, excess });
    // begins on a line of its own, whatever its supervisor writes at the same time
    await appendFile(stateFile(dir), `\n${CONDEMNED}${excess}\n`).catch(() => undefined); // no room for it either
    await running.signal('SIGKILL');
  };

  return {
    dir,
    running,
    condemn,
    info: () => ({ id: running.id, running: !exit, ...(exit && { exit: toStatus(exit) }) }),
    ended,
    supervisorGone: (told = '') => (settling ??= exit ? Promise.resolve() : settle(told)),
    identity,
    async neverBegan() {
      if (settling === undefined) return false;
      await settling;
      return (await identity()) === undefined;
    },
    endSession: endOwn,
    close: () => followers.close(),
  };
};
