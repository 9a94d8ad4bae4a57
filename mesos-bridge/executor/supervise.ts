/**
 * The process that Mesos knows as the executor. It does nothing but keep the one that does the work: a killed executor's
 * tasks would be lost and its containers nobody's, as Mesos starts no executor twice.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSystemClock } from '../../common/adapters/system-clock.js';
import { OutcryError } from '../../common/model/errors.js';
import type { Clock } from '../../common/ports/clock.js';
import { acquireDataLock, dataLockError } from '../../common/store/data-lock.js';
import type { DataLock } from '../../common/store/data-lock.js';
import { readEnvironment, DATA_DIR } from './environment.js';
import type { Variables } from './environment.js';
import { makePlace, placeOf } from './place.js';

export interface SuperviseOptions {
  variables: Variables;
  /** starts this program once more, as the executor */
  script: string;
  args: readonly string[];
  note(text: string): void;
}

/** What the worker says once it takes work: until then its end is for good. */
export const READY = 'ready';

/** After so many ends in a row, each sooner than `SOUND_MS`, it is no accident. */
const MOST_STARTS = 5;
const SOUND_MS = 60_000;
const FIRST_WAIT_MS = 200;
/** attempts on the lock, which who looks after dead executors may have for a moment */
const LOCK_ATTEMPTS = 20;
const LOCK_WAIT_MS = 200;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** it had taken work */
  readonly wasReady: boolean;
}

/** One life of the worker. */
const runOnce = (
  { script, args, variables }: SuperviseOptions,
  onStart: (child: ChildProcess) => void,
): Promise<End> =>
  new Promise((resolve, reject) => {
    const child = fork(script, args, {
      env: { ...variables },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let wasReady = false;
    child.on('message', (message) => (wasReady ||= message === READY));
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal, wasReady }));
    onStart(child);
  });

/** The place is held for as long as the executor lives, its worker's deaths included. */
const holdPlace = async (variables: Variables, clock: Clock): Promise<DataLock> => {
  const environment = readEnvironment(variables);
  if (!environment.ok) throw new OutcryError('EXECUTOR_ENVIRONMENT_INVALID', { problem: environment.error });
  const { agent, dataDir } = environment.value;
  const place = placeOf(dataDir, agent.executorId);
  const startedAt = new Date(clock.now()).toISOString();
  for (let attempt = 1; ; attempt += 1) {
    await makePlace(place);
    const lock = acquireDataLock(place.dir, { pid: process.pid, startedAt, command: 'outcry cell --mesos' });
    if (lock.ok) return lock.value;
    if (attempt === LOCK_ATTEMPTS) throw dataLockError(lock.error, DATA_DIR);
    await clock.sleep(LOCK_WAIT_MS);
  }
};

const statusOf = ({ code, signal }: End): number => code ?? (signal === null ? 1 : 128);

/**
 * Runs the executor until it ends as it should, or cannot go on. Signals are handed on; when this process is killed, the
 * worker notices, ends its containers and itself. The exit status is the worker's.
 */
export const superviseExecutor = async (options: SuperviseOptions): Promise<number> => {
  const clock = createSystemClock();
  const lock = await holdPlace(options.variables, clock);
  let child: ChildProcess | undefined;
  let asked = false;
  const pass = (signal: NodeJS.Signals): void => {
    asked = true;
    child?.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  try {
    for (let starts = 1; ; starts += 1) {
      const began = clock.monotonic();
      const end = await runOnce(options, (started) => (child = started));
      if (end.code === 0 || asked || !end.wasReady) return statusOf(end);
      if (clock.monotonic() - began > SOUND_MS) starts = 1;
      options.note(`the executor ended (${end.signal ?? `status ${end.code}`})`);
      if (starts >= MOST_STARTS) return statusOf(end);
      await clock.sleep(FIRST_WAIT_MS * 2 ** (starts - 1));
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass);
    lock.release();
  }
};
